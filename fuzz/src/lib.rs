//! Fuzzing of everything in the core that takes bytes, text or events from outside.
//!
//! A target is a function of bytes that panics if something does not hold ([`Target`]); all of them are in
//! [`ALL`]. Three fronts share the bodies: `cargo test` runs the committed corpora, the program `soak` runs
//! seeded campaigns on a stable compiler, and the shims in `fuzz_targets/` hand them to libFuzzer. The intuition
//! behind all targets is the same: bytes are read as a script ([`Cursor`]) of what may happen, so that every
//! byte string is a valid story, and what the code did is marked ([`Marks`]), so that a runner without compiler
//! instrumentation still knows a new story from an old one.
//!
//! What this crate deliberately is not: the simulator. It knows no whole nodes on a modelled network over
//! minutes; it drives one kind of machine at a time through states that no network would produce.
#![forbid(unsafe_code)]

pub mod bus;
pub mod campaign;
mod codecs;
pub mod corpus;
mod cursor;
pub mod disk;
mod guard;
mod marks;
mod minimise;
mod mutate;
pub mod story;
mod target;
pub mod targets;

pub use cursor::Cursor;
pub use guard::{Failure, guarded};
pub use marks::Marks;
pub use minimise::minimise;
pub use mutate::Mutator;
pub use target::{ALL, CANARY, Target, find, once};
