//! Named process groups over one ring, with the semantics that Spread's clients know (reference: Spread client
//! protocol, sections 7 to 9; Amir, Danilov, Miskin-Amir, Schultz, Stanton 2004).
//!
//! The ring delivers messages and configurations; this crate turns them into *clients*, *groups* and *views*.
//! Joins, leaves and disconnects are themselves ordered messages, so every node changes its roster at the same
//! place in the order and nobody has to agree on anything else. Only when components merge is there something
//! to tell each other: then every member sends its own clients as ordered messages, and the configuration
//! logically begins when the last of them has been delivered (see [`Groups`] for what happens if it never is).
//!
//! What this crate deliberately is not: it knows no ring, no socket and no service. It does not flow-control
//! receivers, and it keeps no message: what is held back during a merge is bounded by what the ring's members
//! had in their outboxes when it began.
//!
//! It relies on this of the layer below:
//! * all members of a transitional configuration have delivered the same messages when they install the next
//!   regular one, and have installed the transitional one at the same place among them;
//! * what is submitted is delivered to its sender, in the order submitted, as long as the process lives. A full
//!   outbox is retried by the node in order; nothing submitted is dropped.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod clients;
mod exchange;
mod interface;
mod limits;
mod local;
mod machine;
mod merge;
mod order;
mod roster;
mod view;

pub use interface::{Action, ClientEvent, ClientId, Event, Note, Refusal};
pub use limits::{Config, ConfigError, Limits};
pub use machine::{Groups, Status};
pub use ringfort_wire::group::{ClientName, Command, GroupName, NameError};
pub use view::{Cause, MemberId, View, ViewId};
