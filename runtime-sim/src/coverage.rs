//! Which notes of the core were ever said: a note that no run reaches is code that no run tests.
//!
//! A note that cannot be reached here is on a list with the reason ([`EXCUSED`]); everything else has to be heard in
//! a search of a few thousand seeds. After TigerBeetle's coverage marks, with the notes that are there anyway.

use std::collections::BTreeMap;

use ringfort_node::Note;

use crate::explore::Summary;

/// A note: its machine and its variant.
pub type Kind = (&'static str, &'static str);

/// Notes that whole-cluster runs do not reach, and why not.
pub const EXCUSED: &[(Kind, &str)] = &[];

/// How often each note was said in many runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    counts: BTreeMap<Kind, u64>,
}

impl Coverage {
    /// What the runs of `summary` said.
    pub fn of(summary: &Summary) -> Self {
        let mut counts: BTreeMap<Kind, u64> = Note::kinds().map(|kind| (kind, 0)).collect();
        for (kind, count) in summary.reports.values().flat_map(|report| &report.notes) {
            *counts.entry(*kind).or_default() += count;
        }
        Self { counts }
    }

    /// Every note with how often it was said, by machine.
    pub fn counts(&self) -> impl Iterator<Item = (Kind, u64)> {
        self.counts.iter().map(|(kind, count)| (*kind, *count))
    }

    /// How many of the notes were said, and how many there are.
    pub fn share(&self) -> (usize, usize) {
        let said = self.counts.values().filter(|count| **count > 0).count();
        (said, self.counts.len())
    }

    /// Notes that were never said and have no excuse.
    pub fn missing(&self) -> impl Iterator<Item = Kind> {
        let unsaid = self.counts().filter(|(_, count)| *count == 0);
        unsaid
            .map(|(kind, _)| kind)
            .filter(|kind| excuse(*kind).is_none())
    }
}

/// Why a note is not expected.
pub fn excuse(kind: Kind) -> Option<&'static str> {
    let known = EXCUSED.iter().find(|(excused, _)| *excused == kind);
    known.map(|(_, why)| *why)
}

#[cfg(test)]
mod tests;
