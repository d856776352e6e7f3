//! Goal: the tests of the seal can fail. Method: for each deliberate defect the test that is for it, with the
//! defect switched on, in a process of its own. Needs the feature `defects`.
#![cfg(feature = "defects")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![allow(dead_code, reason = "not every test is for a defect")]

#[path = "play/network.rs"]
mod network;
#[path = "play/replay.rs"]
mod replay;
#[path = "play/rotation.rs"]
mod rotation;
#[path = "play/streams.rs"]
mod streams;

use ringfort_machine::defect::{Defect, activate};
use ringfort_testkit::defects::{every_one_is_caught, in_this_process};

/// The test that is for each defect.
const DIRECTED: &[(Defect, fn())] = &[
    (Defect::SkipReplayWindow, replay::a_repetition_is_refused),
    (Defect::SkipTag, replay::nothing_changed_or_cut_is_opened),
    (Defect::AcceptOldKey, rotation::an_old_key_opens_nothing),
    (Defect::AcceptOldLife, replay::an_earlier_life_is_not_heard),
    (
        Defect::SwitchEarly,
        rotation::the_new_key_waits_for_every_member,
    ),
    (
        Defect::KeepRevoked,
        rotation::a_revoked_node_is_neither_heard_nor_told,
    ),
];

#[test]
fn one_defect() {
    let Some((defect, on)) = in_this_process() else {
        return;
    };
    if on {
        activate(Some(defect));
    }
    let directed = DIRECTED.iter().find(|(known, _)| *known == defect);
    directed.expect("a test is for this defect").1();
}

#[test]
fn every_defect_is_caught() {
    every_one_is_caught("seal", "one_defect", &[]);
}
