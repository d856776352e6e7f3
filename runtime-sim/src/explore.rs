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
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

use crate::{
    recorder::Tally,
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
    /// Processor time of each run that was made, by seed.
    pub costs: BTreeMap<u64, Duration>,
}

/// Many runs as one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many.
    pub runs: u64,
    /// Simulated time of all of them.
    pub simulated: Duration,
    /// Processor time of all of them.
    pub cpu: Duration,
    /// What happened in all of them.
    pub tally: Tally,
    /// How many ended with each verdict, `ok` included.
    pub verdicts: BTreeMap<&'static str, u64>,
}

impl Totals {
    /// Simulated seconds of a whole cluster for each hour of processor time.
    pub fn cluster_seconds_per_cpu_hour(&self) -> f64 {
        let hours = self.cpu.as_secs_f64() / 3600.0;
        if hours > 0.0 {
            self.simulated.as_secs_f64() / hours
        } else {
            0.0
        }
    }
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

    /// All runs as one.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals {
            runs: self.reports.len() as u64,
            cpu: self.costs.values().sum(),
            ..Totals::default()
        };
        for report in self.reports.values() {
            totals.simulated += Duration::from_nanos(report.end.as_nanos());
            totals.tally.add(&report.tally);
            let verdict = report
                .violation
                .as_ref()
                .map_or("ok", |violation| violation.checker);
            *totals.verdicts.entry(verdict).or_default() += 1;
        }
        totals
    }

    /// The `most` seeds that took the most processor time, the slowest first.
    pub fn slowest(&self, most: usize) -> Vec<(u64, Duration)> {
        let mut all: Vec<(u64, Duration)> = self
            .costs
            .iter()
            .map(|(seed, cost)| (*seed, *cost))
            .collect();
        all.sort_by_key(|(seed, cost)| (std::cmp::Reverse(*cost), *seed));
        all.truncate(most);
        all
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
        let begun = cpu_time();
        let result = run::run(&Request {
            seed,
            ..pattern.clone()
        });
        let cost = cpu_time().saturating_sub(begun);
        let on = progress(seed, &result);
        let mut summary = summary
            .lock()
            .expect("no thread panics while it holds this");
        match result {
            Ok(report) => {
                summary.reports.insert(seed, report);
                summary.costs.insert(seed, cost);
            }
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

/// The processor time that this thread has used. It is measured around runs and never seen by one.
pub(crate) fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}
