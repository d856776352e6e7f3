//! What goes in and what comes out. Commands are those of the group layer; what it tells a client is this crate's
//! own, in the names that the protocol shows.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::net::IpAddr;

use bytes::Bytes;
use ringfort_machine::{Level, Wake};
use ringfort_wire::{
    group::{Command, GroupName},
    session::{GroupId, Name, Reject},
};

use crate::{Note, Violation};

/// One connection of a client. Chosen by the runtime, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// Where a client comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A Unix socket.
    Unix,
    /// A TCP connection from this address.
    Tcp(IpAddr),
}

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Time has passed.
    Wake,
    /// A client connected.
    Opened {
        /// The session.
        session: SessionId,
        /// Where from.
        peer: Peer,
    },
    /// A client sent bytes, cut anywhere.
    Bytes {
        /// The session.
        session: SessionId,
        /// The bytes.
        bytes: Bytes,
    },
    /// The connection ended, by the client or by the network.
    Closed {
        /// The session.
        session: SessionId,
    },
    /// The socket has taken all that was sent to it.
    Drained {
        /// The session.
        session: SessionId,
    },
    /// The group layer has something for the session's client.
    Deliver {
        /// The session.
        session: SessionId,
        /// What it is.
        event: ClientEvent,
    },
    /// So much waits for the ring that clients should send no more, or it does no longer.
    Congestion {
        /// Whether it is so from now on.
        full: bool,
    },
}

impl From<Wake> for Event {
    fn from(_: Wake) -> Self {
        Self::Wake
    }
}

/// What the group layer tells a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// [`Command::Connect`] was accepted. It or [`ClientEvent::Refused`] answers each of them.
    Connected,
    /// The membership of a group changed.
    View(View),
    /// A message.
    Message(Message),
    /// A command was refused and has changed nothing.
    Refused {
        /// The command.
        command: Box<Command>,
        /// Why.
        refusal: Refusal,
    },
}

/// A view of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The group.
    pub group: GroupName,
    /// Its id, equal at all members.
    pub id: GroupId,
    /// The private names of the members after the change, in the group's order.
    pub members: Arc<[Name]>,
    /// Why there is a new view.
    pub cause: Cause,
}

/// Why there is a new view. Members are private names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The member joined.
    Join(Name),
    /// The member left. If it is the receiver, this is its last word from the group.
    Leave(Name),
    /// The member's connection ended.
    Disconnect(Name),
    /// The network changed.
    Network {
        /// The members by where they came from; the receiver is in one of these.
        sets: Arc<[Vec<Name>]>,
    },
    /// Not a view but a mark: members were lost.
    Transitional,
}

/// A message for a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The private name of the sender.
    pub from: Name,
    /// All destinations, as the sender listed them.
    pub groups: Arc<[GroupName]>,
    /// The level asked for.
    pub level: Level,
    /// Whether the sender asked for no copy.
    pub self_discard: bool,
    /// The tag of [`Command::Send`].
    pub tag: u64,
    /// The data.
    pub payload: Bytes,
}

/// Why the group layer refused a command, as far as a client can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The name is in use, or its last owner's end is not ordered yet.
    NameInUse,
    /// The name breaks a rule of this node.
    IllegalName,
    /// A limit of this node is reached.
    Limit,
    /// The ring takes nothing more at the moment.
    Busy,
    /// Any other reason.
    Other,
}

/// Something is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send these bytes. Texts of the handshake are one action each and should be one write.
    Send {
        /// The session.
        session: SessionId,
        /// The bytes.
        bytes: Bytes,
    },
    /// Close the connection. Nothing more is said about this session, and nothing about it is heard.
    Close {
        /// The session.
        session: SessionId,
        /// Why; and whether what was sent should still go out, see [`CloseReason::flushes`].
        reason: CloseReason,
    },
    /// A command for the group layer.
    Group {
        /// The session.
        session: SessionId,
        /// The command.
        command: Command,
    },
    /// Read nothing more from this client for now.
    Pause {
        /// The session.
        session: SessionId,
    },
    /// Read from this client again.
    Resume {
        /// The session.
        session: SessionId,
    },
    /// Something worth a log line or a metric.
    Note(Note),
}

/// Why a session was closed from this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// It was refused in the handshake.
    Rejected(Reject),
    /// The handshake took too long.
    HandshakeTimeout,
    /// The client asked for it.
    Killed,
    /// The client reads too slowly.
    SlowReader,
    /// The client sent on although it was not read.
    Flooded,
    /// The client broke the protocol.
    Violation(Violation),
}

impl CloseReason {
    /// Whether what was sent before should reach the client: a code does, a queue does not.
    pub const fn flushes(self) -> bool {
        match self {
            Self::Rejected(_) => true,
            Self::HandshakeTimeout
            | Self::Killed
            | Self::SlowReader
            | Self::Flooded
            | Self::Violation(_) => false,
        }
    }
}
