//! A token bucket: so many at once, then so many a second. Counted in whole tokens, so that it is exact.

use core::time::Duration;

use ringfort_machine::Instant;

/// How often something may happen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    left: u32,
    most: u32,
    each: Duration,
    /// When the last token was added.
    filled: Instant,
}

impl Bucket {
    /// `most` at once, and one more every `each`.
    pub(crate) const fn new(most: u32, each: Duration, now: Instant) -> Self {
        Self {
            left: most,
            most,
            each,
            filled: now,
        }
    }

    /// Takes a token, if there is one.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        while self.left < self.most && self.filled + self.each <= now {
            self.filled = self.filled + self.each;
            self.left += 1;
        }
        if self.left == self.most {
            self.filled = now;
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}
