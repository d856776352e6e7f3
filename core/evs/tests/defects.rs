//! Goal: show that the judge objects to each deliberate fault of the ring, so that its silence means something.
//! Method: random stories, or the test that is for the fault, with one fault switched on at a time, each in a
//! process of its own. Needs the feature `defects`; without it this file is empty.
#![cfg(feature = "defects")]
#![allow(
    clippy::duplicate_mod,
    reason = "the other tests bring their own common modules"
)]

#[path = "bounds.rs"]
mod bounds;
mod common;
#[path = "topologies.rs"]
mod topologies;

use common::story::Story;

use ringfort_machine::defect::{Defect, activate};
use ringfort_testkit::defects::{every_one_is_caught, in_this_process};

/// The defects that one of the other tests is for.
const DIRECTED: &[(Defect, fn())] = &[
    (
        Defect::NeverRepeatToken,
        bounds::five_percent_loss_evicts_nobody,
    ),
    (Defect::IgnoreHurry, bounds::an_idle_ring_sends_promptly),
    (Defect::LeaveSilently, bounds::a_leave_costs_less_than_50_ms),
    (
        Defect::ForgetQuarantine,
        topologies::two_three_and_four_come_to_rest_from_a_whole_ring,
    ),
    (
        Defect::AskAnybody,
        topologies::two_three_and_four_come_to_rest_from_a_whole_ring,
    ),
];

/// How many stories it may take to find a fault.
const STORIES: u64 = 400;
/// So many must be in order without one.
const SOUND: u64 = 20;

/// Plays stories until one of them is complained of.
fn stories(on: bool) {
    for number in 0..if on { STORIES } else { SOUND } {
        let mut story = Story::new(number);
        story.world.keep_notes = false;
        let complaints = story.run();
        assert!(complaints.is_empty(), "story {number}: {complaints:?}");
    }
}

#[test]
fn one_defect() {
    let Some((defect, on)) = in_this_process() else {
        return;
    };
    if on {
        activate(Some(defect));
    }
    let directed = DIRECTED.iter().find(|(known, _)| *known == defect);
    match directed {
        Some((_, test)) => test(),
        None => stories(on),
    }
}

#[test]
fn every_defect_is_caught() {
    every_one_is_caught("evs", "one_defect", &[]);
}
