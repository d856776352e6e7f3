//! Which part of a run is shown. The same for all formats: a stretch of time, some of the nodes, and at most so
//! many events. What began earlier and still holds is shown from the start of the stretch on.

use std::collections::BTreeSet;

use crate::trace::{Event, Kind, Text};

/// A part of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Nothing before this, in simulated nanoseconds.
    pub from: u64,
    /// Nothing after this, in simulated nanoseconds; absent: to the end.
    pub to: Option<u64>,
    /// Only these nodes; empty: all.
    pub nodes: BTreeSet<Text>,
    /// Not more events of the trace than this, counted over all kinds from `from` on. The picture ends where the
    /// number is reached.
    pub max: Option<u64>,
}

impl Selection {
    /// Whether `node` is shown.
    pub fn has(&self, node: &Text) -> bool {
        self.nodes.is_empty() || self.nodes.contains(node)
    }

    /// Whether `event` is about a node that is shown, or about the world.
    pub(super) fn concerns(&self, event: &Event) -> bool {
        match (&event.kind, &event.p) {
            (Kind::Cut { from, to } | Kind::Heal { from, to }, _) => self.has(from) || self.has(to),
            (_, Some(p)) => self.has(p.node()),
            (_, None) => true,
        }
    }
}
