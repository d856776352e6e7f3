//! A whole run: faults, calm, rest, and the verdict.

use std::{collections::BTreeMap, io, time::Duration};

use ringfort_machine::Instant;

use super::World;
use crate::{checker::Violation, fabric::Carried, faults::BOUND, recorder::Tally};

/// The run ends this long after the last disturbance: work that was left at calm may send once more.
const REST: Duration = Duration::from_secs(2 * BOUND.as_secs() + 2);

/// What became of a run.
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
    /// What happened to the processes, in numbers.
    pub tally: Tally,
    /// What the segment carried.
    pub carried: Carried,
    /// Why processes were woken after calm, and how often; the first is the most common.
    pub wakes: Vec<(&'static str, u64)>,
    /// How often each note of the core was said: by machine and variant.
    pub notes: BTreeMap<(&'static str, &'static str), u64>,
}

impl World {
    /// Runs to the end and gives the verdict.
    ///
    /// # Errors
    /// If the trace could not be written.
    pub fn run(mut self) -> io::Result<Report> {
        self.run_to_end();
        self.finish()
    }

    /// Runs until more than the bound has passed since the last disturbance after calm.
    pub fn run_to_end(&mut self) {
        self.begin();
        self.run_until(Instant::ORIGIN + self.options.faults_for);
        loop {
            let end = self.disturbed_at + REST;
            self.run_until(end);
            if self.recorder.violation().is_some() || self.disturbed_at + REST == end {
                break;
            }
        }
    }

    /// Ends the run here: writes the last line and gives the verdict.
    ///
    /// # Errors
    /// If the trace could not be written.
    pub fn finish(self) -> io::Result<Report> {
        let ending = self.recorder.finish(self.now)?;
        Ok(Report {
            seed: self.options.seed,
            hash: ending.hash,
            violation: ending.violation,
            end: self.now,
            lines: ending.lines,
            steps: self.steps,
            tally: ending.tally,
            carried: self.fabric.carried(),
            wakes: most_common(self.wake_reasons),
            notes: self.notes,
        })
    }
}

fn most_common(counts: BTreeMap<&'static str, u64>) -> Vec<(&'static str, u64)> {
    let mut all: Vec<_> = counts.into_iter().collect();
    all.sort_by_key(|(why, count)| (std::cmp::Reverse(*count), *why));
    all
}
