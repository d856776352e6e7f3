//! The composition: one node of the cluster, as the only machine that a runtime drives.
//!
//! Data flows one way. A datagram is decoded and goes to the ring; what the ring delivers goes to the group
//! layer; what the groups deliver goes to one service; what a service wants done leaves as an action. The only
//! arrow back is a submission, which is a push into the ring's bounded outbox and calls nothing.
//!
//! Node and manager are roles of the same machine: a manager owns no addresses and pulls the others' logs.
//!
//! What this crate deliberately is not: it holds no protocol of its own beyond who is who (`roster`) and
//! what a client of a listener is told; and it is the only crate that knows two services.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod action;
mod bus;
mod clients;
mod config;
mod connections;
mod consoles;
mod event;
mod guard;
mod ident;
pub mod journal;
mod leave;
mod node;
mod note;
mod proxy;
mod reports;
mod ring;
mod roster;
mod servers;
mod services;
mod streams;

pub use action::{
    Action, BusAction, ConnectionAction, ConsoleAction, Halt, ListenerAction, SealAction,
    StreamAction, Target,
};
pub use bus::FIRST_CLIENT;
pub use clients::FIRST_SESSION;
pub use config::{Config, ConfigError, INBOUND, ListenerConfig, Peer, RingConfig};
pub use event::{
    BusEvent, CloseReason, ConnectionEvent, ConsoleEvent, ConsolePeer, Event, ListenerEvent,
    LocalEvent, SealEvent, SealPeer, SealStatus, StreamEvent,
};
pub use guard::Guard;
pub use ident::{BusPeer, BusSession, ConnectionId, ListenerId, SessionId, StreamId};
pub use node::{Boot, Node};
pub use note::{Note, Observation, SubscriberSeen};
pub use servers::server_name;
