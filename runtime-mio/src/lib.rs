//! The production runtime: one loop around `poll` that drives a node, and the programs built on it.
//!
//! [`Daemon`] is a node with its surroundings; [`cli`] is the command line of `ringfort`. One thread does all
//! of the protocol; a worker each for the disk and for addresses does what may block. An executor file for
//! each family of actions, and nothing in any of them decides anything:
//!
//! | family | executor | |
//! |---|---|---|
//! | datagrams | `datagram` | batches of 64 in both directions, pooled buffers |
//! | streams between nodes | `streams` | bounded outboxes, idle timeouts |
//! | consoles | `consoles` | Unix sockets and TCP, bounded lines and answers |
//! | service listeners and connections | `connections` | greetings, refusals, relays |
//! | clients of the bus | `clients` | Spread's port and socket, batches both ways |
//! | disk | `disk` | one worker, first in first out, group commit |
//! | addresses | `address` | the platform, or the loopback |
//! | notes | `notes` | log lines with a limit, and counters |
//!
//! `recording` writes down what the node is told, if somebody wants to see it again.
//!
//! What this crate deliberately is not: it holds no protocol decision and no ordering rule. `unsafe` is in
//! `sys` alone.

mod address;
mod boot;
pub mod cli;
mod clients;
mod clock;
mod configuration;
mod connections;
mod console_client;
mod consoles;
mod datagram;
mod disk;
mod driver;
mod error;
pub mod flood;
mod journal;
mod keys;
mod lines;
mod listen;
mod notes;
mod outbox;
mod recording;
mod signals;
mod streams;
mod sys;
mod timer;
mod token;
mod up;
mod worker;

pub use clock::Clock;
pub use configuration::Loaded;
pub use driver::Daemon;
pub use error::BootError;
pub use recording::JournalOptions;
