//! From a failing run to the smallest schedule that fails in the same way.
//!
//! Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002) over a
//! schedule: whole kinds of steps go first, then ever smaller pieces, single steps, parameters and nodes; at last
//! times are rounded and messages shortened, so that a person can read it. A candidate counts if its run breaks the
//! same property. Every run is deterministic, so a result needs no repetition.
//!
//! What this is not: a proof of minimality. Unless the runs that are allowed were used up, no single step can be taken
//! away from the result; two together perhaps could.

use std::{thread, time::Duration};

use crate::{
    deed::Deed,
    faults::Fault,
    options::Options,
    run::{self, RunError},
    schedule::{Act, Schedule, Step},
};

mod nodes;

/// What is seen of the work while it goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Runs made so far.
    pub runs: u64,
    /// Steps that are left.
    pub steps: usize,
    /// Parameters that are left.
    pub settings: usize,
    /// Nodes that are left.
    pub nodes: usize,
}

/// Something that makes schedules smaller.
pub struct Shrinker<'a> {
    jobs: usize,
    runs_limit: u64,
    runs: u64,
    wanted: String,
    verdict: &'a (dyn Fn(&Schedule) -> String + Sync),
    progress: &'a mut dyn FnMut(Progress),
}

impl std::fmt::Debug for Shrinker<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shrinker")
            .field("runs", &self.runs)
            .finish_non_exhaustive()
    }
}

/// What the run of a schedule comes to: its verdict (`ok`, the name of a checker, `panic`, or `error` if there is no
/// run) and what was said about it, without the words that have digits in them. So a search does not slip from one
/// objection of a checker to another.
pub fn verdict(schedule: &Schedule) -> String {
    match run::follow(schedule, None) {
        Ok(report) => match report.violation {
            None => "ok".to_owned(),
            Some(violation) => shape(violation.checker, &violation.message),
        },
        Err(RunError::Panic(message)) => shape("panic", &message),
        Err(
            RunError::Configuration(_)
            | RunError::Violation(_)
            | RunError::Trace { .. }
            | RunError::NoNode { .. },
        ) => "error".to_owned(),
    }
}

fn shape(verdict: &str, message: &str) -> String {
    let mut shape = format!("{verdict}:");
    let general = |word: &&str| !word.contains(|c: char| c.is_ascii_digit());
    for word in message.split_whitespace().filter(general) {
        shape.push(' ');
        shape.push_str(word);
    }
    shape
}

impl<'a> Shrinker<'a> {
    /// One that makes up to `runs_limit` runs on `jobs` threads, judged by `verdict`, and tells of its progress.
    pub fn new(
        jobs: usize,
        runs_limit: u64,
        verdict: &'a (dyn Fn(&Schedule) -> String + Sync),
        progress: &'a mut dyn FnMut(Progress),
    ) -> Self {
        Self {
            jobs: jobs.max(1),
            runs_limit,
            runs: 0,
            wanted: String::new(),
            verdict,
            progress,
        }
    }

    /// The smallest schedule found that comes to the same as this one.
    pub fn shrink(&mut self, mut schedule: Schedule) -> Schedule {
        self.wanted = (self.verdict)(&schedule);
        self.kinds(&mut schedule);
        self.pieces(&mut schedule);
        self.settings(&mut schedule);
        self.nodes(&mut schedule);
        self.shorter(&mut schedule);
        self.pieces(&mut schedule);
        self.settings(&mut schedule);
        self.rounder(&mut schedule);
        self.pieces(&mut schedule);
        schedule
    }

    /// The first candidate, in order, that fails as expected.
    fn first(&mut self, candidates: &[Schedule]) -> Option<usize> {
        for (batch, schedules) in candidates.chunks(self.jobs).enumerate() {
            if self.runs >= self.runs_limit {
                return None;
            }
            self.runs += schedules.len() as u64;
            let (verdict, wanted) = (self.verdict, &self.wanted);
            let fails = |schedule: &Schedule| verdict(schedule) == *wanted;
            let failed: Vec<bool> = thread::scope(|scope| {
                let threads: Vec<_> = schedules
                    .iter()
                    .map(|schedule| scope.spawn(move || fails(schedule)))
                    .collect();
                threads
                    .into_iter()
                    .map(|thread| thread.join().unwrap_or(false))
                    .collect()
            });
            (self.progress)(Progress {
                runs: self.runs,
                steps: schedules[0].steps.len(),
                settings: schedules[0].options.settings().len(),
                nodes: schedules[0].options.nodes.len(),
            });
            if let Some(index) = failed.iter().position(|failed| *failed) {
                return Some(batch * self.jobs + index);
            }
        }
        None
    }

    /// Takes `candidate` if it fails as expected.
    fn attempt(&mut self, schedule: &mut Schedule, candidate: Schedule) -> bool {
        let better =
            candidate != *schedule && self.first(std::slice::from_ref(&candidate)).is_some();
        if better {
            *schedule = candidate;
        }
        better
    }

    /// All steps of a kind at once.
    fn kinds(&mut self, schedule: &mut Schedule) {
        let mut kinds: Vec<&str> = schedule.steps.iter().map(|step| kind(&step.act)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for gone in kinds {
            let mut candidate = schedule.clone();
            candidate.steps.retain(|step| kind(&step.act) != gone);
            self.attempt(schedule, candidate);
        }
    }

    /// Pieces of the list of steps: halves, quarters, and so on to single steps, until none can be missed.
    fn pieces(&mut self, schedule: &mut Schedule) {
        let mut size = schedule.steps.len().div_ceil(2).max(1);
        loop {
            let removed = self.pieces_of(schedule, size);
            if self.runs >= self.runs_limit || (size == 1 && !removed) {
                return;
            }
            if size > 1 {
                size = size.div_ceil(2);
            }
        }
    }

    /// Tries to do without each piece of `size` steps, from the end: what comes last is least often a cause.
    fn pieces_of(&mut self, schedule: &mut Schedule, size: usize) -> bool {
        let mut removed = false;
        let mut end = schedule.steps.len();
        while end > 0 {
            let without = |end: usize| {
                let mut candidate = schedule.clone();
                candidate.steps.drain(end.saturating_sub(size)..end);
                candidate
            };
            let ends: Vec<usize> = (0..self.jobs)
                .map(|batch| end.saturating_sub(batch * size))
                .filter(|end| *end > 0)
                .collect();
            let candidates: Vec<Schedule> = ends.iter().map(|end| without(*end)).collect();
            if let Some(index) = self.first(&candidates) {
                removed = true;
                end = ends[index].saturating_sub(size);
                *schedule = candidates
                    .into_iter()
                    .nth(index)
                    .expect("it was found there");
            } else {
                end = ends.last().map_or(0, |end| end.saturating_sub(size));
            }
            if self.runs >= self.runs_limit {
                break;
            }
        }
        removed
    }

    /// Each parameter as it is in a quiet cluster; all at once first.
    fn settings(&mut self, schedule: &mut Schedule) {
        let seed = schedule.options.seed;
        let plain = Options::quiet_with(seed, schedule.options.nodes.clone());
        let mut candidate = schedule.clone();
        candidate.options = Options {
            faults_for: schedule.options.faults_for,
            ..plain.clone()
        };
        if self.attempt(schedule, candidate) {
            return;
        }
        for setting in schedule.options.settings() {
            let mut options = plain.clone();
            for other in schedule.options.settings() {
                if other != setting {
                    options.set(&other).expect("it was set before");
                }
            }
            let mut candidate = schedule.clone();
            candidate.options = options;
            self.attempt(schedule, candidate);
        }
    }

    /// An earlier calm, shorter messages, fewer links in a cut.
    fn shorter(&mut self, schedule: &mut Schedule) {
        let last = schedule.steps.last().map_or(Duration::ZERO, |step| step.at);
        for after in [1, 5] {
            let mut candidate = schedule.clone();
            candidate.options.faults_for =
                Duration::from_secs(last.as_secs().saturating_add(after));
            if candidate.options.faults_for < schedule.options.faults_for
                && self.attempt(schedule, candidate)
            {
                break;
            }
        }
        for index in 0..schedule.steps.len() {
            for act in simpler(&schedule.steps[index].act) {
                let mut candidate = schedule.clone();
                candidate.steps[index].act = act;
                self.attempt(schedule, candidate);
            }
        }
    }

    /// Times with as few decimals as possible, all at once and then one by one.
    fn rounder(&mut self, schedule: &mut Schedule) {
        for unit in [1_000_000_000, 100_000_000, 10_000_000, 1_000_000] {
            let mut candidate = schedule.clone();
            for step in &mut candidate.steps {
                step.at = rounded(step.at, unit);
            }
            if self.attempt(schedule, candidate) {
                return;
            }
        }
        for index in 0..schedule.steps.len() {
            for unit in [1_000_000_000, 100_000_000, 10_000_000, 1_000_000, 1_000] {
                let mut candidate = schedule.clone();
                candidate.steps[index].at = rounded(schedule.steps[index].at, unit);
                candidate.steps.sort_by_key(|step: &Step| step.at);
                if candidate == *schedule || self.attempt(schedule, candidate) {
                    break;
                }
            }
        }
    }
}

/// The nearest multiple of `unit` nanoseconds.
fn rounded(at: Duration, unit: u64) -> Duration {
    let nanos = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos((nanos.saturating_add(unit / 2)) / unit * unit)
}

/// What kind of step it is.
const fn kind(act: &Act) -> &'static str {
    match act {
        Act::Deed(deed) => match deed {
            Deed::Connect { .. }
            | Deed::Join { .. }
            | Deed::Leave { .. }
            | Deed::Disconnect { .. }
            | Deed::Send { .. } => "group",
            Deed::Count { .. } => "count",
            Deed::Append { .. } => "append",
            Deed::Session { .. } => "session",
        },
        Act::Fault(fault) => match fault {
            Fault::Start(_)
            | Fault::Kill(_)
            | Fault::Restart(_)
            | Fault::Power(_)
            | Fault::Stop(_) => "life",
            Fault::Pause(_) | Fault::Resume(_) => "pause",
            Fault::Cut(_) | Fault::Heal(_) => "cut",
            Fault::Clog(_) | Fault::Unclog(_) => "clog",
            Fault::Ail(..) => "ail",
            Fault::Step(..) => "clock",
            Fault::Reload(..) => "reload",
            Fault::Calm => "calm",
        },
    }
}

/// The same act, done with less.
fn simpler(act: &Act) -> Vec<Act> {
    match act {
        Act::Deed(Deed::Send {
            client,
            to,
            level,
            bytes,
        }) => {
            let send = |to, bytes| {
                let (client, level) = (*client, *level);
                Act::Deed(Deed::Send {
                    client,
                    to,
                    level,
                    bytes,
                })
            };
            let first: Vec<_> = to.iter().take(1).cloned().collect();
            vec![
                send(to.clone(), (*bytes).min(10)),
                send(first, (*bytes).min(10)),
            ]
        }
        Act::Deed(Deed::Append { host, class, bytes }) => vec![Act::Deed(Deed::Append {
            host: *host,
            class: *class,
            bytes: (*bytes).min(10),
        })],
        Act::Fault(Fault::Cut(links)) if links.len() > 1 => links
            .iter()
            .map(|link| Act::Fault(Fault::Cut(vec![*link])))
            .collect(),
        Act::Deed(_) | Act::Fault(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
