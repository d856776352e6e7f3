//! A fingerprint of logical state, for determinism checks, for replica equality and for "a refused input
//! changed nothing". The bytes fed are little-endian and length-prefixed, so it is the same on every machine.

use core::hash::Hasher;

use siphasher::sip::SipHasher13;

/// Collects state into a 64-bit fingerprint (SipHash-1-3 with a fixed key; not a defence against forgery).
#[derive(Clone, Debug)]
pub struct Digest(SipHasher13);

impl Default for Digest {
    fn default() -> Self {
        Self::new()
    }
}

impl Digest {
    /// The fingerprint of nothing.
    pub fn new() -> Self {
        Self(SipHasher13::new_with_keys(0x6469_6765, 0x7374))
    }

    /// Adds a number.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.0.write(&number.to_le_bytes());
        self
    }

    /// Adds a signed number.
    pub fn signed(&mut self, number: i64) -> &mut Self {
        self.number(number as u64)
    }

    /// Adds a truth value.
    pub fn flag(&mut self, flag: bool) -> &mut Self {
        self.0.write(&[u8::from(flag)]);
        self
    }

    /// Adds bytes, with their length.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(bytes.len() as u64);
        self.0.write(bytes);
        self
    }

    /// Adds text, with its length.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// The fingerprint of everything added so far.
    pub fn finish(&self) -> u64 {
        self.0.finish()
    }

    /// The fingerprint of `bytes` alone.
    pub fn of(bytes: &[u8]) -> u64 {
        Self::new().bytes(bytes).finish()
    }
}
