//! Goal: a program written for Spread finds here what the reference promises it (Spread client protocol; the
//! numbers at the tests are those of its section 13). Method: real daemons on addresses of the loopback, real
//! sockets, and a client of the tests' own that shares no code with the server.
#![allow(clippy::unwrap_used)]

mod client;
#[path = "../common/mod.rs"]
mod common;
mod daemons;
mod doors;
mod handshake;
mod limits;
mod order;
mod ring;
mod services;
