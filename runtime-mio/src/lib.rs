//! The production runtime: one loop around `poll` that drives a node, and the programs built on it.
#![allow(dead_code)]
mod clock;
mod connections;
mod consoles;
mod datagram;
mod disk;
mod error;
mod lines;
mod listen;
mod outbox;
mod pool;
mod streams;
mod sys;
mod timer;
mod token;
mod worker;

pub use clock::Clock;
pub use error::BootError;
