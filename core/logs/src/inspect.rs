//! A log without its writer: for tools that print a directory, and for whoever wants to check one.
//!
//! The bytes are handed in, so that this works on any copy. Nothing is repaired and nothing written; what
//! belongs to the log follows from the names of all segments, exactly as for the writer.

use alloc::vec::Vec;

use bytes::Bytes;
use ringfort_wire::logs::RecordId;

pub use crate::checkpoint::Checkpoint;
use crate::{
    format::{
        HEADER_BYTES, Parsed, Scope, SegmentHeader, SegmentName, log_hash, parse,
        parse_checkpoint_name, u64_at,
    },
    record::Record,
};

/// A segment, by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SegmentFile {
    name: SegmentName,
    /// The sequence just after its last record, where a later segment says so.
    end: Option<u64>,
}

impl SegmentFile {
    /// The identity of its first record.
    pub const fn base(&self) -> RecordId {
        self.name.base
    }

    /// The name of its file.
    pub fn file(&self) -> alloc::string::String {
        self.name.file()
    }

    /// Its records in `content`, which is the whole file; `key` is the key of its log where that is known.
    pub fn records<'a>(&self, content: &'a Bytes, key: Option<&str>) -> Records<'a> {
        let stated = u64_at(content, 16).unwrap_or(0);
        let log = key.map_or(stated, log_hash);
        let header = SegmentHeader::decode(content, log).filter(|header| header.name == self.name);
        Records {
            content,
            scope: Scope {
                log,
                incarnation: self.name.base.incarnation,
            },
            offset: HEADER_BYTES,
            previous: header.map_or(0, |header| header.previous),
            sequence: self.name.base.sequence,
            end: if header.is_some() {
                self.end.unwrap_or(u64::MAX)
            } else {
                0
            },
            finding: if header.is_some() {
                Finding::End
            } else {
                Finding::Header
            },
        }
    }
}

/// The segments among `names`, in the order of the log, without those that a later one has superseded.
pub fn segments<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<SegmentFile> {
    let mut all: Vec<SegmentName> = names.into_iter().filter_map(SegmentName::parse).collect();
    all.sort_unstable();
    let mut found: Vec<SegmentFile> = Vec::new();
    let mut end: Option<u64> = None;
    for name in all.into_iter().rev() {
        if end.is_none_or(|end| name.base.sequence < end) {
            found.push(SegmentFile { name, end });
        }
        let base = name.base.sequence;
        end = Some(end.map_or(base, |end| end.min(base)));
    }
    found.reverse();
    found
}

/// The subscriber that the file `name` is a checkpoint of; empty for the horizon of the budget.
pub fn checkpoint_file(name: &str) -> Option<alloc::string::String> {
    parse_checkpoint_name(name).map(|(name, _)| name)
}

/// Of the slots of one subscriber, the one that counts.
pub fn newest(slots: impl IntoIterator<Item = Checkpoint>) -> Option<Checkpoint> {
    slots.into_iter().max_by_key(|slot| slot.generation)
}

/// Why the records of a segment end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// At the end of the file, at the next segment, or at the mark that closes the log.
    End,
    /// Its header is damaged, or it is a segment of another log.
    Header,
    /// At bytes that are no record of this log: a torn tail, or damage.
    Broken {
        /// Where, in bytes from the front of the file.
        offset: usize,
    },
}

/// The records of a segment, in order.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    content: &'a Bytes,
    scope: Scope,
    offset: usize,
    previous: u32,
    sequence: u64,
    end: u64,
    finding: Finding,
}

impl Records<'_> {
    /// Why there are no more. To be asked when the iterator has ended.
    pub const fn finding(&self) -> Finding {
        self.finding
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let rest = self.content.get(self.offset..)?;
        if self.sequence >= self.end || rest.is_empty() {
            return None;
        }
        let frame = match parse(self.scope, rest) {
            Parsed::Frame(frame)
                if frame.id.sequence == self.sequence && frame.previous == self.previous =>
            {
                frame
            }
            Parsed::Frame(_) | Parsed::Short(_) | Parsed::Bad => {
                self.finding = Finding::Broken {
                    offset: self.offset,
                };
                self.end = 0;
                return None;
            }
        };
        if frame.end {
            self.end = 0;
            return None;
        }
        self.offset = self.offset.saturating_add(frame.bytes());
        self.previous = frame.sum;
        self.sequence = self.sequence.saturating_add(1);
        Some(Record {
            id: frame.id,
            class: frame.class,
            wall_ns: frame.wall_ns,
            payload: self.content.slice_ref(frame.payload),
        })
    }
}

#[cfg(test)]
mod tests;
