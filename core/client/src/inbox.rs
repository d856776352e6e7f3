//! What was read and is not understood yet.
//!
//! One buffer is read into; whole messages are split off its front and stay slices of it. A buffer is small, so that
//! a message which its owner keeps pins little, and large enough that one read brings hundreds of short messages.
//! A long message gets a buffer of its own size, but only as fast as its bytes arrive: an announced length is a claim.

use bytes::{Bytes, BytesMut};

/// Bytes of a buffer.
const BUFFER: usize = 64 * 1024;
/// With less room than this the next read wants a new buffer.
const LOW: usize = 8 * 1024;
/// A claimed length is believed up to here.
const BELIEVED: usize = 256 * 1024;

/// The buffer: its first `filled` bytes were read, the others may be read into.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    buffer: BytesMut,
    filled: usize,
}

impl Inbox {
    /// What was read.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    /// Room to read into, never empty. `wanted`: bytes that the message in front has.
    pub(crate) fn space(&mut self, wanted: usize) -> &mut [u8] {
        let missing = wanted.saturating_sub(self.filled);
        let free = self.buffer.len() - self.filled;
        if free < LOW || free < missing.min(BELIEVED) {
            let believed = wanted.min(BELIEVED.max(4 * self.filled));
            let size = believed.max(self.filled + LOW).max(BUFFER);
            // If nobody has a slice of the old buffer any more, this uses it again.
            self.buffer.truncate(self.filled);
            self.buffer.reserve(size - self.filled);
            self.buffer.resize(size, 0);
        }
        self.buffer.get_mut(self.filled..).unwrap_or_default()
    }

    /// `count` bytes of the space were read into.
    pub(crate) fn filled(&mut self, count: usize) {
        self.filled += count;
        assert!(self.filled <= self.buffer.len(), "no more than the space");
    }

    /// Takes the first `count` bytes, which must be here.
    pub(crate) fn take(&mut self, count: usize) -> Bytes {
        assert!(count <= self.filled, "only what was read is taken");
        self.filled -= count;
        self.buffer.split_to(count).freeze()
    }
}
