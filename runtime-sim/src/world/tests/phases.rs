//! The faults, the calm and the end of a run.

use super::*;
use crate::{
    faults::{BOUND, link},
    options::FaultKind,
};

#[test]
fn a_cut_is_told_once_and_healed_once() {
    let mut stage = Stage::new(3, nothing);
    let links = vec![link(0, 1), link(1, 0)];
    stage.world.inject(Fault::Cut(links.clone()));
    stage.world.inject(Fault::Cut(vec![link(0, 1)]));
    stage.world.inject(Fault::Heal(links));
    let lines = [
        r#"Cut { from: "n1", to: "n2" }"#,
        r#"Cut { from: "n2", to: "n1" }"#,
        r#"Heal { from: "n1", to: "n2" }"#,
        r#"Heal { from: "n2", to: "n1" }"#,
    ];
    assert_eq!(stage.lines(), lines);
}

#[test]
fn calm_mends_everything_with_the_lines_that_the_format_wants() {
    let options = Options {
        weather: stormy(),
        ..Options::quiet(1, 3)
    };
    let mut stage = Stage::with(options, None, nothing);
    stage.world.inject(Fault::Cut(vec![link(0, 1)]));
    stage.world.inject(Fault::Pause(0));
    stage.world.inject(Fault::Kill(1));
    stage.world.inject(Fault::Calm);
    stage.run(4000);
    let lines = stage.lines();
    assert_eq!(lines[3], "Calm { core: None }");
    assert_eq!(
        lines[4..],
        ["n1#1 Resume"],
        "no heal line: cuts end with calm"
    );
    assert!(!stage.world.fabric().is_cut(link(0, 1)));
    assert_eq!(stage.world.process(1).unwrap().to_string(), "n2#2");
    assert_eq!(stage.world.fabric().weather().loss_millionths, 0);
}

fn stormy() -> crate::fabric::Weather {
    crate::fabric::Weather {
        loss_millionths: 200_000,
        ..crate::fabric::Weather::CALM
    }
}

#[test]
fn a_core_is_cut_from_the_rest_for_good_and_keeps_the_client_host() {
    let options = Options {
        core: true,
        ..Options::quiet(4, 5)
    };
    let mut stage = Stage::with(options, None, nothing);
    stage.world.inject(Fault::Calm);
    let core = stage.world.core.clone().unwrap();
    assert!((1..5).contains(&core.len()));
    for from in 0..6 {
        for to in (0..6).filter(|to| *to != from) {
            let side = |port: usize| port == 5 || core.contains(&port);
            assert_eq!(
                stage.world.fabric().is_cut(link(from, to)),
                side(from) != side(to)
            );
        }
    }
    assert!(stage.lines()[0].starts_with("Calm { core: Some(["));
}

#[test]
fn mending_that_was_planned_before_calm_is_void_after_it() {
    let mut stage = Stage::new(2, nothing);
    stage.world.inject(Fault::Kill(0));
    stage.world.options.revive_percent = 0;
    let later = stage.world.now + Duration::from_secs(1);
    stage.world.queue.plan(
        later,
        Planned::Fault {
            fault: Fault::Start(0),
            before_calm: true,
        },
    );
    stage.world.inject(Fault::Calm);
    stage.run(10_000);
    assert_eq!(stage.world.process(0), None);
    stage.run(BOUND.as_millis() as u64);
    assert!(
        stage.world.process(0).is_some(),
        "but somebody has to serve in the end"
    );
}

#[test]
fn a_run_lasts_twice_the_bound_after_the_last_disturbance() {
    let faults = vec![FaultKind::Kill, FaultKind::Pause, FaultKind::Cut];
    let mut options = Options {
        faults,
        faults_for: Duration::from_secs(20),
        ..Options::quiet(9, 4)
    };
    options.pace.between_ns = 500_000_000;
    options.pace.lasts_ns = 2_000_000_000;
    let mut stage = Stage::with(options, None, nothing);
    stage.world.begin();
    stage.run(30_000);
    let kept = stage.world.recorder().kept();
    let calm = kept
        .iter()
        .position(|line| matches!(line.kind, Kind::Calm { .. }))
        .unwrap();
    let faulty = |line: &Line| {
        matches!(
            line.kind,
            Kind::Crash { .. } | Kind::Pause | Kind::Cut { .. } | Kind::Heal { .. }
        )
    };
    assert!(kept[..calm].iter().filter(|line| faulty(line)).count() > 20);
    assert_eq!(kept[calm..].iter().filter(|line| faulty(line)).count(), 0);
    let last = kept
        .iter()
        .filter(|line| {
            matches!(
                line.kind,
                Kind::Calm { .. } | Kind::Start | Kind::Resume | Kind::Heal { .. }
            )
        })
        .map(Line::at)
        .max()
        .unwrap();
    let report = stage.world.run().unwrap();
    assert!(report.end > last + 2 * BOUND, "{} after {last}", report.end);
}

#[test]
fn nothing_is_said_by_a_process_that_is_paused_or_gone() {
    let faults = FaultKind::ALL.to_vec();
    let mut options = Options {
        faults,
        ..Options::quiet(10, 4)
    };
    options.faults_for = Duration::from_secs(40);
    options.pace.between_ns = 300_000_000;
    options.pace.lasts_ns = 1_000_000_000;
    let mut stage = Stage::with(options, None, nothing);
    stage.world.begin();
    stage.run(80_000);
    let mut state = BTreeMap::new();
    for line in stage.world.recorder().kept() {
        let Some(p) = line.p.clone() else { continue };
        let known = state.get(&p).copied().unwrap_or("none");
        let allowed = if line.kind == Kind::Start {
            "none"
        } else if line.kind == Kind::Resume {
            "paused"
        } else {
            "runs"
        };
        assert_eq!(known, allowed, "{line:?}");
        let ends = matches!(line.kind, Kind::Crash { .. } | Kind::Stop);
        let next = if ends {
            "gone"
        } else if line.kind == Kind::Pause {
            "paused"
        } else {
            "runs"
        };
        state.insert(p, next);
    }
    assert!(state.len() > 10);
}
