//! Which counters of a sender have been here: a sliding bitmap (RFC 6479, without its rounding to words).
//!
//! What it deliberately does not: tell old from repeated. A counter that has left the window counts as repeated; the
//! ring asks again for what it missed.

use alloc::boxed::Box;

use ringfort_machine::defect::{Defect, active};

/// How far back the window reaches. More datagrams than a ring sends in the longest time one is overtaken by others.
pub(crate) const WIDTH: u64 = 4096;
const WORDS: usize = (WIDTH / 64) as usize;

/// The counters up to the highest, [`WIDTH`] of them.
#[derive(Debug)]
pub(crate) struct Window {
    /// The highest counter seen; counters start at 1.
    highest: u64,
    /// One bit for each counter, at its remainder by [`WIDTH`].
    seen: Box<[u64; WORDS]>,
}

impl Window {
    pub(crate) fn new() -> Self {
        Self {
            highest: 0,
            seen: Box::new([0; WORDS]),
        }
    }

    /// Whether `counter` has not been here, as far as can be said.
    pub(crate) fn is_new(&self, counter: u64) -> bool {
        if active(Defect::SkipReplayWindow) {
            return true;
        }
        if counter > self.highest {
            return true;
        }
        if counter == 0 || self.highest - counter >= WIDTH {
            return false;
        }
        let (word, bit) = place(counter);
        self.seen.get(word).is_some_and(|word| word & bit == 0)
    }

    /// Notes that `counter` is here. Only after it was authenticated: a forged one must not move the window.
    pub(crate) fn note(&mut self, counter: u64) {
        if counter > self.highest {
            let skipped = counter - self.highest;
            if skipped >= WIDTH {
                self.seen.fill(0);
            } else {
                for passed in self.highest + 1..=counter {
                    let (word, bit) = place(passed);
                    if let Some(word) = self.seen.get_mut(word) {
                        *word &= !bit;
                    }
                }
            }
            self.highest = counter;
        }
        let (word, bit) = place(counter);
        if let Some(word) = self.seen.get_mut(word) {
            *word |= bit;
        }
    }

    /// The highest counter seen; 0 if there was none.
    pub(crate) const fn highest(&self) -> u64 {
        self.highest
    }
}

const fn place(counter: u64) -> (usize, u64) {
    let at = counter % WIDTH;
    ((at / 64) as usize, 1 << (at % 64))
}

#[cfg(test)]
mod tests;
