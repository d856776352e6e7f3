//! Goal: programs written for Spread find what they know, and none of them can harm the others. Method: see the
//! modules.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod daemon;
mod limits;
mod protocol;
mod transcripts;
