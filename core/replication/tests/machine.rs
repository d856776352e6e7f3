//! Goal: one machine keeps its word about input, time and output. Method: one machine by hand, with a bus that
//! is not there or stands still.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;
use ringfort_machine::{
    ConfigurationId, Digest, Incarnation, Instant, Machine, Member, NodeId, Position, ProcessId,
    RingId, SubclusterId, step,
};
use ringfort_replication::{
    Action, Body, Config, ConfigError, Event, Key, Kind, Note, ObjectConfig, Replication,
};
use ringfort_wire::counter::{Content, Entries, NetEntry, Tag, TextEntry};

const ME: ProcessId = ProcessId::new(NodeId(1), Incarnation(1));
const OTHER: ProcessId = ProcessId::new(NodeId(2), Incarnation(1));

fn config() -> Config {
    Config::new(vec![
        ObjectConfig::new("inbound_cidr", Kind::CidrTree),
        ObjectConfig::new("outbound_domains", Kind::GaugeTable),
    ])
}

fn position(ordinal: u64) -> Position {
    let ring = RingId {
        sequence: 4,
        representative: ME,
    };
    Position {
        configuration: ConfigurationId::regular(ring),
        ordinal,
    }
}

fn net(text: &str) -> Key {
    Key::from(text.parse::<ipnet::IpNet>().unwrap())
}

fn change(object: &str, key: Key, by: i64) -> Event {
    let object = object.into();
    Event::Change { object, key, by }
}

fn digest(machine: &Replication) -> u64 {
    let mut digest = Digest::new();
    machine.digest(&mut digest);
    digest.finish()
}

/// A machine, the time, its actions since last asked, and the point in the order.
struct One {
    machine: Replication,
    now: Instant,
    ordinal: u64,
}

impl One {
    fn new(config: Config) -> Self {
        Self {
            machine: Replication::new(ME, config).unwrap(),
            now: Instant::ORIGIN,
            ordinal: 0,
        }
    }

    /// In a view with one other, both strangers to each other.
    fn in_view(config: Config) -> (Self, Vec<Body>) {
        let mut one = Self::new(config);
        let member = |process| Member {
            process,
            subcluster: SubclusterId(0),
        };
        let out = one.handle(Event::View {
            position: position(0),
            members: vec![member(ME), member(OTHER)],
            together: vec![ME],
        });
        (one, published(out))
    }

    fn handle(&mut self, event: Event) -> Vec<Action> {
        let mut out = Vec::new();
        step(&mut self.machine, self.now, event, &mut out);
        out
    }

    fn message(&mut self, from: ProcessId, body: Body) -> Vec<Action> {
        self.ordinal += 1;
        let position = position(self.ordinal);
        self.handle(Event::Message {
            position,
            from,
            body,
        })
    }

    /// Gives everything published back until nothing more comes.
    fn settle(&mut self, mut waiting: Vec<Body>) {
        while !waiting.is_empty() {
            let out: Vec<Action> = std::mem::take(&mut waiting)
                .into_iter()
                .flat_map(|body| self.message(ME, body))
                .collect();
            waiting = published(out);
        }
    }
}

fn published(out: Vec<Action>) -> Vec<Body> {
    out.into_iter()
        .filter_map(|action| match action {
            Action::Publish(body) => Some(body),
            Action::Settled { .. } | Action::Note(_) => None,
        })
        .collect()
}

fn notes(out: Vec<Action>) -> Vec<Note> {
    out.into_iter()
        .filter_map(|action| match action {
            Action::Note(note) => Some(note),
            Action::Settled { .. } | Action::Publish(_) => None,
        })
        .collect()
}

fn updates(bodies: &[Body]) -> usize {
    let is_update = |body: &&Body| matches!(body.content, Content::Update { .. });
    bodies.iter().filter(is_update).count()
}

#[test]
fn refused_changes_change_nothing() {
    let mut config = config();
    config.keys_limit = 1;
    let mut one = One::new(config);
    one.handle(change("inbound_cidr", net("10.0.0.1/32"), 1));
    let before = digest(&one.machine);
    let object: Arc<str> = "inbound_cidr".into();
    let key = net("10.0.0.1/32");
    let refusals = [
        (
            change("nothing", key.clone(), 1),
            Note::UnknownObject {
                object: "nothing".into(),
            },
        ),
        (
            change("inbound_cidr", Key::text("a").unwrap(), 1),
            Note::WrongKey {
                object: object.clone(),
                key: Key::text("a").unwrap(),
            },
        ),
        (
            change("inbound_cidr", key.clone(), -2),
            Note::BelowZero {
                object: object.clone(),
                key: key.clone(),
            },
        ),
        (
            change("inbound_cidr", key.clone(), i64::MAX),
            Note::AboveLimit {
                object: object.clone(),
                key: key.clone(),
            },
        ),
        (
            change("inbound_cidr", net("10.0.0.2/32"), 1),
            Note::KeysExhausted { object, limit: 1 },
        ),
        (
            change("outbound_domains", Key::Text("a b".into()), 1),
            Note::WrongKey {
                object: "outbound_domains".into(),
                key: Key::Text("a b".into()),
            },
        ),
    ];
    for (event, note) in refusals {
        assert_eq!(notes(one.handle(event)), [note]);
        assert_eq!(digest(&one.machine), before);
    }
}

#[test]
fn a_bad_configuration_is_refused_whole() {
    let named = |name: &str| ObjectConfig::new(name, Kind::CidrTree);
    let cases = [
        (vec![named("a"), named("a")], ConfigError::Twice("a".into())),
        (vec![named("a b")], ConfigError::Name("a b".into())),
        (vec![named("")], ConfigError::Name(String::new())),
        (
            (0..65).map(|n| named(&format!("o{n}"))).collect(),
            ConfigError::TooManyObjects(65),
        ),
        (
            vec![ObjectConfig {
                max_pending: 0,
                ..named("a")
            }],
            ConfigError::MaxPending("a".into()),
        ),
    ];
    for (objects, error) in cases {
        let wrong = Config::new(objects);
        let refused = Replication::new(ME, wrong.clone());
        assert_eq!(refused.map(|_| ()), Err(error.clone()));
        let (mut one, _) = One::in_view(config());
        let before = digest(&one.machine);
        let out = one.handle(Event::Reload(Box::new(wrong)));
        assert_eq!(notes(out), [Note::ReloadRefused(error)]);
        assert_eq!(digest(&one.machine), before);
    }
}

/// The other never answers, so nothing is settled; a duplicate and a stranger change nothing.
#[test]
pub(crate) fn echoes_change_nothing() {
    let (mut one, announced) = One::in_view(config());
    let first = announced[0].clone();
    one.message(ME, first.clone());
    let before = digest(&one.machine);
    let out = one.message(ME, first.clone());
    let version = first.version;
    assert_eq!(notes(out), [Note::Duplicate { from: ME, version }]);
    let from = ProcessId::new(NodeId(2), Incarnation(0));
    assert_eq!(notes(one.message(from, first)), [Note::Stranger { from }]);
    assert_eq!(digest(&one.machine), before);
    assert!(!one.machine.settled("inbound_cidr"));
}

/// No change waits longer than `max_delay` while the window has room, and a window that is full stays full.
#[test]
fn a_ring_that_stands_still_gets_a_bounded_number_of_messages() {
    let mut config = config();
    config.objects[0].max_delay = Duration::from_millis(200);
    config.objects[0].max_pending = 1000;
    let (mut one, mut all) = One::in_view(config);
    let mut oldest: Option<Instant> = None;
    let mut held = 0;
    for number in 0..5000u32 {
        one.now = one.now + Duration::from_millis(1);
        let address = std::net::IpAddr::from(std::net::Ipv4Addr::from(number));
        oldest.get_or_insert(one.now);
        let out = one.handle(change("inbound_cidr", Key::from(address), 1));
        held += notes(out.clone()).len();
        let now = published(out);
        if updates(&now) > 0 {
            oldest = None;
        }
        all.extend(now);
        let waited = oldest.map_or(Duration::ZERO, |oldest| one.now - oldest);
        let room = one.machine.deadline().is_some() || oldest.is_none();
        assert!(waited <= Duration::from_millis(200) || !room, "{waited:?}");
    }
    assert_eq!(all.len(), 16, "the window");
    assert_eq!(held, 1, "said once");
    assert!(updates(&all) >= 12);
    one.settle(all);
    let table = one.machine.view("inbound_cidr", Some(ME)).unwrap();
    assert_eq!(table.total(), 5000);
    assert!(one.machine.deadline().is_none());
}

/// What the console lays out: objects by name, inner nodes of a tree with their sums before their leaves.
#[test]
fn what_a_console_shows() {
    let (mut one, mut waiting) = One::in_view(config());
    for (address, by) in [("10.1.2.5/32", 4), ("10.1.2.130/32", 27)] {
        let out = one.handle(change("inbound_cidr", net(address), by));
        waiting.extend(published(out));
    }
    let key = Key::text("Example.COM").unwrap();
    waiting.extend(published(one.handle(change("outbound_domains", key, 12))));
    one.settle(waiting);
    let objects: Vec<String> = one.machine.objects().map(|o| o.name.to_string()).collect();
    assert_eq!(objects, ["inbound_cidr", "outbound_domains"]);
    let rows = |object: &str| -> Vec<(String, i64)> {
        let table = one.machine.view(object, None).unwrap();
        table
            .rows()
            .map(|row| (row.key.to_string(), row.count))
            .collect()
    };
    let tree = [
        ("10.1.2.0/24", 31),
        ("10.1.2.5/32", 4),
        ("10.1.2.130/32", 27),
    ];
    assert_eq!(
        rows("inbound_cidr"),
        tree.map(|(key, count)| (key.to_owned(), count))
    );
    assert_eq!(rows("outbound_domains"), [("example.com".to_owned(), 12)]);
}

/// The sum of a netblock that is counted itself has everything counted inside it.
#[test]
pub(crate) fn a_netblock_counts_what_is_counted_inside_it() {
    let (mut one, mut waiting) = One::in_view(config());
    for (block, by) in [("10.1.2.0/24", 3), ("10.1.2.5/32", 4)] {
        waiting.extend(published(one.handle(change(
            "inbound_cidr",
            net(block),
            by,
        ))));
    }
    one.settle(waiting);
    let table = one.machine.view("inbound_cidr", None).unwrap();
    assert_eq!(table.count(&net("10.1.2.0/24")), 7);
    assert_eq!(table.count(&net("10.1.2.5/32")), 4);
}

#[test]
fn a_place_has_one_key() {
    let mapped = "::ffff:10.0.0.1".parse::<std::net::IpAddr>().unwrap();
    assert_eq!(Key::from(mapped), net("10.0.0.1/32"));
    assert_eq!(net("10.0.0.77/24"), net("10.0.0.0/24"));
    assert_eq!(Key::text("MAIL.example"), Key::text("mail.example"));
    assert_eq!(Key::text("a b"), None);
    assert_eq!(Key::text(&"x".repeat(256)), None);
}

fn any_body() -> impl Strategy<Value = Body> {
    let entries = prop_oneof![
        prop::collection::vec((any::<[u8; 4]>(), 0u8..=32, 0u32..3), 0..4).prop_map(|all| {
            let entry = |(address, length, value): ([u8; 4], u8, u32)| NetEntry {
                net: ipnet::IpNet::new(address.into(), length).unwrap(),
                value,
            };
            Entries::Nets(all.into_iter().map(entry).collect())
        }),
        prop::collection::vec(("[a-dA ]{0,2}", 0u32..3), 0..4).prop_map(|all| {
            let entry = |(text, value)| TextEntry { text, value };
            Entries::Texts(all.into_iter().map(entry).collect())
        }),
    ];
    let object = prop::sample::select(vec!["inbound_cidr", "outbound_domains", "x", ""]);
    let tag = (object.clone(), any::<bool>()).prop_map(|(name, tree)| Tag {
        name: name.into(),
        kind: if tree {
            Kind::CidrTree
        } else {
            Kind::GaugeTable
        },
    });
    let content = prop_oneof![
        prop::collection::vec(tag, 0..4).prop_map(Content::Announce),
        (object.clone(), entries.clone()).prop_map(|(object, entries)| Content::Update {
            object: object.into(),
            entries,
        }),
        (object, entries, 0u32..3, any::<bool>(), 0u64..2).prop_map(
            |(object, entries, number, last, ordinal)| Content::Snapshot {
                object: object.into(),
                round: position(ordinal),
                number,
                last,
                entries,
            }
        ),
    ];
    (prop_oneof![0u64..6, Just(u64::MAX)], content)
        .prop_map(|(version, content)| Body { version, content })
}

proptest! {
    /// A hostile member cannot break us, and what breaks the rules leaves no trace.
    #[test]
    fn nothing_a_member_sends_does_harm(bodies in prop::collection::vec(any_body(), 1..60)) {
        let (mut one, _) = One::in_view(config());
        for body in bodies {
            let before = digest(&one.machine);
            let wrong = body.check().is_err();
            let out = one.message(OTHER, body);
            if wrong {
                prop_assert_eq!(digest(&one.machine), before);
                let malformed = matches!(notes(out)[..], [Note::Malformed { from: OTHER, .. }]);
                prop_assert!(malformed);
            }
            for object in ["inbound_cidr", "outbound_domains"] {
                let global = one.machine.view(object, None).unwrap();
                let theirs = one.machine.view(object, Some(OTHER));
                prop_assert_eq!(global.total(), theirs.map_or(0, |table| table.total()));
                prop_assert_eq!(global.hash(), theirs.map_or(0, |table| table.hash()));
            }
        }
    }
}
