//! An own finding ends by the link, and later each time; what others found lasts as long as they say so.

use core::time::Duration;

use ringfort_machine::{Incarnation, Instant, NodeId, ProcessId};

use super::{Grounds, Quarantine};
use crate::Timeouts;

fn process(node: u64) -> ProcessId {
    ProcessId::new(NodeId(node), Incarnation(1))
}

fn at(ms: u64) -> Instant {
    Instant::ORIGIN + Duration::from_millis(ms)
}

const EVERYBODY: fn(ProcessId) -> bool = |_| true;
const NOBODY: fn(ProcessId) -> bool = |_| false;

#[test]
fn a_finding_ends_by_the_link_and_not_before_its_time() {
    let timeouts = Timeouts::default();
    let mut quarantine = Quarantine::default();
    let length = quarantine.find(process(1), Grounds::Link, at(0), &timeouts);
    assert_eq!(length, timeouts.quarantine_min);
    assert!(quarantine.holds(process(1), true, at(499), NOBODY));
    assert!(!quarantine.on_link(process(1), at(499)));
    assert!(
        quarantine.holds(process(1), false, at(60_000), NOBODY),
        "silence proves nothing"
    );
    assert!(!quarantine.holds(process(1), true, at(500), NOBODY));
    assert!(quarantine.on_link(process(1), at(500)));
    assert!(!quarantine.holds(process(1), false, at(500), NOBODY));
}

#[test]
fn each_time_takes_longer() {
    let timeouts = Timeouts::default();
    let mut quarantine = Quarantine::default();
    let mut expected = timeouts.quarantine_min;
    for _ in 0..12 {
        let length = quarantine.find(process(1), Grounds::Link, at(0), &timeouts);
        assert_eq!(length, expected.min(timeouts.quarantine_max));
        expected *= 2;
    }
    let later = at(0) + timeouts.quarantine_max * 5;
    let length = quarantine.find(process(1), Grounds::Link, later, &timeouts);
    assert_eq!(
        length, timeouts.quarantine_min,
        "long after it is forgotten"
    );
}

#[test]
fn a_grudge_ends_at_once_and_deafness_by_time() {
    let timeouts = Timeouts::default();
    let mut quarantine = Quarantine::default();
    quarantine.find(process(1), Grounds::Grudge, at(0), &timeouts);
    assert!(quarantine.holds(process(1), false, at(0), NOBODY));
    assert!(quarantine.on_link(process(1), at(0)));
    quarantine.find(process(2), Grounds::Deaf, at(0), &timeouts);
    assert!(!quarantine.on_link(process(2), at(100)));
    assert!(quarantine.holds(process(2), true, at(100), NOBODY));
    assert!(!quarantine.holds(process(2), true, at(500), NOBODY));
}

#[test]
fn hearsay_lasts_as_long_as_it_is_said() {
    let timeouts = Timeouts::default();
    let mut quarantine = Quarantine::default();
    let (accuser, other) = (process(8), process(9));
    quarantine.on_claims(accuser, &[process(1), process(2)], at(0), &timeouts);
    quarantine.on_claims(other, &[process(1)], at(0), &timeouts);
    assert!(quarantine.holds(process(1), true, at(0), EVERYBODY));
    assert!(
        !quarantine.holds(process(1), true, at(0), NOBODY),
        "strangers do not count"
    );
    assert_eq!(
        quarantine.claims(at(0)).count(),
        0,
        "it is not repeated as an own finding"
    );
    quarantine.on_claims(accuser, &[process(2)], at(10), &timeouts);
    assert!(
        quarantine.holds(process(1), true, at(10), EVERYBODY),
        "the other still says so"
    );
    assert!(quarantine.on_pardon(process(1), other));
    assert!(!quarantine.holds(process(1), true, at(10), EVERYBODY));
    assert!(quarantine.holds(process(2), true, at(2009), EVERYBODY));
    assert!(
        !quarantine.holds(process(2), true, at(2010), EVERYBODY),
        "unless it is repeated"
    );
}

#[test]
fn own_findings_and_hearsay_stand_apart() {
    let timeouts = Timeouts::default();
    let mut quarantine = Quarantine::default();
    quarantine.find(process(1), Grounds::Grudge, at(0), &timeouts);
    quarantine.on_claims(process(9), &[process(1)], at(0), &timeouts);
    assert!(quarantine.on_link(process(1), at(0)));
    assert!(quarantine.holds(process(1), true, at(0), EVERYBODY));
    quarantine.release(process(1));
    assert!(!quarantine.holds(process(1), false, at(0), EVERYBODY));
}

#[test]
fn who_keeps_somebody_out_shows_itself() {
    let timeouts = Timeouts::default();
    let mut quarantine = Quarantine::default();
    assert!(!quarantine.wants_to_be_seen(at(0), NOBODY));
    quarantine.find(process(1), Grounds::Link, at(0), &timeouts);
    assert!(quarantine.wants_to_be_seen(at(60_000), NOBODY));
    assert!(
        !quarantine.wants_to_be_seen(at(600_000), NOBODY),
        "it is not even heard any more"
    );
    assert!(quarantine.wants_to_be_seen(at(600_000), EVERYBODY));
}

#[test]
fn the_tables_are_bounded() {
    let timeouts = Timeouts::default();
    let mut quarantine = Quarantine::default();
    for node in 0..5000 {
        quarantine.find(process(node), Grounds::Link, at(node), &timeouts);
        quarantine.hear(process(node), process(1), at(0), &timeouts);
    }
    assert!(quarantine.findings().count() <= 256);
    assert!(quarantine.hearsay().count() <= 4096);
}
