//! Goal: the tests of the sessions can fail. Method: for each deliberate defect the test that is for it, with the
//! defect switched on, in a process of its own. Needs the feature `defects`.
#![cfg(feature = "defects")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![allow(
    clippy::duplicate_mod,
    reason = "the other tests bring their own common modules"
)]

#[path = "clients/daemon.rs"]
mod daemon;
#[path = "clients/limits.rs"]
mod limits;
#[path = "clients/protocol.rs"]
mod protocol;

use ringfort_machine::defect::{Defect, activate};
use ringfort_testkit::defects::{every_one_is_caught, in_this_process};

/// The defects that one of the other tests is for.
const DIRECTED: &[(Defect, fn())] = &[
    (
        Defect::KeepSlowReader,
        limits::a_slow_reader_is_dropped_alone,
    ),
    (
        Defect::AcceptAnySender,
        protocol::malformed_headers_close_one_session,
    ),
    (
        Defect::IgnoreCongestion,
        limits::congestion_stops_reading_and_loses_nothing,
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
    every_one_is_caught("session", "one_defect", &[]);
}
