//! Bytes read as a script of choices. Past the end every choice is zero, so that a script can be cut anywhere
//! and is still a script; that is also what makes minimising work.

/// Reads choices off the front of an input.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Reads from the beginning of `input`.
    pub const fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    /// Whether nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `N` bytes; zeros past the end.
    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.bytes(N);
        if let Some(front) = array.get_mut(..taken.len()) {
            front.copy_from_slice(taken);
        }
        array
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    /// The next two bytes, little-endian.
    pub fn short(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    /// The next four bytes, little-endian.
    pub fn word(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    /// The next eight bytes, little-endian.
    pub fn long(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    /// A number in `0..bound` from one byte; zero for a bound of zero. Bounds above 256 are not reached.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()).checked_rem(bound).unwrap_or(0)
    }

    /// Whether the lowest bit of the next byte is set.
    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// A number that is mostly small and sometimes anything: one byte says how many follow.
    pub fn number(&mut self) -> u64 {
        match self.byte() {
            small @ 0..=0xf7 => u64::from(small),
            0xf8..=0xfb => u64::from(self.short()),
            0xfc | 0xfd => u64::from(self.word()),
            0xfe | 0xff => self.long(),
        }
    }

    /// A number that no machine has come to count to: an answer to an order that was never given.
    pub fn stranger(&mut self) -> u64 {
        self.number() | 1 << 40
    }

    /// One of `items`.
    ///
    /// # Panics
    /// If there are none: a mistake of the target.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        let index = self.below(items.len());
        *items.get(index).expect("something to pick from")
    }

    /// The next `count` bytes, or as many as there are.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// Bytes with a leading length of one byte.
    pub fn block(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte());
        self.bytes(length)
    }

    /// Bytes with a leading length of two bytes.
    pub fn long_block(&mut self) -> &'a [u8] {
        let length = usize::from(self.short());
        self.bytes(length)
    }

    /// Text with a leading length of one byte; what is not UTF-8 is replaced.
    pub fn text(&mut self) -> String {
        String::from_utf8_lossy(self.block()).into_owned()
    }

    /// All that is left.
    pub const fn rest(&mut self) -> &'a [u8] {
        let rest = self.rest;
        self.rest = &[];
        rest
    }
}
