//! Test support for the pure crates: stories as text files that a test replays and compares.
//!
//! What this crate deliberately is not: it is never a normal dependency, and it knows no protocol. Each crate
//! gives its own meaning to the commands of its stories.
#![forbid(unsafe_code)]

pub mod defects;
mod transcript;

pub use transcript::{Step, Transcript, run_directory, run_file};
