//! The order of one ring as this member has it, and the rules by which it is delivered.
//!
//! A cursor walks the contiguous packets. It stops at a hole, and at a safe packet until every member is known
//! to have it. Whole reliable messages do not wait for the cursor: they are delivered when their packet first
//! arrives. When the ring ends, the remaining packets are split at one place, the same for all that move on
//! together: before it in the regular configuration, behind it in the transitional one, and there, behind the
//! first hole, only what comes from members that moved along or were promised (EVS 1994, section 4).

use alloc::{sync::Arc, vec::Vec};

use bytes::Bytes;
use ringfort_machine::{
    Configuration, ConfigurationId, ConfigurationKind, Digest, Level, Member, Position, ProcessId,
    RingId, Sink,
    defect::{Defect, active},
};
use ringfort_wire::ring::{Content, Data, Item, OldRing, data};

use crate::{
    Action, Delivery, Note, Reason,
    assemble::Assembler,
    store::{Inserted, Packet, Store},
};

/// The order of one ring as this member has it.
#[derive(Debug)]
pub(crate) struct Order {
    /// The regular configuration of the ring.
    pub configuration: Configuration,
    /// What is retained.
    pub store: Store,
    /// Everything up to here was delivered, or passed over.
    delivered: u64,
    /// All members have everything up to here.
    stable: u64,
    /// Members whose messages this one has promised to deliver even behind a hole, by position.
    obligations: u128,
    /// The regular configuration was delivered to the layer above.
    installed: bool,
    assembler: Assembler,
}

impl Order {
    /// The order of a new ring, not yet installed.
    pub(crate) fn new(ring: RingId, members: Arc<[Member]>, limit: usize) -> Self {
        Self {
            configuration: Configuration {
                id: ConfigurationId::regular(ring),
                kind: ConfigurationKind::Regular,
                members,
                follows: None,
            },
            store: Store::new(limit),
            delivered: 0,
            stable: 0,
            obligations: 0,
            installed: false,
            assembler: Assembler::default(),
        }
    }

    /// The ring.
    pub(crate) const fn ring(&self) -> RingId {
        self.configuration.id.ring
    }

    /// Its members, ascending.
    pub(crate) fn members(&self) -> &[Member] {
        &self.configuration.members
    }

    /// Whether `process` is a member.
    pub(crate) fn contains(&self, process: ProcessId) -> bool {
        self.configuration.contains(process)
    }

    /// Everything up to here was delivered.
    pub(crate) const fn delivered(&self) -> u64 {
        self.delivered
    }

    /// All members have everything up to here.
    pub(crate) const fn stable(&self) -> u64 {
        self.stable
    }

    /// The bit of `process` among the members; zero for a stranger.
    pub(crate) fn bit(&self, process: ProcessId) -> u128 {
        let members = &self.configuration.members;
        members
            .binary_search_by_key(&process, |member| member.process)
            .map_or(0, |index| 1 << index)
    }

    /// What this member brings into the next ring.
    pub(crate) const fn summary(&self) -> OldRing {
        OldRing {
            ring: self.ring(),
            aru: self.store.aru(),
            high: self.store.high(),
            stable: self.stable,
            obligations: self.obligations,
        }
    }

    /// Promises to deliver the messages of `members`, by position, whatever ring comes next: another member
    /// may from now on go over to a configuration in which it counts on that.
    pub(crate) const fn oblige(&mut self, members: u128) {
        self.obligations |= members;
    }

    /// Whether `packet` may have a place here.
    ///
    /// # Errors
    /// Why not; nothing has changed either way.
    pub(crate) fn admit(&self, packet: &Packet, me: ProcessId) -> Result<Inserted, Reason> {
        let Data { ring, sender, .. } = packet.data;
        if ring != self.ring() {
            return Err(Reason::OtherRing);
        }
        if !self.contains(sender) {
            return Err(Reason::NotMember);
        }
        match self.store.probe(packet) {
            // What this member has sent it has: such a packet cannot be news.
            Inserted::New if sender == me => Err(Reason::Contradictory),
            Inserted::Conflict => Err(Reason::Contradictory),
            Inserted::OutOfWindow => Err(Reason::OutOfWindow),
            Inserted::New => Ok(Inserted::New),
            Inserted::Duplicate => Ok(Inserted::Duplicate),
        }
    }

    /// Takes a packet that was admitted, or an own one, and delivers what it makes deliverable.
    pub(crate) fn take(&mut self, packet: Packet, out: &mut dyn Sink<Action>) {
        match self.store.probe(&packet) {
            Inserted::New => {
                let seq = packet.data.seq;
                self.store.insert(packet);
                self.deliver_reliable(seq, out);
            }
            Inserted::Duplicate => {
                if active(Defect::DeliverTwice) && self.installed {
                    self.deliver_again(&packet, out);
                }
                return;
            }
            Inserted::Conflict | Inserted::OutOfWindow => return,
        }
        self.deliver(out);
    }

    /// Learns that all members have everything up to `stable`.
    pub(crate) fn settle(&mut self, stable: u64, out: &mut dyn Sink<Action>) {
        if stable <= self.stable {
            return;
        }
        assert!(stable <= self.store.aru(), "all members includes this one");
        self.stable = stable;
        self.deliver(out);
        self.store.discard(self.stable.min(self.delivered));
    }

    /// Walks the cursor as far as it may go in the regular configuration.
    pub(crate) fn deliver(&mut self, out: &mut dyn Sink<Action>) {
        if !self.installed {
            return;
        }
        while self.delivered < self.store.high() {
            let seq = self.delivered + 1;
            match self.store.get(seq) {
                Some(packet) if waits_until_stable(&packet.data) && seq > self.stable => return,
                Some(_) => self.deliver_packet(seq, self.configuration.id, out),
                None if active(Defect::DeliverOverHole) => {}
                None => return,
            }
            self.delivered = seq;
        }
    }

    /// Ends this ring for those that move on to `next` together: delivers the rest in the regular and the
    /// transitional configuration. `lines` holds what each of them brought. Returns the number of holes.
    pub(crate) fn finish(
        &mut self,
        next: RingId,
        lines: &[(Member, OldRing)],
        out: &mut dyn Sink<Action>,
    ) -> u64 {
        let stable = lines.iter().map(|(_, old)| old.stable).max();
        self.stable = self.stable.max(stable.unwrap_or(0)).min(self.store.aru());
        self.deliver(out);
        let allowed = lines.iter().fold(0, |mask, (member, old)| {
            mask | self.bit(member.process) | old.obligations
        });
        let transitional = Configuration {
            id: ConfigurationId::transitional(self.ring(), next),
            kind: ConfigurationKind::Transitional,
            members: lines.iter().map(|(member, _)| *member).collect(),
            follows: Some(self.configuration.id),
        };
        let id = transitional.id;
        if !active(Defect::ForgetTransitional) {
            out.push(Action::Install(transitional));
        }
        let mut holes = 0;
        for seq in self.delivered + 1..=self.store.high() {
            match self.store.get(seq) {
                None => holes += 1,
                Some(packet)
                    if holes > 0
                        && self.bit(packet.data.sender) & allowed == 0
                        && !active(Defect::DeliverBehindHole) => {}
                Some(_) => self.deliver_packet(seq, id, out),
            }
        }
        self.delivered = self.store.high();
        for sender in self.assembler.clear() {
            out.push(Action::Note(Note::PartialDropped { sender }));
        }
        holes
    }

    /// Begins the regular configuration: everything up to `start` was recovery and is done with.
    pub(crate) fn install(&mut self, start: u64, out: &mut dyn Sink<Action>) {
        assert!(!self.installed, "a ring is installed once");
        out.push(Action::Install(self.configuration.clone()));
        self.installed = true;
        self.delivered = start;
        self.stable = start.min(self.store.aru());
        self.store.discard(self.stable);
        for seq in start + 1..=self.store.high() {
            self.deliver_reliable(seq, out);
        }
        self.deliver(out);
    }

    /// Delivers the whole reliable messages of the packet at `seq`, which has just arrived.
    fn deliver_reliable(&self, seq: u64, out: &mut dyn Sink<Action>) {
        if !self.installed {
            return;
        }
        let Some(packet) = self.store.get(seq) else {
            return;
        };
        if let Content::Messages(messages) = &packet.data.content {
            for (index, item) in messages.iter().enumerate() {
                if item.level == Level::Reliable && item.cut.is_none() {
                    let position = position(self.configuration.id, seq, index);
                    let Item {
                        number,
                        level,
                        payload,
                        ..
                    } = item;
                    out.push(delivery(&packet.data, position, number, level, payload));
                }
            }
        }
    }

    /// Delivers what the cursor brings of the packet at `seq`: all but whole reliable messages.
    fn deliver_packet(&mut self, seq: u64, id: ConfigurationId, out: &mut dyn Sink<Action>) {
        let Some(packet) = self.store.get(seq) else {
            return;
        };
        let sender = packet.data.sender;
        match &packet.data.content {
            Content::Messages(messages) => {
                for (index, item) in messages.iter().enumerate() {
                    let whole = match item.cut {
                        Some(cut) => self.assembler.feed(sender, cut, &item),
                        None => (item.level != Level::Reliable).then_some(item.payload),
                    };
                    if let Some(payload) = whole {
                        let (number, level) = (item.number, item.level);
                        let position = position(id, seq, index);
                        out.push(delivery(&packet.data, position, number, level, payload));
                    }
                }
            }
            Content::Recovered(_) => {}
        }
    }

    /// The fault of [`Defect::DeliverTwice`].
    fn deliver_again(&self, packet: &Packet, out: &mut dyn Sink<Action>) {
        if let Content::Messages(messages) = &packet.data.content {
            for (index, item) in messages.iter().enumerate() {
                let Item {
                    number,
                    level,
                    payload,
                    ..
                } = item;
                let position = position(self.configuration.id, packet.data.seq, index);
                out.push(delivery(&packet.data, position, number, level, payload));
            }
        }
    }

    /// Adds the logical state to a fingerprint.
    pub(crate) fn digest(&self, into: &mut Digest) {
        let ring = self.ring();
        into.number(ring.sequence)
            .number(ring.representative.node.0)
            .number(ring.representative.incarnation.0)
            .number(self.members().len() as u64)
            .number(self.delivered)
            .number(self.stable)
            .number(self.store.aru())
            .number(self.obligations as u64)
            .number((self.obligations >> 64) as u64)
            .flag(self.installed);
        for packet in self.store.above(0) {
            into.number(packet.data.seq)
                .number(packet.body.len() as u64);
        }
        for (sender, length) in self.assembler.iter() {
            into.number(sender.node.0).number(length as u64);
        }
    }
}

/// Whether the cursor may pass the packet only when every member is known to have it.
fn waits_until_stable(data: &Data) -> bool {
    let safe = match &data.content {
        Content::Messages(messages) => messages.iter().any(|item| item.level == Level::Safe),
        Content::Recovered(_) => false,
    };
    safe && !active(Defect::DeliverSafeEarly)
}

fn position(configuration: ConfigurationId, seq: u64, index: usize) -> Position {
    let index = if active(Defect::ShareOrdinal) {
        0
    } else {
        index as u64
    };
    let shifted = configuration.from.is_some() && active(Defect::ShiftOrdinals);
    let offset = if shifted { 1 << 32 } else { 0 };
    Position {
        configuration,
        ordinal: seq * data::PACKED as u64 + index + offset,
    }
}

fn delivery(data: &Data, position: Position, number: u64, level: Level, payload: Bytes) -> Action {
    Action::Deliver(Delivery {
        position,
        sender: data.sender,
        number,
        level,
        payload,
    })
}

/// The members of `lines` that come from `ring`, with what they bring.
pub(crate) fn companions(
    ring: RingId,
    lines: &[ringfort_wire::ring::CommitLine],
) -> Vec<(Member, OldRing)> {
    lines
        .iter()
        .filter_map(|line| Some((line.member, line.old?)))
        .filter(|(_, old)| old.ring == ring || active(Defect::WrongCompanions))
        .collect()
}
