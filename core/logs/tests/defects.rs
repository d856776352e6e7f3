//! Goal: every deliberate fault of this crate is caught by the checks of the other tests, and without one they
//! pass. Method: seeded storms, or the test that is for the fault, with one fault switched on at a time, each in
//! a process of its own. Needs the feature `defects`.
#![cfg(feature = "defects")]
#![allow(
    clippy::duplicate_mod,
    reason = "the other tests bring their own common modules"
)]

mod support;

use support::{
    storm::{judge, storm},
    world::Options,
};

use ringfort_machine::defect::{Defect, activate};
use ringfort_testkit::defects::{every_one_is_caught, in_this_process};

/// The defects that one of the other tests is for.
const DIRECTED: &[(Defect, fn())] = &[];

/// Runs storms until one of them is objected to.
fn storms(on: bool) {
    for seed in 0..if on { 300 } else { 20 } {
        judge(&storm(seed, Options::default(), false, true), false);
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
        None => storms(on),
    }
}

#[test]
fn every_defect_is_caught() {
    every_one_is_caught(
        "logs",
        "one_defect",
        &[
            Defect::HideGap,
            Defect::DeleteUnread,
            Defect::ForgetBatchSync,
            Defect::IgnoreFailedSync,
            Defect::ForgetReceived,
        ],
    );
}
