//! Goal: the tests of a cluster of nodes can fail. Method: for each deliberate defect of the composition the test
//! that is for it, with the defect switched on, in a process of its own. Needs the feature `defects`.
#![cfg(feature = "defects")]
#![allow(
    clippy::duplicate_mod,
    reason = "the other tests bring their own common modules"
)]

#[path = "cluster.rs"]
mod cluster;

use ringfort_machine::defect::{Defect, activate};
use ringfort_testkit::defects::{every_one_is_caught, in_this_process};

/// The defects that one of the other tests is for.
const DIRECTED: &[(Defect, fn())] = &[
    (
        Defect::KeepListener,
        cluster::an_address_that_moves_takes_its_listener_along,
    ),
    (
        Defect::ForgetClosed,
        cluster::connections_are_counted_everywhere_and_gathered_once,
    ),
    (
        Defect::AllowOneMore,
        cluster::a_netblock_has_no_more_connections_than_allowed_in_the_whole_cluster,
    ),
    (
        Defect::ServeUnrecorded,
        cluster::nobody_is_served_before_the_record_is_written,
    ),
    (
        Defect::SpeakTooEarly,
        cluster::a_node_is_mute_until_its_leftovers_are_gone,
    ),
    (
        Defect::ForgetStreamEnd,
        cluster::a_stream_that_ends_is_opened_again_at_once,
    ),
    (Defect::RememberDeparted, cluster::who_has_gone_is_not_asked),
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
    every_one_is_caught("node", "one_defect", &[]);
}
