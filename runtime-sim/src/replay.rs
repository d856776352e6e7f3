//! Judges a recorded trace: the same checkers, fed from a file.

use std::io::{self, BufRead};

use ringfort_machine::Instant;
use sha2::{Digest as _, Sha256};

use crate::{
    check,
    checker::Violation,
    trace::{Event, Kind},
};

/// What is wrong with a trace file.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// It could not be read.
    #[error("the trace could not be read: {0}")]
    Read(#[from] io::Error),
    /// A line is not an event.
    #[error("line {line} is not an event of a trace: {source}")]
    Line {
        /// Which, counted from 1.
        line: u64,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// Time went back.
    #[error("line {line} is earlier than the one before it")]
    Time {
        /// Which, counted from 1.
        line: u64,
    },
    /// The last line is missing.
    #[error("the trace has no `end` line: it was cut off")]
    NoEnd,
    /// The last line has another hash than the lines before it.
    #[error("the `end` line has the hash {written}, the lines before it have {found}")]
    Hash {
        /// As written.
        written: String,
        /// As computed.
        found: String,
    },
}

/// What the checkers say of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// How many lines it has.
    pub lines: u64,
    /// The verdict that it was written with.
    pub written: String,
    /// The first violation found now.
    pub violation: Option<Violation>,
}

/// Judges the trace that `input` yields.
///
/// # Errors
/// [`TraceError`] if it is not a whole trace.
pub fn check(mut input: impl BufRead) -> Result<Judgement, TraceError> {
    let mut checkers = check::all();
    let mut violation: Option<Violation> = None;
    let mut hasher = Sha256::new();
    let (mut lines, mut last) = (0, 0);
    let mut text = String::new();
    loop {
        text.clear();
        if input.read_line(&mut text)? == 0 {
            return Err(TraceError::NoEnd);
        }
        lines += 1;
        let event: Event =
            serde_json::from_str(text.trim_end()).map_err(|source| TraceError::Line {
                line: lines,
                source,
            })?;
        if event.t < last {
            return Err(TraceError::Time { line: lines });
        }
        last = event.t;
        if let Kind::End { hash, verdict } = event.kind {
            let found: String = hasher
                .finalize()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            if hash != found {
                return Err(TraceError::Hash {
                    written: hash,
                    found,
                });
            }
            let end = Instant::from_nanos(last);
            let finish = || {
                checkers
                    .iter_mut()
                    .find_map(|checker| checker.finish(end).err())
            };
            let violation = violation.or_else(finish);
            return Ok(Judgement {
                lines,
                written: verdict,
                violation,
            });
        }
        hasher.update(text.as_bytes());
        if violation.is_none() {
            violation = checkers
                .iter_mut()
                .find_map(|checker| checker.on(&event).err());
        }
    }
}
