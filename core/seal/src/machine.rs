//! The door of the seal: seals what goes out, opens what comes in, and keeps everybody supplied with keys.
//!
//! What costs a stranger's datagram, in this order: its length, two bytes, one look into the table of keys, one into
//! the window, one AEAD. A greeting: its length, its cluster, one look into the allow-list, a comparison with the
//! greeting that is known; only then, and so often at most, one HKDF; and four Diffie-Hellmans only for a greeting
//! that its node has really made and that was not seen before. Nothing is allocated for a datagram that is refused.

use alloc::{collections::BTreeMap, vec::Vec};

use bytes::Bytes;
use ringfort_machine::{
    Deadline, Digest, Instant, Machine, NodeId, ProcessId, Sink,
    defect::{Defect, active},
};

use crate::{
    Action, Config, Destination, Event, Identity, KeyId, Note, OVERHEAD, Reason,
    derive::{expand, extract},
    greeting::{self, GREETING, Greeting},
    peer::Peer,
    refusals::Refusals,
    sending::{self, Sending},
    session::Me,
    streams::Streams,
};

/// No honest epoch is higher; leaves room to add to it.
const EPOCHS: u64 = 1 << 48;
/// The longest datagram there is.
const DATAGRAM: usize = 65_507;

/// The seal of one process.
#[derive(Debug)]
pub struct Seal {
    pub(crate) me: Me,
    pub(crate) peers: BTreeMap<NodeId, Peer>,
    /// Whose key it is.
    pub(crate) table: BTreeMap<KeyId, NodeId>,
    pub(crate) sending: Sending,
    pub(crate) streams: Streams,
    members: Vec<NodeId>,
    refusals: Refusals,
    /// Room to open datagrams in; as long as the longest there is, so that it never grows.
    scratch: Vec<u8>,
    /// When something is due. Kept, because it is asked for with every datagram and rarely changes.
    due: Option<Deadline>,
}

/// A snapshot for tools. Nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The epoch of the key in use.
    pub epoch: u64,
    /// The epoch that a rotation in progress leads to.
    pub rotating_to: Option<u64>,
    /// The nodes of the allow-list: each with the life that has proved to be here, and the epoch of its key.
    pub peers: Vec<(NodeId, Option<ProcessId>, Option<u64>)>,
    /// What was dropped, by reason.
    pub refused: Vec<(Reason, u64)>,
    /// Streams that stand, and those of them that have proved who they are.
    pub streams: (usize, usize),
}

impl Seal {
    /// The seal of a process that starts at `now`; it has something to say at once, see its deadline. A key of the
    /// allow-list with which nothing can be agreed on is passed over.
    pub fn new(config: Config, now: Instant) -> Self {
        let Config {
            me: process,
            cluster,
            identity,
            life,
            trusted,
        } = config;
        let life = extract(&[b"life"], &[&life]);
        let me = Me {
            process,
            cluster,
            identity,
            ephemeral: Identity::new(expand(&life, b"ephemeral", &[])),
        };
        let others = trusted
            .iter()
            .filter(|trusted| trusted.node != process.node);
        let peers = others
            .filter_map(|trusted| Some((trusted.node, Peer::new(&me, trusted, now)?)))
            .collect();
        let mut seal = Self {
            peers,
            me,
            table: BTreeMap::new(),
            sending: Sending::new(expand(&life, b"first of the chain", &[])),
            streams: Streams::new(expand(&life, b"numbers", &[])),
            members: Vec::new(),
            refusals: Refusals::default(),
            scratch: Vec::with_capacity(DATAGRAM),
            due: None,
        };
        seal.due = seal.earliest();
        seal
    }

    fn earliest(&self) -> Option<Deadline> {
        let peers = self.peers.values().filter_map(Peer::due).min();
        let peers = peers.map(|at| Deadline::new(at, "seal"));
        Deadline::earliest([peers, self.streams.deadline()])
    }

    /// A snapshot for tools.
    pub fn status(&self) -> Status {
        let peer = |(node, peer): (&NodeId, &Peer)| {
            let session = peer.session.as_ref().filter(|session| session.confirmed);
            let process = session.map(|session| session.heard.process);
            (*node, process, peer.newest())
        };
        Status {
            epoch: self.sending.epoch(),
            rotating_to: self.sending.is_rotating().then(|| self.sending.latest()),
            peers: self.peers.iter().map(peer).collect(),
            refused: self
                .refusals
                .totals()
                .filter(|(_, count)| *count > 0)
                .collect(),
            streams: self.streams.counts(),
        }
    }

    pub(crate) fn refuse(&mut self, reason: Reason, now: Instant, out: &mut impl Sink<Action>) {
        self.refusals.count(reason, now, out);
    }

    fn on_arrived(
        &mut self,
        now: Instant,
        from: Option<NodeId>,
        datagram: &Bytes,
        out: &mut impl Sink<Action>,
    ) {
        let taken = match datagram.first_chunk::<2>() {
            Some([greeting::MAGIC, sending::TO_ALL | sending::TO_ONE]) => {
                self.on_sealed(now, from, datagram, out)
            }
            Some([greeting::MAGIC, greeting::KIND]) => {
                let taken = self.on_greeting(now, datagram, out);
                self.due = self.earliest();
                taken
            }
            Some(_) | None => Err(Reason::NotSealed),
        };
        if let Err(reason) = taken {
            self.refuse(reason, now, out);
        }
    }

    fn on_sealed(
        &mut self,
        now: Instant,
        from: Option<NodeId>,
        datagram: &Bytes,
        out: &mut impl Sink<Action>,
    ) -> Result<(), Reason> {
        if !(OVERHEAD..=DATAGRAM).contains(&datagram.len()) {
            return Err(Reason::NotSealed);
        }
        let me = self.me.process.node;
        let (id, counter) = sealed_header(datagram).ok_or(Reason::NotSealed)?;
        if self.sending.owns(id) {
            return Ok(()); // multicast brings our own back
        }
        let Some((node, peer)) = self.table.get(&id).and_then(|node| {
            let peer = self.peers.get_mut(node)?;
            Some((*node, peer))
        }) else {
            if let Some(peer) = from.and_then(|node| self.peers.get_mut(&node)) {
                peer.ask(now);
                self.greet_due(now, out);
                self.due = self.earliest();
            }
            return Err(Reason::UnknownKey);
        };
        let frame = peer.open(id, counter, datagram, me, now, &mut self.scratch)?;
        let frame = Bytes::copy_from_slice(frame);
        let session = peer.session.as_ref();
        let process = session.map(|session| session.heard.process);
        let from = process.filter(|process| process.node == node);
        let changing = peer.keys().len() > 1;
        out.push(Action::Deliver {
            from: from.ok_or(Reason::UnknownKey)?,
            key: id,
            counter,
            frame,
        });
        if changing {
            self.due = self.earliest(); // its old key may have got an end
        }
        Ok(())
    }

    /// Takes the greeting at the front of something, and says whose it is.
    pub(crate) fn meet(
        &mut self,
        now: Instant,
        greeting: &[u8; GREETING],
        out: &mut impl Sink<Action>,
    ) -> Result<NodeId, Reason> {
        if greeting[..2] != [greeting::MAGIC, greeting::KIND] {
            return Err(Reason::NotSealed);
        }
        let heard = Greeting::decode(self.me.cluster, greeting).ok_or(Reason::ForeignCluster)?;
        let node = heard.process.node;
        if node == self.me.process.node {
            return Err(Reason::Replayed); // multicast does not carry greetings
        }
        let peer = self.peers.get_mut(&node).ok_or(Reason::Untrusted)?;
        let mut gone = Vec::new();
        if peer.meet(&self.me, heard, now, &mut gone)? {
            peer.press(now);
            out.push(Action::Note(Note::Met {
                process: heard.process,
            }));
        }
        for id in gone {
            self.table.remove(&id);
        }
        Ok(node)
    }

    fn on_greeting(
        &mut self,
        now: Instant,
        datagram: &Bytes,
        out: &mut impl Sink<Action>,
    ) -> Result<(), Reason> {
        let greeting = datagram
            .first_chunk::<GREETING>()
            .ok_or(Reason::NotSealed)?;
        let node = self.meet(now, greeting, out)?;
        let opened = if datagram.len() > GREETING {
            self.on_body(now, node, datagram, out)
        } else {
            // It does not know our greeting, or says so: somebody may be repeating its words.
            if let Some(peer) = self.peers.get_mut(&node) {
                peer.ask(now);
            }
            Ok(())
        };
        if opened == Err(Reason::Forged)
            && let Some(peer) = self.peers.get_mut(&node)
        {
            peer.ask(now); // sealed for an earlier life of ours, it may be: it should hear of this one
        }
        self.greet_due(now, out);
        self.switch_if_ready(now, out);
        opened
    }

    fn on_body(
        &mut self,
        now: Instant,
        node: NodeId,
        datagram: &Bytes,
        out: &mut impl Sink<Action>,
    ) -> Result<(), Reason> {
        let peer = self.peers.get_mut(&node).ok_or(Reason::Untrusted)?;
        let session = peer.session.as_mut().ok_or(Reason::Untrusted)?;
        let process = session.heard.process;
        let body = session.open(datagram)?;
        let (mut learned, mut gone) = (Vec::new(), Vec::new());
        peer.take(&body, self.sending.latest(), now, &mut learned, &mut gone);
        for id in gone {
            self.table.remove(&id);
        }
        for (epoch, id) in learned {
            self.table.entry(id).or_insert(node);
            out.push(Action::Note(Note::KeyLearned { process, epoch }));
        }
        if body.answer || peer.lacks(&self.sending) {
            peer.press(now);
        }
        if body.epoch < EPOCHS {
            self.rotate(body.epoch, now, out);
        }
        Ok(())
    }

    /// Everybody is to reach `epoch`.
    pub(crate) fn rotate(&mut self, epoch: u64, now: Instant, out: &mut impl Sink<Action>) {
        if !self.sending.raise(epoch) {
            return;
        }
        let epoch = self.sending.latest();
        out.push(Action::Note(Note::RotationBegun { epoch }));
        for peer in self.peers.values_mut() {
            if peer.session.is_some() {
                peer.press(now);
            }
        }
    }

    /// Uses the next key once every member of the ring has said that it has it. Who is not in the ring hears of it
    /// when it comes back; who is not trusted never does.
    pub(crate) fn switch_if_ready(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        while self.sending.is_rotating() {
            let latest = self.sending.latest();
            let peers = &self.peers;
            let has = |node: &NodeId| peers.get(node).is_none_or(|peer| peer.has >= latest);
            if !self.members.iter().all(has) && !active(Defect::SwitchEarly) {
                return;
            }
            if let Some(epoch) = self.sending.switch() {
                out.push(Action::Note(Note::Rotated { epoch }));
            }
            self.rotate(self.sending.target(), now, out);
            self.greet_due(now, out);
        }
    }

    /// Sends the greetings that are due.
    pub(crate) fn greet_due(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        for (node, peer) in &mut self.peers {
            if peer.is_due(now) {
                let datagram = peer.greet(&self.sending, now);
                let to = Destination::Node(*node);
                out.push(Action::Transmit { to, datagram });
            }
        }
    }

    fn on_wake(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        for peer in self.peers.values_mut() {
            let mut gone = Vec::new();
            peer.expire(now, |key| gone.push((key.id, key.epoch)));
            let process = peer.session.as_ref().map(|session| session.heard.process);
            for (id, epoch) in gone {
                self.table.remove(&id);
                if let Some(process) = process {
                    out.push(Action::Note(Note::KeyDropped { process, epoch }));
                }
            }
        }
        self.expire_streams(now, out);
        self.greet_due(now, out);
    }

    fn on_send(
        &mut self,
        now: Instant,
        to: Destination,
        frame: &Bytes,
        out: &mut impl Sink<Action>,
    ) {
        let datagram = self.sending.seal(to, frame);
        out.push(Action::Transmit { to, datagram });
        if self.sending.is_used_up() {
            self.rotate(self.sending.target() + 1, now, out);
            self.due = self.earliest();
        }
    }

    fn on_members(&mut self, members: Vec<NodeId>, now: Instant, out: &mut impl Sink<Action>) {
        let me = self.me.process.node;
        self.members = members.into_iter().filter(|node| *node != me).collect();
        self.switch_if_ready(now, out);
    }

    fn on_rotate(&mut self, epoch: u64, now: Instant, out: &mut impl Sink<Action>) {
        self.rotate(epoch.min(EPOCHS), now, out);
        self.greet_due(now, out);
        self.switch_if_ready(now, out);
    }
}

/// The key and the number of a sealed frame, as its header says; nothing of it is proved.
pub fn sealed_header(datagram: &[u8]) -> Option<(KeyId, u64)> {
    let mut id = [0; 6];
    id.copy_from_slice(datagram.get(2..8)?);
    let mut counter = [0; 8];
    counter.copy_from_slice(datagram.get(8..16)?);
    Some((KeyId(id), u64::from_le_bytes(counter)))
}

impl Machine for Seal {
    type Event = Event;
    type Action = Action;

    fn handle(&mut self, now: Instant, event: Event, out: &mut impl Sink<Action>) {
        match event {
            // These two are the everyday ones; they see to the deadline themselves.
            Event::Send { to, frame } => return self.on_send(now, to, &frame, out),
            Event::Arrived { from, datagram } => {
                return self.on_arrived(now, from, &datagram, out);
            }
            Event::Wake => self.on_wake(now, out),
            Event::Trust(trusted) => self.on_trust(&trusted, now, out),
            Event::Members(members) => self.on_members(members, now, out),
            Event::Rotate(epoch) => self.on_rotate(epoch, now, out),
            Event::Stream(stream, event) => self.on_stream(now, stream, event, out),
        }
        self.due = self.earliest();
    }

    fn deadline(&self) -> Option<Deadline> {
        self.due
    }

    fn digest(&self, into: &mut Digest) {
        into.number(self.sending.epoch())
            .number(self.sending.latest())
            .number(self.sending.target())
            .number(self.sending.counter());
        for (node, peer) in &self.peers {
            into.number(node.0).number(peer.has);
            if let Some(session) = &peer.session {
                let (sent, seen) = session.counts();
                into.number(session.heard.process.incarnation.0)
                    .flag(session.confirmed)
                    .number(sent)
                    .number(seen);
            }
            for key in peer.keys() {
                into.number(key.epoch)
                    .number(key.highest())
                    .number(key.until.map_or(0, Instant::as_nanos));
            }
        }
        for member in &self.members {
            into.number(member.0);
        }
        let (streams, proved) = self.streams.counts();
        into.number(streams as u64).number(proved as u64);
    }
}

#[cfg(test)]
mod tests;
