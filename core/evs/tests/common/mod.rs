//! A small world for the tests of the ring: machines under virtual time, a network that loses, repeats,
//! reorders and cuts, and the judge of what they deliver.
#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]
#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

pub mod graphs;
pub mod judge;
pub mod story;
pub mod world;
