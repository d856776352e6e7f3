//! Names of things that a runtime holds for a node. Each is used once and never again.

/// A stream between nodes: odd if accepted, even if the node asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// The session of a client of the bus, and where it comes from.
pub use ringfort_session::{Peer as BusPeer, SessionId as BusSession};

/// A console session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// A service listener: its place in the configuration that opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId(pub u64);

/// A connection of a service listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);
