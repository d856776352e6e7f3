//! What goes into a ring member and what comes out of it.

use bytes::Bytes;
use ringfort_machine::{Configuration, ConfigurationId, Level, NodeId, Position, ProcessId, Wake};
use ringfort_wire::{Frame, limits};

use crate::Note;

/// What can happen to a ring member.
#[derive(Clone, Debug)]
pub enum Event {
    /// Time has passed.
    Wake,
    /// A frame of the ring's kinds arrived; frames of other kinds are refused.
    Frame {
        /// The node whose address it came from, as told by the transport.
        from: NodeId,
        /// The frame, already checked and of this cluster.
        frame: Frame,
    },
    /// A message is to be sent. A refusal is reported by [`Note::SubmissionRefused`]; callers that want it at
    /// once use [`crate::Evs::submit`].
    Submit {
        /// How it is to be delivered.
        level: Level,
        /// Its bytes.
        payload: Bytes,
    },
    /// This process is to leave in good order.
    Leave,
}

impl From<Wake> for Event {
    fn from(_: Wake) -> Self {
        Self::Wake
    }
}

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To all other nodes. It need not come back to the sender.
    All,
    /// To one node.
    Node(NodeId),
}

/// What a ring member wants done. The order matters among `Sent`, `Deliver` and `Install`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send a frame.
    Transmit {
        /// Where to.
        to: Destination,
        /// Header and body.
        frame: Bytes,
    },
    /// An own message got its place in the order.
    Sent {
        /// As returned by [`crate::Evs::submit`].
        number: u64,
        /// Its level.
        level: Level,
        /// The regular configuration in which it was sent.
        configuration: ConfigurationId,
    },
    /// A message for the layer above.
    Deliver(Delivery),
    /// A configuration, at its place among the deliveries.
    Install(Configuration),
    /// The answer to [`Event::Leave`]: the process may stop now. Nothing follows it.
    Left,
    /// Something worth a log line or a counter.
    Note(Note),
}

/// One delivered message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The configuration it is delivered in, and its ordinal there.
    pub position: Position,
    /// Who sent it.
    pub sender: ProcessId,
    /// Its number among the messages of the sender, from 1.
    pub number: u64,
    /// How it was to be delivered.
    pub level: Level,
    /// Its bytes; of a message that was not cut, a slice of the datagram.
    pub payload: Bytes,
}

/// Why a submission was not taken. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refusal {
    /// The outbox is full; try again after the next `Sent`.
    #[error("the outbox is full; try again later")]
    Busy,
    /// The message is longer than any message may be.
    #[error("a message has at most {} bytes", limits::MESSAGE)]
    TooLong,
    /// This process is leaving.
    #[error("this process is leaving the cluster")]
    Leaving,
}
