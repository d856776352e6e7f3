//! Bytes on their way into a stream that may not take them yet.
//!
//! A queue of handles, not of copies, with a limit in bytes: a far end that does not read costs at most that. Only
//! short parts that come in a row are gathered in one buffer, where a copy costs less than a handle.

use std::{
    collections::VecDeque,
    io::{self, IoSlice, Write},
};

use bytes::{Buf, Bytes, BytesMut};

/// Parts that one system call writes at most.
const SLICES: usize = 64;
/// The longest part that is copied.
const SHORT: usize = 2 << 10;
/// Bytes of a buffer of short parts.
const GATHERED: usize = 32 << 10;

/// A bounded queue of bytes.
#[derive(Debug)]
pub(crate) struct Outbox {
    parts: VecDeque<Bytes>,
    /// Short parts, after all of `parts`.
    gathered: BytesMut,
    bytes: usize,
    limit_bytes: usize,
}

/// The queue was full; nothing of the bytes was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overrun;

impl Outbox {
    /// An empty queue for at most `limit_bytes`.
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self {
            parts: VecDeque::new(),
            gathered: BytesMut::new(),
            bytes: 0,
            limit_bytes,
        }
    }

    /// Appends `part`.
    ///
    /// # Errors
    /// [`Overrun`] if it does not fit.
    pub(crate) fn push(&mut self, part: Bytes) -> Result<(), Overrun> {
        if self.bytes.saturating_add(part.len()) > self.limit_bytes {
            return Err(Overrun);
        }
        let alone = self.is_empty();
        self.bytes += part.len();
        if alone || part.len() > SHORT {
            self.close_gathered();
            if !part.is_empty() {
                self.parts.push_back(part);
            }
        } else {
            if self.gathered.capacity() - self.gathered.len() < part.len() {
                self.close_gathered();
                self.gathered.reserve(GATHERED);
            }
            self.gathered.extend_from_slice(&part);
        }
        Ok(())
    }

    /// Makes the short parts that were gathered one part.
    fn close_gathered(&mut self) {
        if !self.gathered.is_empty() {
            self.parts.push_back(self.gathered.split().freeze());
        }
    }

    /// Whether nothing waits.
    pub(crate) const fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Bytes that wait.
    pub(crate) const fn len(&self) -> usize {
        self.bytes
    }

    /// Forgets what waits.
    pub(crate) fn clear(&mut self) {
        self.parts.clear();
        self.gathered.clear();
        self.bytes = 0;
    }

    /// How much would still fit.
    pub(crate) const fn room(&self) -> usize {
        self.limit_bytes.saturating_sub(self.bytes)
    }

    /// Writes as much as `to` takes; returns how many bytes went out. Stops without an error when `to` would
    /// block.
    ///
    /// # Errors
    /// What `to` says otherwise.
    pub(crate) fn write_to(&mut self, to: &mut impl Write) -> io::Result<usize> {
        self.close_gathered();
        let mut total = 0;
        while !self.parts.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let mut used = 0;
            for (slice, part) in slices.iter_mut().zip(&self.parts) {
                *slice = IoSlice::new(part);
                used += 1;
            }
            match to.write_vectored(&slices[..used]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    total += written;
                    self.advance(written);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(total)
    }

    fn advance(&mut self, mut written: usize) {
        self.bytes -= written;
        while let Some(first) = self.parts.front_mut() {
            if first.len() > written {
                first.advance(written);
                return;
            }
            written -= first.len();
            self.parts.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
