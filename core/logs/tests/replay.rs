//! From append to output: a node, a manager, cut streams, crashes and losses of power of both, failing disks.
//! In the end every record is in the output exactly once, in order, or in a gap, or was never promised and is
//! gone. By seeds; each step is drawn.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use ringfort_logs::RecordId;
use support::{
    disk::Fault,
    world::{LOGS, Options, World},
};

fn storm(seed: u64, options: Options, faults: bool, power: bool) -> World {
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
    println!("seed {seed}");
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

fn judge(world: &World, gaps_allowed: bool) {
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
            "{key:?} is in a gap for no reason: {:?}, {:?}",
            world.gaps,
            world.notes
        );
        assert!(kept || gone || told || !durable, "{key:?} never came: {:?} {:?}", world.gaps, world.notes);
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
        assert!(found == wanted, "{log}: the output is not what was recorded");
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
        let last: Option<RecordId> = world.node.store(log).and_then(|store| store.status().durable);
        let lag = world.node.store(log).map(|store| store.status().subscribers[0].lag_records);
        assert_eq!(lag, Some(0), "{log}: everything is acknowledged, up to {last:?}");
    }
}

#[test]
fn nothing_happens_and_everything_arrives() {
    let mut world = World::new(1, Options::default());
    world.calm();
    for _ in 0..100 {
        world.append();
    }
    world.calm();
    judge(&world, false);
    assert_eq!(world.told.len(), 100);
    assert_eq!(world.notes.iter().filter(|note| is_gap(note)).count(), 0);
}

fn is_gap(note: &ringfort_logs::Note) -> bool {
    matches!(note, ringfort_logs::Note::Damaged { .. } | ringfort_logs::Note::TailCut { .. })
}

#[test]
fn cut_streams_and_killed_processes_lose_nothing() {
    for seed in 0..150 {
        let world = storm(seed, Options::default(), false, false);
        judge(&world, false);
    }
}

#[test]
fn losses_of_power_lose_what_was_not_promised() {
    for seed in 1000..1150 {
        let options = Options {
            boot: seed % 2 == 0,
            ..Options::default()
        };
        judge(&storm(seed, options, false, true), false);
    }
}

#[test]
fn failing_disks_lose_nothing_either() {
    for seed in 2000..2150 {
        judge(&storm(seed, Options::default(), true, seed % 2 == 0), false);
    }
}

#[test]
fn sources_may_share_an_output() {
    for seed in 3000..3100 {
        let options = Options {
            shared_output: true,
            ..Options::default()
        };
        judge(&storm(seed, options, true, true), false);
    }
}

#[test]
fn a_log_over_its_budget_tells_what_it_gave_up() {
    let mut gaps = 0;
    for seed in 4000..4100 {
        let options = Options {
            budget_bytes: Some(1500),
            ..Options::default()
        };
        let world = storm(seed, options, true, true);
        judge(&world, true);
        gaps += world.gaps.len();
    }
    assert!(gaps > 20, "only {gaps} gaps: the budget was hardly used");
}
