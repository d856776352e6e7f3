//! The two sets only grow, agreeing is mutual, and of two lives of a node the later counts.

extern crate std;

use std::{vec, vec::Vec};

use ringfort_machine::{Incarnation, Member, NodeId, ProcessId, RingId, SubclusterId};
use ringfort_wire::ring::{Candidate, Join};

use super::Roster;
use crate::FailedBecause;

fn process(node: u64) -> ProcessId {
    ProcessId::new(NodeId(node), Incarnation(1))
}

fn member(process: ProcessId) -> Member {
    Member {
        process,
        subcluster: SubclusterId(1),
    }
}

/// A join of `sender` that considers `all` and holds `failed` for failed.
fn join(sender: ProcessId, all: &[ProcessId], failed: &[ProcessId]) -> Join {
    let candidate = |process: &ProcessId| Candidate {
        process: *process,
        proposed: true,
        failed: failed.contains(process),
        heard: false,
    };
    Join {
        sender: member(sender),
        stamp: 1,
        ring: RingId {
            sequence: 1,
            representative: sender,
        },
        sequence: 1,
        leaving: false,
        candidates: all.iter().map(candidate).collect(),
    }
}

fn dissenters(roster: &Roster) -> Vec<ProcessId> {
    roster.dissenters().collect()
}

#[test]
fn agreeing_takes_the_same_word_of_all() {
    let (me, two, three) = (process(1), process(2), process(3));
    let mut roster = Roster::new(member(me));
    assert!(
        dissenters(&roster).is_empty(),
        "alone it agrees with itself"
    );
    roster.add(two);
    assert_eq!(dissenters(&roster), [two]);
    assert!(!roster.on_join(&join(two, &[me, two], &[])).grew);
    assert!(dissenters(&roster).is_empty());
    assert!(roster.on_join(&join(three, &[me, two, three], &[])).grew);
    assert_eq!(
        dissenters(&roster),
        [two],
        "whoever agreed must say so anew"
    );
    roster.on_join(&join(two, &[me, two, three], &[]));
    assert!(dissenters(&roster).is_empty());
    assert_eq!(roster.members(), [member(me), member(two), member(three)]);
}

#[test]
fn accusations_spread_and_stay() {
    let (me, two, three) = (process(1), process(2), process(3));
    let mut roster = Roster::new(member(me));
    let change = roster.on_join(&join(two, &[me, two, three], &[three]));
    assert_eq!(change.failed, [(three, FailedBecause::Accused)]);
    assert_eq!(roster.get(three).unwrap().accuser, Some(two));
    assert!(dissenters(&roster).is_empty());
    assert!(!roster.add(three), "it is considered already");
    assert!(roster.is_failed(three));
    assert_eq!(roster.alive().collect::<Vec<_>>(), [me, two]);
}

#[test]
fn who_accuses_us_is_held_for_failed() {
    let (me, two, three) = (process(1), process(2), process(3));
    let mut roster = Roster::new(member(me));
    let change = roster.on_join(&join(two, &[me, two, three], &[me]));
    assert_eq!(change.failed, [(two, FailedBecause::AccusedUs)]);
    assert!(roster.get(three).is_none(), "its other words do not count");
    assert!(
        !roster.fail(me, FailedBecause::Silent, None),
        "a process never fails itself"
    );
}

#[test]
fn of_two_lives_the_later_counts() {
    let me = process(1);
    let before = process(2);
    let after = ProcessId::new(NodeId(2), Incarnation(2));
    let mut roster = Roster::new(member(me));
    roster.add(before);
    roster.add(after);
    assert!(roster.is_failed(before) && !roster.is_failed(after));
    let mut roster = Roster::new(member(me));
    roster.add(after);
    roster.add(before);
    assert!(roster.is_failed(before) && !roster.is_failed(after));
}

#[test]
fn a_leaver_is_held_for_failed() {
    let (me, two) = (process(1), process(2));
    let mut roster = Roster::new(member(me));
    roster.add(two);
    let farewell = Join {
        leaving: true,
        ..join(two, &[two], &[two])
    };
    let change = roster.on_join(&farewell);
    assert_eq!(change.failed, vec![(two, FailedBecause::Left)]);
    assert!(dissenters(&roster).is_empty());
}

#[test]
fn there_is_room_for_the_largest_ring_only() {
    let mut roster = Roster::new(member(process(1)));
    let added = (2..400).filter(|node| roster.add(process(*node))).count();
    assert_eq!(added, 127);
    assert!(roster.fail(process(5), FailedBecause::Silent, None));
    assert!(roster.add(process(500)), "a place has become free");
}
