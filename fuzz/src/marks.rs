//! What an execution did, as a set of marks: the poor relation of compiler coverage.
//!
//! AFL (Zalewski 2013) keeps an input if it takes a branch that none took before. A stable compiler tells of no
//! branches, but our machines tell of themselves: actions, notes and errors are closed enums. A target marks
//! them, alone and as pairs of neighbours, and the campaign keeps an input with a new mark to build on.
//!
//! What it deliberately is not: a measure of coverage. Two sets of marks compare, their size means nothing.

use std::{
    fmt::{self, Write},
    hash::{DefaultHasher, Hash, Hasher},
};

/// Bits of the set; marks are hashed into it.
const BITS: usize = 1 << 16;
/// How much of a value's text counts as its shape, in bytes.
const SHAPE: usize = 96;

/// A set of marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    words: Vec<u64>,
    last: u64,
}

impl Default for Marks {
    fn default() -> Self {
        Self {
            words: vec![0; BITS / 64],
            last: 0,
        }
    }
}

impl Marks {
    /// Marks `what`.
    pub fn hit(&mut self, what: impl Hash) {
        let mark = hash(what);
        self.set(mark);
    }

    /// Marks `what`, and that it came after what was last marked in this way.
    pub fn step(&mut self, what: impl Hash) {
        let mark = hash(what);
        self.set(mark);
        self.set(mark ^ self.last.rotate_left(17));
        self.last = mark;
    }

    /// The shape of a value: its debug text up to the first quotation mark, without numbers. So a note counts
    /// by its variant and the variants in it, whatever ids it carries.
    pub fn shape(value: &impl fmt::Debug) -> u64 {
        let mut shape = Shape {
            hasher: DefaultHasher::new(),
            left: SHAPE,
            number: false,
            end: b"\"",
        };
        let _ = write!(shape, "{value:?}"); // ends with an error as soon as enough was seen
        shape.hasher.finish()
    }

    /// Which variant a value is: its debug text up to the first field. Coarser than [`Marks::shape`], for values
    /// that hold lists or text from the input.
    pub fn variant(value: &impl fmt::Debug) -> u64 {
        let mut shape = Shape {
            hasher: DefaultHasher::new(),
            left: SHAPE,
            number: false,
            end: b"\"{[0123456789",
        };
        let _ = write!(shape, "{value:?}");
        shape.hasher.finish()
    }

    /// Adds all of `other`; whether any of it was new.
    pub fn absorb(&mut self, other: &Self) -> bool {
        let mut new = false;
        for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
            new |= *theirs & !*mine != 0;
            *mine |= theirs;
        }
        new
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.words
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.words.fill(0);
        self.last = 0;
    }

    fn set(&mut self, mark: u64) {
        let bit = mark as usize % BITS;
        if let Some(word) = self.words.get_mut(bit / 64) {
            *word |= 1 << (bit % 64);
        }
    }
}

/// The same for equal values in every run: the hasher has fixed keys.
fn hash(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// Takes the debug text of a value.
struct Shape {
    hasher: DefaultHasher,
    left: usize,
    number: bool,
    /// What ends the shape.
    end: &'static [u8],
}

impl Write for Shape {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if self.end.contains(&byte) || self.left == 0 {
                return Err(fmt::Error);
            }
            let number = byte.is_ascii_digit();
            if !(number && self.number) {
                self.hasher.write_u8(if number { b'0' } else { byte });
                self.left -= 1;
            }
            self.number = number;
        }
        Ok(())
    }
}
