//! Everything a node can want done. One family for each kind of surroundings; first in first out within a
//! family. Whatever can fail or take time comes back as an event.

use alloc::{string::String, sync::Arc, vec::Vec};
use core::net::SocketAddr;

use bytes::Bytes;
use ringfort_groups as groups;
use ringfort_logs::DiskAction;
use ringfort_machine::{NodeId, OrderId};
use ringfort_vip::AddressAction;

use crate::{
    Note,
    ident::{BusSession, ConnectionId, ListenerId, SessionId, StreamId},
};

/// One thing to do.
#[derive(Debug)]
pub enum Action {
    /// Send a datagram from the bus socket.
    Datagram {
        /// To whom.
        to: Target,
        /// The whole datagram.
        bytes: Bytes,
    },
    /// Work on a stream between nodes.
    Stream(StreamAction),
    /// Talk to a console.
    Console(ConsoleAction),
    /// Open or close a service listener.
    Listener(ListenerAction),
    /// Serve a connection of a service listener.
    Connection(ConnectionAction),
    /// Serve a client of the bus.
    Bus(BusAction),
    /// Something for an embedding program's client of the group layer.
    Group {
        /// The client.
        client: groups::ClientId,
        /// What happened.
        event: groups::ClientEvent,
    },
    /// A disk order; completed by [`crate::Event::Disk`].
    Disk(OrderId, DiskAction),
    /// An address order; completed by [`crate::Event::Address`].
    Address(OrderId, AddressAction),
    /// Something for the seal; [`crate::Guard`] takes it, and without one there is nothing to do.
    Seal(SealAction),
    /// Something worth knowing.
    Note(Note),
    /// The node is done: the runtime ends the process.
    Halt(Halt),
}

/// Where a datagram goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One peer.
    Peer(SocketAddr),
    /// Each of these, one by one.
    Peers(Arc<[SocketAddr]>),
    /// A multicast group or a broadcast address.
    Multicast(SocketAddr),
}

/// Why a node stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// It was asked to, and has left in good order.
    Left,
    /// It would have had to drop a message of its own services; a restart is safer.
    Overloaded,
}

/// What the node tells the seal in front of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealAction {
    /// The members of the ring, for whom a new key must be in place before it is used.
    Members(Vec<NodeId>),
    /// The cluster has agreed on an epoch.
    Rotate(u64),
}

/// Streams between nodes.
#[derive(Debug)]
pub enum StreamAction {
    /// Connect. `stream` is even, chosen by the node, never reused.
    Connect {
        /// The stream.
        stream: StreamId,
        /// The peer's cluster listener.
        to: SocketAddr,
        /// The peer, if it is known; it has to prove that it is the one.
        node: Option<NodeId>,
    },
    /// Send bytes.
    Send {
        /// The stream.
        stream: StreamId,
        /// The bytes.
        bytes: Bytes,
    },
    /// Close after what was sent.
    Close {
        /// The stream.
        stream: StreamId,
    },
}

/// Control listeners.
#[derive(Debug)]
pub enum ConsoleAction {
    /// Print text, which ends with a line end.
    Print {
        /// The session.
        session: SessionId,
        /// The text.
        text: String,
    },
    /// The answer is complete: print this prompt.
    Prompt {
        /// The session.
        session: SessionId,
        /// The prompt.
        text: String,
    },
    /// End the session after what was printed.
    Close {
        /// The session.
        session: SessionId,
    },
}

/// Service listeners.
#[derive(Debug)]
pub enum ListenerAction {
    /// Listen.
    Open {
        /// The listener.
        listener: ListenerId,
        /// Where.
        address: SocketAddr,
    },
    /// Stop listening; standing connections go on.
    Close {
        /// The listener.
        listener: ListenerId,
    },
}

/// Connections of service listeners.
#[derive(Debug)]
pub enum ConnectionAction {
    /// Send this and close.
    Greet {
        /// The connection.
        connection: ConnectionId,
        /// What to send.
        banner: Bytes,
    },
    /// Connect to the backend, send `header` to it, then pass bytes both ways.
    Relay {
        /// The connection.
        connection: ConnectionId,
        /// The backend.
        to: SocketAddr,
        /// The PROXY protocol version 2 header.
        header: Bytes,
    },
    /// Send this and close: the client is turned away.
    Refuse {
        /// The connection.
        connection: ConnectionId,
        /// What to send.
        banner: Bytes,
    },
    /// Close at once.
    Drop {
        /// The connection.
        connection: ConnectionId,
    },
}

/// Connections of clients of the bus.
#[derive(Debug)]
pub enum BusAction {
    /// Send bytes. What is sent during one event may leave in one write; a text of the handshake is one action.
    Send {
        /// The session.
        session: BusSession,
        /// The bytes.
        bytes: Bytes,
    },
    /// Read nothing more for now.
    Pause {
        /// The session.
        session: BusSession,
    },
    /// Read again.
    Resume {
        /// The session.
        session: BusSession,
    },
    /// Close.
    Close {
        /// The session.
        session: BusSession,
        /// Whether what was sent is to reach the client first; otherwise at once.
        flush: bool,
    },
}
