//! Goal: the times that an operator counts on, and the frames that an idle ring costs.
//! Method: whole rings under virtual time, so that every number is exact and the same on every machine.
#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

mod common;

use std::time::Duration;

use bytes::Bytes;
use ringfort_evs::Event;
use ringfort_machine::{Level, Rng, Seed};

use common::judge::judge;
use common::world::{Did, Weather, World};

const MS: Duration = Duration::from_millis(1);

/// A ring of `count` that has been in order for a while.
fn ring(count: usize, seed: u64) -> World {
    let mut world = World::new(count, Seed::from_number(seed));
    for host in 0..count {
        world.start(host);
    }
    let all: Vec<usize> = (0..count).collect();
    assert!(world.run_while(MS * 2000, |world| !world.is_together(&all)));
    world.run_for(MS * 300);
    assert!(world.is_together(&all));
    world.notes.clear();
    world
}

/// How long until exactly `members` are together.
fn time_until_together(world: &mut World, members: &[usize]) -> Duration {
    let start = world.now;
    assert!(
        world.run_while(MS * 10_000, |world| !world.is_together(members)),
        "they did not come together"
    );
    world.now.since(start)
}

fn without(world: &World, gone: usize) -> Vec<usize> {
    (0..world.hosts.len())
        .filter(|host| *host != gone)
        .collect()
}

fn no_change(world: &World, changes: u64) {
    for host in world.up() {
        let status = world.hosts[host].evs.as_ref().unwrap().status();
        assert_eq!(
            status.changes, changes,
            "host {host}: {:?}",
            status.last_change
        );
    }
}

fn changes(world: &World) -> u64 {
    world.hosts[0].evs.as_ref().unwrap().status().changes
}

#[test]
fn a_silent_crash_costs_less_than_350_ms() {
    let mut worst = Duration::ZERO;
    for count in 3..=9 {
        for gone in 0..count {
            for busy in [false, true] {
                let mut world = ring(count, (count * 10 + gone) as u64);
                if busy {
                    for _ in 0..200 {
                        let host = world.rng.below(count as u64) as usize;
                        let _ = world.submit(host, Level::Agreed, Bytes::from_static(&[7; 900]));
                    }
                    world.run_for(MS);
                }
                world.crash(gone);
                let survivors = without(&world, gone);
                let took = time_until_together(&mut world, &survivors);
                worst = worst.max(took);
                assert_eq!(judge(&world.lives), Vec::<String>::new());
            }
        }
    }
    println!("silent crash: at most {worst:?}");
    assert!(worst < MS * 350, "{worst:?}");
}

#[test]
fn a_join_costs_less_than_100_ms() {
    let mut worst = Duration::ZERO;
    for count in 1..=9 {
        for seed in 0..5 {
            let mut world = World::new(count + 1, Seed::from_number(seed));
            for host in 0..count {
                world.start(host);
            }
            let before: Vec<usize> = (0..count).collect();
            time_until_together(&mut world, &before);
            world.run_for(MS * 300);
            world.start(count);
            let all: Vec<usize> = (0..=count).collect();
            worst = worst.max(time_until_together(&mut world, &all));
        }
    }
    println!("join: at most {worst:?}");
    assert!(worst < MS * 100, "{worst:?}");
}

#[test]
fn a_restart_under_the_same_name_is_noticed_at_once() {
    let mut worst = Duration::ZERO;
    for gone in 0..5 {
        let mut world = ring(5, gone as u64);
        world.crash(gone);
        world.run_for(MS * 5);
        world.start(gone);
        worst = worst.max(time_until_together(&mut world, &[0, 1, 2, 3, 4]));
        assert_eq!(judge(&world.lives), Vec::<String>::new());
    }
    println!("restart: at most {worst:?}");
    assert!(worst < MS * 150, "{worst:?}");
}

#[test]
pub(crate) fn a_leave_costs_less_than_50_ms() {
    let mut worst = Duration::ZERO;
    for gone in 0..5 {
        let mut world = ring(5, gone as u64);
        world.event(gone, Event::Leave);
        let survivors = without(&world, gone);
        worst = worst.max(time_until_together(&mut world, &survivors));
        assert!(world.hosts[gone].left);
    }
    println!("leave: at most {worst:?}");
    assert!(worst < MS * 50, "{worst:?}");
}

#[test]
fn a_process_alone_leaves_at_once() {
    let mut world = ring(1, 1);
    world.event(0, Event::Leave);
    world.run_for(MS);
    assert!(world.hosts[0].left);
}

#[test]
fn leaving_ends_even_without_a_ring() {
    let mut world = ring(3, 1);
    world.partition(&[vec![0], vec![1], vec![2]]);
    let _ = world.submit(1, Level::Safe, Bytes::from_static(b"x"));
    world.run_for(MS * 30);
    world.event(1, Event::Leave);
    world.run_for(MS * 1001);
    assert!(world.hosts[1].left);
}

#[test]
pub(crate) fn five_percent_loss_evicts_nobody() {
    for seed in 0..4 {
        let mut world = ring(5, seed);
        let before = changes(&world);
        world.weather = Weather {
            loss_percent: 5,
            ..Weather::FAIR
        };
        for _ in 0..500 {
            world.run_for(MS * 20);
            let host = world.rng.below(5) as usize;
            let _ = world.submit(host, Level::Safe, Bytes::from_static(&[1; 300]));
        }
        no_change(&world, before);
    }
}

#[test]
fn pauses_of_100_ms_evict_nobody() {
    for seed in 0..4 {
        let mut world = ring(5, seed);
        let before = changes(&world);
        let mut rng = Rng::new(Seed::from_number(seed));
        for _ in 0..60 {
            let host = rng.below(5) as usize;
            world.pause(host, MS * 100);
            world.run_for(MS * rng.between(101, 300) as u32);
            let _ = world.submit(host, Level::Agreed, Bytes::from_static(&[1; 300]));
        }
        no_change(&world, before);
    }
}

#[test]
fn an_idle_ring_costs_some_hundred_frames_a_second() {
    let mut world = ring(5, 1);
    let before = world.frames;
    world.run_for(MS * 1000);
    let frames = world.frames - before;
    println!("idle: {frames} frames a second");
    assert!(frames < 400, "{frames}");
}

#[test]
pub(crate) fn an_idle_ring_sends_promptly() {
    let mut worst = Duration::ZERO;
    for host in 0..5 {
        for offset in 0..12 {
            let mut world = ring(5, host as u64);
            world.run_for(MS * offset * 2);
            let start = world.now;
            world
                .submit(host, Level::Agreed, Bytes::from_static(b"hello"))
                .unwrap();
            let delivered = |world: &World| {
                let lives = world.lives.values();
                lives
                    .filter(|life| {
                        life.log
                            .iter()
                            .any(|(_, did)| matches!(did, Did::Delivered(_)))
                    })
                    .count()
            };
            assert!(world.run_while(MS * 100, |world| delivered(world) < 5));
            worst = worst.max(world.now.since(start));
        }
    }
    println!("idle to delivered everywhere: at most {worst:?}");
    assert!(worst < MS * 3, "{worst:?}");
}

#[test]
fn a_large_ring_forms_and_fails_over() {
    let mut world = World::new(128, Seed::from_number(1));
    world.keep_notes = false;
    for host in 0..128 {
        world.start(host);
    }
    let all: Vec<usize> = (0..128).collect();
    let formed = time_until_together(&mut world, &all);
    world.crash(77);
    let survivors = without(&world, 77);
    let took = time_until_together(&mut world, &survivors);
    println!("128 members: formed in {formed:?}, silent crash {took:?}");
    assert!(took < MS * 1500, "{took:?}");
}
