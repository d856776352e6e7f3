//! Goal: the swarm covers what it should and writes itself down. Method: statistics over many seeds.

use super::*;

fn draw(seed: u64) -> Options {
    Options::draw(seed, None, Duration::from_secs(60))
}

#[test]
fn the_same_seed_draws_the_same_run() {
    assert_eq!(draw(7), draw(7));
    assert_ne!(draw(7), draw(8));
}

#[test]
fn every_kind_of_fault_is_common_and_some_runs_have_none() {
    let runs: Vec<Options> = (0..400).map(draw).collect();
    for kind in FaultKind::ALL {
        let count = runs.iter().filter(|run| run.may(*kind)).count();
        assert!(count > 5, "{}: {count}", kind.name());
    }
    assert!(runs.iter().filter(|run| run.faults.is_empty()).count() > 20);
    assert!(runs.iter().filter(|run| run.core).count() > 10);
    let heavy = |run: &&Options| run.weather.loss_millionths > 60_000;
    assert!((5..80).contains(&runs.iter().filter(heavy).count()));
    assert!(
        runs.iter()
            .all(|run| run.weather.loss_millionths <= 300_000)
    );
}

#[test]
fn a_manager_is_drawn_when_there_is_room_for_one() {
    for run in (0..50).map(draw) {
        let managers = run
            .nodes
            .iter()
            .filter(|node| node.role == Role::Manager)
            .count();
        assert_eq!(managers, usize::from(run.nodes.len() > 1));
    }
    assert_eq!(Options::draw(1, Some(3), Duration::ZERO).nodes.len(), 3);
}

#[test]
fn the_run_line_has_what_the_format_wants() {
    let run = Options {
        faults: vec![FaultKind::Kill],
        ..Options::quiet(3, 2)
    };
    let value = serde_json::to_value(run.run_line()).unwrap();
    assert_eq!(value["nodes"], serde_json::json!(["n1", "m1"]));
    assert_eq!(value["options"]["faults"], serde_json::json!(["kill"]));
    assert_eq!(
        value["options"]["vips"],
        serde_json::json!(["10.77.2.1/32", "10.77.2.2/32"])
    );
    assert_eq!(value["options"]["gaps"], serde_json::json!(false));
    assert!(value["options"]["weather"]["latency_least_ns"].is_u64());
    assert!(value["options"]["load"]["append_ns"].is_u64());
}

#[test]
fn times_stay_around_their_mean() {
    let mut rng = Rng::new(Seed::from_number(1));
    let draws: Vec<u64> = (0..4000)
        .map(|_| around(&mut rng, 1000).as_nanos() as u64)
        .collect();
    assert!(draws.iter().all(|draw| (200..=3000).contains(draw)));
    let mean = draws.iter().sum::<u64>() / 4000;
    assert!((1000..1300).contains(&mean), "{mean}");
    assert!(around(&mut rng, u64::MAX) >= Duration::from_nanos(u64::MAX / 5));
}
