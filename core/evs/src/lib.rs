//! One ring: who is in it, in which order its messages come, and what happens to both when it breaks.
//!
//! Totem single-ring ordering and membership (Amir, Moser, Melliar-Smith, Agarwal, Ciarfella 1995) giving
//! extended virtual synchrony (Moser, Amir, Melliar-Smith, Agarwal 1994), with the accelerated ring (Babay and
//! Amir 2016) as a window that can be zero.
//!
//! A token travels round the members. Its holder gives messages their places in the one order, asks for what
//! it lacks and learns what everybody has. When the token stops, the members that can hear each other agree
//! on a new ring, exchange what any of them has of the old one, and all go over at the same place in the
//! order. [`Evs`] is a machine in the sense of `ringfort-machine`.
//!
//! What this crate deliberately is not: it knows no groups, no clients and no services, and it trusts its
//! frames to come from members of the cluster (sealing is the layer below).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod action;
mod assemble;
mod circuit;
mod commit;
mod config;
mod context;
mod deliver;
mod discovery;
mod flow;
mod gather;
mod hearing;
mod machine;
mod note;
mod operational;
mod outbox;
mod peers;
mod phase;
mod quarantine;
mod recovery;
mod roster;
mod status;
mod store;
mod verdict;

pub use action::{Action, Delivery, Destination, Event, Refusal};
pub use config::{Config, ConfigError, Timeouts, Windows};
pub use machine::Evs;
pub use note::{FailedBecause, Note, Reason, Why};
pub use status::Status;
