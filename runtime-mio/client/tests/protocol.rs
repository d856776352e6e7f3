//! Goal: the client's machine and the daemon's understand each other, whatever their byte orders and however the bytes
//! are cut. Method: both in one process, without a socket; a conversation with everything in it, whole against random
//! pieces in both directions.
#![allow(clippy::unwrap_used)]

mod common;

use common::bus::Bus;
use proptest::prelude::*;
use ringfort_client::{
    ByteOrder, Cause, Event, Message, Multicast, Name, Options, Received, Refused, RequestError,
    Service,
};
use ringfort_client_core::Session;
use ringfort_session::{Config, Refusal, SessionId};

/// Clients of one daemon, and what each was told.
struct World {
    bus: Bus,
    clients: Vec<(SessionId, Session, Vec<Event>)>,
    /// Lengths of the pieces that bytes travel in, in turn.
    pieces: Vec<usize>,
    turn: usize,
}

impl World {
    fn new(pieces: &[usize]) -> Self {
        Self {
            bus: Bus::new(Config::new("dmn1")),
            clients: Vec::new(),
            pieces: pieces.to_vec(),
            turn: 0,
        }
    }

    fn connect(&mut self, options: &Options) -> usize {
        let id = SessionId(self.clients.len() as u64);
        self.bus.open(id);
        let session = Session::new(options).unwrap();
        self.clients.push((id, session, Vec::new()));
        self.settle();
        self.clients.len() - 1
    }

    fn piece(&mut self, whole: usize) -> usize {
        self.turn += 1;
        let length = self.pieces.get(self.turn % self.pieces.len().max(1));
        length.copied().unwrap_or(whole).clamp(1, whole)
    }

    /// Carries bytes until nobody has any.
    fn settle(&mut self) {
        let mut moved = true;
        while moved {
            moved = false;
            for index in 0..self.clients.len() {
                let (id, session, _) = &mut self.clients[index];
                let id = *id;
                let bytes: Vec<u8> = session.outgoing().flatten().copied().collect();
                session.sent(bytes.len());
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let (now, later) = rest.split_at(self.piece(rest.len()));
                    self.bus.bytes(id, now);
                    rest = later;
                }
                let answer = self.bus.take(id);
                moved |= !bytes.is_empty() || !answer.is_empty();
                let mut rest = &answer[..];
                while !rest.is_empty() {
                    let (now, later) = rest.split_at(self.piece(rest.len()));
                    let (_, session, events) = &mut self.clients[index];
                    session.feed(now);
                    while let Some(event) = session.next().unwrap() {
                        events.push(event);
                    }
                    rest = later;
                }
            }
        }
    }

    fn ask(
        &mut self,
        client: usize,
        request: impl FnOnce(&mut Session) -> Result<(), RequestError>,
    ) {
        request(&mut self.clients[client].1).unwrap();
        self.settle();
    }

    /// What a client was told since last asked.
    fn told(&mut self, client: usize) -> Vec<Received> {
        let events = std::mem::take(&mut self.clients[client].2);
        let received = events.into_iter().filter_map(|event| match event {
            Event::Open(_) => None,
            Event::Received(received) => Some(received),
        });
        received.collect()
    }

    fn messages(&mut self, client: usize) -> Vec<Message> {
        let message = |received| {
            let Received::Message(message) = received else {
                panic!("{received:?}");
            };
            message
        };
        self.told(client).into_iter().map(message).collect()
    }
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn big(name: &str) -> Options {
    Options {
        order: ByteOrder::Big,
        ..Options::named(name)
    }
}

fn pair(world: &mut World) -> (usize, usize) {
    let al = world.connect(&Options::named("al"));
    let bo = world.connect(&big("bo"));
    for client in [al, bo] {
        world.ask(client, |session| session.join("g1"));
    }
    world.told(al);
    world.told(bo);
    (al, bo)
}

/// Everything a client can see of joins, leaves and ends.
#[test]
fn views_tell_who_came_and_went() {
    let mut world = World::new(&[]);
    let (al, bo) = (
        world.connect(&Options::named("al")),
        world.connect(&big("bo")),
    );
    let (al_name, bo_name) = (name("#al#dmn1"), name("#bo#dmn1"));
    world.ask(al, |session| session.join("g1"));
    world.ask(bo, |session| session.join("g1"));
    for (client, expected) in [(al, 2), (bo, 1)] {
        let told = world.told(client);
        assert_eq!(told.len(), expected);
        let Some(Received::View(view)) = told.last() else {
            panic!("{told:?}");
        };
        assert_eq!(
            (view.group, &view.cause),
            (name("g1"), &Cause::Join(bo_name))
        );
        assert_eq!(view.members, [al_name, bo_name]);
        assert_eq!(view.together(), [al_name]);
    }
    world.ask(al, |session| session.leave("g1"));
    world.ask(al, |session| session.leave("g1")); // of a non-member: nothing
    let group = name("g1");
    assert_eq!(world.told(al), [Received::Left { group }]);
    world.ask(al, |session| session.join("g1"));
    world.told(bo);
    world.ask(al, Session::disconnect);
    let told = world.told(bo);
    let [Received::View(view)] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(view.cause, Cause::Disconnect(al_name));
    // The name is free again; without the wish for membership there are messages and nothing else.
    let quiet = world.connect(&Options {
        membership: false,
        ..Options::named("al")
    });
    world.ask(quiet, |session| session.join("g1"));
    world.ask(quiet, |session| session.leave("g1"));
    assert_eq!(world.told(quiet), []);
}

#[test]
fn a_partition_has_a_mark_and_sets() {
    let mut world = World::new(&[]);
    let (al, bo) = pair(&mut world);
    let (al_name, bo_name, cy) = (name("#al#dmn1"), name("#bo#dmn1"), name("#cy#dmn2"));
    let sets = [vec![cy], vec![al_name, bo_name]];
    world.bus.partition("g1", &sets);
    world.settle();
    let mut ids = Vec::new();
    for client in [al, bo] {
        let told = world.told(client);
        let [Received::Transitional { group, .. }, Received::View(view)] = &told[..] else {
            panic!("{told:?}");
        };
        assert_eq!((group, view.group), (&name("g1"), name("g1")));
        assert_eq!(view.members, [cy, al_name, bo_name]);
        assert_eq!(view.together(), [al_name, bo_name]);
        let sets = sets.to_vec();
        assert_eq!(view.cause, Cause::Network { sets, own: 1 });
        ids.push(view.id);
    }
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn messages_of_every_kind_reach_whom_they_are_for() {
    let mut world = World::new(&[]);
    let (al, bo) = pair(&mut world);
    for service in Service::ALL {
        for tag in [i16::MIN, -1, 0, 7, i16::MAX] {
            for (from, order) in [(al, ByteOrder::Little), (bo, ByteOrder::Big)] {
                let message = Multicast::new(service, &["g1"], "hello").tag(tag);
                world.ask(from, |session| session.multicast(&message));
                for to in [al, bo] {
                    let told = world.messages(to);
                    assert_eq!(told.len(), 1);
                    let unreliable = service == Service::Unreliable; // served, and told, as reliable
                    assert!(unreliable || told[0].service == service);
                    assert_eq!((told[0].tag, told[0].order), (tag, order));
                    assert_eq!(&told[0].data[..], b"hello");
                }
            }
        }
    }
    // Self discard; an open group; a private message mixed with a group, in one copy, with the list as sent.
    let message = Multicast::new(Service::Safe, &["g1"], "").self_discard();
    world.ask(al, |session| session.multicast(&message));
    assert_eq!(world.messages(al).len(), 0);
    assert!(world.messages(bo)[0].is_self_discard());
    let cy = world.connect(&Options::named("cy"));
    let groups = ["nobody", "g1", "#al#dmn1", "#x#y"];
    world.ask(cy, |session| {
        session.multicast(&Multicast::new(Service::Fifo, &groups, "x"))
    });
    assert_eq!(world.messages(cy).len(), 0);
    for client in [al, bo] {
        let told = world.messages(client);
        assert_eq!((told.len(), told[0].sender), (1, name("#cy#dmn1")));
        let list: Vec<Name> = told[0].groups.iter().collect();
        assert_eq!(list, groups.map(name));
    }
    // An answer goes to the sender's private name.
    world.ask(bo, |session| {
        session.multicast(&Multicast::new(Service::Agreed, &["#cy#dmn1"], "answer"))
    });
    assert_eq!(world.messages(cy).len(), 1);
    assert_eq!(world.messages(bo).len(), 0);
}

#[test]
fn a_refused_message_comes_back() {
    let mut world = World::new(&[]);
    let (al, bo) = pair(&mut world);
    world.bus.refuse = Some(Refusal::Busy);
    for client in [al, bo] {
        world.ask(client, |session| {
            session.multicast(&Multicast::new(Service::Causal, &["g1", "g2"], "data").tag(-3))
        });
        let told = world.told(client);
        let [Received::Rejected(rejected)] = &told[..] else {
            panic!("{told:?}");
        };
        assert_eq!(rejected.request, Refused::Multicast(Service::Causal));
        assert_eq!((rejected.tag, &rejected.data[..]), (-3, &b"data"[..]));
        let own = if client == al { "#al#dmn1" } else { "#bo#dmn1" };
        let groups: Vec<Name> = rejected.groups.iter().collect();
        assert_eq!(groups, ["g1", "g2", own].map(name));
    }
}

/// The longest message and a hundred groups.
#[test]
fn the_largest_message_and_the_longest_list() {
    let mut world = World::new(&[1 << 14]);
    let (al, bo) = pair(&mut world);
    let data: Vec<u8> = (0..143_120_u32).map(|at| (at % 251) as u8).collect();
    world.ask(al, |session| {
        session.multicast(&Multicast::new(Service::Agreed, &["g1"], &data[..]))
    });
    assert_eq!(world.messages(bo)[0].data, data);
    let names: Vec<String> = (0..99).map(|index| format!("group{index}")).collect();
    let mut groups: Vec<&str> = names.iter().map(String::as_str).collect();
    groups.push("g1");
    world.ask(al, |session| {
        session.multicast(&Multicast::new(Service::Agreed, &groups, ""))
    });
    assert_eq!(world.messages(bo)[0].groups.len(), 100);
}

/// One random thing that a client asks for.
#[derive(Clone, Debug)]
enum Ask {
    Join(usize),
    Leave(usize),
    Send(usize, Vec<usize>, i16, usize),
}

fn ask() -> impl Strategy<Value = Ask> {
    let group = 0..GROUPS.len();
    let groups = prop::collection::vec(group.clone(), 1..4);
    let size = prop_oneof![0_usize..100, 4000_usize..9000];
    prop_oneof![
        group.clone().prop_map(Ask::Join),
        group.prop_map(Ask::Leave),
        (0..Service::ALL.len(), groups, any::<i16>(), size)
            .prop_map(|(service, groups, tag, size)| Ask::Send(service, groups, tag, size)),
    ]
}

const GROUPS: [&str; 3] = ["g1", "g2", "a-group-with-31-bytes-as-a-name"];

fn conversation(pieces: &[usize], asks: &[(usize, Ask)]) -> Vec<Vec<Received>> {
    let mut world = World::new(pieces);
    world.connect(&Options::named("al"));
    world.connect(&big("bo"));
    world.connect(&Options::default());
    for (client, ask) in asks {
        world.ask(*client, |session| match ask {
            Ask::Join(group) => session.join(GROUPS[*group]),
            Ask::Leave(group) => session.leave(GROUPS[*group]),
            Ask::Send(service, groups, tag, size) => {
                let groups: Vec<&str> = groups.iter().map(|group| GROUPS[*group]).collect();
                let data = vec![*size as u8; *size];
                let message = Multicast::new(Service::ALL[*service], &groups, data).tag(*tag);
                session.multicast(&message)
            }
        });
    }
    (0..3).map(|client| world.told(client)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pieces_change_nothing(
        pieces in prop::collection::vec(prop_oneof![1_usize..60, 500_usize..5000], 1..20),
        asks in prop::collection::vec((0_usize..3, ask()), 0..25),
    ) {
        prop_assert_eq!(conversation(&pieces, &asks), conversation(&[], &asks));
    }
}
