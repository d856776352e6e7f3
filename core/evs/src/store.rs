//! The packets of one ring that this member retains: until it has delivered them and every member has them.
//!
//! A window over the sequence: everything up to `base` is done with, slots above it are filled or not. All
//! questions of the ring come down to it: what is contiguous (`aru`), what is missing, what can be sent again.
//! It does not know levels or configurations.

use alloc::collections::VecDeque;

use bytes::Bytes;
use ringfort_machine::Level;
use ringfort_wire::{
    ClusterId, Kind, frame, limits,
    ring::{Content, Data},
};

/// One retained packet.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    /// Taken apart.
    pub data: Data,
    /// As it stands in its frame: what is wrapped for recovery.
    pub body: Bytes,
    /// The whole frame, once there was a reason to have it: encoded once, then only the handle is cloned.
    frame: Option<Bytes>,
    /// It was sent again in the recovery that is under way.
    pub recovered: bool,
}

impl Packet {
    /// A packet from another member.
    pub(crate) const fn received(data: Data, body: Bytes) -> Self {
        Self {
            data,
            body,
            frame: None,
            recovered: false,
        }
    }

    /// A packet that this member has just encoded.
    pub(crate) fn own(frame: Bytes) -> Self {
        let body = frame.slice(limits::HEADER..);
        let data = Data::decode(&body);
        assert!(data.is_ok(), "an own packet decodes: {data:?}");
        let data = data.expect("just asserted");
        Self {
            data,
            body,
            frame: Some(frame),
            recovered: false,
        }
    }

    /// Whether all it holds are whole messages without any place in the order.
    pub(crate) fn is_reliable(&self) -> bool {
        match &self.data.content {
            Content::Messages(messages) => messages
                .iter()
                .all(|item| item.level == Level::Reliable && item.cut.is_none()),
            Content::Recovered(_) => false,
        }
    }

    /// The whole frame, to be sent again.
    pub(crate) fn frame(&mut self, cluster: ClusterId) -> Bytes {
        let body = &self.body;
        self.frame
            .get_or_insert_with(|| frame::encode(cluster, Kind::Data, body))
            .clone()
    }
}

/// What became of an inserted packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inserted {
    /// It filled a hole.
    New,
    /// It was there already, or is done with.
    Duplicate,
    /// Another packet has this place.
    Conflict,
    /// It lies too far ahead.
    OutOfWindow,
}

/// The retained packets of one ring.
#[derive(Debug)]
pub(crate) struct Store {
    base: u64,
    slots: VecDeque<Option<Packet>>,
    aru: u64,
    high: u64,
    limit: usize,
    held: usize,
}

impl Store {
    /// An empty store for at most `limit` sequence numbers.
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            base: 0,
            slots: VecDeque::new(),
            aru: 0,
            high: 0,
            limit,
            held: 0,
        }
    }

    /// Every packet up to here was received.
    pub(crate) const fn aru(&self) -> u64 {
        self.aru
    }

    /// The highest packet received.
    pub(crate) const fn high(&self) -> u64 {
        self.high
    }

    /// Whether a packet at `seq` would lie in the window.
    pub(crate) fn has_room(&self, seq: u64) -> bool {
        self.index(seq).is_some_and(|index| index < self.limit)
    }

    /// How many packets are retained.
    pub(crate) const fn len(&self) -> usize {
        self.held
    }

    /// What would become of `packet`, without inserting it.
    pub(crate) fn probe(&self, packet: &Packet) -> Inserted {
        let seq = packet.data.seq;
        let Some(index) = self.index(seq) else {
            return Inserted::Duplicate;
        };
        if index >= self.limit {
            return Inserted::OutOfWindow;
        }
        match self.slots.get(index) {
            Some(Some(held)) if held.body != packet.body => Inserted::Conflict,
            Some(Some(_)) => Inserted::Duplicate,
            Some(None) | None => Inserted::New,
        }
    }

    /// Inserts a packet for which [`Store::probe`] has said `New`.
    pub(crate) fn insert(&mut self, packet: Packet) {
        let seq = packet.data.seq;
        let index = self.index(seq).expect("a new packet lies above the base");
        while self.slots.len() <= index {
            self.slots.push_back(None);
        }
        self.slots[index] = Some(packet);
        self.held += 1;
        self.high = self.high.max(seq);
        while self.get(self.aru + 1).is_some() {
            self.aru += 1;
        }
    }

    /// The packet at `seq`, if it is retained.
    pub(crate) fn get(&self, seq: u64) -> Option<&Packet> {
        self.slots.get(self.index(seq)?)?.as_ref()
    }

    /// The packet at `seq`, if it is retained.
    pub(crate) fn get_mut(&mut self, seq: u64) -> Option<&mut Packet> {
        let index = self.index(seq)?;
        self.slots.get_mut(index)?.as_mut()
    }

    /// The sequence numbers up to `last` that were not received.
    pub(crate) fn missing(&self, last: u64) -> impl Iterator<Item = u64> + '_ {
        (self.aru + 1..=last).filter(|seq| self.get(*seq).is_none())
    }

    /// The retained packets above `low`, in order.
    pub(crate) fn above(&self, low: u64) -> impl Iterator<Item = &Packet> {
        self.slots
            .iter()
            .flatten()
            .filter(move |packet| packet.data.seq > low)
    }

    /// A new recovery begins: nothing has been sent again in it yet.
    pub(crate) fn forget_recovered(&mut self) {
        for packet in self.slots.iter_mut().flatten() {
            packet.recovered = false;
        }
    }

    /// Forgets everything up to `seq`, all of which must have been received.
    pub(crate) fn discard(&mut self, seq: u64) {
        assert!(seq <= self.aru, "only what everybody has is forgotten");
        while self.base < seq {
            if let Some(Some(_)) = self.slots.pop_front() {
                self.held -= 1;
            }
            self.base += 1;
        }
    }

    /// The place of `seq` in the window; nothing if it is done with.
    fn index(&self, seq: u64) -> Option<usize> {
        let ahead = seq.checked_sub(self.base)?.checked_sub(1)?;
        Some(usize::try_from(ahead).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests;
