//! Goal: the checks of the harness can fail. Method: seeded runs, or the story that is for the fault, with one
//! fault switched on at a time, each in a process of its own. Needs the feature `defects`.
#![cfg(feature = "defects")]
#![allow(
    clippy::duplicate_mod,
    reason = "the other tests bring their own common modules"
)]

mod harness;
#[path = "stories.rs"]
mod stories;

use harness::faults::run;

use ringfort_machine::defect::{Defect, activate};
use ringfort_testkit::defects::{every_one_is_caught, in_this_process};

/// The defects that one of the other tests is for.
const DIRECTED: &[(Defect, fn())] = &[
    (
        Defect::IgnorePreference,
        stories::preference_wins_and_fails_back_in_order,
    ),
    (
        Defect::ForgetAnnouncement,
        stories::a_new_owner_tells_the_neighbours,
    ),
    (
        Defect::ForgetOverlap,
        stories::a_merge_ends_the_overlap_and_the_winner_tells_the_neighbours,
    ),
    (
        Defect::KeepLeftovers,
        stories::leftovers_go_before_the_node_is_ready,
    ),
    (
        Defect::TakeWhileYoung,
        stories::the_first_start_waits_once_and_then_shares_evenly,
    ),
    (
        Defect::HideFailure,
        stories::a_refused_acquisition_goes_to_another_and_is_tried_again_if_there_is_none,
    ),
];

/// Runs until one is objected to.
fn runs(on: bool) {
    for seed in 0..if on { 40 } else { 5 } {
        let violations = run(seed).violations;
        assert!(violations.is_empty(), "seed {seed}: {violations:?}");
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
        None => runs(on),
    }
}

#[test]
fn every_defect_is_caught() {
    every_one_is_caught("vip", "one_defect", &[Defect::BalanceForever]);
}
