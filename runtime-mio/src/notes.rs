//! Turning notes of the core into log lines and counters.
//!
//! Every note is counted. A line is written for each until one kind floods: then a few in each period, and how
//! many were left out, so that a stranger who sends garbage cannot fill a disk with our words.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    time::{Duration, Instant},
};

use ringfort_node::Note;
use tracing::Level;

/// Lines of one kind in one period.
const LINES: u64 = 8;
/// How long a period is.
const PERIOD: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug)]
struct Kind {
    total: u64,
    since: Instant,
    written: u64,
    left_out: u64,
}

/// All kinds of notes seen so far.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    kinds: BTreeMap<String, Kind>,
}

/// What to do with one note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Write it, after saying how many of its kind were left out.
    Write { left_out: u64 },
    /// Leave it out.
    Skip,
}

impl Notes {
    /// Counts a note and writes its line if its kind does not flood.
    pub(crate) fn take(&mut self, note: &Note) {
        let (level, text) = describe(note);
        let kind = kind_of(&text).to_owned();
        if let Line::Write { left_out } = self.count(&kind, Instant::now()) {
            if left_out > 0 {
                tracing::warn!(kind, left_out, "lines were left out");
            }
            write(level, &text);
        }
    }

    /// Counts a note of `kind` at `now`.
    pub(crate) fn count(&mut self, kind: &str, now: Instant) -> Line {
        let kind = match self.kinds.get_mut(kind) {
            Some(kind) => kind,
            None => self.kinds.entry(kind.to_owned()).or_insert(Kind {
                total: 0,
                since: now,
                written: 0,
                left_out: 0,
            }),
        };
        kind.total += 1;
        let mut left_out = 0;
        if now.saturating_duration_since(kind.since) >= PERIOD {
            left_out = std::mem::take(&mut kind.left_out);
            kind.since = now;
            kind.written = 0;
        }
        if kind.written >= LINES {
            kind.left_out += 1;
            return Line::Skip;
        }
        kind.written += 1;
        Line::Write { left_out }
    }

    /// How often each kind was seen.
    pub(crate) fn totals(&self) -> impl Iterator<Item = (&str, u64)> {
        self.kinds
            .iter()
            .map(|(kind, counted)| (kind.as_str(), counted.total))
    }
}

fn write(level: Level, text: &str) {
    match level {
        Level::ERROR => tracing::error!("{text}"),
        Level::WARN => tracing::warn!("{text}"),
        Level::INFO => tracing::info!("{text}"),
        _ => tracing::debug!("{text}"),
    }
}

/// The level and the words of a note. Names of notes are past tense or states, and read as such.
fn describe(note: &Note) -> (Level, String) {
    let (level, text) = match note {
        Note::Ring(note) => (ring_level(note), named("ring", note)),
        Note::Groups(note) => (Level::INFO, named("groups", note)),
        Note::Replication(note) => (Level::INFO, named("replication", note)),
        Note::Vip(note) => (Level::INFO, named("address", note)),
        Note::Logs(note) => (Level::INFO, named("logs", note)),
        Note::Console(note) => (Level::INFO, named("console", note)),
        Note::Session(note) => (session_level(note), named("client", note)),
        Note::Seal(note) => (seal_level(note), named("seal", note)),
        Note::DatagramRefused { .. }
        | Note::StrangerHeard { .. }
        | Note::StreamRefused { .. }
        | Note::MessageRefused { .. }
        | Note::ConnectionRefused { .. } => (Level::WARN, named("node", note)),
        Note::RosterClash { .. }
        | Note::ListenerFailed { .. }
        | Note::RecordLost { .. }
        | Note::ReloadRefused(_) => (Level::ERROR, named("node", note)),
        Note::Reloaded => (Level::INFO, named("node", note)),
        Note::Observed(_) => (Level::DEBUG, named("observed", note)),
    };
    (level, text)
}

/// Clients come and go; one that was thrown out is a warning, since it will ask why.
const fn session_level(note: &ringfort_session::Note) -> Level {
    use ringfort_session::{CloseReason, Note as Session};
    match note {
        Session::Connected { .. } | Session::Ended { reason: None, .. } => Level::INFO,
        Session::Ended {
            reason: Some(CloseReason::Killed),
            ..
        } => Level::INFO,
        Session::Ended {
            reason:
                Some(
                    CloseReason::Rejected(_)
                    | CloseReason::HandshakeTimeout
                    | CloseReason::SlowReader
                    | CloseReason::Flooded
                    | CloseReason::Violation(_),
                ),
            ..
        }
        | Session::Rejected { .. }
        | Session::IllegalDestinations { .. }
        | Session::RequestRefused { .. } => Level::WARN,
        Session::Congested | Session::Relieved => Level::DEBUG,
    }
}

/// What a ring does all day is for debugging; a change of membership is news; a loss is a warning.
const fn ring_level(note: &ringfort_evs::Note) -> Level {
    use ringfort_evs::Note as Ring;
    match note {
        Ring::TokenRetransmitted { .. }
        | Ring::Retransmitted { .. }
        | Ring::Held
        | Ring::Released { .. }
        | Ring::Consensus { .. }
        | Ring::CommitStarted { .. }
        | Ring::Recovering { .. }
        | Ring::Recovered { .. }
        // Frames of another ring or of an earlier round are daily weather while membership changes.
        | Ring::Refused { .. } => Level::DEBUG,
        Ring::Gathering { .. }
        | Ring::Installed { .. }
        | Ring::ForeignRing { .. }
        | Ring::StaleIncarnation { .. }
        | Ring::Reincarnated { .. }
        | Ring::PartialDropped { .. }
        | Ring::Leaving
        | Ring::MemberLeaving { .. }
        | Ring::QuarantineEnded { .. } => Level::INFO,
        Ring::TokenLost { .. }
        | Ring::SubmissionRefused(_)
        | Ring::Failed { .. }
        | Ring::QuarantineStarted { .. }
        | Ring::TableFull { .. } => Level::WARN,
    }
}

/// Keys come and go; what was refused may be an attack.
const fn seal_level(note: &ringfort_seal::Note) -> Level {
    use ringfort_seal::Note as Seal;
    match note {
        Seal::KeyLearned { .. } | Seal::KeyDropped { .. } => Level::DEBUG,
        Seal::Met { .. }
        | Seal::RotationBegun { .. }
        | Seal::Rotated { .. }
        | Seal::Trusted { .. } => Level::INFO,
        Seal::Revoked { .. } | Seal::Refused { .. } => Level::WARN,
    }
}

fn named(family: &str, note: &impl Debug) -> String {
    format!("{family}: {note:?}")
}

/// The family and the name of the variant at the front of a line.
fn kind_of(text: &str) -> &str {
    let name = text.find(": ").map_or(0, |at| at + 2);
    let end = text[name..]
        .find(|c: char| !c.is_alphanumeric())
        .map_or(text.len(), |at| name + at);
    &text[..end]
}

#[cfg(test)]
mod tests;
