//! Goal: what is not needed goes, what is needed stays, and the verdict stays the same. Method: a verdict made up
//! of which steps and parameters are there, so that the smallest schedule is known.

use super::*;
use crate::run::Request;

/// A drawn run with everything in it, and the hosts and steps it has.
fn drawn() -> Schedule {
    let request = Request {
        seed: 33,
        nodes: Some(4),
        faults_for: Duration::from_secs(20),
        sealed: false,
        trace: None,
    };
    let mut world = run::world(&request).unwrap();
    world.keep_steps();
    let (schedule, _) = run::keep(&request, world).unwrap();
    schedule
}

fn shrink(schedule: Schedule, verdict: impl Fn(&Schedule) -> bool + Sync) -> (Schedule, u64) {
    let verdict = |schedule: &Schedule| if verdict(schedule) { "bad" } else { "ok" }.to_owned();
    let mut runs = 0;
    let mut progress = |progress: Progress| runs = progress.runs;
    let schedule = Schedule {
        expect: "bad".to_owned(),
        ..schedule
    };
    let small = Shrinker::new(2, 5_000, &verdict, &mut progress).shrink(schedule);
    (small, runs)
}

#[test]
fn only_what_is_needed_is_left() {
    let schedule = drawn();
    assert!(schedule.steps.len() > 100, "{}", schedule.steps.len());
    let appends = |schedule: &Schedule| {
        let is_append = |step: &&Step| matches!(step.act, Act::Deed(Deed::Append { host: 1, .. }));
        schedule.steps.iter().filter(is_append).count()
    };
    assert!(appends(&schedule) > 3);
    let latency = schedule.options.weather.latency_least_ns;
    let (small, runs) = shrink(schedule, |candidate| {
        appends(candidate) >= 2 && candidate.options.weather.latency_least_ns == latency
    });
    assert_eq!(small.steps.len(), 2, "{}", small.render());
    assert_eq!(small.options.nodes.len(), 2);
    let left: Vec<String> = small
        .options
        .settings()
        .into_iter()
        .map(|one| one.path)
        .collect();
    assert!(
        left.contains(&"weather.latency_least_ns".to_owned()) && left.len() <= 2,
        "{left:?}"
    );
    assert!(small.steps.iter().all(|step| step.at.subsec_nanos() == 0));
    assert!(runs < 600, "{runs}");
}

#[test]
fn a_budget_ends_the_search_with_something_that_fails() {
    let schedule = drawn();
    let steps = schedule.steps.len();
    let verdict = |candidate: &Schedule| {
        if candidate.steps.len() * 2 > steps {
            "bad"
        } else {
            "ok"
        }
        .to_owned()
    };
    let mut progress = |_| {};
    let schedule = Schedule {
        expect: "bad".to_owned(),
        ..schedule
    };
    let small = Shrinker::new(1, 10, &verdict, &mut progress).shrink(schedule);
    assert_eq!(verdict(&small), "bad");
}

#[test]
fn a_node_goes_with_what_is_done_to_it() {
    let text = "# ringfort-sim schedule 1\nseed 3\nnodes n1 n2 n3\nexpect bad\n\
                at 1s kill n2\nat 1s kill n3\nat 2s cut n1>n2 n3>n1\nat 3s connect c1 n3 odd\n\
                at 4s send c1 c9@n2,g1 safe 9\n";
    let (small, _) = shrink(Schedule::parse(text).unwrap(), |candidate| {
        candidate
            .steps
            .iter()
            .any(|step| matches!(step.act, Act::Fault(Fault::Cut(_))))
            && candidate.options.nodes.iter().any(|node| node.name == "n3")
    });
    let expected = "# ringfort-sim schedule 1\nseed 3\nnodes n1 n3\nexpect bad\nat 2s cut n3>n1\n";
    assert_eq!(small.render(), expected);
}
