//! Goal: the checks of the harness can fail. Method: seeded worlds, or the test that is for the defect, with one
//! defect switched on at a time, each in a process of its own. Needs the feature `defects`.
#![cfg(feature = "defects")]
#![allow(
    clippy::duplicate_mod,
    reason = "the other tests bring their own common modules"
)]

#[path = "clients.rs"]
mod clients;
mod harness;

use harness::{World, check};

use ringfort_machine::defect::{Defect, activate};
use ringfort_testkit::defects::{every_one_is_caught, in_this_process};

/// The defects that one of the other tests is for.
const DIRECTED: &[(Defect, fn())] = &[
    (
        Defect::LoseLeaveView,
        clients::a_leaver_gets_one_last_view_and_nothing_after,
    ),
    (
        Defect::MisroutePrivate,
        clients::a_private_message_is_for_one_node,
    ),
    (
        Defect::WrongViewCause,
        clients::a_disconnected_client_gets_nothing_and_its_name_is_free_once_ordered,
    ),
    (
        Defect::DeliverToClosing,
        clients::a_disconnected_client_gets_nothing_and_its_name_is_free_once_ordered,
    ),
];

/// Runs worlds until one of them is objected to.
fn worlds(on: bool) {
    for seed in 0..if on { 40 } else { 5 } {
        let mut world = World::new(seed);
        world.run(1500);
        assert_eq!(check::all(&world), Ok(()), "seed {seed}");
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
    every_one_is_caught("groups", "one_defect", &[Defect::ForgetParting]);
}
