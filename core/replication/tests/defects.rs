//! Goal: the checks of the random worlds can fail. Method: random worlds, or the test that is for the fault,
//! with one fault switched on at a time, each in a process of its own. Needs the feature `defects`.
#![cfg(feature = "defects")]
#![allow(
    clippy::duplicate_mod,
    reason = "the other tests bring their own common modules"
)]

mod bus;
#[path = "machine.rs"]
mod machine;

use bus::world::random_world;

use ringfort_machine::defect::{Defect, activate};
use ringfort_testkit::defects::{every_one_is_caught, in_this_process};

/// The defects that one of the other tests is for.
const DIRECTED: &[(Defect, fn())] = &[
    (Defect::AcceptRepeat, machine::echoes_change_nothing),
    (
        Defect::SkipParentSum,
        machine::a_netblock_counts_what_is_counted_inside_it,
    ),
];

/// Runs worlds until one of them is objected to.
fn worlds(on: bool) {
    for seed in 0..if on { 30 } else { 5 } {
        random_world(seed, 4, 300);
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
        None => worlds(on),
    }
}

#[test]
fn every_defect_is_caught() {
    every_one_is_caught("replication", "one_defect", &[]);
}
