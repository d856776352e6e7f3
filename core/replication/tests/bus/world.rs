//! Random life on a bus: changes, deliveries, time, splits, merges, crashes, restarts, reloads.

use std::{net::Ipv4Addr, time::Duration};

use ringfort_machine::ProcessId;
use ringfort_replication::{Config, Event, Key, Kind, ObjectConfig};

use super::{Bus, process};

pub(crate) const OBJECTS: [&str; 2] = ["inbound_cidr", "outbound_domains"];

pub(crate) fn config() -> Config {
    let mut config = Config::new(vec![
        ObjectConfig::new(OBJECTS[0], Kind::CidrTree),
        ObjectConfig::new(OBJECTS[1], Kind::GaugeTable),
    ]);
    config.objects[0].max_pending = 3;
    config.observe = true;
    config
}

pub(crate) fn without_domains() -> Config {
    let mut config = config();
    config.objects.pop();
    config
}

/// A key out of few, so that processes and changes meet.
fn some_key(bus: &mut Bus) -> (&'static str, Key) {
    if bus.rng.chance(1, 2) {
        let host = Ipv4Addr::from(0x0a00_0000 + (bus.rng.below(40) as u32) * 37);
        return (OBJECTS[0], Key::from(std::net::IpAddr::from(host)));
    }
    let domain = format!("d{}.example", bus.rng.below(20));
    (OBJECTS[1], Key::text(&domain).unwrap())
}

pub(crate) fn some_process(bus: &mut Bus) -> ProcessId {
    let ids: Vec<ProcessId> = bus.processes.keys().copied().collect();
    *bus.rng.pick(&ids).unwrap()
}

/// A burst of changes at one process, now and then longer than `max_pending`.
fn random_changes(bus: &mut Bus) {
    let id = some_process(bus);
    for _ in 0..=bus.rng.below(8) {
        let (object, key) = some_key(bus);
        let by = bus.rng.below(5) as i64 - 2;
        let table = bus.processes[&id].machine.local(object);
        let known = table.is_some_and(|table| table.get(&key) + by >= 0);
        if known && by != 0 {
            bus.change(id, object, key, by);
        }
    }
}

/// One random thing happens. Ordinary things are far more frequent than faults.
fn random_step(bus: &mut Bus, lives: &mut u64) {
    let components = bus.components();
    let some = *bus.rng.pick(&components).unwrap();
    let other = *bus.rng.pick(&components).unwrap();
    match bus.rng.below(100) {
        0..40 => random_changes(bus),
        40..80 => {
            bus.deliver(some);
        }
        80..88 => bus.pass(Duration::from_millis(5)),
        88..91 => bus.regroup(&[some], 2),
        91..94 => bus.regroup(&[some, other], 1),
        94..96 => bus.regroup(&[some, other], 2),
        96 if bus.processes.len() > 1 => {
            // The same node again, at once: its messages of before are still in nobody's hands.
            let id = some_process(bus);
            bus.crash(id);
            *lives += 1;
            bus.start(process(id.node.0, *lives), config());
        }
        97 if bus.processes.len() > 1 => {
            let id = some_process(bus);
            bus.crash(id);
        }
        98 => {
            *lives += 1;
            let node = bus.rng.below(100);
            if bus.processes.keys().all(|id| id.node.0 != node) {
                bus.start(process(node, *lives), config());
            }
        }
        99 => {
            // An object goes and comes back: what was counted in it is gone.
            let id = some_process(bus);
            bus.event(id, Event::Reload(Box::new(without_domains())));
            let truth = &mut bus.processes.get_mut(&id).unwrap().truth;
            truth.retain(|(object, _), _| **object == *OBJECTS[0]);
            if bus.rng.chance(1, 2) {
                bus.deliver(some);
            }
            bus.event(id, Event::Reload(Box::new(config())));
        }
        _ => random_changes(bus),
    }
}

/// A world of `nodes` after `steps` random things, checked when it is quiet, and healed, and checked again.
pub(crate) fn random_world(seed: u64, nodes: u64, steps: usize) -> Bus {
    let mut bus = Bus::new(seed);
    let mut lives = 1;
    for node in 0..nodes {
        bus.start(process(node, 1), config());
    }
    for _ in 0..steps {
        random_step(&mut bus, &mut lives);
    }
    bus.quiesce();
    bus.check(&OBJECTS);
    bus.heal();
    bus.quiesce();
    bus.check(&OBJECTS);
    bus
}
