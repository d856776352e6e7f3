//! The targets, one module each. A module holds the target's body and says what it holds the code to.

pub mod canary;
pub mod config_text;
pub mod console_line;
pub mod wire_decode;
pub mod wire_round_trip;
