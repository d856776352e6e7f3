//! Goal: the checkers can fail, each for the fault it is for. Method: every deliberate defect in turn, over
//! whole drawn runs until a checker objects; and the same seeds without a defect, which must all be clean. What
//! no run can show is shown by the tests of its crate (`core/*/tests/defects.rs`).
//!
//! One test, because the switch is global to the process; the seeds of one defect run on all processors.
//! `DEFECTS=rotate:K/N` takes every Nth defect, from the Kth on, and as large a part of the clean runs;
//! `DEFECTS=name,name` takes these. `UPDATE=1` writes docs/defects.md, which is all of them.
#![cfg(feature = "defects")]
#![allow(clippy::print_stdout)] // the table

#[path = "defects/scene.rs"]
mod scene;
#[path = "defects/table.rs"]
mod table;
#[path = "defects/ways.rs"]
mod ways;

use std::{
    env,
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook},
    thread,
};

use ringfort_machine::defect::{Defect, activate};

use scene::Scene;
use table::Row;
use ways::{Way, way};

/// So many runs may pass before a defect must have been caught.
const SEEDS: u64 = 120;

/// The verdict and what was seen.
type Objection = (&'static str, String);

/// The first of `seeds` that is objected to; an assertion of a machine counts as an objection.
fn objected(scene: Scene, seeds: impl Iterator<Item = u64>) -> Option<(u64, Objection)> {
    let judge = |seed| match catch_unwind(AssertUnwindSafe(|| scene.run(seed))) {
        Ok(objection) => objection,
        Err(panic) => Some(("assertion", words(panic.as_ref()))),
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let seeds: Vec<u64> = seeds.collect();
    seeds.chunks(threads).find_map(|chunk| {
        thread::scope(|scope| {
            let runs: Vec<_> = chunk
                .iter()
                .map(|seed| (*seed, scope.spawn(move || judge(*seed))))
                .collect();
            let ended = runs.into_iter().map(|(seed, run)| {
                let objection = run.join().expect("panics are caught inside");
                objection.map(|objection| (seed, objection))
            });
            ended.collect::<Vec<_>>().into_iter().flatten().next()
        })
    })
}

/// What a panic said.
fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or_default().to_owned()
}

/// Which part of the defects and of the clean runs is wanted.
#[derive(Clone, Debug)]
enum Choice {
    Part(usize, usize),
    Named(Vec<String>),
}

impl Choice {
    fn read() -> Self {
        let Ok(text) = env::var("DEFECTS") else {
            return Self::Part(0, 1);
        };
        let part = text.strip_prefix("rotate:").and_then(|part| {
            let (first, count) = part.split_once('/')?;
            Some((first.parse::<usize>().ok()?, count.parse::<usize>().ok()?))
        });
        match part {
            Some((first, count)) => Self::Part(first % count, count),
            None => Self::Named(text.split(',').map(str::to_owned).collect()),
        }
    }

    fn defects(&self) -> Vec<Defect> {
        let all = Defect::ALL.iter().copied();
        match self {
            Self::Part(first, count) => all.skip(*first).step_by(*count).collect(),
            Self::Named(names) => names
                .iter()
                .map(|name| Defect::from_name(name).expect("DEFECTS names defects"))
                .collect(),
        }
    }

    fn clean_seeds(&self) -> Vec<u64> {
        let (first, count) = match self {
            Self::Part(first, count) => (*first, *count),
            Self::Named(_) => (0, SEEDS as usize),
        };
        (1..=SEEDS).skip(first).step_by(count).collect()
    }
}

#[test]
fn every_defect_is_caught_and_nothing_else() {
    let choice = Choice::read();
    for scene in Scene::ALL {
        let unclean = objected(scene, choice.clean_seeds().into_iter());
        assert!(
            unclean.is_none(),
            "without a defect, {}: {unclean:#?}",
            scene.name()
        );
    }
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let mut rows = Vec::new();
    let mut missed = Vec::new();
    for defect in choice.defects() {
        let Way::Runs(scene) = way(defect) else {
            rows.push(Row {
                defect,
                found: None,
            });
            continue;
        };
        activate(Some(defect));
        let found = objected(scene, 1..=SEEDS);
        activate(None);
        match found {
            Some((seed, (verdict, seen))) => {
                println!("{}: {verdict}, {seed}: {seen}", defect.name());
                let found = Some((scene, seed, verdict, seen));
                rows.push(Row { defect, found });
            }
            None => {
                println!("{}: MISSED", defect.name());
                missed.push((defect.name(), scene.name()));
            }
        }
    }
    set_hook(hook);
    assert!(
        missed.is_empty(),
        "no checker objected within {SEEDS} seeds to {missed:?}"
    );
    if env::var_os("UPDATE").is_some() {
        table::write(&rows);
    }
}
