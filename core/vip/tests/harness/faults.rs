//! One seeded run: faults, then calm.

use std::{net::IpAddr, time::Duration};

use ringfort_machine::{Rng, Seed};
use ringfort_vip::{Command, Event};

use super::{World, config_of};

fn fault(world: &mut World, rng: &mut Rng) {
    let count = world.nodes.len();
    let index = rng.below(count as u64) as usize;
    let alive = world.nodes[index].vip.is_some();
    let runs = alive && !world.nodes[index].paused;
    match rng.below(12) {
        0..=2 => {
            let parts = rng.between(1, 3);
            let components: Vec<usize> = (0..count).map(|_| rng.below(parts) as usize).collect();
            world.partition(&components);
        }
        3 | 4 if alive => world.crash(index, rng.chance(1, 2)),
        3..=5 if !alive => {
            world.start(index);
            if rng.chance(1, 2) {
                world.partition(&vec![0; count]);
            }
        }
        5 => world.nodes[index].host.refuse_release = rng.below(4) as u32,
        6 => {
            let address = IpAddr::from([10, 0, 0, rng.between(1, 5) as u8]);
            let times = rng.below(3) as u32;
            world.nodes[index]
                .host
                .refuse_acquire
                .insert(address, times);
        }
        7 => world.pause(index),
        8 => world.resume(index),
        9 if runs => {
            let address = IpAddr::from([10, 0, 0, rng.between(1, 6) as u8]);
            let to = world.nodes[rng.below(count as u64) as usize].id;
            let request = rng.next_u64();
            let command = Command::Move { address, to };
            world.event(index, Event::Command { request, command });
        }
        10 if runs => {
            let mut config = config_of(rng.between(3, 6) as u8);
            if rng.chance(1, 3) {
                config.addresses[0].preference = vec![world.nodes[0].id];
            }
            if rng.chance(1, 3) {
                config.addresses[1].follow = Some(IpAddr::from([10, 0, 0, 1]));
            }
            config.balance_set_size = rng.between(1, 3) as u32;
            world.nodes[index].config = config.clone();
            world.event(index, Event::Reload(config));
        }
        11 if runs && rng.chance(1, 3) => world.event(index, Event::Leave),
        _ => {}
    }
}

/// The run of `seed`, with its violations in it.
pub(crate) fn run(seed: u64) -> World {
    let mut rng = Rng::new(Seed::from_number(seed).fork("faults"));
    let count = rng.between(2, 5) as usize;
    let mut world = World::new(seed, vec![config_of(5); count]);
    world.late = rng.chance(1, 4);
    world.delay = Duration::from_micros(rng.between(1, 30_000));
    for index in 0..count {
        world.start(index);
    }
    world.partition(&vec![0; count]);
    for _ in 0..rng.between(10, 60) {
        fault(&mut world, &mut rng);
        let pause = if rng.chance(1, 4) { 3_000 } else { 100 };
        world.run(Duration::from_millis(rng.below(pause)));
    }
    // Calm: everybody lives, in one component, with one configuration, and no platform refuses.
    for index in 0..count {
        world.resume(index);
        world.nodes[index].host.refuse_acquire.clear();
        world.nodes[index].host.refuse_release = 0;
        world.run(Duration::from_millis(200));
        if world.nodes[index].vip.is_none() {
            world.start(index);
        }
    }
    world.run(Duration::from_secs(6));
    for index in 0..count {
        if world.nodes[index].vip.is_none() {
            world.start(index);
        }
    }
    world.partition(&vec![0; count]);
    world.run(Duration::from_secs(30));
    world.check_covered();
    // A plain failover, in which nothing but the departure can help.
    if count > 1 {
        let index = rng.below(count as u64) as usize;
        world.crash(index, true);
        world.run(Duration::from_secs(1));
        world.check_covered();
    }
    world
}
