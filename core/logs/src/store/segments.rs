//! The segments of a log in order, and what comes after a given record.
//!
//! A segment ends where a later one begins, whatever its file still holds: a copy supersedes what it copied,
//! and a new incarnation supersedes what was cut from the old one. So what belongs to the log follows from the
//! names alone, and no file is ever rewritten to make it so.

use alloc::vec::Vec;

use ringfort_machine::defect::{self, Defect};
use ringfort_wire::logs::{Gap, GapCause, RecordId};

use crate::{
    disk::{Path, join},
    format::{HEADER_BYTES, SegmentHeader, SegmentName},
};

/// How many places in a segment are remembered: more than subscribers that are usually in one.
const MARKS: usize = 32;

/// A place in a segment: where a record begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The sequence of the record.
    pub(crate) sequence: u64,
    /// Its offset in bytes.
    pub(crate) offset: u64,
    /// The checksum of the record before it; unknown at the front of a segment whose header is damaged.
    pub(crate) previous: Option<u32>,
}

/// One segment.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// Base and copy.
    pub(crate) name: SegmentName,
    /// The file.
    pub(crate) path: Path,
    /// Its length in bytes, about.
    pub(crate) bytes: u64,
    /// Its header, if it is sound.
    pub(crate) header: Option<SegmentHeader>,
    /// The sequence just after its last record: the smallest base of a later segment.
    pub(crate) end: u64,
    /// Sequences that can no longer be read, from and up to (exclusive).
    pub(crate) damaged: Option<(u64, u64)>,
    /// A cache of places.
    marks: Vec<Mark>,
}

impl Segment {
    pub(crate) fn new(
        directory: &str,
        name: SegmentName,
        header: Option<SegmentHeader>,
        bytes: u64,
    ) -> Self {
        Self {
            name,
            path: join(directory, &name.file()),
            bytes,
            header,
            end: u64::MAX,
            damaged: None,
            marks: Vec::new(),
        }
    }

    /// Whether no record of it belongs to the log.
    pub(crate) const fn is_dead(&self) -> bool {
        self.end <= self.name.base.sequence
    }

    /// The identity of its last record; for the newest segment, that of every record it may still get.
    pub(crate) const fn last(&self) -> RecordId {
        RecordId::new(self.name.base.incarnation, self.end.saturating_sub(1))
    }

    /// The nearest known place at or before `sequence`.
    pub(crate) fn mark(&self, sequence: u64) -> Mark {
        let front = Mark {
            sequence: self.name.base.sequence,
            offset: HEADER_BYTES as u64,
            previous: self.header.map(|header| header.previous),
        };
        self.marks
            .iter()
            .copied()
            .filter(|mark| mark.sequence <= sequence)
            .max_by_key(|mark| mark.sequence)
            .unwrap_or(front)
    }

    /// Remembers a place.
    pub(crate) fn remember(&mut self, mark: Mark) {
        if self
            .marks
            .iter()
            .any(|known| known.sequence == mark.sequence)
        {
            return;
        }
        if self.marks.len() >= MARKS {
            self.marks.remove(0);
        }
        self.marks.push(mark);
    }
}

/// What comes after a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The record `sequence` of the segment at `index`, if it has been written.
    Record { index: usize, sequence: u64 },
    /// Records that are gone.
    Gap(Gap),
    /// Nothing yet.
    End,
}

/// All segments, in order.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    list: Vec<Segment>,
    /// Everything up to here was dropped for the budget.
    pub(crate) horizon: RecordId,
}

impl Segments {
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.list.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Segment> {
        self.list.get(index)
    }

    pub(crate) fn first_alive(&self) -> Option<&Segment> {
        self.list.iter().find(|segment| !segment.is_dead())
    }

    pub(crate) fn find_mut(&mut self, name: SegmentName) -> Option<&mut Segment> {
        self.list.iter_mut().find(|segment| segment.name == name)
    }

    /// Bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.list.iter().map(|segment| segment.bytes).sum()
    }

    pub(crate) fn insert(&mut self, segment: Segment) {
        let at = self.list.partition_point(|known| known.name < segment.name);
        self.list.insert(at, segment);
        self.refresh();
    }

    pub(crate) fn remove(&mut self, name: SegmentName) {
        self.list.retain(|segment| segment.name != name);
        self.refresh();
    }

    fn refresh(&mut self) {
        let mut end = u64::MAX;
        for segment in self.list.iter_mut().rev() {
            segment.end = end;
            end = end.min(segment.name.base.sequence);
        }
    }

    /// The identity just before the first record that is kept: where a subscriber begins that was added now.
    pub(crate) fn beginning(&self) -> RecordId {
        self.first_alive().map_or(RecordId::BEFORE_ALL, |first| {
            // In the incarnation of the first record, so that a gap which begins there counts rightly.
            let base = first.name.base;
            RecordId::new(base.incarnation, base.sequence.saturating_sub(1))
        })
    }

    /// The identity before the base of `segment`, from its header or else from the segment before. Without
    /// either it is of the segment's own incarnation: the header that begins an incarnation is durable before
    /// anything follows it, so one that a loss of power took did not begin one.
    pub(crate) fn before(&self, segment: &Segment) -> RecordId {
        segment.header.map_or_else(
            || {
                let older = self
                    .list
                    .iter()
                    .rev()
                    .find(|known| known.name < segment.name && !known.is_dead());
                let base = segment.name.base;
                let incarnation = match older {
                    Some(older) => older.name.base.incarnation,
                    None if base.sequence > 1 => base.incarnation,
                    None => 0,
                };
                RecordId::new(incarnation, base.sequence.saturating_sub(1))
            },
            |header| header.before(),
        )
    }

    /// What comes after `after`.
    pub(crate) fn next(&self, after: RecordId) -> Next {
        let newest = self.list.len().saturating_sub(1);
        let found = self.list.iter().enumerate().find(|(index, segment)| {
            *index == newest || (!segment.is_dead() && segment.last() > after)
        });
        let Some((index, segment)) = found else {
            return Next::End;
        };
        let base = segment.name.base;
        if after.incarnation > base.incarnation {
            return Next::End;
        }
        if after >= base {
            return Self::within(segment, index, after.next().sequence);
        }
        let before = self.before(segment);
        if after < before {
            return Next::Gap(self.missing(after, before));
        }
        if let Some((lost, cause)) = segment.header.and_then(|header| header.lost)
            && after < lost
            && !defect::active(Defect::HideGap)
        {
            let sum = Gap {
                count: None,
                ..gap(after, lost, cause)
            };
            let countable = sum.first.incarnation == lost.incarnation;
            return Next::Gap(if countable {
                gap(after, lost, cause)
            } else {
                sum
            });
        }
        let skip = u64::from(index > 0 && defect::active(Defect::SkipAtSegmentEnd));
        Self::within(segment, index, base.sequence.saturating_add(skip))
    }

    fn within(segment: &Segment, index: usize, sequence: u64) -> Next {
        match segment.damaged {
            Some((from, to)) if (from..to).contains(&sequence) => Next::Gap(Gap {
                first: RecordId::new(segment.name.base.incarnation, sequence),
                last: RecordId::new(segment.name.base.incarnation, to.saturating_sub(1)),
                cause: GapCause::Disk,
                count: Some(to.saturating_sub(sequence)),
            }),
            Some(_) | None => Next::Record { index, sequence },
        }
    }

    /// Records after `after` and up to `upto` that no segment has: eaten by the budget as far as the horizon
    /// says, and by the disk beyond.
    fn missing(&self, after: RecordId, upto: RecordId) -> Gap {
        if after < self.horizon {
            gap(after, self.horizon.min(upto), GapCause::Budget)
        } else {
            gap(after, upto, GapCause::Disk)
        }
    }
}

/// The gap after `after` and up to `last`. Kept sequences count over incarnations, so their difference is the
/// number of records, unless `last` stands for "whatever there was".
fn gap(after: RecordId, last: RecordId, cause: GapCause) -> Gap {
    let first = if after.sequence == u64::MAX {
        RecordId::new(after.incarnation.saturating_add(1), 1)
    } else {
        after.next()
    };
    let first = first.min(last);
    let known = last.sequence < u64::MAX && first.sequence <= last.sequence;
    Gap {
        first,
        last,
        cause,
        count: known.then(|| (last.sequence - first.sequence).saturating_add(1)),
    }
}
