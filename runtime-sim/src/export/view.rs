//! What every format is made from: a run as a header, periods (a configuration, a pause, a cut) and points (a
//! delivery, a fault), within a selection. The formats only write down what they are shown here.

use std::io;

use super::{
    ExportError, Exported, Selection,
    timeline::{Span, Timeline},
};
use crate::{
    replay::TraceError,
    trace::{ConfKind, Event, Kind, Level, Run},
};

/// How the run ended, and which part of it is shown.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    /// Where the shown part begins, in simulated nanoseconds.
    pub(super) from: u64,
    /// Where the shown part ends.
    pub(super) to: u64,
    /// The time of the last line.
    pub(super) end: u64,
    /// The verdict; absent if the trace was cut off.
    pub(super) verdict: Option<String>,
    /// If the verdict is not `ok`: the time of the last event before the last line. The recorder is silent after
    /// a violation, so this is the event that broke a property, unless something was found missing at the end.
    pub(super) broken_at: Option<u64>,
}

/// A format.
pub(super) trait View {
    /// The first line of the trace, if it has one.
    fn begin(&mut self, run: &Run) -> io::Result<()>;

    /// A period is over, or cut off by the end of the shown part.
    fn span(&mut self, span: &Span) -> io::Result<()>;

    /// An event within the selection.
    fn point(&mut self, event: &Event) -> io::Result<()>;

    /// An event in the shown stretch of time, at a node that is not shown.
    fn unseen(&mut self, _event: &Event) {}

    /// The run is over. Returns how many events the result has, if that is not the number of points.
    fn finish(self, outcome: &Outcome) -> io::Result<Option<u64>>;
}

/// Shows `events` to `view`.
pub(super) fn show(
    events: impl Iterator<Item = Result<Event, TraceError>>,
    selection: &Selection,
    mut view: impl View,
) -> Result<Exported, ExportError> {
    let mut timeline = Timeline::new(selection);
    let (mut read, mut selected, mut end, mut last) = (0, 0, 0, 0);
    let mut full_at = None;
    let mut verdict = None;
    for event in events {
        let event = event?;
        read += 1;
        end = event.t;
        if let Kind::End { verdict: found, .. } = event.kind {
            verdict = Some(found);
            break;
        }
        last = event.t;
        if full_at.is_some() || selection.to.is_some_and(|to| event.t > to) {
            continue;
        }
        if let Kind::Run(run) = &event.kind {
            view.begin(run).map_err(ExportError::Write)?;
        }
        for span in timeline.on(&event) {
            view.span(&span).map_err(ExportError::Write)?;
        }
        if event.t < selection.from {
            continue;
        }
        if !selection.concerns(&event) {
            view.unseen(&event);
            continue;
        }
        selected += 1;
        view.point(&event).map_err(ExportError::Write)?;
        full_at = (selection.max == Some(selected)).then_some(event.t);
    }
    let to = full_at.or(selection.to).unwrap_or(end).min(end);
    for span in timeline.finish(to) {
        view.span(&span).map_err(ExportError::Write)?;
    }
    let outcome = Outcome {
        from: selection.from.min(to),
        to,
        end,
        broken_at: verdict
            .as_ref()
            .is_some_and(|verdict| verdict != "ok")
            .then_some(last),
        verdict,
    };
    let written = view.finish(&outcome).map_err(ExportError::Write)?;
    Ok(Exported {
        read,
        selected,
        written: written.unwrap_or(selected),
        whole: outcome.verdict.is_some(),
    })
}

/// As it is written in the trace.
pub(super) const fn kind_name(kind: ConfKind) -> &'static str {
    match kind {
        ConfKind::Regular => "regular",
        ConfKind::Transitional => "transitional",
    }
}

/// As it is written in the trace.
pub(super) const fn level_name(level: Level) -> &'static str {
    match level {
        Level::Reliable => "reliable",
        Level::Fifo => "fifo",
        Level::Causal => "causal",
        Level::Agreed => "agreed",
        Level::Safe => "safe",
    }
}
