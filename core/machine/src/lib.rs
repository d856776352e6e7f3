//! The contract every machine of Ringfort keeps, and the few types all of them share.
//!
//! A machine is a pure state machine: [`Machine::handle`] takes the current [`Instant`] and one event and
//! pushes actions into a [`Sink`]. It never reads a clock, opens a socket or touches a file; time is a number
//! handed in, randomness is a [`Seed`] handed down, and whatever takes time is an order that completes by a
//! later event. The whole input of a node is therefore one list of (instant, event), which any runtime can
//! record and any other can replay.
//!
//! What this crate deliberately is not: it knows no wire format, no protocol and no service.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod bounded;
mod configuration;
mod contract;
mod deadline;
pub mod defect;
mod digest;
mod ident;
mod names;
mod seed;
mod sink;
mod time;

pub use bounded::{Bounded, Full};
pub use configuration::{
    Configuration, ConfigurationId, ConfigurationKind, Level, Member, Position, RingId,
};
pub use contract::{Machine, Wake, step};
pub use deadline::Deadline;
pub use digest::Digest;
pub use ident::{Incarnation, NodeId, OrderId, ProcessId, SubclusterId};
pub use seed::{Rng, Seed};
pub use sink::{MapSink, Sink};
pub use time::Instant;

#[cfg(test)]
mod tests;
