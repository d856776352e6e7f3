//! What goes into a seal and what comes out of it.

use alloc::vec::Vec;

use bytes::Bytes;
use ringfort_machine::{NodeId, ProcessId, Wake};

use crate::{KeyId, Note, Trusted};

/// A stream, as the surroundings number it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId(pub u64);

/// Where a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To all other nodes.
    All,
    /// To one node.
    Node(NodeId),
}

/// What can happen to a seal.
#[derive(Debug)]
pub enum Event {
    /// Time has passed.
    Wake,
    /// A frame is to be sealed and sent.
    Send {
        /// Where to.
        to: Destination,
        /// Its bytes.
        frame: Bytes,
    },
    /// A datagram has come.
    Arrived {
        /// The node that the sender's address belongs to, if any. A hint of whom to greet, never a proof.
        from: Option<NodeId>,
        /// Its bytes.
        datagram: Bytes,
    },
    /// The allow-list is another one now. Who is no longer on it is not heard any more, and the epoch ends.
    Trust(Vec<Trusted>),
    /// The members of the ring, for whom a new key must be in place before it is used.
    Members(Vec<NodeId>),
    /// The ring has agreed on an epoch: if it is later than the present one, every member makes a new key.
    Rotate(u64),
    /// Something happened to a stream.
    Stream(StreamId, StreamEvent),
}

impl From<Wake> for Event {
    fn from(_: Wake) -> Self {
        Self::Wake
    }
}

/// What can happen to a stream.
#[derive(Debug)]
pub enum StreamEvent {
    /// Somebody has connected.
    Accepted,
    /// The connection to a node stands.
    Connected {
        /// The node it was made to.
        to: NodeId,
    },
    /// Bytes have come, cut anywhere.
    Arrived(Bytes),
    /// Bytes are to be sent. Only after [`StreamAction::Ready`].
    Send(Bytes),
    /// It is gone.
    Closed,
}

/// What a seal wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Send a sealed datagram.
    Transmit {
        /// Where to.
        to: Destination,
        /// Its bytes.
        datagram: Bytes,
    },
    /// A frame that its sender has sealed, once.
    Deliver {
        /// Who sealed it.
        from: ProcessId,
        /// Under which key.
        key: KeyId,
        /// Its number under that key.
        counter: u64,
        /// The frame.
        frame: Bytes,
    },
    /// Work on a stream.
    Stream(StreamId, StreamAction),
    /// Something worth a log line or a counter.
    Note(Note),
}

/// What is to be done with a stream.
#[derive(Debug, PartialEq, Eq)]
pub enum StreamAction {
    /// Send bytes.
    Transmit(Bytes),
    /// The far end has proved who it is.
    Ready(ProcessId),
    /// Bytes that the far end has sealed, in order.
    Deliver(Bytes),
    /// Close it; what it brought is not to be believed. Nothing follows.
    Refuse,
}
