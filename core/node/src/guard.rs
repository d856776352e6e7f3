//! The guard: the seal in front of a node, or in front of the recorder around one.
//!
//! Towards the network everything is sealed, towards the node everything is opened: the node, and its journal, see
//! frames and streams as if nobody else were there. A datagram that opens is given to the node as from the address that
//! its *proved* sender is configured with, whatever address it came from. A stream is given to the node once the far
//! end has proved who it is.
//!
//! What it deliberately is not: a place for rules. Who is trusted comes from the operator, when keys change from the
//! ring; what that means is said in `ringfort-seal`. Without a seal the guard hands everything through.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use core::net::SocketAddr;

use bytes::Bytes;
use ringfort_machine::{Deadline, Digest, Instant, Machine, NodeId, Sink};
use ringfort_seal::{self as seal, Destination, Seal};

use crate::{
    Action, CloseReason, Config, Event, Note, Observation, SealAction, SealEvent, SealPeer,
    SealStatus, StreamAction, StreamEvent, StreamId, Target, ring::Peers,
};

/// A node with its seal.
pub struct Guard<M> {
    inner: M,
    sealed: Option<Sealed>,
    /// What the node wants done, oldest first; empty between events.
    wanted: VecDeque<Action>,
}

/// The seal and what it has to know of the surroundings.
struct Sealed {
    seal: Seal,
    peers: Peers,
    observe: bool,
    streams: BTreeMap<StreamId, Far>,
    /// What the seal wants done, oldest first; empty between events.
    wanted: VecDeque<seal::Action>,
    /// The same for what is set off by an action of the node, so that it is done in its place.
    at_once: Vec<seal::Action>,
    told: SealStatus,
    /// Something has happened of which the node should be told.
    changed: bool,
}

/// The far end of a stream.
#[derive(Clone, Copy, Debug)]
enum Far {
    /// The node has asked for the stream and knows of it.
    Asked(Option<NodeId>),
    /// Somebody has connected and has proved nothing; the node does not know of it.
    Unproved(SocketAddr),
    /// It has proved who it is; the node knows of it.
    Proved,
}

impl<M: Machine<Event = Event, Action = Action>> Guard<M> {
    /// Puts `seal` in front of `inner`, a node with `config`. Without a seal everything is handed through. What the
    /// node wanted at its start has to be given to [`Guard::start`].
    pub fn new(inner: M, config: &Config, seal: Option<Seal>) -> Self {
        let sealed = seal.map(|seal| Sealed {
            seal,
            peers: Peers::new(config),
            observe: config.observe,
            streams: BTreeMap::new(),
            wanted: VecDeque::new(),
            at_once: Vec::new(),
            told: SealStatus::default(),
            changed: true,
        });
        Self {
            inner,
            sealed,
            wanted: VecDeque::new(),
        }
    }

    /// Takes what the node wanted done when it started.
    pub fn start(
        &mut self,
        now: Instant,
        first: impl IntoIterator<Item = Action>,
        out: &mut impl Sink<Action>,
    ) {
        self.wanted.extend(first);
        self.work(now, out);
    }

    /// What stands behind the seal.
    pub const fn inner(&self) -> &M {
        &self.inner
    }

    /// The seal, if there is one.
    pub fn seal(&self) -> Option<&Seal> {
        self.sealed.as_ref().map(|sealed| &sealed.seal)
    }

    /// Works off what the seal and the node want of each other, and tells the node of changes.
    fn work(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        let Some(sealed) = &mut self.sealed else {
            for action in self.wanted.drain(..) {
                out.push(action);
            }
            return;
        };
        loop {
            if let Some(action) = self.wanted.pop_front() {
                sealed.outward(now, action, out);
            } else if let Some(action) = sealed.wanted.pop_front() {
                if let Some(event) = sealed.inward(now, action, out) {
                    self.inner.handle(now, event, &mut self.wanted);
                }
            } else if let Some(status) = sealed.news() {
                let event = Event::Seal(SealEvent::Status(status));
                self.inner.handle(now, event, &mut self.wanted);
            } else {
                break;
            }
        }
    }
}

impl<M: Machine<Event = Event, Action = Action>> Machine for Guard<M> {
    type Event = Event;
    type Action = Action;

    fn handle(&mut self, now: Instant, event: Event, out: &mut impl Sink<Action>) {
        let event = match &mut self.sealed {
            Some(sealed) => sealed.arrived(now, event),
            None => Some(event),
        };
        if let Some(event) = event {
            self.inner.handle(now, event, &mut self.wanted);
        }
        self.work(now, out);
    }

    fn deadline(&self) -> Option<Deadline> {
        let seal = self
            .sealed
            .as_ref()
            .and_then(|sealed| sealed.seal.deadline());
        Deadline::earliest([self.inner.deadline(), seal])
    }

    fn digest(&self, into: &mut Digest) {
        self.inner.digest(into);
        if let Some(sealed) = &self.sealed {
            sealed.seal.digest(into);
            into.number(sealed.streams.len() as u64);
        }
    }
}

impl Sealed {
    fn tell(&mut self, now: Instant, event: seal::Event) {
        self.seal.handle(now, event, &mut self.wanted);
    }

    /// Takes an event of the surroundings; returns it if it is the node's as it is.
    fn arrived(&mut self, now: Instant, event: Event) -> Option<Event> {
        match event {
            Event::Wake => {
                if self
                    .seal
                    .deadline()
                    .is_some_and(|deadline| deadline.at <= now)
                {
                    self.tell(now, seal::Event::Wake);
                }
                Some(event)
            }
            Event::Datagram { from, bytes } => {
                let from = self.peers.node(from);
                let datagram = bytes;
                self.tell(now, seal::Event::Arrived { from, datagram });
                None
            }
            Event::Stream(event) => self.stream_arrived(now, event),
            Event::Seal(SealEvent::Trust(trusted)) => {
                self.tell(now, seal::Event::Trust(trusted));
                None
            }
            Event::Reload(config) => {
                self.peers = Peers::new(&config);
                Some(Event::Reload(config))
            }
            Event::Seal(SealEvent::Status(_))
            | Event::Console(_)
            | Event::Listener(_)
            | Event::Connection(_)
            | Event::Local(_)
            | Event::Bus(_)
            | Event::Disk { .. }
            | Event::Address { .. }
            | Event::Leave => Some(event),
        }
    }

    fn stream_arrived(&mut self, now: Instant, event: StreamEvent) -> Option<Event> {
        let (stream, event) = match event {
            StreamEvent::Accepted { stream, peer } => {
                self.streams.insert(stream, Far::Unproved(peer));
                (stream, seal::StreamEvent::Accepted)
            }
            StreamEvent::Connected { stream } => {
                let Some(Far::Asked(node)) = self.streams.get(&stream) else {
                    return None; // closed by the node meanwhile
                };
                // A node that nobody knows is on no allow-list, and is refused there.
                let to = node.unwrap_or(NodeId(0));
                (stream, seal::StreamEvent::Connected { to })
            }
            StreamEvent::Data { stream, bytes } => (stream, seal::StreamEvent::Arrived(bytes)),
            StreamEvent::Closed { stream, reason } => {
                self.tell(
                    now,
                    seal::Event::Stream(outer(stream), seal::StreamEvent::Closed),
                );
                let known = self.streams.remove(&stream)?.is_known();
                return known.then_some(Event::Stream(StreamEvent::Closed { stream, reason }));
            }
        };
        self.tell(now, seal::Event::Stream(outer(stream), event));
        None
    }

    /// Does what the seal wants done; what it opened is an event for the node.
    fn inward(
        &mut self,
        now: Instant,
        action: seal::Action,
        out: &mut impl Sink<Action>,
    ) -> Option<Event> {
        match action {
            seal::Action::Transmit { to, datagram } => {
                self.transmit(to, datagram, out);
                None
            }
            seal::Action::Deliver {
                from,
                key,
                counter,
                frame,
            } => {
                if self.observe {
                    out.push(Action::Note(Note::Observed(Observation::Opened {
                        from,
                        key,
                        counter,
                        frame: frame.clone(),
                    })));
                }
                // Trusted, and not among the configured members: there is no address under which to know it.
                let from = self.peers.address(from.node)?;
                Some(Event::Datagram { from, bytes: frame })
            }
            seal::Action::Stream(stream, action) => {
                self.stream_inward(now, StreamId(stream.0), action, out)
            }
            seal::Action::Note(note) => {
                self.changed = true;
                out.push(Action::Note(Note::Seal(note)));
                None
            }
        }
    }

    fn stream_inward(
        &mut self,
        now: Instant,
        stream: StreamId,
        action: seal::StreamAction,
        out: &mut impl Sink<Action>,
    ) -> Option<Event> {
        match action {
            seal::StreamAction::Transmit(bytes) => {
                out.push(Action::Stream(StreamAction::Send { stream, bytes }));
                None
            }
            seal::StreamAction::Ready(_) => {
                let far = self.streams.insert(stream, Far::Proved)?;
                Some(Event::Stream(match far {
                    Far::Unproved(peer) => StreamEvent::Accepted { stream, peer },
                    Far::Asked(_) | Far::Proved => StreamEvent::Connected { stream },
                }))
            }
            seal::StreamAction::Deliver(bytes) => {
                Some(Event::Stream(StreamEvent::Data { stream, bytes }))
            }
            seal::StreamAction::Refuse => {
                self.tell(
                    now,
                    seal::Event::Stream(outer(stream), seal::StreamEvent::Closed),
                );
                let known = self.streams.remove(&stream)?.is_known();
                out.push(Action::Stream(StreamAction::Close { stream }));
                let reason = CloseReason::Reset;
                known.then_some(Event::Stream(StreamEvent::Closed { stream, reason }))
            }
        }
    }

    /// Seals what the node wants to send, and hands on the rest.
    fn outward(&mut self, now: Instant, action: Action, out: &mut impl Sink<Action>) {
        let event = match action {
            Action::Datagram { to, bytes: frame } => {
                let to = match to {
                    Target::Peers(_) | Target::Multicast(_) => Destination::All,
                    Target::Peer(address) => match self.peers.node(address) {
                        Some(node) => Destination::Node(node),
                        None => return, // it has just gone from the configuration
                    },
                };
                seal::Event::Send { to, frame }
            }
            Action::Stream(action) => match self.stream_outward(action, out) {
                Some((stream, event)) => seal::Event::Stream(outer(stream), event),
                None => return,
            },
            Action::Seal(SealAction::Members(members)) => seal::Event::Members(members),
            Action::Seal(SealAction::Rotate(epoch)) => seal::Event::Rotate(epoch),
            Action::Console(_)
            | Action::Listener(_)
            | Action::Connection(_)
            | Action::Bus(_)
            | Action::Group { .. }
            | Action::Disk(..)
            | Action::Address(..)
            | Action::Note(_)
            | Action::Halt(_) => {
                out.push(action);
                return;
            }
        };
        self.do_at_once(now, event, out);
    }

    fn stream_outward(
        &mut self,
        action: StreamAction,
        out: &mut impl Sink<Action>,
    ) -> Option<(StreamId, seal::StreamEvent)> {
        match action {
            StreamAction::Connect { stream, node, .. } => {
                self.streams.insert(stream, Far::Asked(node));
                out.push(Action::Stream(action));
                None
            }
            StreamAction::Send { stream, bytes } => Some((stream, seal::StreamEvent::Send(bytes))),
            StreamAction::Close { stream } => {
                self.streams.remove(&stream);
                out.push(Action::Stream(action));
                Some((stream, seal::StreamEvent::Closed))
            }
        }
    }

    /// Lets the seal handle something that the node has set off, and does what follows in the same place, so that
    /// nothing is sent after a halt. None of it is for the node.
    fn do_at_once(&mut self, now: Instant, event: seal::Event, out: &mut impl Sink<Action>) {
        let frame = match &event {
            seal::Event::Send { frame, .. } if self.observe => Some(frame.clone()),
            seal::Event::Send { .. }
            | seal::Event::Wake
            | seal::Event::Arrived { .. }
            | seal::Event::Trust(_)
            | seal::Event::Members(_)
            | seal::Event::Rotate(_)
            | seal::Event::Stream(..) => None,
        };
        let mut actions = core::mem::take(&mut self.at_once);
        self.seal.handle(now, event, &mut actions);
        let first = actions.first();
        if let (Some(frame), Some(seal::Action::Transmit { datagram, .. })) = (frame, first)
            && let Some((key, counter)) = seal::sealed_header(datagram)
        {
            out.push(Action::Note(Note::Observed(Observation::Sealed {
                key,
                counter,
                frame,
            })));
        }
        for action in actions.drain(..) {
            if let Some(event) = self.inward(now, action, out) {
                unreachable!("sealing opens nothing: {event:?}");
            }
        }
        self.at_once = actions;
    }

    fn transmit(&self, to: Destination, datagram: Bytes, out: &mut impl Sink<Action>) {
        let to = match to {
            Destination::All => Some(self.peers.all.clone()),
            Destination::Node(node) => self.peers.address(node).map(Target::Peer),
        };
        if let Some(to) = to {
            let bytes = datagram;
            out.push(Action::Datagram { to, bytes });
        }
    }

    /// What has become of the seal, if it is another than the node was told.
    fn news(&mut self) -> Option<SealStatus> {
        if !core::mem::take(&mut self.changed) {
            return None;
        }
        let seal::Status {
            epoch,
            rotating_to,
            peers,
            refused,
            ..
        } = self.seal.status();
        let peer =
            |(node, process, epoch): (NodeId, Option<ringfort_machine::ProcessId>, _)| SealPeer {
                node,
                incarnation: process.map(|process| process.incarnation),
                epoch,
            };
        let count = |reason: &seal::Reason| {
            let found = refused.iter().find(|(known, _)| known == reason);
            found.map_or(0, |(_, count)| *count)
        };
        let status = SealStatus {
            epoch,
            rotating_to,
            peers: peers.into_iter().map(peer).collect(),
            refused: seal::Reason::ALL.iter().map(count).collect(),
        };
        if status == self.told {
            return None;
        }
        self.told = status.clone();
        Some(status)
    }
}

impl Far {
    /// Whether the node knows of the stream.
    const fn is_known(self) -> bool {
        match self {
            Self::Asked(_) | Self::Proved => true,
            Self::Unproved(_) => false,
        }
    }
}

const fn outer(stream: StreamId) -> seal::StreamId {
    seal::StreamId(stream.0)
}
