//! Counters that every node of the cluster sees as one: connections by address ([`Kind::CidrTree`]) and by
//! name ([`Kind::GaugeTable`]).
//!
//! Each process owns its contribution and publishes it as absolute values; the aggregate is the sum over the
//! members of the view. The bus does the hard part. Members that move together have delivered the same
//! messages before the same view (Moser et al. 1994, failure atomicity), so "drop what that process
//! contributed" happens at one point of the total order everywhere, and no timer, tombstone or vector clock is
//! needed (services-anchors 3.2 shows what goes wrong with those). Newcomers are told by snapshots; when every
//! member's snapshot has come in, the state is *settled* and its fingerprint is equal at all members at equal
//! positions.
//!
//! ```text
//! change ─► local table ─► batch ─► Publish ─► (agreed order) ─► parts by process ─► aggregate
//! ```
//!
//! The aggregate is a function of delivered messages alone. A process's own change counts there when its own
//! message comes back; [`Replication::count_for_limit`] adds what is still under way.
//!
//! What this crate deliberately is not: it holds gauges, not totals or time windows, and it knows no ring.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod batch;
mod config;
mod event;
mod key;
mod machine;
mod note;
mod object;
mod query;
mod roster;
mod snapshot;
mod table;
mod trie;

pub use config::{Config, ConfigError, ObjectConfig};
pub use event::{Action, Event};
pub use key::Key;
pub use machine::Replication;
pub use note::Note;
pub use query::{Fingerprint, ObjectView};
pub use ringfort_wire::counter::{Body, Kind};
pub use table::{Row, Rows, Table};
