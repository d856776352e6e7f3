//! Durable segmented logs: written on every node, read by subscribers, gathered by a manager.
//!
//! Three machines. [`store::Store`] keeps one log on one node. [`server::Server`] keeps all logs of a node and
//! replays them to whoever subscribes. [`puller::Puller`] runs on the manager, reads the logs of all nodes and
//! writes them into text files, each record exactly once. None of them touches a file or a socket: they give
//! orders to a disk ([`disk`]) and exchange messages on streams (`ringfort_wire::logs`).
//!
//! The formats and the promises are in docs/protocol/logs.md; the reference is momentum-features 1.8 to 1.10,
//! the promises L1 to L10 are those of services-anchors 2.5.
//!
//! Deliberately not here: compression, encryption, the clients that write and the tools that print.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod calendar;
mod checkpoint;
mod destination;
pub mod disk;
mod format;
pub mod inspect;
mod note;
pub mod puller;
mod record;
pub mod server;
pub mod store;

pub use checkpoint::Checkpoint;
pub use destination::{Destination, DestinationError};
pub use disk::{DiskAction, DiskError, DiskErrorKind, DiskOutcome, Entry, Path};
pub use note::Note;
pub use record::{Append, AppendError, Class, Gap, GapCause, RECORD_LIMIT, Record, RecordId};
