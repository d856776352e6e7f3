//! What a fuzz target is, and the list of all of them.

use std::fmt;

use crate::{Marks, targets};

/// A function of bytes that panics if something does not hold.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name: that of its module, its corpus and its libFuzzer front.
    pub name: &'static str,
    /// What it holds, in one line.
    pub about: &'static str,
    /// Runs it. Whatever the input, it ends soon and uses memory in proportion to the input.
    pub run: fn(&[u8], &mut Marks),
    /// The longest input worth making, in bytes. `run` takes longer ones as well.
    pub limit: usize,
    /// Words of its language, if it reads one.
    pub words: &'static [&'static str],
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("name", &self.name).finish()
    }
}

/// All targets that must never fail.
pub const ALL: &[Target] = &[
    targets::wire_decode::TARGET,
    targets::wire_round_trip::TARGET,
    targets::config_text::TARGET,
    targets::console_line::TARGET,
    targets::evs::RING,
    targets::evs::FRAMES,
    targets::groups::TARGET,
    targets::replication::TARGET,
    targets::vip::TARGET,
    targets::console_router::TARGET,
    targets::log_store::TARGET,
    targets::log_replay::TARGET,
    targets::node::TARGET,
    targets::session::SESSIONS,
    targets::session::STREAM,
    targets::client_stream::TARGET,
    targets::seal::TARGET,
];

/// The target that must fail, so that a runner which finds nothing is known to be looking. Never part of `all`.
pub const CANARY: Target = targets::canary::TARGET;

/// The target called `name`, the canary included.
pub fn find(name: &str) -> Option<&'static Target> {
    ALL.iter()
        .chain(std::iter::once(&CANARY))
        .find(|target| target.name == name)
}

/// Runs the target called `name` once: all that a libFuzzer front does.
///
/// # Panics
/// If there is no such target, or if it fails.
pub fn once(name: &str, input: &[u8]) {
    let target = find(name).expect("the front of a target that exists");
    (target.run)(input, &mut Marks::default());
}
