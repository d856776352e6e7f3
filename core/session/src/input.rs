//! The bytes of one client, from any cuts into the pieces that the protocol has.
//!
//! A piece that came whole is a slice of what the socket delivered; only one that was cut is put together.

use alloc::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Bytes that have come and are not yet understood.
#[derive(Debug, Default)]
pub(crate) struct Input {
    /// The front of a piece that is not complete; never more than was asked for.
    held: BytesMut,
    fresh: VecDeque<Bytes>,
    fresh_bytes: usize,
}

impl Input {
    pub(crate) fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.fresh_bytes += bytes.len();
            self.fresh.push_back(bytes);
        }
    }

    /// Bytes that are here.
    pub(crate) fn len(&self) -> usize {
        self.held.len() + self.fresh_bytes
    }

    /// The next `count` bytes; nothing while they are not all here.
    pub(crate) fn take(&mut self, count: usize) -> Option<Bytes> {
        if self.len() < count {
            self.hold(count);
            return None;
        }
        if self.held.is_empty()
            && let Some(front) = self.fresh.front_mut()
            && front.len() >= count
        {
            let piece = front.split_to(count);
            self.fresh_bytes -= count;
            self.drop_empty();
            return Some(piece);
        }
        self.hold(count);
        Some(self.held.split_to(count).freeze())
    }

    /// The next bytes without taking them: all that are here, but at most `count`.
    pub(crate) fn peek(&mut self, count: usize) -> &[u8] {
        self.hold(count);
        self.held
            .get(..count.min(self.held.len()))
            .unwrap_or_default()
    }

    /// Moves fresh bytes until `count` are held.
    fn hold(&mut self, count: usize) {
        while self.held.len() < count
            && let Some(front) = self.fresh.front_mut()
        {
            let piece = front.split_to(front.len().min(count - self.held.len()));
            self.fresh_bytes -= piece.len();
            self.held.extend_from_slice(&piece);
            self.drop_empty();
        }
    }

    fn drop_empty(&mut self) {
        if self.fresh.front().is_some_and(Bytes::is_empty) {
            self.fresh.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
