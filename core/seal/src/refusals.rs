//! Counting what was dropped, and telling of it now and then: a flood of garbage must not become a flood of words.

use core::time::Duration;

use ringfort_machine::{Instant, Sink};

use crate::{Action, Note, Reason};

/// Between two notes of one reason.
const PACE: Duration = Duration::from_secs(1);

/// Counts by reason.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    total: [u64; Reason::ALL.len()],
    told: [u64; Reason::ALL.len()],
    told_at: [Option<Instant>; Reason::ALL.len()],
}

impl Refusals {
    /// Counts one and, if the last note of this reason is long enough ago, tells of all since then.
    pub(crate) fn count(&mut self, reason: Reason, now: Instant, out: &mut impl Sink<Action>) {
        let at = reason as usize;
        let (Some(total), Some(told), Some(told_at)) = (
            self.total.get_mut(at),
            self.told.get_mut(at),
            self.told_at.get_mut(at),
        ) else {
            return;
        };
        *total += 1;
        if told_at.is_some_and(|told_at| now < told_at + PACE) {
            return;
        }
        *told_at = Some(now);
        let count = *total - *told;
        *told = *total;
        out.push(Action::Note(Note::Refused { reason, count }));
    }

    /// How often each reason was met since the start.
    pub(crate) fn totals(&self) -> impl Iterator<Item = (Reason, u64)> + '_ {
        Reason::ALL.into_iter().zip(self.total)
    }
}
