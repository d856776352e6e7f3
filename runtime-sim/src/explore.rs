//! Many seeds, on all the threads wanted. Each world stays on one thread; only seeds are shared out, so the
//! result of a seed does not depend on how many others run beside it.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use crate::{
    run::{self, Request, RunError},
    world::Report,
};

/// The results of many runs.
#[derive(Debug, Default)]
pub struct Summary {
    /// Reports of the runs that were made, by seed.
    pub reports: BTreeMap<u64, Report>,
    /// Runs that could not be made.
    pub errors: BTreeMap<u64, RunError>,
}

impl Summary {
    /// Seeds that broke a property, with the name of the checker.
    pub fn failures(&self) -> impl Iterator<Item = (u64, &'static str)> {
        self.reports.iter().filter_map(|(seed, report)| {
            report
                .violation
                .as_ref()
                .map(|violation| (*seed, violation.checker))
        })
    }

    /// How often each checker failed.
    pub fn by_checker(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for (_, checker) in self.failures() {
            *counts.entry(checker).or_default() += 1;
        }
        counts
    }
}

/// Makes the runs of all `seeds`, each as `pattern` says, on `jobs` threads. `progress` sees every result as it
/// comes; when it returns false no further run is begun.
pub fn explore(
    seeds: Range<u64>,
    pattern: &Request,
    jobs: usize,
    progress: impl Fn(u64, &Result<Report, RunError>) -> bool + Sync,
) -> Summary {
    let summary = Mutex::new(Summary::default());
    each(seeds, jobs, |seed| {
        let result = run::run(&Request {
            seed,
            ..pattern.clone()
        });
        let on = progress(seed, &result);
        let mut summary = summary
            .lock()
            .expect("no thread panics while it holds this");
        match result {
            Ok(report) => drop(summary.reports.insert(seed, report)),
            Err(error) => drop(summary.errors.insert(seed, error)),
        }
        on
    });
    summary
        .into_inner()
        .expect("no thread panics while it holds this")
}

/// Calls `run` with every seed, in order of seed and on `jobs` threads. When one call returns false no further one
/// is begun, so every seed before it has been run as well.
pub(crate) fn each(seeds: Range<u64>, jobs: usize, run: impl Fn(u64) -> bool + Sync) {
    let next = AtomicU64::new(seeds.start);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    if !run(seed) {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
}
