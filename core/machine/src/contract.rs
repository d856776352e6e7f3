//! The trait that every protocol of Ringfort implements, and the one rule by which it is driven.

use crate::{Deadline, Digest, Instant, Sink};

/// Time has passed. The only event that every machine understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wake;

/// A protocol as a pure state machine.
///
/// * One door in: everything a machine learns, time included, comes through [`Machine::handle`].
/// * Quiet on return: nothing is pending inside; a spurious or late wake is harmless.
/// * `handle` cannot fail: bad input from outside is a note and no state change, a refused command is a typed
///   reply, a failure of the environment comes in as an event, and our own mistake is an assertion.
pub trait Machine {
    /// What can happen to it.
    type Event: From<Wake>;
    /// What it wants done.
    type Action;

    /// Takes one event at the time `now`, which never decreases, and pushes what is to be done into `out`.
    fn handle(&mut self, now: Instant, event: Self::Event, out: &mut impl Sink<Self::Action>);

    /// When it next has something to do by itself.
    fn deadline(&self) -> Option<Deadline>;

    /// Adds its logical state to a fingerprint: equal states give equal fingerprints.
    fn digest(&self, into: &mut Digest);
}

/// The stepping rule that all runtimes share: a deadline that is due fires before the event is handled, so
/// that a flood of events cannot starve the timers and a replay sees the same order as the original.
pub fn step<M: Machine>(
    machine: &mut M,
    now: Instant,
    event: M::Event,
    out: &mut impl Sink<M::Action>,
) {
    if machine
        .deadline()
        .is_some_and(|deadline| deadline.at <= now)
    {
        machine.handle(now, Wake.into(), out);
    }
    machine.handle(now, event, out);
}
