//! Submissions waiting for their place in the order, and their packing into packets.
//!
//! First in, first out over all levels, so that the numbers in a packet follow each other without a gap. Messages
//! share packets; one that does not fit into the rest of a packet goes on in the next one, unless that rest is
//! hardly worth putting it together again: packets of one size are what the system sends fastest. A message
//! leaves the outbox when its last byte has its place; until then a change of ring starts it over.

use alloc::collections::VecDeque;

use bytes::Bytes;
use ringfort_machine::{
    Level, ProcessId, RingId,
    defect::{Defect, active},
};
use ringfort_wire::{
    ClusterId, limits,
    ring::{Cut, DataBuilder},
};

use crate::{Config, Refusal};

/// A message that would fit into a packet of its own is cut only if this much of it goes ahead, in bytes.
const WORTH_CUTTING: usize = 256;

#[derive(Debug)]
struct Submission {
    number: u64,
    level: Level,
    payload: Bytes,
}

/// Submissions waiting for their place in the order.
#[derive(Debug)]
pub(crate) struct Outbox {
    queue: VecDeque<Submission>,
    bytes: usize,
    numbered: u64,
    /// Bytes of the first message that have their place in the present ring already.
    placed: usize,
    limit_bytes: usize,
    limit_messages: usize,
    packet: usize,
    cluster: ClusterId,
    me: ProcessId,
}

impl Outbox {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            queue: VecDeque::new(),
            bytes: 0,
            numbered: 0,
            placed: 0,
            limit_bytes: config.outbox_limit_bytes,
            limit_messages: config.outbox_limit_messages,
            packet: config.packet_limit(),
            cluster: config.cluster,
            me: config.me.process,
        }
    }

    /// Takes a message and returns its number.
    ///
    /// # Errors
    /// [`Refusal::TooLong`] or [`Refusal::Busy`]; nothing has changed.
    pub(crate) fn submit(&mut self, level: Level, payload: Bytes) -> Result<u64, Refusal> {
        if payload.len() > limits::MESSAGE {
            return Err(Refusal::TooLong);
        }
        let bytes = self.bytes + payload.len();
        if bytes > self.limit_bytes || self.queue.len() >= self.limit_messages {
            return Err(Refusal::Busy);
        }
        self.bytes = bytes;
        self.numbered += 1;
        self.queue.push_back(Submission {
            number: self.numbered,
            level,
            payload,
        });
        Ok(self.numbered)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Messages waiting.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Their bytes.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Messages numbered so far.
    pub(crate) const fn numbered(&self) -> u64 {
        self.numbered
    }

    /// About how many packets are waiting; at least one if anything is.
    pub(crate) fn backlog(&self) -> u32 {
        let heads = self.queue.len() * 4;
        let waiting = (self.bytes - self.placed + heads).div_ceil(self.packet);
        u32::try_from(waiting).unwrap_or(u32::MAX)
    }

    /// The ring has changed: a message in the middle of being cut starts over.
    pub(crate) fn restart(&mut self) {
        if active(Defect::ReuseMessageNumbers) {
            self.numbered = self.queue.len() as u64;
        }
        if active(Defect::ResumeCutMessage) {
            return;
        }
        self.placed = 0;
    }

    /// Number and level of the message at the front.
    pub(crate) fn front(&self) -> Option<(u64, Level)> {
        self.queue.front().map(|first| (first.number, first.level))
    }

    /// Forgets everything (a deliberate fault).
    pub(crate) fn clear(&mut self) {
        self.queue.clear();
        self.bytes = 0;
        self.placed = 0;
    }

    /// Builds the packet at `seq` of `ring`, and calls `sent` for each message that thereby has its place.
    pub(crate) fn next_packet(
        &mut self,
        ring: RingId,
        seq: u64,
        mut sent: impl FnMut(u64, Level),
    ) -> Option<Bytes> {
        let first = self.queue.front()?;
        let mut builder = DataBuilder::new(ring, seq, self.me, self.packet);
        let safe = first.level == Level::Safe;
        while let Some(next) = self.queue.front() {
            // A safe message waits for the whole ring: those that need not wait get a packet of their own.
            let apart = (next.level == Level::Safe) != safe;
            if apart || !self.add_front(&mut builder) {
                break;
            }
            let done = self.queue.pop_front().expect("just seen");
            self.placed = 0;
            self.bytes -= done.payload.len();
            sent(done.number, done.level);
        }
        Some(builder.finish(self.cluster))
    }

    /// Adds the message at the front, or as much of it as fits. Whether all of it now has its place.
    fn add_front(&mut self, builder: &mut DataBuilder) -> bool {
        let Submission {
            number,
            level,
            payload,
        } = self.queue.front().expect("the caller has seen it");
        if self.placed == 0 && builder.fits(payload.len()) {
            builder.push(*number, *level, payload);
            return true;
        }
        let room = builder.room_for_piece();
        if room == 0 || room < WORTH_CUTTING && !builder.is_empty() {
            return false;
        }
        let end = payload.len().min(self.placed + room);
        let cut = Cut {
            offset: self.placed as u32,
            total: payload.len() as u32,
        };
        builder.push_piece(*number, *level, cut, &payload[self.placed..end]);
        self.placed = end;
        end == payload.len()
    }
}

#[cfg(test)]
mod tests;
