//! Goal: the tests of the router can fail. Method: for each deliberate defect the test that is for it, with the
//! defect switched on, in a process of its own. Needs the feature `defects`.
#![cfg(feature = "defects")]
#![allow(
    clippy::duplicate_mod,
    reason = "the other tests bring their own common modules"
)]

#[path = "router.rs"]
mod router;

use ringfort_machine::defect::{Defect, activate};
use ringfort_testkit::defects::{every_one_is_caught, in_this_process};

/// The defects that one of the other tests is for.
const DIRECTED: &[(Defect, fn())] = &[
    (
        Defect::MixReplies,
        router::answers_go_to_the_request_they_are_for,
    ),
    (
        Defect::NeverTimeOut,
        router::silence_ends_with_the_timeout_and_late_answers_can_be_retrieved,
    ),
    (
        Defect::WaitForDead,
        router::a_member_that_dies_is_named_at_once_and_not_waited_for,
    ),
    (
        Defect::KeepEveryAnswer,
        router::the_cache_is_bounded_and_the_oldest_gives_way,
    ),
];

fn unknown(_: bool) {
    panic!("no test is for this defect");
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
        None => unknown(on),
    }
}

#[test]
fn every_defect_is_caught() {
    every_one_is_caught("console", "one_defect", &[]);
}
