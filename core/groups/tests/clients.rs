//! Goal: what one client sees of one node: refusals, limits, last views, private names, what waits for a
//! configuration, and that nonsense changes nothing. Method: one machine, fed by hand.

use std::sync::Arc;

use bytes::Bytes;
use ringfort_groups::{
    Action, Cause, ClientEvent, ClientId, ClientName, Command, Config, ConfigError, Event,
    GroupName, Groups, Limits, MemberId, Note, Refusal, View,
};
use ringfort_machine::{
    Configuration, ConfigurationId, ConfigurationKind, Digest, Incarnation, Instant, Level,
    Machine, Member, NodeId, Position, ProcessId, RingId, SubclusterId, Wake,
};
use ringfort_wire::group::{self, Control, State, StateClient};

/// One group layer, the ordinal of the last delivery, and what was submitted and not yet delivered.
struct Node {
    groups: Groups,
    me: ProcessId,
    configuration: ConfigurationId,
    ordinal: u64,
    submitted: Vec<(Level, Bytes)>,
    notes: Vec<Note>,
}

fn process(name: &str) -> ProcessId {
    ProcessId::new(NodeId::of_name(name), Incarnation(1))
}

fn name(text: &str) -> ClientName {
    ClientName::new(text).expect("a legal name")
}

fn group(text: &str) -> GroupName {
    GroupName::new(text).expect("a legal name")
}

fn configuration(sequence: u64, from: Option<u64>, names: &[&str]) -> Configuration {
    let mut members: Vec<_> = names.iter().map(|name| process(name)).collect();
    members.sort_unstable();
    let ring = |sequence| RingId {
        sequence,
        representative: members[0],
    };
    let (id, kind) = match from {
        None => (
            ConfigurationId::regular(ring(sequence)),
            ConfigurationKind::Regular,
        ),
        Some(from) => (
            ConfigurationId::transitional(ring(from), ring(sequence)),
            ConfigurationKind::Transitional,
        ),
    };
    let member = |process| Member {
        process,
        subcluster: SubclusterId(0),
    };
    let members: Arc<[_]> = members.iter().copied().map(member).collect();
    Configuration {
        id,
        kind,
        members,
        follows: from.map(|from| ConfigurationId::regular(ring(from))),
    }
}

impl Node {
    fn with(limits: Limits) -> Self {
        let me = process("n1");
        let mut config = Config::new(me);
        config.limits = limits;
        let first = configuration(1, None, &["n1"]);
        let mut node = Self {
            groups: Groups::new(config).expect("legal limits"),
            me,
            configuration: first.id,
            ordinal: 0,
            submitted: Vec::new(),
            notes: Vec::new(),
        };
        assert!(node.install(first).is_empty());
        node
    }

    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn feed(&mut self, now: Instant, event: Event) -> Vec<(ClientId, ClientEvent)> {
        let mut out: Vec<Action> = Vec::new();
        self.groups.handle(now, event, &mut out);
        let mut told = Vec::new();
        for action in out {
            match action {
                Action::Submit { level, payload } => self.submitted.push((level, payload)),
                Action::Client { client, event } => told.push((client, event)),
                Action::Note(note) => self.notes.push(note),
            }
        }
        told
    }

    fn install(&mut self, configuration: Configuration) -> Vec<(ClientId, ClientEvent)> {
        self.configuration = configuration.id;
        self.feed(Instant::ORIGIN, Event::Installed(configuration))
    }

    fn from(
        &mut self,
        sender: ProcessId,
        level: Level,
        payload: Bytes,
    ) -> Vec<(ClientId, ClientEvent)> {
        self.ordinal += 1;
        let position = Position {
            configuration: self.configuration,
            ordinal: self.ordinal,
        };
        let event = Event::Delivered {
            position,
            sender,
            number: self.ordinal,
            level,
            payload,
        };
        self.feed(Instant::ORIGIN, event)
    }

    /// Delivers everything submitted so far to this node.
    fn flush(&mut self) -> Vec<(ClientId, ClientEvent)> {
        let mut told = Vec::new();
        for (level, payload) in std::mem::take(&mut self.submitted) {
            told.extend(self.from(self.me, level, payload));
        }
        told
    }

    fn local(&mut self, client: u64, command: Command) -> Option<Refusal> {
        let client = ClientId(client);
        let told = self.feed(Instant::ORIGIN, Event::Local { client, command });
        match told.as_slice() {
            [] => None,
            [(id, ClientEvent::Refused(refusal))] if *id == client => Some(*refusal),
            other => panic!("a command told {other:?}"),
        }
    }

    fn connect(&mut self, client: u64, text: &str, wants_membership: bool) -> Option<Refusal> {
        let name = name(text);
        self.local(
            client,
            Command::Connect {
                name,
                wants_membership,
            },
        )
    }

    fn join(&mut self, client: u64, text: &str) -> Option<Refusal> {
        self.local(client, Command::Join { group: group(text) })
    }

    fn leave(&mut self, client: u64, text: &str) -> Option<Refusal> {
        self.local(client, Command::Leave { group: group(text) })
    }

    fn send(&mut self, client: u64, groups: &[&str], self_discard: bool) -> Option<Refusal> {
        let groups = groups.iter().map(|text| group(text)).collect();
        let command = Command::Send {
            groups,
            level: Level::Fifo,
            self_discard,
            tag: 7,
            payload: Bytes::from_static(b"hi"),
        };
        self.local(client, command)
    }

    fn digest(&self) -> u64 {
        let mut digest = Digest::new();
        self.groups.digest(&mut digest);
        digest.finish()
    }

    fn member(&self, text: &str) -> MemberId {
        MemberId::new(self.me, name(text))
    }
}

fn only_view(told: &[(ClientId, ClientEvent)], client: u64) -> View {
    let mut views = told.iter().filter_map(|(id, event)| match event {
        ClientEvent::View(view) if *id == ClientId(client) => Some(view.clone()),
        ClientEvent::View(_) | ClientEvent::Message { .. } | ClientEvent::Refused(_) => None,
    });
    let view = views.next().expect("a view");
    assert_eq!(views.next(), None, "more than one view");
    view
}

fn receivers(told: &[(ClientId, ClientEvent)]) -> Vec<(u64, String)> {
    let messages = told.iter().filter_map(|(id, event)| match event {
        ClientEvent::Message { via, .. } => Some((id.0, via.to_string())),
        ClientEvent::View(_) | ClientEvent::Refused(_) => None,
    });
    messages.collect()
}

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
