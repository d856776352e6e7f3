//! Writes the trace and lets the checkers see each event as it happens. The first violation silences it: what a
//! run does after a property is broken proves nothing more.

use std::io::{self, Write};

use ringfort_machine::Instant;
use sha2::{Digest as _, Sha256};

use crate::{
    checker::{Checker, Violation},
    trace::{Event, Kind, Process},
};

mod tally;

pub use tally::Tally;

/// Where lines are gathered before they are hashed and written.
const BUFFER_BYTES: usize = 64 * 1024;

/// What became of a run's trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// SHA-256 over all bytes before the last line, 64 hex digits.
    pub hash: String,
    /// The first violation.
    pub violation: Option<Violation>,
    /// Lines, the last included.
    pub lines: u64,
    /// What happened, in numbers.
    pub tally: Tally,
}

/// Takes the events of one run.
pub struct Recorder {
    out: Option<Box<dyn Write>>,
    failure: Option<io::Error>,
    hasher: Sha256,
    buffer: Vec<u8>,
    checkers: Vec<Box<dyn Checker>>,
    kept: Option<Vec<Event>>,
    violation: Option<Violation>,
    last: u64,
    lines: u64,
    tally: Tally,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder")
            .field("lines", &self.lines)
            .field("violation", &self.violation)
            .finish_non_exhaustive()
    }
}

impl Recorder {
    /// A recorder that shows everything to `checkers` and writes nowhere.
    pub fn new(checkers: Vec<Box<dyn Checker>>) -> Self {
        Self {
            out: None,
            failure: None,
            hasher: Sha256::new(),
            buffer: Vec::with_capacity(BUFFER_BYTES + 4096),
            checkers,
            kept: None,
            violation: None,
            last: 0,
            lines: 0,
            tally: Tally::default(),
        }
    }

    /// Also writes the lines to `out`.
    #[must_use]
    pub fn writing_to(mut self, out: Box<dyn Write>) -> Self {
        self.out = Some(out);
        self
    }

    /// Also keeps the events, for tests.
    #[must_use]
    pub fn keeping(mut self) -> Self {
        self.kept = Some(Vec::new());
        self
    }

    /// The events kept so far; empty unless [`Recorder::keeping`].
    pub fn kept(&self) -> &[Event] {
        self.kept.as_deref().unwrap_or_default()
    }

    /// How many lines there are so far.
    pub const fn lines(&self) -> u64 {
        self.lines
    }

    /// The first violation.
    pub const fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// An event of the world.
    pub fn world(&mut self, at: Instant, kind: Kind) {
        self.record(&Event::world(at, kind));
    }

    /// An event of process `p`.
    pub fn of(&mut self, at: Instant, p: &Process, kind: Kind) {
        self.record(&Event::of(at, p.clone(), kind));
    }

    /// Takes one event.
    pub fn record(&mut self, event: &Event) {
        if self.violation.is_some() {
            return;
        }
        self.write(event);
        self.tally.on(event);
        if let Some(kept) = &mut self.kept {
            kept.push(event.clone());
        }
        for checker in &mut self.checkers {
            if let Err(violation) = checker.on(event) {
                self.violation = Some(violation);
                return;
            }
        }
    }

    /// The simulator itself objects; the first violation counts.
    pub fn object(&mut self, violation: Violation) {
        self.violation.get_or_insert(violation);
    }

    /// The run is over at `end`: the last line is written.
    ///
    /// # Errors
    /// If any line could not be written.
    pub fn finish(mut self, end: Instant) -> io::Result<Ending> {
        if self.violation.is_none() {
            let objection = |checker: &mut Box<dyn Checker>| checker.finish(end).err();
            self.violation = self.checkers.iter_mut().find_map(objection);
        }
        self.flush();
        let digest = std::mem::take(&mut self.hasher).finalize();
        let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let verdict = self
            .violation
            .as_ref()
            .map_or("ok", |violation| violation.checker);
        let last = Kind::End {
            hash: hash.clone(),
            verdict: verdict.to_owned(),
        };
        self.write(&Event::world(end, last));
        self.flush();
        if let Some(out) = &mut self.out {
            out.flush()?;
        }
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(Ending {
                hash,
                violation: self.violation,
                lines: self.lines,
                tally: self.tally,
            }),
        }
    }

    fn write(&mut self, event: &Event) {
        assert!(event.t >= self.last, "a trace never goes back in time");
        self.last = event.t;
        self.lines += 1;
        serde_json::to_writer(&mut self.buffer, event).expect("an event is always valid JSON");
        self.buffer.push(b'\n');
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.hasher.update(&self.buffer);
        if let Some(out) = &mut self.out
            && let Err(error) = out.write_all(&self.buffer)
        {
            self.failure.get_or_insert(error);
        }
        self.buffer.clear();
    }
}

#[cfg(test)]
mod tests;
