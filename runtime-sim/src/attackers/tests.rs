//! Goal: the oracle objects to what is wrong and to nothing else; sealed runs are attacked, rotate and pass. Method: the
//! oracle by hand, then whole runs.

use super::*;
use crate::run::{Request, world};

fn process(node: u64, life: u64) -> ProcessId {
    ProcessId::new(NodeId(node), Incarnation(life))
}

fn at(ms: u64) -> Instant {
    Instant::ORIGIN + Duration::from_millis(ms)
}

#[test]
fn the_oracle_objects() {
    let plan = SealPlan {
        attack_ns: 1_000_000,
        rotate_ns: 1_000_000_000,
    };
    let mut oracle = Attackers::new(plan, Seed::from_number(1));
    let (one, two, key, next) = (process(1, 1), process(2, 1), KeyId([1; 6]), KeyId([2; 6]));
    for counter in 1..=3 {
        oracle.sealed(one, (key, counter), b"said");
        oracle.sealed(one, (next, counter), b"said");
    }
    assert_eq!(oracle.judge(two, one, (key, 1), b"said", at(0)), Ok(()));
    let wrong = |oracle: &mut Attackers, from, name, frame: &[u8], now, why: &str| {
        let error = oracle.judge(two, from, name, frame, now).expect_err(why);
        assert!(error.contains(why), "{error}");
    };
    wrong(&mut oracle, one, (key, 1), b"said", at(0), "second time");
    wrong(&mut oracle, one, (key, 2), b"else", at(0), "something else");
    wrong(
        &mut oracle,
        process(3, 1),
        (key, 2),
        b"said",
        at(0),
        "something else",
    );
    wrong(
        &mut oracle,
        one,
        (key, 9),
        b"said",
        at(0),
        "nobody has sealed",
    );
    assert_eq!(oracle.judge(two, one, (next, 1), b"said", at(10)), Ok(()));
    assert_eq!(oracle.judge(two, one, (key, 2), b"said", at(900)), Ok(()));
    wrong(&mut oracle, one, (key, 3), b"said", at(5_000), "replaced");
    let later = process(1, 2);
    oracle.sealed(later, (KeyId([3; 6]), 1), b"said");
    assert_eq!(
        oracle.judge(two, later, (KeyId([3; 6]), 1), b"said", at(5_000)),
        Ok(())
    );
    wrong(
        &mut oracle,
        one,
        (next, 2),
        b"said",
        at(5_000),
        "heard life 2",
    );
}

#[test]
fn sealed_runs_are_attacked_and_pass() {
    for seed in 1..4 {
        let request = Request {
            seed,
            nodes: Some(4),
            faults_for: Duration::from_secs(10),
            sealed: true,
            trace: None,
        };
        let mut world = world(&request).expect("it can be built");
        world.run_to_end();
        assert_eq!(
            world.recorder().violation().map(ToString::to_string),
            None,
            "seed {seed}"
        );
        let (attacks, _, opened) = world.attackers().expect("it is sealed").counts();
        assert!(
            attacks > 50 && opened > 500,
            "seed {seed}: {attacks} attacks, {opened} frames"
        );
    }
}
