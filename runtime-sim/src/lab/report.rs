//! What became of runs, and how to say it.

use std::{collections::BTreeMap, fmt};

use ringfort_machine::Instant;
use serde_json::{Value, json};

use crate::{checker::Violation, fabric::Carried, run::commit};

/// What became of one run. Displayed, it says what broke, when, and how to see it again.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// SHA-256 of its trace.
    pub hash: String,
    /// The first violation.
    pub violation: Option<Violation>,
    /// Simulated time at its end.
    pub end: Instant,
    /// Lines of its trace.
    pub lines: u64,
    /// Things that happened in the world.
    pub steps: u64,
    /// What the segment carried.
    pub carried: Carried,
    /// Why processes were woken after calm, and how often; the first is the most common.
    pub wakes: Vec<(&'static str, u64)>,
    /// How to see it again.
    pub again: String,
}

impl Report {
    /// `ok`, or the name of the checker that objected.
    pub fn verdict(&self) -> &'static str {
        let violation = self.violation.as_ref();
        violation.map_or("ok", |violation| violation.checker)
    }

    /// The report for programs.
    pub fn json(&self) -> Value {
        json!({
            "seed": self.seed,
            "commit": commit(),
            "hash": self.hash,
            "verdict": self.verdict(),
            "message": self.violation.as_ref().map(|violation| violation.message.as_str()),
            "end_ns": self.end.as_nanos(),
            "steps": self.steps,
            "lines": self.lines,
            "again": self.again,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(violation) = &self.violation else {
            let (seed, end, lines) = (self.seed, self.end, self.lines);
            return write!(f, "seed {seed}: ok, {end} s, {lines} lines, {}", self.hash);
        };
        writeln!(f, "seed {}: {violation}", self.seed)?;
        writeln!(f, "at {} s, commit {}", self.end, commit())?;
        let wakes = self.wakes.iter().take(5);
        let wakes: Vec<String> = wakes
            .map(|(why, count)| format!("{why} ({count})"))
            .collect();
        if !wakes.is_empty() {
            writeln!(f, "woken since calm: {}", wakes.join(", "))?;
        }
        write!(f, "again: {}", self.again)
    }
}

/// What became of many runs. They end with the first seed that breaks a property, whatever the number of threads.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Reports by seed.
    pub reports: BTreeMap<u64, Report>,
}

impl Summary {
    /// Forgets what other threads ran beyond the first failure.
    pub(super) fn new(mut reports: BTreeMap<u64, Report>) -> Self {
        let mut failed = reports.values().filter(|report| report.violation.is_some());
        if let Some(first) = failed.next().map(|report| report.seed) {
            reports.split_off(&(first + 1));
        }
        Self { reports }
    }

    /// The first seed that broke a property.
    pub fn failure(&self) -> Option<&Report> {
        let last = self.reports.values().next_back();
        last.filter(|report| report.violation.is_some())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ends = self.reports.values().map(|report| report.end.as_nanos());
        let seconds = ends.sum::<u64>() / 1_000_000_000;
        let lines: u64 = self.reports.values().map(|report| report.lines).sum();
        let runs = self.reports.len();
        write!(
            f,
            "{runs} runs, {seconds} simulated seconds, {lines} lines: "
        )?;
        match self.failure() {
            None => write!(f, "ok"),
            Some(report) => write!(f, "failed\n{report}"),
        }
    }
}
