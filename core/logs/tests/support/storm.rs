//! Faults drawn by seed, and what must hold when they are over.

use std::collections::{BTreeMap, BTreeSet};

use ringfort_logs::RecordId;

use super::{
    disk::Fault,
    world::{LOGS, Options, World},
};

pub(crate) fn storm(seed: u64, options: Options, faults: bool, power: bool) -> World {
    let mut world = World::new(seed, options);
    for _ in 0..600 {
        match world.rng.below(40) {
            0..=5 => world.append(),
            6..=14 => {
                world.node_work();
            }
            15..=22 => {
                world.manager_work();
            }
            23..=28 => {
                world.deliver_to_manager();
            }
            29..=33 => {
                world.deliver_to_node();
            }
            34 | 35 => {
                world.connect();
            }
            36 | 37 => world.wait(),
            38 => strike(&mut world, faults),
            _ => catastrophe(&mut world, power),
        }
    }
    world.calm();
    world
}

fn strike(world: &mut World, faults: bool) {
    let fault = [Fault::Full, Fault::Failed][world.rng.below(2) as usize];
    match world.rng.below(3) {
        0 if faults => world.node_disk.faults.push_back(fault),
        1 if faults => world.manager_disk.faults.push_back(fault),
        _ => world.cut(),
    }
}

fn catastrophe(world: &mut World, power: bool) {
    let power = power && world.rng.chance(1, 2);
    match world.rng.below(4) {
        0 => world.crash_node(power),
        1 => world.crash_manager(power),
        _ => world.cut(),
    }
}

pub(crate) fn judge(world: &World, gaps_allowed: bool) {
    let mut expected: BTreeMap<&str, Vec<&[u8]>> = BTreeMap::new();
    for ((log, id), payload) in &world.appended {
        let key = (log.clone(), *id);
        let gone = world.lost.contains(&key);
        let told = world
            .gaps
            .iter()
            .any(|(gap_log, gap)| gap_log == log && (gap.first..=gap.last).contains(id));
        let durable = world.durable.get(log).is_some_and(|upto| id <= upto);
        // A line whose manager ended before it counted is cut off again; its record may be given up since.
        let kept = world.told.contains(&key) && !(gaps_allowed && told);
        assert!(!(kept && told), "{key:?} is in the output and in a gap");
        assert!(!(kept && gone), "{key:?} was lost and is in the output");
        assert!(
            gaps_allowed || !told || gone,
            "{key:?} is in a gap for no reason"
        );
        assert!(kept || gone || told || !durable, "{key:?} never came");
        if kept {
            expected.entry(log).or_default().push(payload);
        }
    }
    let lines = world.lines();
    let unique: BTreeSet<&String> = lines.iter().collect();
    assert_eq!(unique.len(), lines.len(), "a line stands twice");
    for log in LOGS {
        let mut found: Vec<&[u8]> = lines
            .iter()
            .filter(|line| line.starts_with(log))
            .map(|line| line.as_bytes())
            .collect();
        let mut wanted = expected.remove(log).unwrap_or_default();
        found.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(found.len(), wanted.len(), "{log}");
        assert!(
            found == wanted,
            "{log}: the output is not what was recorded"
        );
    }
    // In each file the records of a log are in its order: the number in the payload grows.
    for (path, file) in &world.manager_disk.files {
        if !path.starts_with("out/") {
            continue;
        }
        let text = String::from_utf8(file.cache.clone()).expect("text");
        for log in LOGS {
            let numbers: Vec<u64> = text
                .lines()
                .filter(|line| line.starts_with(log))
                .filter_map(|line| line.split(' ').nth(1)?.parse().ok())
                .collect();
            assert!(numbers.is_sorted(), "{path}: {numbers:?}");
        }
    }
    for log in LOGS {
        let last: Option<RecordId> = world
            .node
            .store(log)
            .and_then(|store| store.status().durable);
        let lag = world
            .node
            .store(log)
            .map(|store| store.status().subscribers[0].lag_records);
        assert_eq!(
            lag,
            Some(0),
            "{log}: everything is acknowledged, up to {last:?}"
        );
    }
}
