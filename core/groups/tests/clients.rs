//! Goal: what one client sees of one node: refusals, limits, last views, private names, what waits for a
//! configuration, and that nonsense changes nothing. Method: one machine, fed by hand.

use bytes::Bytes;
use ringfort_groups::{
    Cause, ClientEvent, Command, Config, ConfigError, Groups, Limits, Note, Refusal,
};
use ringfort_machine::Level;
use ringfort_wire::group::{self, Control, State};

mod hand;

use hand::*;

#[test]
pub(crate) fn a_leaver_gets_one_last_view_and_nothing_after() {
    let mut node = Node::new();
    node.connect(1, "al", true);
    node.connect(2, "bo", true);
    node.join(1, "g");
    node.join(2, "g");
    node.flush();
    node.leave(1, "g");
    node.send(2, &["g"], false);
    let told = node.flush();
    let last = only_view(&told, 1);
    assert_eq!(last.cause, Cause::Leave(node.member("al")));
    assert_eq!(*last.members, [node.member("bo")]);
    assert_eq!(only_view(&told, 2), last);
    assert_eq!(receivers(&told), [(2, "g".into())]);
}

#[test]
fn joining_and_sending_at_once_delivers_after_the_view() {
    let mut node = Node::new();
    node.connect(1, "al", true);
    node.join(1, "g");
    node.join(1, "g"); // silently nothing
    node.send(1, &["g"], false);
    assert_eq!(node.submitted.len(), 2);
    assert_eq!(node.submitted[1].0, Level::Agreed, "raised from fifo");
    let told = node.flush();
    assert!(matches!(
        told.as_slice(),
        [
            (_, ClientEvent::View(_)),
            (
                _,
                ClientEvent::Message {
                    level: Level::Fifo,
                    tag: 7,
                    ..
                }
            )
        ]
    ));
}

#[test]
fn destinations_are_groups_and_private_names_and_each_receiver_gets_one_copy() {
    let mut node = Node::new();
    for (client, text) in [(1, "al"), (2, "bo"), (3, "cy")] {
        node.connect(client, text, false);
    }
    node.join(1, "g");
    node.join(1, "h");
    node.join(2, "h");
    assert!(node.flush().is_empty(), "nobody wants membership");
    node.send(3, &["nobody", "g", "h", "#cy#N1", "#cy#n2"], false);
    let expected = [(1, "g".into()), (2, "h".into()), (3, "#cy#N1".into())];
    assert_eq!(receivers(&node.flush()), expected);
    node.send(3, &["h", "#cy#n1"], true);
    let told = node.flush();
    assert_eq!(receivers(&told), [(1, "h".into()), (2, "h".into())]);
}

/// A private name is a client's and a node's: a client of that name elsewhere gets nothing.
#[test]
pub(crate) fn a_private_message_is_for_one_node() {
    let mut node = Node::new();
    node.connect(1, "al", false);
    node.send(1, &["#al#n2"], false);
    assert!(node.flush().is_empty());
    node.send(1, &["#al#n1"], false);
    assert_eq!(receivers(&node.flush()), [(1, "#al#n1".into())]);
}

#[test]
pub(crate) fn a_disconnected_client_gets_nothing_and_its_name_is_free_once_ordered() {
    let mut node = Node::new();
    node.connect(1, "al", true);
    node.connect(2, "bo", true);
    for text in ["h", "g"] {
        node.join(1, text);
        node.join(2, text);
    }
    node.flush();
    node.send(1, &["g"], false);
    assert_eq!(node.local(1, Command::Disconnect), None);
    assert_eq!(
        node.local(1, Command::Disconnect),
        Some(Refusal::NotConnected)
    );
    assert_eq!(node.connect(3, "al", true), Some(Refusal::NameInUse));
    let told = node.flush();
    let groups = told.iter().map(|(client, event)| match event {
        ClientEvent::View(view) => {
            assert_eq!(view.cause, Cause::Disconnect(node.member("al")));
            (client.0, view.group.to_string())
        }
        ClientEvent::Message { via, .. } => (client.0, via.to_string()),
        ClientEvent::Refused(refusal) => panic!("{refusal}"),
    });
    let groups: Vec<_> = groups.collect();
    assert_eq!(groups, [(2, "g".into()), (2, "g".into()), (2, "h".into())]);
    assert_eq!(node.connect(3, "al", true), None);
}

#[test]
fn limits_refuse_and_change_nothing() {
    let mut node = Node::with(Limits {
        clients: 2,
        groups_per_client: 2,
        memberships: 3,
        client_name_bytes: 10,
        group_name_bytes: 31,
        destinations: 3,
        payload_bytes: 1,
        ..Limits::default()
    });
    let long = |limit, found| {
        Some(Refusal::IllegalName(group::NameError::TooLong {
            found,
            limit,
        }))
    };
    let over = |what, limit| Some(Refusal::Limit { what, limit });
    assert_eq!(node.connect(1, "elevenbytes", true), long(10, 11));
    node.connect(1, "al", true);
    node.connect(2, "bo", true);
    for text in ["g", "h"] {
        assert_eq!(node.join(1, text), None);
    }
    assert_eq!(node.join(2, "g"), None);
    let before = (node.digest(), node.submitted.len());
    assert_eq!(node.connect(1, "cy", true), Some(Refusal::AlreadyConnected));
    assert_eq!(node.connect(3, "bo", true), Some(Refusal::NameInUse));
    assert_eq!(node.connect(3, "cy", true), over("clients", 2));
    assert_eq!(node.join(3, "g"), Some(Refusal::NotConnected));
    assert_eq!(node.join(1, "i"), over("groups of a client", 2));
    assert_eq!(node.join(2, "h"), over("memberships of a node", 3));
    assert_eq!(node.join(2, &"x".repeat(32)), long(31, 32));
    assert_eq!(node.join(2, "#al#n1"), Some(Refusal::PrivateGroup));
    assert_eq!(node.leave(2, "#al#n1"), Some(Refusal::PrivateGroup));
    assert_eq!(node.leave(2, "h"), None);
    let destinations = |found| Some(Refusal::Destinations { found, limit: 3 });
    assert_eq!(node.send(1, &[], false), destinations(0));
    assert_eq!(node.send(1, &["g"; 4], false), destinations(4));
    let long = Some(Refusal::TooLong { found: 2, limit: 1 });
    assert_eq!(node.send(1, &["g"], false), long);
    assert_eq!((node.digest(), node.submitted.len()), before);
}

#[test]
fn nonsense_in_the_order_changes_nothing() {
    let mut node = Node::new();
    node.connect(1, "al", true);
    node.join(1, "g");
    node.flush();
    let before = node.digest();
    let join = group::encode_control(&Control::Join {
        client: name("al"),
        group: group("h"),
    });
    let private = group::encode_control(&Control::Join {
        client: name("al"),
        group: group("#al#n1"),
    });
    let stale = group::encode_control(&Control::State(State {
        configuration: configuration(9, None, &["n2"]).id,
        side: process("n2"),
        part: 0,
        last: true,
        clients: Vec::new(),
    }));
    let me = node.me;
    for (sender, level, payload) in [
        (me, Level::Agreed, Bytes::new()),
        (me, Level::Safe, Bytes::from_static(b"\x01\x09garbage")),
        (me, Level::Agreed, private),
        (me, Level::Fifo, join.clone()),
        (me, Level::Agreed, stale),
        (process("stranger"), Level::Agreed, join),
    ] {
        assert!(node.from(sender, level, payload).is_empty());
        assert_eq!(node.digest(), before);
    }
    assert!(matches!(
        node.notes.as_slice(),
        [
            Note::PayloadRefused { .. },
            Note::PayloadRefused { .. },
            Note::PayloadRefused { .. },
            Note::ControlOutOfOrder { .. },
            Note::StaleState { .. },
        ]
    ));
}

#[test]
fn overtaking_keeps_the_level_asked_for() {
    let mut config = Config::new(process("n1"));
    config.overtaking = true;
    let mut node = Node::new();
    node.groups = Groups::new(config).expect("legal limits");
    node.install(configuration(1, None, &["n1"]));
    node.connect(1, "al", true);
    node.send(1, &["g"], false);
    assert_eq!(node.submitted[0].0, Level::Fifo);
}

#[test]
fn impossible_limits_are_named() {
    let mut config = Config::new(process("n1"));
    config.limits.pending = 0;
    assert_eq!(config.validate(), Err(ConfigError::Zero("pending")));
    config = Config::new(process("n1"));
    config.limits.group_name_bytes = 256;
    assert!(matches!(
        config.validate(),
        Err(ConfigError::OverWire {
            what: "group_name_bytes",
            found: 256,
            limit: 255
        })
    ));
}
