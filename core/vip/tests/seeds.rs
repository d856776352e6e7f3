//! Goal: no two members of a view ever take one address, and every address is served again once faults stop.
//! Method: seeded runs with splits, merges, crashes in the middle of orders, restarts, pauses, refusals,
//! moves, reloads and departures, checked at every instant by the harness.

mod harness;

use harness::faults::run;

const RUNS: u64 = 150;

#[test]
fn no_overlap_and_no_gap_in_seeded_runs() {
    for seed in 0..RUNS {
        let world = run(seed);
        if !world.violations.is_empty() {
            eprintln!("seed {seed}");
        }
        world.assert_fine();
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    assert_eq!(run(7).log, run(7).log);
}
