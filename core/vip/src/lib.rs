//! Which node holds which virtual address (Momentum's DuraVIP, reference sections 1.6 and 1.20).
//!
//! The intuition: an address belongs to nobody's opinion. All members of a view hold the same agreed state
//! (`agreed`), changed only by views and by messages in agreed order, and a pure function of it (`balance`)
//! says who should have which address. What an address *is* on this machine's interfaces is another matter:
//! `local` follows the agreed state with orders to the platform and reports when a tenure ended.
//!
//! The one rule everything else serves: a tenure starts only where the agreed state shows that nobody in the
//! view may still have the address. So a move is release, agreement, acquisition, in that order; a takeover
//! from a departed member needs no message at all, since every survivor sees the view at the same place; and
//! after a merge nothing is taken until every member has said what it has.
//!
//! What this crate deliberately is not: it opens no socket and sends no ARP (platform crates do), it knows no
//! ring and no group (node hands it views), and it decides nothing from a clock that others would have to
//! share: a timer only makes somebody send a message.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod action;
mod agreed;
pub mod balance;
mod config;
mod event;
mod local;
mod machine;
mod note;
mod order;
mod status;
mod timers;

pub use action::Action;
pub use config::{AddressConfig, Config, ConfigError, defaults};
pub use event::{Command, CommandError, Event};
pub use machine::Vip;
pub use note::{Note, Reject};
pub use order::{AddressAction, AddressError, AddressErrorKind, AddressOutcome};
pub use ringfort_wire::vip::{Body, ServiceSet, Standing};
pub use status::{AddressStatus, Flags, Hold, MemberAddress, MemberTable, Offered, Phase, Status};
