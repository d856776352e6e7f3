//! Buffers for datagrams that are handed out as [`Bytes`] and come back by themselves.
//!
//! A ring of slots, each with its own allocation. A datagram is received into the slot whose turn it is and
//! leaves as a `Bytes` of that slot. When the turn comes round again, the slot takes its memory back if nobody
//! holds the datagram any more, and gets new memory otherwise: in steady state nothing is allocated, and a
//! message that is kept for long pins one slot, not a slab.

use bytes::{Bytes, BytesMut};

use crate::sys::BATCH;

/// A ring of slots of equal size.
#[derive(Debug)]
pub(crate) struct Pool {
    slots: Vec<BytesMut>,
    next: usize,
    slot_bytes: usize,
}

impl Pool {
    /// A pool of `count` slots (at least one batch) of `slot_bytes` each.
    pub(crate) fn new(count: usize, slot_bytes: usize) -> Self {
        let count = count.max(BATCH).next_multiple_of(BATCH);
        Self {
            slots: (0..count)
                .map(|_| BytesMut::with_capacity(slot_bytes))
                .collect(),
            next: 0,
            slot_bytes,
        }
    }

    /// The next batch of empty slots.
    pub(crate) fn batch(&mut self) -> &mut [BytesMut] {
        let slots = &mut self.slots[self.next..self.next + BATCH];
        for slot in slots.iter_mut() {
            slot.clear();
            slot.reserve(self.slot_bytes); // its own memory if nobody shares it
        }
        slots
    }

    /// Takes the contents of the first `used` slots of the batch, and moves on past them.
    pub(crate) fn take(&mut self, used: usize) -> impl Iterator<Item = Bytes> + '_ {
        let first = self.next;
        // Whole batches keep the arithmetic trivial; an unfilled rest of a batch is simply used next time round.
        self.next = (self.next + BATCH) % self.slots.len();
        self.slots[first..first + used.min(BATCH)]
            .iter_mut()
            .map(|slot| slot.split().freeze())
    }
}

#[cfg(test)]
mod tests;
