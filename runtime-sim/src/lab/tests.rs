//! Goal: a lab's hosts live, store, talk and die as its documentation says, and what goes wrong is found and can be
//! seen again. Method: small guests with a known answer, in quiet trials with a script and in drawn runs.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a test looks at the lines it is about"
)]

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use ringfort_machine::{Deadline, Digest, Instant, OrderId};

use super::*;
use crate::{
    checker::{Checker, Violation},
    disk::{Order, Outcome},
    faults::{Ailing, Fault},
    options::FaultKind,
    trace::{CrashKind, Event, Kind},
};

const FILE: &str = "/notes";

/// Writes commands to a file, syncs at the command `sync`, and tells of everything.
#[derive(Default)]
struct Notebook {
    orders: u64,
    length: u64,
}

impl Notebook {
    fn life(boot: &Boot<'_>, out: &mut Vec<Effect>) -> Box<dyn Guest> {
        let found = boot.file(FILE).unwrap_or_default();
        let text = String::from_utf8_lossy(found).into_owned();
        out.push(Effect::tell("found", &(boot.system_boot, text)));
        Box::new(Self {
            orders: 0,
            length: found.len() as u64,
        })
    }
}

impl Guest for Notebook {
    fn handle(&mut self, _: Instant, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Command(text) if text == "fail" => out.push(Effect::Failed),
            Input::Command(text) if text == "long" => out.push(Effect::send_all(vec![0; 1473])),
            Input::Command(text) if text == "panic" => panic!("as commanded"),
            Input::Command(text) => {
                let action = if text == "sync" {
                    Order::Sync(FILE.into())
                } else {
                    out.push(Effect::send_all(text.clone()));
                    self.length += text.len() as u64;
                    Order::Write(FILE.into(), self.length - text.len() as u64, text)
                };
                let order = OrderId::next(&mut self.orders);
                out.push(Effect::Disk { order, action });
            }
            Input::Disk { order, outcome } => {
                let done = outcome == Outcome::Done;
                out.push(Effect::tell("stored", &(order.0, done)));
            }
            Input::Datagram { from: _, bytes } => {
                out.push(Effect::tell("heard", &String::from_utf8_lossy(&bytes)));
            }
            Input::Leave => out.push(Effect::Left),
            Input::Wake | Input::Work(_) => {}
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        None
    }

    fn digest(&self, into: &mut Digest) {
        into.number(self.orders).number(self.length);
    }
}

fn notebook() -> Lab {
    Lab::new("notebook", Notebook::life).nodes(2)
}

fn at(milliseconds: u64) -> Instant {
    Instant::ORIGIN + Duration::from_millis(milliseconds)
}

/// What `p` told as `what`.
fn told<T: serde::de::DeserializeOwned>(trial: &Trial<'_>, p: &str, what: &str) -> Vec<T> {
    let of = |event: &&Event| event.p.as_ref().is_some_and(|name| name.to_string() == p);
    let lines = trial.events().iter().filter(of);
    lines.filter_map(|event| event.own(what).unwrap()).collect()
}

#[test]
fn a_kill_keeps_what_was_written_and_a_loss_of_power_what_was_synced() {
    let lab = notebook();
    let mut losses = 0;
    for seed in 0..8 {
        let mut trial = lab.quiet(seed);
        trial
            .command(at(1000), 0, "kept ")
            .command(at(1100), 0, "sync");
        trial
            .at(at(1200), Fault::Kill(0))
            .at(at(1300), Fault::Start(0));
        trial.command(at(1400), 0, "written ");
        trial
            .at(at(1500), Fault::Kill(0))
            .at(at(1600), Fault::Start(0));
        trial
            .at(at(1700), Fault::Power(0))
            .at(at(1800), Fault::Start(0));
        trial.run_until(at(2000));
        let found = |p| told::<(u64, String)>(&trial, p, "found").remove(0);
        assert_eq!(found("n1#1"), (1, String::new()));
        assert_eq!(found("n1#2"), (1, "kept ".into()));
        assert_eq!(found("n1#3"), (1, "kept written ".into()));
        let (boot, left) = found("n1#4");
        assert_eq!(boot, 2, "power makes another boot");
        assert!(left.starts_with("kept "), "{left}");
        losses += u32::from(!left.ends_with("written "));
    }
    assert!(losses > 0, "what was not synced is lost sometimes");
}

#[test]
fn a_full_disk_refuses_and_says_so_in_the_trace() {
    let lab = notebook();
    let mut trial = lab.quiet(1);
    trial
        .at(at(900), Fault::Ail(0, Ailing::Full, true))
        .command(at(1000), 0, "a");
    trial
        .at(at(1100), Fault::Ail(0, Ailing::Full, false))
        .command(at(1200), 0, "b");
    trial.run_until(at(1300));
    let stored: Vec<(u64, bool)> = told(&trial, "n1#1", "stored");
    assert_eq!(stored, [(1, false), (2, true)]);
    let full = |event: &&Event| matches!(&event.kind, Kind::Disk { fault } if *fault == "full");
    assert_eq!(trial.events().iter().filter(full).count(), 1);
}

#[test]
fn a_paused_process_hears_what_waited_when_it_goes_on() {
    let lab = notebook();
    let mut trial = lab.quiet(1);
    trial.at(at(900), Fault::Pause(1)).command(at(1000), 0, "x");
    trial.run_until(at(1500));
    assert_eq!(told::<String>(&trial, "n2#1", "heard"), [""; 0]);
    trial.at(at(1600), Fault::Resume(1)).run_until(at(1600));
    assert_eq!(told::<String>(&trial, "n2#1", "heard"), ["x"]);
}

#[test]
fn who_fails_is_started_again_and_who_leaves_is_not() {
    let lab = notebook();
    let mut trial = lab.quiet(1);
    trial
        .command(at(1000), 0, "fail")
        .at(at(1000), Fault::Stop(1));
    trial.run_until(at(5000));
    let ended = |event: &Event| matches!(event.kind, Kind::Stop | Kind::Crash { .. } | Kind::Start);
    let lives: Vec<(u64, String)> = trial
        .events()
        .iter()
        .filter(|event| ended(event) && event.at() > at(500))
        .map(|event| (event.t / 1_000_000, format!("{:?}", event.kind)))
        .collect();
    let kill = format!(
        "{:?}",
        Kind::Crash {
            how: CrashKind::Kill
        }
    );
    let expected = [(1000, kill), (1000, "Stop".into()), (2000, "Start".into())];
    assert_eq!(lives, expected);
}

#[test]
fn assertions_and_long_datagrams_are_violations_with_a_way_to_see_them_again() {
    for (command, verdict) in [("panic", "panic"), ("long", "datagram-limit")] {
        let lab = notebook();
        let mut trial = lab.quiet(7);
        trial.command(at(1000), 0, command);
        let report = trial.run().unwrap();
        assert_eq!(report.verdict(), verdict);
        assert_eq!(report.end, at(1000), "nothing happens after it");
        let said = report.to_string();
        assert!(said.contains("seed 7"), "{said}");
        assert!(
            said.contains("again: run seed 7 of the lab `notebook`"),
            "{said}"
        );
    }
}

#[test]
fn a_life_that_cannot_begin_is_a_violation() {
    let lab = Lab::new("unborn", |boot, out| {
        assert_eq!(boot.me.incarnation.0, 1, "comes back wrong");
        Notebook::life(boot, out)
    });
    let mut trial = lab.quiet(1);
    trial
        .at(at(1000), Fault::Kill(0))
        .at(at(2000), Fault::Start(0));
    let violation = trial.run().unwrap().violation.unwrap();
    assert_eq!(violation.checker, "panic");
    assert!(
        violation.message.contains("n1#2 broke an assertion"),
        "{violation}"
    );
    assert!(
        violation.message.contains("comes back wrong"),
        "{violation}"
    );
}

/// Wants to be woken at once for ever, or never leaves.
struct Stubborn {
    spins: bool,
}

impl Guest for Stubborn {
    fn handle(&mut self, _: Instant, _: Input, _: &mut Vec<Effect>) {}

    fn deadline(&self) -> Option<Deadline> {
        let at = if self.spins {
            Instant::ORIGIN
        } else {
            Instant::NEVER
        };
        Some(Deadline::new(at, "stubbornness"))
    }

    fn digest(&self, _: &mut Digest) {}
}

#[test]
fn who_never_rests_or_never_leaves_is_found() {
    for (spins, verdict) in [(true, "spin"), (false, "leave")] {
        let lab = Lab::new("stubborn", move |_, _| Box::new(Stubborn { spins }));
        let mut trial = lab.quiet(1);
        trial.at(at(1000), Fault::Stop(0));
        let report = trial.run().unwrap();
        let violation = report.violation.unwrap();
        assert_eq!(violation.checker, verdict);
        assert!(violation.message.contains("stubbornness"), "{violation}");
    }
}

/// Objects to the runs of some seeds.
#[derive(Default)]
struct Picky;

impl Checker for Picky {
    fn on(&mut self, event: &Event) -> Result<(), Violation> {
        let Kind::Run(run) = &event.kind else {
            return Ok(());
        };
        Violation::unless(run.seed % 5 != 3, "picky", || "ends in 3 or 8".into())
    }

    fn finish(&mut self, _: Instant) -> Result<(), Violation> {
        Ok(())
    }
}

#[test]
fn exploring_ends_with_the_first_seed_that_fails_on_any_number_of_threads() {
    for jobs in [1, 4] {
        let lab = notebook().checker::<Picky>().jobs(jobs);
        let summary = lab.explore(0..40);
        assert_eq!(summary.failure().unwrap().seed, 3);
        assert_eq!(summary.reports.len(), 4);
        assert!(lab.check(0..3).failure().is_none());
    }
}

#[test]
#[should_panic(expected = "seed 3: picky: ends in 3 or 8")]
fn a_test_that_explores_fails_with_the_report() {
    notebook().checker::<Picky>().check(0..40);
}

#[test]
fn drawn_runs_have_every_kind_of_fault_and_none_that_was_ruled_out() {
    let kinds = |lab: &Lab| -> BTreeSet<&'static str> {
        let mut seen = BTreeSet::new();
        for seed in 0..60 {
            let mut trial = lab.trial(seed);
            trial.run_until(at(20_000));
            for event in trial.events() {
                seen.extend(match &event.kind {
                    Kind::Crash {
                        how: CrashKind::Kill,
                    } => Some("kill"),
                    Kind::Crash {
                        how: CrashKind::Power,
                    } => Some("power"),
                    Kind::Stop => Some("stop"),
                    Kind::Pause => Some("pause"),
                    Kind::Cut { .. } => Some("cut"),
                    Kind::Run(run) if run.options.faults.iter().any(|kind| *kind == "loss") => {
                        Some("loss")
                    }
                    _ => None,
                });
            }
        }
        seen
    };
    let all = BTreeSet::from(["kill", "power", "stop", "pause", "cut", "loss"]);
    assert_eq!(kinds(&notebook()), all);
    let mild = notebook()
        .without(FaultKind::Power)
        .without(FaultKind::Loss)
        .without(FaultKind::Stop)
        .without(FaultKind::Rolling);
    assert_eq!(kinds(&mild), BTreeSet::from(["kill", "pause", "cut"]));
}

#[test]
fn a_line_of_another_shape_is_a_violation_and_another_line_is_nothing() {
    let Effect::Trace(kind) = Effect::tell("number", &7) else {
        unreachable!("to tell is to write a line")
    };
    let event = Event::world(Instant::ORIGIN, kind);
    assert_eq!(event.own::<u64>("number"), Ok(Some(7)));
    assert_eq!(event.own::<u64>("other"), Ok(None));
    let error = event.own::<String>("number").unwrap_err();
    assert_eq!(error.checker, "trace");
    let line = serde_json::to_string(&event).unwrap();
    assert_eq!(line, r#"{"t":0,"ev":"own","what":"number","data":7}"#);
    assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event);
}

#[test]
fn bytes_of_a_command_arrive_unchanged() {
    let lab = notebook();
    let mut trial = lab.quiet(1);
    trial
        .command(at(1000), 0, Bytes::from_static(b"a b"))
        .run_until(at(1100));
    assert_eq!(trial.disk(0).content(FILE), Some(b"a b".as_slice()));
}
