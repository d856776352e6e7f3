//! Everything that can happen to a node. The whole life of a node is a list of (instant, event).
//!
//! One family for each kind of surroundings, so that a runtime has one executor file for each and the
//! simulator one model.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::net::SocketAddr;

use bytes::Bytes;
use ringfort_groups as groups;
use ringfort_logs::{Class, DiskOutcome};
use ringfort_machine::{Incarnation, NodeId, OrderId, Wake};
use ringfort_seal::Trusted;
use ringfort_vip::AddressOutcome;

use crate::{
    Config,
    ident::{BusPeer, BusSession, ConnectionId, ListenerId, SessionId, StreamId},
};

/// One thing that happened.
#[derive(Debug)]
pub enum Event {
    /// Time has passed.
    Wake,
    /// A datagram arrived on the bus socket.
    Datagram {
        /// Who the transport says sent it.
        from: SocketAddr,
        /// The whole datagram.
        bytes: Bytes,
    },
    /// Something happened to a stream between nodes.
    Stream(StreamEvent),
    /// Something happened on a control listener.
    Console(ConsoleEvent),
    /// Something happened to a service listener.
    Listener(ListenerEvent),
    /// Something happened to a connection of a service listener.
    Connection(ConnectionEvent),
    /// Something happened to a connection of a client of the bus.
    Bus(BusEvent),
    /// A program that embeds the node wants something.
    Local(LocalEvent),
    /// A disk order completed.
    Disk {
        /// The order.
        order: OrderId,
        /// How it ended.
        outcome: DiskOutcome,
    },
    /// An address order completed.
    Address {
        /// The order.
        order: OrderId,
        /// How it ended.
        outcome: AddressOutcome,
    },
    /// Something of the seal in front of the node.
    Seal(SealEvent),
    /// The operator has checked a new configuration; it takes effect as a whole.
    Reload(Box<Config>),
    /// Leave in good order. Answered by [`crate::Action::Halt`].
    Leave,
}

impl From<Wake> for Event {
    fn from(_: Wake) -> Self {
        Self::Wake
    }
}

/// The seal in front of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealEvent {
    /// The operator has changed the allow-list. For [`crate::Guard`]; a node without one has nothing to do.
    Trust(Vec<Trusted>),
    /// What has become of the seal, told by [`crate::Guard`] whenever it changes.
    Status(SealStatus),
}

/// The seal as the node can tell of it. Nothing in it is secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealStatus {
    /// The epoch of this process's key in use.
    pub epoch: u64,
    /// The epoch that a rotation in progress leads to.
    pub rotating_to: Option<u64>,
    /// Every other node of the allow-list.
    pub peers: Vec<SealPeer>,
    /// What was dropped, by [`ringfort_seal::Reason`] in order; as old as the last change of anything else.
    pub refused: Vec<u64>,
}

/// One node of the allow-list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealPeer {
    /// The node.
    pub node: NodeId,
    /// Which life of it has proved to be here.
    pub incarnation: Option<Incarnation>,
    /// The epoch of its latest key.
    pub epoch: Option<u64>,
}

/// Streams between nodes.
#[derive(Debug)]
pub enum StreamEvent {
    /// A peer connected to the cluster listener. `stream` is odd, chosen by the runtime, never reused.
    Accepted {
        /// The stream.
        stream: StreamId,
        /// The far end.
        peer: SocketAddr,
    },
    /// A connection that the node asked for stands.
    Connected {
        /// The stream.
        stream: StreamId,
    },
    /// Bytes arrived, cut anywhere.
    Data {
        /// The stream.
        stream: StreamId,
        /// The bytes.
        bytes: Bytes,
    },
    /// The stream is gone, or never came to be. Not sent after the node's own close.
    Closed {
        /// The stream.
        stream: StreamId,
        /// Why.
        reason: CloseReason,
    },
}

/// Why a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The far end closed it.
    Finished,
    /// The far end could not be reached.
    Unreachable,
    /// It was reset or failed.
    Reset,
    /// Nothing moved for too long.
    Idle,
    /// The far end does not read and the runtime's buffer is full.
    Overrun,
}

/// Who is at the other end of a console session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsolePeer {
    /// A process on this host, by Unix socket.
    Local {
        /// Its user id, if the system tells.
        user: Option<u32>,
    },
    /// A TCP client.
    Remote(SocketAddr),
}

/// Control listeners.
#[derive(Debug)]
pub enum ConsoleEvent {
    /// A session begins.
    Opened {
        /// The session; never reused.
        session: SessionId,
        /// Who it is.
        peer: ConsolePeer,
        /// The name of the listener, for the prompt.
        target: String,
    },
    /// A line, without its end. The runtime has bounded its length.
    Line {
        /// The session.
        session: SessionId,
        /// The text.
        line: String,
    },
    /// The session is gone.
    Closed {
        /// The session.
        session: SessionId,
    },
}

/// Service listeners.
#[derive(Debug)]
pub enum ListenerEvent {
    /// It accepts connections now.
    Opened {
        /// The listener.
        listener: ListenerId,
    },
    /// It could not be opened.
    Failed {
        /// The listener.
        listener: ListenerId,
        /// What the system said.
        reason: String,
    },
}

/// Connections of service listeners.
#[derive(Debug)]
pub enum ConnectionEvent {
    /// A client connected; the runtime reads and writes nothing until told.
    Accepted {
        /// The connection; never reused.
        connection: ConnectionId,
        /// Through which listener.
        listener: ListenerId,
        /// The client.
        peer: SocketAddr,
        /// The address it connected to.
        local: SocketAddr,
    },
    /// It is over.
    Closed {
        /// The connection.
        connection: ConnectionId,
        /// Bytes from the client.
        received: u64,
        /// Bytes to the client.
        sent: u64,
    },
    /// The backend could not be reached; [`ConnectionEvent::Closed`] follows.
    RelayFailed {
        /// The connection.
        connection: ConnectionId,
    },
}

/// Connections of clients of the bus.
#[derive(Debug)]
pub enum BusEvent {
    /// A client connected.
    Accepted {
        /// The session; never reused.
        session: BusSession,
        /// Where from.
        peer: BusPeer,
    },
    /// Bytes arrived, cut anywhere. Of a session that is paused there come no more than a few hundred kilobytes,
    /// which had been read before.
    Data {
        /// The session.
        session: BusSession,
        /// The bytes.
        bytes: Bytes,
    },
    /// The socket has taken everything that was sent.
    Drained {
        /// The session.
        session: BusSession,
    },
    /// The connection ended. Not sent after the node's own close.
    Closed {
        /// The session.
        session: BusSession,
    },
}

/// What an embedding program may do.
#[derive(Debug)]
pub enum LocalEvent {
    /// A client of the group layer acts. Its id is at least [`crate::FIRST_CLIENT`] and below
    /// [`crate::FIRST_SESSION`]; the others are the node's own.
    Group {
        /// The client.
        client: groups::ClientId,
        /// What it wants.
        command: groups::Command,
    },
    /// The local contribution to a counter changes.
    Count {
        /// The replicated object.
        object: String,
        /// A prefix or a domain, as text.
        key: String,
        /// By how much.
        by: i64,
    },
    /// A record for a log.
    Append {
        /// The key of the log.
        log: String,
        /// How durable it must be.
        class: Class,
        /// The record.
        payload: Bytes,
    },
}
