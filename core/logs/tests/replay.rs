//! From append to output: a node, a manager, cut streams, crashes and losses of power of both, failing disks.
//! In the end every record is in the output exactly once, in order, or in a gap, or was never promised and is
//! gone. By seeds; each step is drawn.

mod support;

use support::{
    storm::{judge, storm},
    world::{Options, World},
};

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
    matches!(
        note,
        ringfort_logs::Note::Damaged { .. } | ringfort_logs::Note::TailCut { .. }
    )
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
