//! Goal: a schedule is the run it was kept of, on paper and in fact. Method: drawn runs, kept, written, read and
//! followed; and files that are wrong.

use std::time::Duration;

use super::*;
use crate::{
    options::FaultKind,
    run::{self, Request},
};

fn kept(seed: u64) -> (Schedule, String) {
    let request = Request {
        seed,
        nodes: Some(3),
        faults_for: Duration::from_secs(8),
        sealed: false,
        trace: None,
    };
    let mut world = run::world(&request).unwrap();
    world.keep_steps();
    run::keep(&request, world).unwrap()
}

#[test]
fn a_schedule_gives_the_trace_of_the_run_it_was_kept_of() {
    let mut kinds = 0;
    for seed in 30..38 {
        let (schedule, hash) = kept(seed);
        kinds += schedule.options.faults.len();
        let text = schedule.render();
        let read = Schedule::parse(&text).unwrap();
        assert_eq!(read.render(), text, "seed {seed}");
        assert_eq!(read.steps, schedule.steps, "seed {seed}");
        let report = run::follow(&read, None).unwrap();
        assert_eq!(report.hash, hash, "seed {seed}");
    }
    assert!(kinds > FaultKind::ALL.len(), "the runs have faults");
}

#[test]
fn every_step_survives_the_way_through_text() {
    let text = "# ringfort-sim schedule 1\n\
                seed 3\nnodes n1 n2 m1\nexpect safe\ndefect deliver-twice\n\
                set faults_for = \"25s\"\nset services.vips = false\nset weather.loss_millionths = 20000\n\
                at 0.5s start n1\nat 1s kill n1\nat 1s restart n2\nat 1s power m1\nat 1s stop n1\n\
                at 1s pause n1\nat 1s resume n1\nat 1s cut n1>n2 n2>n1\nat 1s heal n1>n2\n\
                at 1s clog n1>m1\nat 1s unclog n1>m1\nat 1s ail n1 full\nat 1s mend n1 sync-failed\n\
                at 1s ail n2 misdirected\nat 1s clock n1 +3600s\nat 1s clock n1 -0.5s\nat 1s reload n1 7\n\
                at 2s connect c1 n1 odd\nat 2s join c1 g1\nat 2s send c1 g1,c2@n2 safe 120\n\
                at 2s leave c1 g1\nat 2s disconnect c1\nat 2s count n1 networks 17 +2\n\
                at 2s count n1 domains 3 -1\nat 2s append n1 sync 600\nat 2.25s session 10.77.2.1 talks 1.5s\n";
    let schedule = Schedule::parse(text).unwrap();
    assert_eq!(schedule.render(), text);
    assert_eq!(schedule.steps.len(), 26);
}

#[test]
fn wrong_files_say_where_and_what_is_expected() {
    let wrong = |lines: &str| {
        let text = format!("# ringfort-sim schedule 1\n{lines}");
        Schedule::parse(&text).unwrap_err().to_string()
    };
    assert!(
        Schedule::parse("seed 1\n")
            .unwrap_err()
            .to_string()
            .contains("line 1")
    );
    assert!(wrong("nodes n1\nat 1s kill n1\n").contains("`seed"));
    assert!(wrong("seed 1\nat 1s kill n1\n").contains("`nodes"));
    assert!(wrong("seed 1\nnodes n1 n1\n").contains("line 3"));
    assert!(wrong("seed 1\nnodes n1\nat 1s kill n2\n").contains("line 4: `kill n2` is no step"));
    assert!(wrong("seed 1\nnodes n1\nat 1 kill n1\n").contains("line 4"));
    assert!(wrong("seed 1\nnodes n1 n2\nat 1s cut n1>n1\n").contains("FROM>TO"));
    assert!(wrong("seed 1\nnodes n1\nat 1s append n1 sync 99999999999\n").contains("line 4"));
    assert!(
        wrong("seed 1\nnodes n1\nset weather.sun = 1\n").contains("line 4: there is no parameter")
    );
    assert!(wrong("frobnicate\n").contains("line 2"));
    assert!(wrong("seed 1\nseed 2\n").contains("line 3"));
    assert!(wrong("seed 1\nnodes n1\nset core = false\nseed 2\n").contains("line 5"));
    assert!(wrong("seed 1\nnodes n1\nset core = true\n").contains("line 4: `core`"));
    assert!(wrong("seed 1\nnodes n1\nat 99999999999s kill n1\n").contains("line 4"));
    assert!(wrong("seed 1\nnodes n1\nat 1s count n1 networks 2048 +1\n").contains("line 4"));
}

#[test]
fn what_makes_no_sense_does_nothing() {
    let text = "# ringfort-sim schedule 1\nseed 5\nnodes n1 n2\nset faults_for = \"4s\"\n\
                at 1s resume n1\nat 1s start n1\nat 1s send c9 g1 agreed 10\nat 1s join c9 g1\n\
                at 1s count n1 networks 1 -5\nat 1.5s kill n2\nat 1.6s kill n2\nat 1.7s connect c1 n2 odd\n\
                at 2s start n2\nat 3s leave c1 g1\nat 9s kill n1\n\
                at 3.1s count n1 domains 0 +9223372036854775807\nat 3.2s count n1 domains 0 +1\n\
                at 3.3s connect c7 n1 odd\nat 3.4s disconnect c7\nat 3.5s connect c7 n1 odd\n";
    let report = run::follow(&Schedule::parse(text).unwrap(), None).unwrap();
    assert_eq!(report.violation, None);
}
