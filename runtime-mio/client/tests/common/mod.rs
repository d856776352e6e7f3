//! A daemon for tests: the session machine that Ringfort serves clients with, and a group layer for one node that
//! orders everything at once. In memory ([`bus`]), or behind sockets ([`server`]).

#[allow(dead_code, reason = "each test uses its part")]
pub(crate) mod bus;
#[allow(dead_code, reason = "each test uses its part")]
pub(crate) mod server;
