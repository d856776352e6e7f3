//! Goal: clients are told the truth whatever the ring goes through. Method: seeded random worlds over a model
//! ring with splits, merges, cascades, crashes and garbage, judged by the checks of the harness.

mod harness;

use harness::{World, check};
use ringfort_machine::{Digest, Machine};

const SEEDS: u64 = 400;

#[test]
fn clients_are_told_the_truth() {
    let (mut completed, mut abandoned) = (0, 0);
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        world.run(1500);
        if let Err(violation) = check::all(&world) {
            panic!("seed {seed}: {violation}");
        }
        completed += world.completed;
        abandoned += world.abandoned;
    }
    assert!(completed > 1000, "too few merges: {completed}");
    assert!(abandoned > 1000, "too few merges cut short: {abandoned}");
}

#[test]
fn equal_seeds_give_equal_worlds() {
    let digest = |seed| {
        let mut world = World::new(seed);
        world.run(800);
        let mut digest = Digest::new();
        for host in world.hosts.values() {
            host.groups.digest(&mut digest);
        }
        for client in &world.clients {
            digest.text(&format!("{:?}", client.told));
        }
        digest.finish()
    };
    assert_eq!(digest(1), digest(1));
    assert_ne!(digest(1), digest(2));
}
