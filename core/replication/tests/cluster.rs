//! Goal: replicas that see the same order have the same sums at the same points, and the right ones when it is
//! quiet (services-anchors C1, C2, C5, C7). Method: seeded worlds with splits, merges, crashes, restarts under
//! the same name and reloads while changes go on, on a bus that keeps the promises of the group layer.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod bus;

use std::{net::Ipv4Addr, time::Duration};

use bus::{
    Bus, process,
    world::{OBJECTS, config, random_world, some_process, without_domains},
};
use proptest::prelude::*;
use ringfort_replication::{Action, Event, Key, Kind, Note};

fn no_contradictions(bus: &Bus) {
    for (id, process) in &bus.processes {
        for note in &process.notes {
            let expected = matches!(note, Note::Settled { .. } | Note::Unsettled { .. })
                || matches!(note, Note::NotConfigured { .. } | Note::Held { .. });
            assert!(expected, "{id}: {note:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn replicas_agree(seed: u64, nodes in 1u64..6, steps in 1usize..800) {
        let mut bus = random_world(seed, nodes, steps);
        no_contradictions(&bus);
        let (one, all) = (some_process(&mut bus), bus.processes.len());
        for object in OBJECTS {
            let expected = bus.processes[&one].machine.fingerprint(object);
            prop_assert!(expected.is_some());
            for other in bus.processes.values() {
                prop_assert_eq!(other.machine.fingerprint(object), expected);
            }
        }
        prop_assert!(all == 1 || bus.agreements > 0, "nothing was compared");
    }
}

fn cluster(seed: u64, nodes: u64) -> Bus {
    let mut bus = Bus::new(seed);
    for node in 0..nodes {
        bus.start(process(node, 1), config());
    }
    bus.heal();
    bus.quiesce();
    bus
}

fn host(number: u32) -> Key {
    Key::from(std::net::IpAddr::from(Ipv4Addr::from(number)))
}

#[test]
fn all_releases_leave_nothing_behind() {
    let mut bus = cluster(1, 3);
    for number in 0..100 {
        bus.change(process(0, 1), OBJECTS[0], host(number), 2);
        bus.change(process(1, 1), OBJECTS[0], host(number * 7), 1);
    }
    bus.quiesce();
    bus.check(&OBJECTS);
    for number in 0..100 {
        bus.change(process(0, 1), OBJECTS[0], host(number), -2);
        bus.change(process(1, 1), OBJECTS[0], host(number * 7), -1);
    }
    bus.quiesce();
    bus.check(&OBJECTS);
    let global = bus.processes[&process(2, 1)].machine.view(OBJECTS[0], None);
    let global = global.unwrap();
    assert_eq!((global.rows().count(), global.hash()), (0, 0));
}

/// C2 and C7: the old life leaves at the view, its echo is no news, and the new life starts from nothing.
#[test]
fn a_restart_under_the_same_name_is_another_process() {
    let mut bus = cluster(2, 2);
    let (survivor, old, new) = (process(0, 1), process(1, 1), process(1, 2));
    bus.change(old, OBJECTS[0], host(1), 5);
    bus.quiesce();
    bus.change(old, OBJECTS[0], host(1), 1);
    let echo = bus.processes[&old].outbox[0].clone();
    assert_eq!(
        bus.processes[&survivor].machine.count(OBJECTS[0], &host(1)),
        5
    );
    bus.crash(old);
    assert_eq!(
        bus.processes[&survivor].machine.count(OBJECTS[0], &host(1)),
        0
    );
    bus.start(new, config());
    bus.heal();
    bus.change(new, OBJECTS[0], host(1), 2);
    bus.quiesce();
    let position = ringfort_machine::Position {
        configuration: ringfort_machine::ConfigurationId::regular(ringfort_machine::RingId {
            sequence: 1,
            representative: old,
        }),
        ordinal: 9,
    };
    bus.event(
        survivor,
        Event::Message {
            position,
            from: old,
            body: echo,
        },
    );
    let notes = &bus.processes[&survivor].notes;
    assert_eq!(notes.last(), Some(&Note::Stranger { from: old }));
    bus.check(&OBJECTS);
    assert_eq!(
        bus.processes[&survivor].machine.count(OBJECTS[0], &host(1)),
        2
    );
}

/// C5: a state of several parts reaches a joiner while it changes, and the outbox stays short meanwhile.
#[test]
fn a_large_state_is_learned_while_it_changes() {
    let mut bus = cluster(3, 2);
    for number in 0..7_000 {
        bus.change(process(0, 1), OBJECTS[0], host(number * 3), 1);
        if number % 16 == 0 {
            bus.deliver(bus.components()[0]);
        }
    }
    bus.quiesce();
    bus.start(process(2, 1), config());
    bus.heal();
    let mut delivered = 0;
    while bus.deliver(bus.components()[0]) {
        delivered += 1;
        let number = bus.rng.below(7_000) as u32;
        let by = if bus.rng.chance(1, 2) { 1 } else { -1 };
        let table = bus.processes[&process(0, 1)].machine.local(OBJECTS[0]);
        if delivered < 200 && table.unwrap().get(&host(number * 3)) + by >= 0 {
            bus.change(process(0, 1), OBJECTS[0], host(number * 3), by);
        }
        let waiting = bus.processes[&process(0, 1)].outbox.len();
        assert!(waiting <= 17, "{waiting} messages in the outbox");
    }
    bus.quiesce();
    bus.check(&OBJECTS);
    no_contradictions(&bus);
}

/// An object that one member lacks settles among those that have it.
#[test]
fn members_without_an_object_do_not_hold_it_up() {
    let mut bus = Bus::new(4);
    bus.start(process(0, 1), config());
    bus.start(process(1, 1), without_domains());
    bus.heal();
    bus.quiesce();
    assert!(bus.processes[&process(0, 1)].machine.settled(OBJECTS[1]));
    assert!(!bus.processes[&process(1, 1)].machine.settled(OBJECTS[1]));
    let mut other = config();
    other.objects[1].kind = Kind::CidrTree;
    bus.event(process(1, 1), Event::Reload(Box::new(other)));
    bus.quiesce();
    let notes = &bus.processes[&process(0, 1)].notes;
    assert!(matches!(notes.last(), Some(Note::KindMismatch { .. })));
    bus.event(process(1, 1), Event::Reload(Box::new(config())));
    bus.quiesce();
    bus.check(&OBJECTS);
}

/// A message that the bus lost against its promise is noticed, and everything is told again.
#[test]
fn a_lost_message_heals() {
    let mut bus = cluster(5, 3);
    bus.change(process(0, 1), OBJECTS[0], host(1), 1);
    bus.processes
        .get_mut(&process(0, 1))
        .unwrap()
        .outbox
        .clear();
    for number in 0..40 {
        bus.change(process(0, 1), OBJECTS[0], host(number), 1);
        bus.pass(Duration::from_secs(1));
    }
    bus.quiesce();
    bus.check(&OBJECTS);
    let missing = |note: &Note| matches!(note, Note::Missing { .. });
    for process in bus.processes.values() {
        assert_eq!(process.notes.iter().filter(|note| missing(note)).count(), 1);
    }
}

/// The limit sees own changes before they come back, and does not see releases before the others do.
#[test]
fn a_limit_counts_what_is_under_way() {
    let mut bus = cluster(6, 2);
    let me = process(0, 1);
    bus.change(process(1, 1), OBJECTS[0], host(1), 3);
    bus.quiesce();
    bus.change(me, OBJECTS[0], host(2), 2);
    let net: ipnet::IpNet = "0.0.0.0/24".parse().unwrap();
    let machine = &bus.processes[&me].machine;
    assert_eq!(machine.count(OBJECTS[0], &Key::from(net)), 3);
    assert_eq!(machine.count_for_limit(OBJECTS[0], &Key::from(net)), 5);
    bus.quiesce();
    bus.change(me, OBJECTS[0], host(2), -2);
    let machine = &bus.processes[&me].machine;
    assert_eq!(machine.count_for_limit(OBJECTS[0], &Key::from(net)), 5);
    bus.quiesce();
    let machine = &bus.processes[&me].machine;
    assert_eq!(machine.count_for_limit(OBJECTS[0], &Key::from(net)), 3);
}

#[test]
fn changes_before_the_first_view_wait_for_it() {
    let mut machine =
        ringfort_replication::Replication::new(process(0, 1), without_domains()).unwrap();
    let mut out: Vec<Action> = Vec::new();
    assert!(ringfort_machine::Machine::deadline(&machine).is_none());
    ringfort_machine::step(
        &mut machine,
        ringfort_machine::Instant::ORIGIN,
        Event::Change {
            object: OBJECTS[0].into(),
            key: host(1),
            by: 1,
        },
        &mut out,
    );
    assert!(out.is_empty(), "nothing is published before a view");
    assert_eq!(machine.count_for_limit(OBJECTS[0], &host(1)), 1);
}
