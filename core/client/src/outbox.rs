//! Requests on their way out: short ones are copied into one piece, so that a write carries many of them; long data
//! stays where it is and is written from there.

use alloc::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

/// Bytes of the piece that short requests are copied into, before another is begun.
const PIECE: usize = 64 * 1024;

/// A bounded queue of bytes.
#[derive(Debug)]
pub(crate) struct Outbox {
    parts: VecDeque<Bytes>,
    /// The last piece, which is still written to.
    tail: BytesMut,
    bytes: usize,
    limit: usize,
}

impl Outbox {
    pub(crate) const fn new(limit: usize, tail: BytesMut) -> Self {
        Self {
            parts: VecDeque::new(),
            bytes: 0,
            tail,
            limit,
        }
    }

    /// Bytes that wait.
    pub(crate) const fn len(&self) -> usize {
        self.bytes
    }

    /// Whether `more` bytes fit. A queue that is empty takes anything: a message longer than the limit can be sent too.
    pub(crate) const fn fits(&self, more: usize) -> bool {
        self.bytes == 0 || self.bytes.saturating_add(more) <= self.limit
    }

    /// Appends what `write` writes, and then `data` without copying it.
    pub(crate) fn append(&mut self, write: impl FnOnce(&mut BytesMut), data: Option<Bytes>) {
        let before = self.tail.len();
        write(&mut self.tail);
        self.bytes += self.tail.len() - before;
        if data.is_some() || self.tail.len() >= PIECE {
            self.parts.push_back(self.tail.split().freeze());
        }
        if let Some(data) = data.filter(|data| !data.is_empty()) {
            self.bytes += data.len();
            self.parts.push_back(data);
        }
    }

    /// What waits, in order; no piece is empty.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let tail = (!self.tail.is_empty()).then_some(&self.tail[..]);
        self.parts.iter().map(|part| &part[..]).chain(tail)
    }

    /// The first `count` bytes are sent.
    pub(crate) fn sent(&mut self, mut count: usize) {
        assert!(count <= self.bytes, "no more is sent than waits");
        self.bytes -= count;
        while let Some(first) = self.parts.front_mut() {
            if first.len() > count {
                return first.advance(count);
            }
            count -= first.len();
            self.parts.pop_front();
        }
        self.tail.advance(count);
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.parts.clear();
        self.tail.clear();
        self.bytes = 0;
    }
}
