//! The crash theorem of one log: what is recovered is a prefix of what was appended, holds every promised
//! record, and nothing altered, invented, repeated or out of order. By a disk that loses what it may, a crash
//! at every step, exhaustively for a small log and by seeds for larger ones.

mod support;

use std::collections::BTreeSet;

use ringfort_logs::{
    Class, RecordId,
    store::{Config, Event},
};
use ringfort_machine::{Rng, Seed};
use support::{Bench, Known, disk::Fault};

fn config() -> Config {
    Config {
        segment_limit_bytes: 400,
        recent_limit_bytes: 200,
        subscribers: vec!["master".into()],
        ..Config::new("mainlog", "spool/mainlog")
    }
}

fn payload(number: u64, length: usize) -> Vec<u8> {
    let mut payload = format!("record {number} ").into_bytes();
    payload.resize(payload.len().max(length), b'a' + (number % 26) as u8);
    payload
}

/// Checks what a life finds against what all lives before it told. Returns what it finds.
fn check(bench: &mut Bench, promised: Option<RecordId>, before: &[Known]) -> Vec<Known> {
    bench.run();
    let upto = bench.recovered.expect("recovery comes to an end");
    let (found, gaps) = bench.read_all(RecordId::BEFORE_ALL);
    assert_eq!(
        found.last().map(|last| last.id),
        upto,
        "what is told is what is there"
    );
    let ids: BTreeSet<RecordId> = found.iter().map(|known| known.id).collect();
    assert_eq!(ids.len(), found.len(), "nothing is repeated");
    assert!(found.is_sorted_by(|one, next| one.id < next.id), "in order");
    for known in &found {
        assert!(before.contains(known), "{known:?} was never appended");
    }
    // Of each life a prefix: whatever was appended before a found record in the same life is found too.
    for known in before {
        let later = found
            .iter()
            .any(|other| other.id.incarnation == known.id.incarnation && other.id > known.id);
        assert!(!later || ids.contains(&known.id), "a hole at {}", known.id);
        if Some(known.id) <= promised {
            let lost_earlier = !ids.contains(&known.id);
            assert!(!lost_earlier, "{} was promised and is gone", known.id);
        }
    }
    for gap in gaps {
        let wrong = ids.range(gap.first..=gap.last).next();
        assert_eq!(wrong, None, "{gap:?} covers a record that is there");
    }
    found
}

/// Records of earlier lives that were lost then are no longer expected; those found are as good as promised.
fn carry_on(bench: &mut Bench, found: &[Known]) {
    bench.appended.retain(|known| found.contains(known));
}

#[test]
fn every_loss_of_every_small_log_is_survived() {
    let mut states = 0_u64;
    for script in 0..27_u32 {
        let classes: Vec<Class> = (0..3)
            .map(|at| Class::ALL[(script / 3_u32.pow(at) % 3) as usize])
            .collect();
        for steps in 0.. {
            let mut bench = Bench::new(config());
            bench.run();
            for (number, class) in classes.iter().enumerate() {
                bench.append(*class, payload(number as u64, 100));
            }
            let mut more = true;
            for _ in 0..steps {
                more = bench.work() || bench.wait();
            }
            let unsynced = bench.disk.unsynced();
            assert!(unsynced <= 14, "{unsynced} is too much to try all");
            for loss in 0..1_u64 << unsynced {
                let mut lost = Bench::new(config());
                lost.config = bench.config.clone();
                lost.disk = bench.disk.clone();
                lost.disk.lose(|number| loss >> number & 1 == 1);
                lost.appended = bench.appended.clone();
                lost.restart();
                check(&mut lost, bench.durable, &bench.appended);
                states += 1;
            }
            if !more {
                break;
            }
        }
    }
    println!("{states} states");
    assert!(states > 10_000, "only {states}");
}

fn life(seed: u64, power: bool, faults: bool) {
    let mut rng = Rng::new(Seed::from_number(seed));
    let mut bench = Bench::new(config());
    let mut ever: BTreeSet<RecordId> = BTreeSet::new();
    let mut number = 0;
    for _ in 0..4 {
        let steps = rng.below(120);
        for _ in 0..steps {
            match rng.below(6) {
                0 | 1 => {
                    number += 1;
                    let class = Class::ALL[rng.below(3) as usize];
                    let length = rng.below(260) as usize;
                    bench.append(class, payload(number, length));
                }
                2 if faults && rng.chance(1, 6) => {
                    let fault = [Fault::Full, Fault::Failed][rng.below(2) as usize];
                    bench.disk.faults.push_back(fault);
                }
                3 if rng.chance(1, 4) => {
                    bench.wait();
                }
                _ => {
                    bench.work();
                }
            }
        }
        for known in &bench.appended {
            ever.insert(known.id);
        }
        let (promised, written) = (bench.durable, bench.written);
        let before = bench.appended.clone();
        bench.crash(power, &mut rng);
        while rng.chance(1, 2) {
            // Recovery does not come to its end either.
            for _ in 0..rng.below(12) {
                bench.work();
            }
            bench.crash(power, &mut rng);
        }
        let promised = if power {
            promised
        } else {
            promised.max(written)
        };
        let found = check(&mut bench, promised, &before);
        carry_on(&mut bench, &found);
        bench.durable = bench.durable.max(found.last().map(|last| last.id));
        let fresh = bench.appended.last().map(|last| last.id);
        number += 1;
        bench.append(Class::Sync, payload(number, 10));
        let id = bench.appended.last().expect("appended").id;
        assert!(ever.insert(id) && Some(id) > fresh, "{id} was used before");
        bench.run();
        assert_eq!(bench.durable, Some(id), "a sync append becomes durable");
    }
}

#[test]
fn lives_end_by_a_loss_of_power() {
    for seed in 0..400 {
        life(seed, true, false);
    }
}

#[test]
fn lives_end_by_a_kill() {
    for seed in 1000..1400 {
        life(seed, false, false);
    }
}

#[test]
fn lives_with_a_failing_disk() {
    for seed in 2000..2600 {
        life(seed, seed % 2 == 0, true);
    }
}

#[test]
fn a_closed_log_begins_again_without_a_loss() {
    let mut bench = Bench::new(Config {
        boot: Some(1),
        ..config()
    });
    bench.run();
    for number in 0..9 {
        bench.append(Class::None, payload(number, 100));
    }
    bench.tell(Event::Close);
    bench.run();
    assert!(bench.closed);
    bench.disk.lose(|_| false);
    bench.config.boot = Some(2);
    let before = bench.appended.clone();
    bench.restart();
    bench.run();
    let (found, gaps) = bench.read_all(RecordId::BEFORE_ALL);
    assert_eq!(found, before);
    bench.append(Class::Sync, payload(10, 10));
    bench.run();
    assert_eq!((gaps, bench.read_all(found[8].id).1), (vec![], vec![]));
}

#[test]
fn a_restart_of_the_machine_without_a_close_may_have_lost_something() {
    let mut bench = Bench::new(Config {
        boot: Some(1),
        ..config()
    });
    bench.run();
    bench.append(Class::Sync, payload(0, 10));
    bench.run();
    bench.append(Class::None, payload(1, 10));
    let last = bench.durable.expect("one");
    bench.disk.lose(|_| false);
    bench.config.boot = Some(2);
    bench.restart();
    bench.run();
    let (found, gaps) = bench.read_all(RecordId::BEFORE_ALL);
    assert_eq!(found.len(), 1);
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0].first, last.next());
    assert_eq!(gaps[0].last, RecordId::new(last.incarnation, u64::MAX));
    assert_eq!(gaps[0].count, None);
}
