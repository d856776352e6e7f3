//! What goes in and what comes out.

use alloc::{sync::Arc, vec::Vec};

use bytes::Bytes;
use ringfort_machine::{Configuration, Level, Position, ProcessId, Wake};
use ringfort_wire::{
    DecodeError,
    group::{Command, GroupName},
};

use crate::{MemberId, NameError, View};

/// A local client, for as long as it is connected. Chosen by the node, never used twice in a process' life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

/// What can happen to the group layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Time has passed.
    Wake,
    /// The ring installed a configuration.
    Installed(Configuration),
    /// The ring delivered a message.
    Delivered {
        /// Its place in the order.
        position: Position,
        /// Who sent it.
        sender: ProcessId,
        /// Its number at the sender; handed through to clients.
        number: u64,
        /// The level of the delivery.
        level: Level,
        /// Its bytes.
        payload: Bytes,
    },
    /// A local client wants something. A refusal comes as [`ClientEvent::Refused`] before `handle` returns;
    /// without one the command is accepted.
    Local {
        /// The client.
        client: ClientId,
        /// What it wants.
        command: Command,
    },
}

impl From<Wake> for Event {
    fn from(_: Wake) -> Self {
        Self::Wake
    }
}

/// What the group layer wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// To be sent on the ring, in the order of these actions. The node retries what a full outbox refuses.
    Submit {
        /// The level.
        level: Level,
        /// The bytes, at most `ringfort_wire::limits::MESSAGE` of them.
        payload: Bytes,
    },
    /// Something for a local client.
    Client {
        /// The client.
        client: ClientId,
        /// What it is.
        event: ClientEvent,
    },
    /// Something worth knowing.
    Note(Note),
}

/// What a local client is told, in the order in which it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// A new view of a group, or its transitional mark. Only to clients that want membership.
    View(View),
    /// A message; once for each client, whatever number of its destinations the client is in.
    Message {
        /// Its place in the order.
        position: Position,
        /// The sending client.
        from: MemberId,
        /// The number of the ordered message at the sender's process.
        number: u64,
        /// All destinations, as the sender listed them.
        groups: Arc<[GroupName]>,
        /// The first destination that reached this client.
        via: GroupName,
        /// The level asked for.
        level: Level,
        /// Whether the sender asked for no copy.
        self_discard: bool,
        /// Named if only this side of an unfinished merge passed the message here, so that what the order says
        /// at this position holds for this side alone; see [`crate::ViewId::side`].
        side: Option<ProcessId>,
        /// The sender's tag.
        tag: u64,
        /// The bytes.
        payload: Bytes,
    },
    /// A command was refused and has changed nothing.
    Refused(Refusal),
}

/// Why a command was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No client is connected under this id.
    #[error("not connected")]
    NotConnected,
    /// This id is in use.
    #[error("already connected")]
    AlreadyConnected,
    /// Another client has this name, or had it and its end is not yet ordered; try again.
    #[error("the name is in use on this node")]
    NameInUse,
    /// A name breaks a rule or is longer than this node allows.
    #[error("illegal name: {0}")]
    IllegalName(#[from] NameError),
    /// Private names cannot be joined or left.
    #[error("a private name is not a group")]
    PrivateGroup,
    /// A limit of this node is reached.
    #[error("the limit of {limit} {what} is reached")]
    Limit {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A message without destination or with too many.
    #[error("{found} destinations, 1 to {limit} are allowed")]
    Destinations {
        /// How many it had.
        found: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// The message is too long.
    #[error("{found} bytes, at most {limit} are allowed")]
    TooLong {
        /// Its length.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// A configuration is forming and enough commands wait for it; try again.
    #[error("too many commands wait for a configuration to form")]
    Busy,
}

/// Notes of the group layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// An ordered payload was not understood and changed nothing.
    PayloadRefused {
        /// Its sender.
        sender: ProcessId,
        /// Why.
        error: DecodeError,
    },
    /// A change of membership came below the agreed level and changed nothing.
    ControlOutOfOrder {
        /// Its sender.
        sender: ProcessId,
    },
    /// A part of a state for another configuration came; it is of no use any more.
    StaleState {
        /// Its sender.
        sender: ProcessId,
    },
    /// A part of a state came that does not follow the one before; it changed nothing.
    StateOutOfSequence {
        /// Its sender.
        sender: ProcessId,
        /// The part.
        part: u32,
    },
    /// Components merged: their members tell each other their clients.
    MergeBegan {
        /// Members of the new configuration.
        members: usize,
        /// Of these, those that came along with this process.
        together: usize,
    },
    /// All states are known.
    MergeCompleted {
        /// Clients that are members of a group anywhere.
        clients: usize,
        /// Messages that were held back until now.
        held: usize,
    },
    /// The configuration ended before all states were known. What was held back is delivered on this side.
    MergeAbandoned {
        /// Messages that were held back until now.
        held: usize,
    },
    /// A merge takes long.
    MergeWaiting {
        /// Members whose state is not complete.
        missing: Vec<ProcessId>,
    },
}

ringfort_machine::names!(
    Note:
    PayloadRefused, ControlOutOfOrder, StaleState, StateOutOfSequence, MergeBegan, MergeCompleted,
    MergeAbandoned, MergeWaiting,
);
