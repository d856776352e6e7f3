//! The contract's own promises: time saturates, deadlines fold, seeds do not disturb each other.

extern crate std;

use core::time::Duration;
use std::vec::Vec;

use proptest::prelude::*;

use super::{
    Bounded, Deadline, Digest, Full, Instant, Machine, NodeId, Rng, Seed, Sink, Wake, step,
};

#[test]
fn earliest_ignores_absent_deadlines() {
    let early = Deadline::new(Instant::from_nanos(5), "early");
    let late = Deadline::new(Instant::from_nanos(9), "late");
    assert_eq!(
        Deadline::earliest([None, Some(late), Some(early), None]),
        Some(early)
    );
    assert_eq!(Deadline::earliest([None, None]), None);
}

#[test]
fn time_saturates() {
    assert_eq!(Instant::NEVER + Duration::from_secs(1), Instant::NEVER);
    assert_eq!(Instant::ORIGIN.since(Instant::NEVER), Duration::ZERO);
}

#[test]
fn a_fork_depends_on_its_label_only() {
    let seed = Seed::from_number(7);
    assert_eq!(seed.fork("evs"), seed.fork("evs"));
    assert_ne!(seed.fork("evs"), seed.fork("vip"));
    assert_ne!(Seed::from_number(8).fork("evs"), seed.fork("evs"));
}

/// The draws are part of every recorded seed: a change here renames all of them.
#[test]
fn draws_are_fixed_for_ever() {
    let mut rng = Rng::new(Seed::from_number(1));
    let drawn: Vec<u64> = (0..3).map(|_| rng.below(1000)).collect();
    assert_eq!(drawn, DRAWS);
}

const DRAWS: [u64; 3] = [413, 338, 479];

#[test]
fn node_names_compare_without_case() {
    assert_eq!(NodeId::of_name("MTA1"), NodeId::of_name("mta1"));
    assert_ne!(NodeId::of_name("mta1"), NodeId::of_name("mta2"));
}

#[test]
fn a_full_queue_refuses_and_hands_back() {
    let mut queue = Bounded::new(1);
    assert_eq!(queue.push(1), Ok(()));
    assert_eq!(queue.push(2), Err(Full(2)));
    assert_eq!(queue.pop(), Some(1));
}

/// A machine that counts, to show the stepping rule: what is due fires before what arrives.
struct Recorder(Option<Instant>);

#[derive(Debug, PartialEq)]
enum Happened {
    Wake,
    Other,
}

impl From<Wake> for Happened {
    fn from(_: Wake) -> Self {
        Self::Wake
    }
}

impl Machine for Recorder {
    type Event = Happened;
    type Action = Happened;

    fn handle(&mut self, _: Instant, event: Happened, out: &mut impl Sink<Happened>) {
        if event == Happened::Wake {
            self.0 = None;
        }
        out.push(event);
    }

    fn deadline(&self) -> Option<Deadline> {
        self.0.map(|at| Deadline::new(at, "test"))
    }

    fn digest(&self, into: &mut Digest) {
        into.flag(self.0.is_some());
    }
}

#[test]
fn a_due_deadline_fires_first() {
    let mut machine = Recorder(Some(Instant::from_nanos(3)));
    let mut out = Vec::new();
    step(
        &mut machine,
        Instant::from_nanos(2),
        Happened::Other,
        &mut out,
    );
    step(
        &mut machine,
        Instant::from_nanos(3),
        Happened::Other,
        &mut out,
    );
    assert_eq!(out, [Happened::Other, Happened::Wake, Happened::Other]);
}

proptest! {
    #[test]
    fn draws_stay_in_range(seed: u64, low in 0u64..1000, span in 0u64..1000) {
        let mut rng = Rng::new(Seed::from_number(seed));
        let drawn = rng.between(low, low + span);
        prop_assert!((low..=low + span).contains(&drawn));
    }

    #[test]
    fn shuffle_keeps_all_items(seed: u64, count in 0usize..50) {
        let mut items: Vec<usize> = (0..count).collect();
        Rng::new(Seed::from_number(seed)).shuffle(&mut items);
        items.sort_unstable();
        prop_assert_eq!(items, (0..count).collect::<Vec<_>>());
    }
}
