//! How fast simulation is: simulated cluster-seconds and whole drawn runs for an hour of one processor, and what the
//! checkers cost of it.
//!
//! Processor time is counted, not time on the wall, so that a busy machine measures the same. Every case is run
//! with and without checkers in the same process; the share is the difference.
//!
//! What this is not: a test. Speed is measured and written down (docs/performance.md), never asserted.

use std::time::Duration;

use ringfort_machine::Instant;
use serde::Serialize;

use crate::{
    check,
    cluster::Cluster,
    explore::cpu_time,
    options::{Load, Options},
    recorder::Recorder,
    run::RunError,
    world::World,
};

/// One measurement.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// What was run.
    pub case: &'static str,
    /// Runs.
    pub runs: u64,
    /// Simulated time of all runs, in seconds.
    pub simulated_seconds: u64,
    /// Processor time with all checkers, in milliseconds.
    pub cpu_ms: u64,
    /// Processor time of the same runs without checkers, in milliseconds.
    pub bare_ms: u64,
    /// Things that happened.
    pub steps: u64,
    /// Lines of the traces.
    pub lines: u64,
}

impl Measured {
    /// Simulated cluster-seconds in an hour of one processor, checkers included.
    pub fn seconds_per_hour(&self) -> u64 {
        self.simulated_seconds * 3_600_000 / self.cpu_ms.max(1)
    }

    /// Whole runs in an hour of one processor.
    pub fn runs_per_hour(&self) -> u64 {
        self.runs * 3_600_000 / self.cpu_ms.max(1)
    }

    /// How much of the time the checkers take, in percent.
    pub fn checkers_percent(&self) -> u64 {
        self.cpu_ms.saturating_sub(self.bare_ms) * 100 / self.cpu_ms.max(1)
    }
}

/// Five nodes, the last a manager, with every service configured and nothing to do.
pub fn idle() -> Options {
    let mut options = Options::quiet(1, 5);
    options.load.probe_ns = 1_000_000_000;
    options
}

/// The same with moderate work: for each node two group acts, two counts and two records a second; two connections
/// a second for all.
pub fn moderate() -> Options {
    loaded(500_000_000)
}

/// The same with five times as much.
pub fn busy() -> Options {
    loaded(100_000_000)
}

fn loaded(between_ns: u64) -> Options {
    let mut options = idle();
    options.load = Load {
        clients: 3,
        groups: 3,
        group_act_ns: between_ns,
        message_bytes: 1_000,
        count_ns: between_ns,
        append_ns: between_ns,
        record_bytes: 500,
        connection_ns: between_ns,
        ..options.load
    };
    options
}

/// Runs `options` for so long, once with checkers and once without.
///
/// # Errors
/// [`RunError`] if the run could not be made, or broke a property: then its speed means nothing.
pub fn cluster(
    case: &'static str,
    options: &Options,
    lasts: Duration,
) -> Result<Measured, RunError> {
    let options = Options {
        faults_for: lasts,
        ..options.clone()
    };
    let (cpu_ms, world) = timed(&options, true, |world| {
        world.begin();
        world.run_until(Instant::ORIGIN + lasts);
    })?;
    let (bare_ms, _) = timed(&options, false, |world| {
        world.begin();
        world.run_until(Instant::ORIGIN + lasts);
    })?;
    Ok(Measured {
        case,
        runs: 1,
        simulated_seconds: lasts.as_secs(),
        cpu_ms,
        bare_ms,
        steps: world.steps(),
        lines: world.recorder().lines(),
    })
}

/// Makes the drawn runs of `seeds`, faults for 60 s each, once with checkers and once without.
///
/// # Errors
/// As [`cluster`].
pub fn swarm(
    seeds: std::ops::Range<u64>,
    mut progress: impl FnMut(u64),
) -> Result<Measured, RunError> {
    let mut measured = Measured {
        case: "swarm",
        runs: 0,
        simulated_seconds: 0,
        cpu_ms: 0,
        bare_ms: 0,
        steps: 0,
        lines: 0,
    };
    for seed in seeds {
        let options = Options::draw(seed, None, Duration::from_secs(60));
        let (cpu_ms, world) = timed(&options, true, World::run_to_end)?;
        let (bare_ms, _) = timed(&options, false, World::run_to_end)?;
        measured.runs += 1;
        measured.simulated_seconds += world.now().as_nanos() / 1_000_000_000;
        measured.cpu_ms += cpu_ms;
        measured.bare_ms += bare_ms;
        measured.steps += world.steps();
        measured.lines += world.recorder().lines();
        progress(seed);
    }
    Ok(measured)
}

fn timed(
    options: &Options,
    checked: bool,
    run: impl FnOnce(&mut World),
) -> Result<(u64, World), RunError> {
    let checkers = if checked { check::all() } else { Vec::new() };
    let begun = cpu_time();
    let cluster = Cluster::new(options).map_err(RunError::Configuration)?;
    let mut world = World::new(options.clone(), Box::new(cluster), Recorder::new(checkers));
    run(&mut world);
    let took = cpu_time().saturating_sub(begun);
    match world.recorder().violation() {
        Some(violation) => Err(RunError::Violation(violation.clone())),
        None => Ok((u64::try_from(took.as_millis()).unwrap_or(u64::MAX), world)),
    }
}
