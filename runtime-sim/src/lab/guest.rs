//! What runs on the hosts of a lab, and everything that can happen to it and be done by it.
//!
//! A guest is a machine of the contract (`ringfort-machine`) with the events and actions of this file. It has a
//! network, a disk, a clock that only shows in the instants handed in, and a line to the trace, and no more.

use bytes::Bytes;
use ringfort_evs::Destination;
use ringfort_machine::{
    Deadline, Digest, Instant, Machine, NodeId, OrderId, ProcessId, Rng, Seed, Wake,
};
use serde::Serialize;

use crate::{
    disk::{Disk, Order, Outcome},
    trace::{Kind, Text},
};

/// What can happen to a guest.
#[derive(Clone, Debug)]
pub enum Input {
    /// Time has passed.
    Wake,
    /// A datagram arrived; perhaps twice, late or never.
    Datagram {
        /// The node that sent it.
        from: NodeId,
        /// What it carries, at most [`crate::fabric::DATAGRAM_LIMIT`] bytes.
        bytes: Bytes,
    },
    /// An order to the disk has completed.
    Disk {
        /// Which.
        order: OrderId,
        /// What became of it.
        outcome: Outcome,
    },
    /// A client wants something; what, is to be drawn from this.
    Work(Rng),
    /// A script wants something; what, is between the script and the guest.
    Command(Bytes),
    /// It is to leave in good order, and to say so by [`Effect::Left`] within the bound.
    Leave,
}

impl From<Wake> for Input {
    fn from(_: Wake) -> Self {
        Self::Wake
    }
}

/// What a guest does.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Sends a datagram of at most [`crate::fabric::DATAGRAM_LIMIT`] bytes.
    Send {
        /// Where to. To all is never to itself.
        to: Destination,
        /// What it carries.
        bytes: Bytes,
    },
    /// Gives an order to the disk. Orders act one after the other; [`Input::Disk`] answers.
    Disk {
        /// Never used twice in one life.
        order: OrderId,
        /// The order.
        action: Order,
    },
    /// Writes a line about this process.
    Trace(Kind),
    /// Has left in good order. Nothing follows.
    Left,
    /// Cannot go on and dies as if killed; it is started again a second later. Nothing follows.
    Failed,
}

impl Effect {
    /// Sends `bytes` to all other nodes.
    pub fn send_all(bytes: impl Into<Bytes>) -> Self {
        Self::Send {
            to: Destination::All,
            bytes: bytes.into(),
        }
    }

    /// Sends `bytes` to one node.
    pub fn send(to: NodeId, bytes: impl Into<Bytes>) -> Self {
        Self::Send {
            to: Destination::Node(to),
            bytes: bytes.into(),
        }
    }

    /// Writes a line of the user's own kind `what`, for checkers to read with [`crate::trace::Event::own`].
    ///
    /// # Panics
    /// If `data` cannot be JSON, such as a map whose keys are no strings or numbers.
    pub fn tell(what: &str, data: &impl Serialize) -> Self {
        let data = serde_json::to_value(data).expect("what is told has the shape of JSON");
        Self::Trace(Kind::Own {
            what: what.into(),
            data,
        })
    }
}

/// One life of something on a host. Every [`Machine`] with these events and actions is one.
pub trait Guest {
    /// Takes one input; see [`Machine::handle`].
    fn handle(&mut self, now: Instant, input: Input, out: &mut Vec<Effect>);

    /// When it wants to be woken.
    fn deadline(&self) -> Option<Deadline>;

    /// Adds its logical state to a fingerprint; written when the run ends.
    fn digest(&self, into: &mut Digest);
}

impl<M: Machine<Event = Input, Action = Effect>> Guest for M {
    fn handle(&mut self, now: Instant, input: Input, out: &mut Vec<Effect>) {
        Machine::handle(self, now, input, out);
    }

    fn deadline(&self) -> Option<Deadline> {
        Machine::deadline(self)
    }

    fn digest(&self, into: &mut Digest) {
        Machine::digest(self, into);
    }
}

/// What a life begins with.
#[derive(Debug)]
pub struct Boot<'a> {
    /// Which host, counted from 0.
    pub host: usize,
    /// Who it is: the node, and which of its lives, counted from 1.
    pub me: ProcessId,
    /// When, by the clock of the host.
    pub now: Instant,
    /// Its randomness.
    pub seed: Seed,
    /// Which boot of the machine, counted from 1. A killed process comes back in the same one.
    pub system_boot: u64,
    /// The names of all nodes, by host.
    pub nodes: &'a [Text],
    pub(super) disk: &'a Disk,
}

impl Boot<'_> {
    /// What the disk has of a file. After a kill that is everything written; after a loss of power, what was
    /// synced and some of the rest.
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        self.disk.content(path)
    }

    /// The ids of all nodes, by host.
    pub fn node_ids(&self) -> impl Iterator<Item = NodeId> {
        self.nodes.iter().map(|name| NodeId::of_name(name))
    }
}
