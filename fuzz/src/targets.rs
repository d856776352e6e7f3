//! The targets, one module each. A module holds the target's body and says what it holds the code to.

pub mod canary;
pub mod client_stream;
pub mod config_text;
pub mod console_line;
pub mod console_router;
pub mod evs;
pub mod evs_promises;
pub mod groups;
pub mod log_replay;
pub mod log_store;
pub mod node;
pub mod replication;
pub mod seal;
pub mod session;
pub mod vip;
pub mod wire_decode;
pub mod wire_round_trip;
