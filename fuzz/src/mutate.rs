//! Where inputs come from: made afresh, or by changing one that is known to be interesting.
//!
//! The changes are those that AFL and libFuzzer have found to matter: bits, arithmetic, interesting integers,
//! blocks that are copied, moved, cut and inserted, words of the language, and two inputs crossed.

use ringfort_machine::Rng;

use crate::Target;

/// Numbers at which something tends to go wrong.
const INTERESTING: [u64; 20] = [
    0,
    1,
    2,
    7,
    0x10,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    1 << 47,
    1 << 48,
    i64::MAX as u64,
    u64::MAX,
];

/// Makes inputs for one target.
#[derive(Debug)]
pub struct Mutator<'a> {
    target: &'a Target,
    rng: Rng,
}

impl<'a> Mutator<'a> {
    /// Draws from `rng`.
    pub const fn new(target: &'a Target, rng: Rng) -> Self {
        Self { target, rng }
    }

    /// The next input. `known` are inputs to build on, later ones preferred; there may be none.
    pub fn next(&mut self, known: &[Vec<u8>]) -> Vec<u8> {
        if known.is_empty() || self.rng.chance(1, 16) {
            return self.fresh();
        }
        let mut input = self.choose(known).to_vec();
        if self.rng.chance(1, 4) {
            let other = self.choose(known).to_vec();
            input = self.cross(&input, &other);
        }
        let rounds = 1 << self.rng.below(5);
        for _ in 0..rounds {
            self.change(&mut input);
        }
        input.truncate(self.target.limit);
        input
    }

    /// Half of the time one of the last few, since what is newest has been built on least.
    fn choose<'k>(&mut self, known: &'k [Vec<u8>]) -> &'k [u8] {
        let recent = known.len().saturating_sub(32);
        let pool = if self.rng.chance(1, 2) {
            known.get(recent..).unwrap_or(known)
        } else {
            known
        };
        self.rng.pick(pool).map_or(&[], Vec::as_slice)
    }

    /// An input out of nothing: words if the target has a language, bytes otherwise, small values preferred
    /// since most of them are choices.
    fn fresh(&mut self) -> Vec<u8> {
        let most = 1 << self.rng.between(2, 11);
        let length = self.rng.below(most + 1) as usize;
        let mut input = Vec::new();
        while input.len() < length {
            if !self.target.words.is_empty() && !self.rng.chance(1, 8) {
                self.word(&mut input);
            } else {
                let byte = self.rng.next_u64().to_le_bytes()[0];
                input.push(if self.rng.chance(1, 2) {
                    byte % 8
                } else {
                    byte
                });
            }
        }
        input.truncate(self.target.limit);
        input
    }

    /// Appends a word and often a space.
    fn word(&mut self, input: &mut Vec<u8>) {
        if let Some(word) = self.rng.pick(self.target.words) {
            input.extend_from_slice(word.as_bytes());
        }
        if self.rng.chance(2, 3) {
            input.push(b' ');
        }
    }

    /// The front of one and the back of the other.
    fn cross(&mut self, one: &[u8], other: &[u8]) -> Vec<u8> {
        let front = self.rng.below(one.len() as u64 + 1) as usize;
        let back = if self.rng.chance(1, 2) {
            front.min(other.len())
        } else {
            self.rng.below(other.len() as u64 + 1) as usize
        };
        let mut both = one.get(..front).unwrap_or_default().to_vec();
        both.extend_from_slice(other.get(back..).unwrap_or_default());
        both
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        match self.rng.below(12) {
            0 => self.at(input, |byte, draw| *byte ^= 1 << (draw % 8)),
            1 => self.at(input, |byte, draw| *byte = draw as u8),
            2 => self.at(input, |byte, draw| *byte = (draw % 8) as u8),
            3 => self.at(input, |byte, draw| {
                *byte = byte.wrapping_add((draw % 9) as u8).wrapping_sub(4);
            }),
            4 => self.integer(input),
            5 => {
                let (start, end) = self.range(input, 64);
                input.drain(start..end);
            }
            6 => {
                let length = self.rng.below(input.len() as u64 + 1) as usize;
                if self.rng.chance(1, 4) {
                    input.truncate(length);
                }
            }
            7 | 8 => {
                let (start, end) = self.range(input, 128);
                let piece = input.get(start..end).unwrap_or_default().to_vec();
                self.insert(input, &piece);
            }
            9 => {
                let mut piece = vec![0; self.rng.between(1, 16) as usize];
                for byte in &mut piece {
                    *byte = self.rng.next_u64() as u8;
                }
                self.insert(input, &piece);
            }
            10 => {
                let (start, end) = self.range(input, 128);
                let piece = input.get(start..end).unwrap_or_default().to_vec();
                self.overwrite(input, &piece);
            }
            _ => {
                let mut piece = Vec::new();
                if self.target.words.is_empty() {
                    piece.push(self.rng.below(16) as u8);
                } else {
                    self.word(&mut piece);
                }
                self.insert(input, &piece);
            }
        }
    }

    fn at(&mut self, input: &mut [u8], change: impl FnOnce(&mut u8, u64)) {
        let index = self.rng.below(input.len() as u64) as usize;
        if let Some(byte) = input.get_mut(index) {
            change(byte, self.rng.next_u64() >> 8);
        }
    }

    fn integer(&mut self, input: &mut [u8]) {
        let number = self.rng.pick(&INTERESTING).copied().unwrap_or_default();
        let width = 1 << self.rng.below(4);
        let bytes = if self.rng.chance(3, 4) {
            number.to_le_bytes()
        } else {
            (number << (64 - 8 * width)).to_be_bytes()
        };
        let piece = bytes.get(..width).unwrap_or_default().to_vec();
        self.overwrite(input, &piece);
    }

    fn range(&mut self, input: &[u8], most: u64) -> (usize, usize) {
        let start = self.rng.below(input.len() as u64) as usize;
        let longest = most.min((input.len() - start) as u64);
        (start, start + self.rng.below(longest + 1) as usize)
    }

    fn insert(&mut self, input: &mut Vec<u8>, piece: &[u8]) {
        let at = self.rng.below(input.len() as u64 + 1) as usize;
        input.splice(at..at, piece.iter().copied());
    }

    fn overwrite(&mut self, input: &mut [u8], piece: &[u8]) {
        let at = self.rng.below(input.len() as u64) as usize;
        for (byte, new) in input.iter_mut().skip(at).zip(piece) {
            *byte = *new;
        }
    }
}
