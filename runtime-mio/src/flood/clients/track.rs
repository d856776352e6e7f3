//! What one receiver got of one sender: every message, once, and in order if the level promises that.

use std::collections::BTreeSet;

/// The most messages that may be ahead of one that is not there yet, at levels without order.
const AHEAD: usize = 1 << 16;

/// The messages of one sender.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    /// All below are accounted for.
    next: u64,
    /// Those above that are here.
    ahead: BTreeSet<u64>,
    /// How many there are, once the sender has said.
    total: Option<u64>,
    /// Messages that did not come when the ones after them did.
    pub(super) missing: u64,
    /// Messages that came again, or too late.
    pub(super) repeated: u64,
}

impl Track {
    /// Message `sequence` came.
    pub(super) fn message(&mut self, sequence: u64, ordered: bool) {
        if sequence < self.next || self.ahead.contains(&sequence) {
            self.repeated += 1;
        } else if sequence == self.next {
            self.next += 1;
            self.close_up();
        } else if ordered {
            self.missing += sequence - self.next;
            self.next = sequence + 1;
        } else {
            self.ahead.insert(sequence);
            if self.ahead.len() > AHEAD
                && let Some(first) = self.ahead.pop_first()
            {
                self.missing += first - self.next;
                self.next = first + 1;
                self.close_up();
            }
        }
    }

    /// The sender's last word came: there were `total` messages. In order, nothing comes after it.
    pub(super) fn last(&mut self, total: u64, ordered: bool) {
        self.total = Some(total);
        if ordered {
            self.missing += total.saturating_sub(self.next);
            self.next = self.next.max(total);
        }
    }

    /// Whether nothing more is to come.
    pub(super) fn is_over(&self) -> bool {
        self.total.is_some_and(|total| self.next >= total)
    }

    fn close_up(&mut self) {
        while self.ahead.remove(&self.next) {
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests;
