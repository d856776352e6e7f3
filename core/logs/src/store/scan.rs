//! What the last segments of a log really hold: the exact valid prefix, and what the rest proves.
//!
//! Only the segments that were not durable when the writer ended need to be read in full; how far durability
//! reached stands in every record and header that came later. That is also what tells a torn tail, which was
//! never promised and is cut, from damage in the middle, where what follows was promised and is kept
//! (services-anchors 2.5 L2, L4; the failures of ALICE, OSDI 2014).

use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};
use ringfort_wire::logs::{GapCause, RecordId};

use super::segments::Segment;
use crate::format::{HEADER_BYTES, Parsed, Scope, SegmentName, parse};

/// How many records a search behind a damaged place looks for.
const EVIDENCE: usize = 256;
/// How many places such a search checks: each costs a checksum.
const ATTEMPTS: usize = 65_536;

/// One sound record of a scanned segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where it begins, in bytes.
    pub(crate) offset: usize,
    /// Its length in bytes.
    pub(crate) bytes: usize,
    /// The checksum of the record before.
    pub(crate) previous: u32,
    /// Its own.
    pub(crate) sum: u32,
}

/// A segment that was read in full.
#[derive(Clone, Debug)]
pub(crate) struct Scanned {
    pub(crate) name: SegmentName,
    pub(crate) content: Bytes,
    /// The unbroken run of sound records from the base on.
    pub(crate) run: Vec<Place>,
    /// The greatest sequence of any sound record, in the run or behind a break.
    pub(crate) seen: u64,
    /// The greatest sequence that any header or record here says was durable.
    pub(crate) durable: u64,
    /// Whether the mark of the end follows the run.
    pub(crate) ended: bool,
    /// Whether something that is no record follows the run.
    pub(crate) torn: bool,
}

impl Scanned {
    pub(crate) fn new(segment: &Segment, log: u64, content: BytesMut) -> Self {
        let content = content.freeze();
        let scope = Scope {
            log,
            incarnation: segment.name.base.incarnation,
        };
        let mut scanned = Self {
            name: segment.name,
            content: content.clone(),
            run: Vec::new(),
            seen: 0,
            durable: segment.header.map_or(0, |header| header.durable),
            ended: false,
            torn: false,
        };
        let mut offset = HEADER_BYTES;
        if let Some(header) = segment.header {
            offset = scanned.follow(scope, header.previous);
        }
        if !scanned.ended {
            let rest = content.get(offset..).unwrap_or_default();
            scanned.torn = rest.iter().any(|byte| *byte != 0);
            scanned.search(scope, rest);
        }
        scanned
    }

    /// The sequence just after the run.
    pub(crate) fn end(&self) -> u64 {
        self.name
            .base
            .sequence
            .saturating_add(self.run.len() as u64)
    }

    /// The record `sequence` of the run.
    pub(crate) fn place(&self, sequence: u64) -> Option<Place> {
        let index = sequence.checked_sub(self.name.base.sequence)?;
        self.run.get(usize::try_from(index).ok()?).copied()
    }

    /// Follows the chain; returns where it breaks.
    fn follow(&mut self, scope: Scope, mut previous: u32) -> usize {
        let mut offset = HEADER_BYTES;
        loop {
            let rest = self.content.get(offset..).unwrap_or_default();
            let Parsed::Frame(frame) = parse(scope, rest) else {
                return offset;
            };
            if frame.previous != previous || frame.id.sequence != self.end() {
                return offset;
            }
            self.durable = self.durable.max(frame.durable());
            if frame.end {
                self.ended = true;
                return offset;
            }
            self.seen = frame.id.sequence;
            previous = frame.sum;
            self.run.push(Place {
                offset,
                bytes: frame.bytes(),
                previous: frame.previous,
                sum: frame.sum,
            });
            offset = offset.saturating_add(frame.bytes());
        }
    }

    /// Looks behind a break for records that prove what was there.
    fn search(&mut self, scope: Scope, rest: &[u8]) {
        let mut found = 0;
        let mut attempts = 0;
        let mut at = 0;
        while at < rest.len() && found < EVIDENCE && attempts < ATTEMPTS {
            let here = rest.get(at..).unwrap_or_default();
            let bytes = match parse(scope, here) {
                Parsed::Frame(frame) if frame.id.sequence >= self.end() => {
                    found += 1;
                    self.durable = self.durable.max(frame.durable());
                    if !frame.end {
                        self.seen = self.seen.max(frame.id.sequence);
                    }
                    frame.bytes()
                }
                Parsed::Frame(_) | Parsed::Short(_) => {
                    attempts += 1;
                    1
                }
                Parsed::Bad => 1,
            };
            at = at.saturating_add(bytes);
        }
    }
}

/// What the scanned segments of one incarnation amount to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The sequence just after the last record that is kept.
    pub(crate) end: u64,
    /// The checksum of the last record, if the scanned segments hold it.
    pub(crate) previous: Option<u32>,
    /// What is known to be lost after it.
    pub(crate) lost: Option<(RecordId, GapCause)>,
    /// Whether the incarnation was closed in good order.
    pub(crate) ended: bool,
}

/// Puts the scanned segments of one incarnation together. `all` is in order and not empty.
pub(crate) fn judge(all: &[Scanned]) -> Verdict {
    let Some(first) = all.first() else {
        return Verdict::default();
    };
    let incarnation = first.name.base.incarnation;
    let durable = all.iter().map(|one| one.durable).max().unwrap_or(0);
    let seen = all.iter().map(|one| one.seen).max().unwrap_or(0);
    let mut end = first.name.base.sequence;
    let mut previous = None;
    loop {
        // The newest copy first; one that continues another history is no continuation.
        let continues = |one: &&Scanned| {
            one.end() > end
                && one
                    .place(end)
                    .is_some_and(|place| previous.is_none_or(|sum| place.previous == sum))
        };
        if let Some(one) = all.iter().rev().find(continues) {
            previous = one.run.last().map(|place| place.sum);
            end = one.end();
            continue;
        }
        let later = all
            .iter()
            .find(|one| one.name.base.sequence > end && !one.run.is_empty());
        match later {
            // What comes later was promised, so what is missing here was taken by the disk.
            Some(later) if durable >= end => {
                end = later.name.base.sequence;
                previous = None;
            }
            Some(_) | None => break,
        }
    }
    let ended = all.iter().any(|one| one.ended && one.end() == end);
    let torn = all.iter().any(|one| one.torn && one.end() >= end);
    let upto = seen.max(durable);
    let cause = if durable >= end {
        GapCause::Disk
    } else {
        GapCause::Power
    };
    let lost = if upto >= end {
        Some((RecordId::new(incarnation, upto), cause))
    } else if torn && !ended {
        Some((RecordId::new(incarnation, end), GapCause::Power))
    } else {
        None
    };
    Verdict {
        end,
        previous,
        lost,
        ended: ended && lost.is_none(),
    }
}
