//! Goal: what one node's clients see when configurations come and go: what is held back, in which order it is told,
//! and what a merge that is cut short leaves. Method: one machine, fed by hand.

use bytes::Bytes;
use ringfort_groups::{Cause, ClientEvent, Command, Limits, MemberId, Note, Refusal};
use ringfort_machine::{ConfigurationId, Level, Machine, Wake};
use ringfort_wire::group::{self, Control, State, StateClient};

mod hand;

use hand::*;

/// The state of a node `n2` with one client in `g`, in two parts.
fn state_of_n2(configuration: ConfigurationId) -> [Bytes; 2] {
    let part = |part, last, groups: &[&str]| {
        let clients = vec![StateClient {
            client: name("bo"),
            groups: groups.iter().map(|text| group(text)).collect(),
        }];
        group::encode_control(&Control::State(State {
            configuration,
            side: process("n2"),
            part,
            last,
            clients,
        }))
    };
    [part(0, false, &["g"]), part(1, true, &["h"])]
}

#[test]
fn a_merge_holds_back_and_then_begins_with_the_network_view() {
    let mut node = Node::new();
    node.connect(1, "al", true);
    node.join(1, "g");
    node.flush();
    node.install(configuration(2, Some(1), &["n1"]));
    let merged = configuration(2, None, &["n1", "n2"]);
    assert!(node.install(merged.clone()).is_empty());
    assert!(matches!(
        node.notes.pop(),
        Some(Note::MergeBegan {
            members: 2,
            together: 1
        })
    ));
    node.ordinal = 0;

    let deadline = node.groups.deadline().expect("a merge that lasts is told");
    node.feed(deadline.at, Wake.into());
    let missing = node.notes.pop();
    assert!(matches!(missing, Some(Note::MergeWaiting { missing }) if missing.len() == 2));

    assert_eq!(node.send(1, &["g"], false), None);
    assert_eq!(node.groups.status().pending, 1);
    let states = state_of_n2(merged.id);
    let bo = MemberId::new(process("n2"), name("bo"));
    let leave = group::encode_control(&Control::Leave {
        client: name("bo"),
        group: group("g"),
    });
    assert!(
        node.from(bo.process, Level::Agreed, states[0].clone())
            .is_empty()
    );
    assert!(
        node.from(bo.process, Level::Agreed, states[0].clone())
            .is_empty()
    );
    assert_eq!(
        node.notes.pop(),
        Some(Note::StateOutOfSequence {
            sender: bo.process,
            part: 0
        })
    );
    assert!(node.flush().is_empty(), "one's own state is not enough");
    assert!(node.from(bo.process, Level::Agreed, leave).is_empty());
    assert_eq!(node.groups.status().held, 1);
    let told = node.from(bo.process, Level::Agreed, states[1].clone());

    let [
        (_, ClientEvent::View(network)),
        (_, ClientEvent::View(left)),
    ] = told.as_slice()
    else {
        panic!("{told:?}");
    };
    let al = node.member("al");
    let mut both = [al.clone(), bo.clone()];
    both.sort_unstable();
    assert_eq!(*network.members, both);
    let begins = (merged.id, 0);
    assert_eq!(
        (network.position.configuration, network.position.ordinal),
        begins
    );
    let Cause::Network { together, sets } = &network.cause else {
        panic!("{network:?}");
    };
    assert_eq!(together.as_slice(), core::slice::from_ref(&al));
    assert_eq!(sets.len(), 2);
    assert_eq!(left.cause, Cause::Leave(bo));
    assert_eq!(*left.members, [al]);
    let status = node.groups.status();
    assert!(status.settled && status.held + status.pending == 0);
    assert_eq!(node.submitted.len(), 1, "what waited is submitted");
    assert_eq!(node.groups.deadline(), None);
}

#[test]
fn what_waits_for_a_configuration_is_bounded_but_a_disconnect_is_not_refused() {
    let mut node = Node::with(Limits {
        pending: 2,
        ..Limits::default()
    });
    node.connect(1, "al", true);
    node.install(configuration(2, Some(1), &["n1"]));
    assert_eq!(node.join(1, "g"), None);
    assert_eq!(node.send(1, &["g"], false), None);
    let before = node.digest();
    assert_eq!(node.send(1, &["g"], false), Some(Refusal::Busy));
    assert_eq!(node.join(1, "h"), Some(Refusal::Busy));
    assert_eq!(node.leave(1, "g"), Some(Refusal::Busy));
    assert_eq!(node.digest(), before);
    assert_eq!(node.local(1, Command::Disconnect), None);
    assert!(node.submitted.is_empty());
    node.install(configuration(2, None, &["n1"]));
    assert_eq!(
        node.submitted.len(),
        3,
        "all of it, in order, once it has formed"
    );
}

#[test]
fn lost_members_are_marked_and_then_leave_the_view() {
    let mut node = Node::new();
    node.connect(1, "al", true);
    node.join(1, "g");
    node.join(1, "own");
    node.flush();
    node.install(configuration(2, Some(1), &["n1"]));
    let merged = configuration(2, None, &["n1", "n2"]);
    node.install(merged.clone());
    for state in state_of_n2(merged.id) {
        node.from(process("n2"), Level::Agreed, state);
    }
    node.flush();
    let mark = only_view(&node.install(configuration(3, Some(2), &["n1"])), 1);
    assert_eq!(mark.cause, Cause::Transitional);
    assert_eq!(mark.group, group("g"), "the other group has lost nobody");
    assert_eq!(*mark.members, [node.member("al")]);
    let network = only_view(&node.install(configuration(3, None, &["n1"])), 1);
    assert_eq!(*network.members, [node.member("al")]);
    let Cause::Network { together, sets } = &network.cause else {
        panic!("{network:?}");
    };
    assert_eq!((together.len(), sets.len()), (1, 1));
    assert!(node.groups.status().settled);
}

/// A member that missed the configuration is in the next one again, without having been together with us: the
/// side that went on gets a view of its own without it, under a name that no other side can have.
#[test]
fn a_merge_cut_short_is_passed_by_each_side_for_itself() {
    let mut node = Node::new();
    node.connect(1, "al", true);
    node.join(1, "g");
    node.flush();
    node.install(configuration(2, Some(1), &["n1"]));
    let merged = configuration(2, None, &["n1", "n2"]);
    node.install(merged.clone());
    for state in state_of_n2(merged.id) {
        node.from(process("n2"), Level::Agreed, state);
    }
    node.flush();
    node.install(configuration(3, Some(2), &["n1", "n2"]));
    node.install(configuration(3, None, &["n1", "n2", "n3"]));
    node.submitted.clear(); // our state never gets its place in the order
    let hello = group::encode_message(&group::Message {
        from: name("cy"),
        groups: vec![group("g")],
        level: Level::Agreed,
        self_discard: false,
        tag: 0,
        payload: Bytes::new(),
    });
    let hello = hello.expect("a legal message");
    assert!(node.from(process("n3"), Level::Agreed, hello).is_empty());
    let parted = configuration(4, Some(3), &["n1", "n3"]);
    assert!(node.install(parted.clone()).is_empty());
    let told = node.install(configuration(4, None, &["n1", "n2", "n3"]));
    let [(_, ClientEvent::View(view)), (_, message)] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(*view.members, [node.member("al")]);
    let side = Some(node.me);
    assert_eq!((view.id.configuration, view.id.side), (parted.id, side));
    assert!(matches!(message, ClientEvent::Message { side: of, .. } if *of == side));
    let held = node.notes.iter().rev().nth(1);
    assert_eq!(held, Some(&Note::MergeAbandoned { held: 2 }));
    assert!(
        !node.groups.status().settled,
        "and the next merge has begun"
    );
}
