//! The bus protocol towards local clients, server side: what a program written for Spread talks to
//! (reference: Spread client protocol; its bugs excepted, section 12).
//!
//! Bytes of many sessions come in, commands for the group layer go out; events of the group layer come in,
//! bytes go out. A session lives in three stages: it greets and is authenticated, it waits for the group layer
//! to accept its name, it is open.
//!
//! ```text
//! bytes ─► Input ─► handshake | request ─► Action::Group
//! bytes ◄─ Output ◄────────── deliver   ◄─ Event::Deliver
//! ```
//!
//! Each session has one bounded queue in each direction. A client that sends faster than the ring takes is not
//! read any further ([`Action::Pause`]); one that reads too slowly is disconnected, and nobody else notices.
//!
//! What this crate deliberately is not: it knows no group and no member. Joins, leaves, views and their order
//! are the group layer's; the types it is told them in are its own, and the node translates.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod config;
mod deliver;
mod handshake;
mod input;
mod interface;
mod machine;
mod note;
mod output;
mod request;
mod state;

pub use config::{Authentication, Config, ConfigError};
pub use interface::{
    Action, Cause, ClientEvent, CloseReason, Event, Message, Peer, Refusal, SessionId, View,
};
pub use machine::Sessions;
pub use note::Note;
pub use request::Violation;
pub use ringfort_wire::{
    group::{ClientName, Command, GroupName},
    session::{GroupId, Name, Reject},
};
