//! The production runtime: one loop around `poll` that drives a node, and the programs built on it.
#![allow(dead_code)]
mod address;
mod boot;
pub mod cli;
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
mod lines;
mod listen;
mod notes;
mod outbox;
mod pool;
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
