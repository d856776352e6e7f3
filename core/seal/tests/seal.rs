//! Goal: the promises of docs/protocol/seal.md. Method: seals on a small network, and attackers with all recordings.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "play/network.rs"]
mod network;
#[path = "play/replay.rs"]
mod replay;
#[path = "play/rotation.rs"]
mod rotation;
#[path = "play/streams.rs"]
mod streams;
