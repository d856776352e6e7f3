//! The roster: who must speak, who is remembered, who clashes.

extern crate std;

use alloc::{string::ToString, vec, vec::Vec};

use ringfort_machine::{Incarnation, NodeId, ProcessId};
use ringfort_wire::roster::{Introduction, Role};

use super::{Clash, Roster};

fn process(name: &str) -> ProcessId {
    ProcessId::new(NodeId::of_name(name), Incarnation(1))
}

fn introduction(name: &str, port: u16) -> Introduction {
    Introduction {
        name: name.to_string(),
        role: Role::Node,
        version: "1".to_string(),
        subcluster: "default".to_string(),
        services: Some(([127, 0, 0, 1], port).into()),
        logs: Vec::new(),
        groups: Vec::new(),
    }
}

#[test]
fn one_speaks_when_somebody_new_is_there() {
    let (one, two) = (process("n1"), process("n2"));
    let mut roster = Roster::new(one, introduction("n1", 1));
    assert!(roster.on_view(&[one], &[one]), "nobody has heard of me yet");
    roster.on_introduction(one, introduction("n1", 1));
    assert!(!roster.on_view(&[one], &[one]));
    assert!(roster.on_view(&[one, two], &[one]));
    roster.on_introduction(two, introduction("n2", 2));
    assert!(!roster.on_view(&[one, two], &[one, two]));
    assert_eq!(roster.names().len(), 2);
    assert!(!roster.on_view(&[one], &[one]));
    assert_eq!(roster.get(two), None, "a member that left is forgotten");
}

#[test]
fn a_stranger_is_not_remembered() {
    let mut roster = Roster::new(process("n1"), introduction("n1", 1));
    roster.on_introduction(process("n2"), introduction("n2", 2));
    assert_eq!(roster.names(), vec![]);
}

#[test]
fn the_same_name_or_address_clashes() {
    let all = [process("n1"), process("n2")];
    let mut roster = Roster::new(all[0], introduction("n1", 1));
    roster.on_view(&all, &all);
    assert_eq!(roster.on_introduction(all[0], introduction("n1", 1)), None);
    let clash = Some(Clash {
        one: all[0].node,
        other: all[1].node,
    });
    assert_eq!(roster.on_introduction(all[1], introduction("N1", 2)), clash);
    assert_eq!(roster.on_introduction(all[1], introduction("n2", 1)), clash);
    assert_eq!(roster.on_introduction(all[1], introduction("n2", 2)), None);
}
