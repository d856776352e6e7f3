//! What a trial found, as one JSON object or as a few lines.

use std::{fmt, path::PathBuf, time::Duration};

use serde::Serialize;

use super::collected::Judged;
use crate::up::{children::Ended, plan::Plan};

/// The end of one node and what became of its addresses.
#[derive(Clone, Debug, Serialize)]
pub(in crate::up) struct Takeover {
    /// The node that was killed.
    pub(super) killed: String,
    /// The addresses that it held.
    pub(super) lost: Vec<String>,
    /// From the kill until every address had answered again, in milliseconds.
    pub(super) took_ms: u64,
}

/// The report.
#[derive(Clone, Debug, Serialize)]
pub(in crate::up) struct Report {
    /// Whether nothing was wrong.
    pub(in crate::up) ok: bool,
    /// What was wrong.
    pub(super) problems: Vec<String>,
    /// Nodes, without the manager.
    nodes: usize,
    /// Virtual addresses.
    addresses: usize,
    /// How long the clients ran.
    seconds: f64,
    /// From the start until every process saw all, and every address had an owner.
    pub(super) formed_ms: u64,
    /// Connections that the clients tried.
    pub(super) attempts: u64,
    /// Connections without a whole banner: some are due while an address moves.
    pub(super) failures: u64,
    /// Connections whose banner was read.
    pub(super) acknowledged: usize,
    /// The longest time that any address did not answer.
    pub(super) longest_silence_ms: u64,
    /// The owner that was killed.
    pub(super) takeover: Option<Takeover>,
    /// From the restart until the cluster was whole.
    pub(super) rejoined_ms: u64,
    /// Connections held open to compare counts.
    pub(super) held: usize,
    /// Comparisons in which all nodes agreed: with the held ones, and after they were let go.
    pub(super) counts_agreed: usize,
    /// Records of connections in the manager's files.
    collected: usize,
    /// Acknowledged connections without a record there.
    missing: usize,
    /// Records that are there more than once.
    duplicates: usize,
    /// How the processes ended.
    pub(super) stopped: Vec<Ended>,
    /// Where everything was; removed after a good trial unless it was chosen.
    directory: PathBuf,
}

impl Report {
    pub(super) fn new(plan: &Plan, time: Duration) -> Self {
        Self {
            ok: false,
            problems: Vec::new(),
            nodes: plan.nodes().count(),
            addresses: plan.addresses.len(),
            seconds: time.as_secs_f64(),
            formed_ms: 0,
            attempts: 0,
            failures: 0,
            acknowledged: 0,
            longest_silence_ms: 0,
            takeover: None,
            rejoined_ms: 0,
            held: 0,
            counts_agreed: 0,
            collected: 0,
            missing: 0,
            duplicates: 0,
            stopped: Vec::new(),
            directory: plan.directory.clone(),
        }
    }

    /// Takes over what is in the manager's files.
    pub(super) fn collected(&mut self, judged: Judged) {
        self.collected = judged.records;
        self.missing = judged.missing;
        self.duplicates = judged.duplicates;
        let examples = judged.examples.join(", ");
        for (count, what) in [
            (
                judged.missing,
                "acknowledged connections are missing in the manager's files",
            ),
            (
                judged.duplicates,
                "records are in the manager's files more than once",
            ),
            (
                judged.strange,
                "lines of the manager's files are no records",
            ),
        ] {
            if count > 0 {
                self.problems
                    .push(format!("{count} {what}, such as {examples}"));
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} nodes and a manager formed in {} ms",
            self.nodes, self.formed_ms
        )?;
        writeln!(
            f,
            "{} connections to {} addresses acknowledged, {} of {} attempts failed; longest silence {} ms",
            self.acknowledged,
            self.addresses,
            self.failures,
            self.attempts,
            self.longest_silence_ms
        )?;
        if let Some(takeover) = &self.takeover {
            writeln!(
                f,
                "{} killed with {}; all addresses answered again after {} ms, whole again {} ms after its restart",
                takeover.killed,
                takeover.lost.join(", "),
                takeover.took_ms,
                self.rejoined_ms
            )?;
        }
        writeln!(
            f,
            "{} connections held, {} of 2 comparisons agreed on all nodes",
            self.held, self.counts_agreed
        )?;
        writeln!(
            f,
            "{} records collected, {} missing, {} more than once",
            self.collected, self.missing, self.duplicates
        )?;
        for problem in &self.problems {
            writeln!(f, "WRONG: {problem}")?;
        }
        if self.ok {
            writeln!(f, "everything adds up")
        } else {
            writeln!(f, "see {}", self.directory.display())
        }
    }
}
