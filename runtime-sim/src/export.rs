//! A recorded run for the eye: one trace, three formats.
//!
//! [`perfetto()`] writes a file that ui.perfetto.dev opens, for zooming and queries; [`shiviz()`] a log with vector
//! clocks, for what came before what; [`svg()`] one picture that needs no program. All three read events and
//! nothing else, so a trace that another program wrote from the description of the format is as good as ours:
//! what is unknown is skipped, what is missing is left out. The same events always give the same bytes.
//!
//! What this deliberately is not: a judge. Whether a run was right, `check` says; here a violation is only shown.
//! Nor does it show the token: its visits are facts inside the ring, which the trace does not hold. A node sends
//! when it has the token, so a `send` is the visible part of a visit.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a format shows the events it has a sign for, and readers of a trace ignore what they do not know"
)]

use std::io::{self, Write};

use crate::{replay::TraceError, trace::Event};

mod perfetto;
mod read;
mod selection;
mod shiviz;
mod svg;
mod timeline;
mod view;

pub use read::{Lines, read};
pub use selection::Selection;
pub use shiviz::PARSER as SHIVIZ_PARSER;

/// Why a trace could not be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The trace is wrong.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The result could not be written.
    #[error("the result could not be written: {0}")]
    Write(io::Error),
}

/// What an export has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Events of the trace that were read.
    pub read: u64,
    /// Events within the [`Selection`].
    pub selected: u64,
    /// Events in the result, for [`shiviz()`]; equal to `selected` otherwise.
    pub written: u64,
    /// Whether the trace has its last line. Without it the run was cut off, and what is open ends where it stops.
    pub whole: bool,
}

/// Writes the Chrome JSON trace format, which Perfetto opens: a process is a node, a thread a track. With `flows`
/// there is an arrow from each message sent to each of its deliveries. Streams: memory grows with what is open
/// and, for `flows`, with the number of messages.
///
/// # Errors
/// [`ExportError`] if `events` yields an error or `out` does.
pub fn perfetto(
    events: impl Iterator<Item = Result<Event, TraceError>>,
    selection: &Selection,
    flows: bool,
    out: impl Write,
) -> Result<Exported, ExportError> {
    view::show(events, selection, perfetto::Perfetto::new(out, flows))
}

/// Writes a log with vector clocks. Its first line is the regular expression that ShiViz needs to read it
/// ([`SHIVIZ_PARSER`]), its second is empty: one execution. Streams, but keeps a clock for each message.
///
/// # Errors
/// [`ExportError`] if `events` yields an error or `out` does.
pub fn shiviz(
    events: impl Iterator<Item = Result<Event, TraceError>>,
    selection: &Selection,
    out: impl Write,
) -> Result<Exported, ExportError> {
    view::show(events, selection, shiviz::Shiviz::new(out))
}

/// Draws one picture of bounded width, whatever the length of the run. Keeps what it draws until the end, since
/// the scale depends on it: a few bytes for each delivery's place on the axis, one entry for each period.
///
/// # Errors
/// [`ExportError`] if `events` yields an error or `out` does.
pub fn svg(
    events: impl Iterator<Item = Result<Event, TraceError>>,
    selection: &Selection,
    out: impl Write,
) -> Result<Exported, ExportError> {
    view::show(events, selection, svg::Svg::new(out))
}

#[cfg(test)]
mod tests;
