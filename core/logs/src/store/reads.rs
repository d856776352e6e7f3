//! Answers to readers: from memory for those who keep up, from the disk for those who are behind.
//!
//! Only what is durable is ever handed out, so that nothing a subscriber has can be taken back by a loss of
//! power. A read that finds nothing waits, and makes the writer sync what it would like to have. The reading
//! side writes nothing; what it cannot read it reports as a gap, once and for good.

use alloc::{collections::BTreeMap, vec::Vec};

use bytes::Bytes;
use ringfort_machine::{Deadline, Instant, Sink};
use ringfort_wire::logs::{Lag, RECORD_OVERHEAD, RecordId};

use super::{
    Action, Config, Fetched, READS, ReadId, Setting,
    orders::{Orders, Purpose},
    segments::{Mark, Next, Segment, Segments},
    writer::Writer,
};
use crate::{
    disk::{DiskAction, DiskError, DiskErrorKind},
    format::{Parsed, RECORD_BYTES, Scope, SegmentName, parse},
    note::Note,
    record::{RECORD_LIMIT, Record},
};

/// How much is read from the disk at once, in bytes.
const CHUNK: u32 = 128 << 10;
/// How often a read that fails is tried again before the records count as lost.
const ATTEMPTS: u32 = 3;

/// A read at the disk.
#[derive(Debug)]
struct Fetch {
    segment: SegmentName,
    mark: Mark,
    /// The first record that is wanted.
    wanted: u64,
    length: u32,
}

#[derive(Debug)]
enum State {
    /// Nothing to tell, or not looked yet.
    Waiting,
    Fetching(Fetch),
    /// The disk failed; it is tried again.
    Retry(Instant),
}

#[derive(Debug)]
struct Read {
    after: RecordId,
    limit_bytes: usize,
    state: State,
    attempts: u32,
    /// How much to ask the disk for: grows for a record that is longer than a chunk.
    length: u32,
}

/// The reads of one log.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    all: BTreeMap<ReadId, Read>,
}

/// What a chunk of a segment yields.
struct Yield {
    records: Vec<Record>,
    /// Where the next record is to be found.
    mark: Mark,
    end: YieldEnd,
}

enum YieldEnd {
    /// The limit or the end of what is durable.
    Enough,
    /// The next record needs so many bytes from the mark on.
    Needs(usize),
    /// What comes next is no record.
    Damaged,
}

impl Reads {
    /// A new read. Refused when there are too many.
    pub(crate) fn begin(
        &mut self,
        read: ReadId,
        after: RecordId,
        limit_bytes: usize,
        out: &mut impl Sink<Action>,
    ) {
        if self.all.len() >= READS || self.all.contains_key(&read) {
            out.push(Action::Fetched {
                read,
                fetched: Fetched::Closing,
            });
            return;
        }
        self.all.insert(
            read,
            Read {
                after,
                limit_bytes,
                state: State::Waiting,
                attempts: 0,
                length: CHUNK,
            },
        );
    }

    pub(crate) fn cancel(&mut self, read: ReadId) {
        self.all.remove(&read);
    }

    /// Answers everybody, because the log closes.
    pub(crate) fn close(&mut self, out: &mut impl Sink<Action>) {
        for (read, _) in core::mem::take(&mut self.all) {
            out.push(Action::Fetched {
                read,
                fetched: Fetched::Closing,
            });
        }
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        let retries = self.all.values().filter_map(|read| match read.state {
            State::Retry(at) => Some(at),
            State::Waiting | State::Fetching(_) => None,
        });
        retries
            .min()
            .map(|at| Deadline::new(at, "logs: read again"))
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Answers what can be answered and orders what must be read. Whether somebody waits for records that are
    /// not durable yet.
    pub(crate) fn pump(
        &mut self,
        now: Instant,
        segments: &Segments,
        writer: &Writer,
        orders: &mut Orders,
        out: &mut impl Sink<Action>,
    ) -> bool {
        let mut hungry = false;
        let mut answered = Vec::new();
        for (id, read) in &mut self.all {
            match read.state {
                State::Fetching(_) => continue,
                State::Retry(at) if at > now => continue,
                State::Retry(_) | State::Waiting => read.state = State::Waiting,
            }
            match segments.next(read.after) {
                Next::Gap(gap) => answered.push((*id, Fetched::Gap(gap))),
                Next::End => hungry = true,
                Next::Record { index, sequence } => {
                    let Some(segment) = segments.get(index) else {
                        continue;
                    };
                    let old = segment.name.base.incarnation != writer.incarnation();
                    if !old && sequence >= writer.durable_end() {
                        hungry = true;
                    } else if !old && writer.stored(sequence).is_some() {
                        let records = from_memory(writer, sequence, read.limit_bytes);
                        let lag = lag(segments, writer, last(&records));
                        answered.push((*id, Fetched::Records { records, lag }));
                    } else {
                        order(*id, read, segment, sequence, orders, out);
                    }
                }
            }
        }
        for (read, fetched) in answered {
            self.all.remove(&read);
            out.push(Action::Fetched { read, fetched });
        }
        hungry
    }

    /// A chunk has come, or not.
    pub(crate) fn fetched(
        &mut self,
        Setting { now, config }: Setting<'_>,
        id: ReadId,
        result: Result<Bytes, DiskError>,
        segments: &mut Segments,
        writer: &Writer,
        out: &mut impl Sink<Action>,
    ) {
        let Some(read) = self.all.get_mut(&id) else {
            return;
        };
        let State::Fetching(fetch) = core::mem::replace(&mut read.state, State::Waiting) else {
            return;
        };
        let Some(segment) = segments.find_mut(fetch.segment) else {
            return; // removed meanwhile: look again
        };
        let content = match result {
            Ok(content) => content,
            Err(error) if error.kind != DiskErrorKind::Missing && read.attempts < ATTEMPTS => {
                read.attempts = read.attempts.saturating_add(1);
                read.state = State::Retry(now + config.retry_delay);
                return;
            }
            Err(_) => Bytes::new(),
        };
        let whole = content.len() < fetch.length as usize;
        let result = walk(config, &fetch, segment, &content, writer, read.limit_bytes);
        segment.remember(result.mark);
        if !result.records.is_empty() {
            let records = result.records;
            let lag = lag(segments, writer, last(&records));
            self.all.remove(&id);
            out.push(Action::Fetched {
                read: id,
                fetched: Fetched::Records { records, lag },
            });
            return;
        }
        match result.end {
            // Further on in the same segment, or a longer record: ask again from where the walk stopped.
            YieldEnd::Needs(bytes) if !whole => {
                let limit = RECORD_LIMIT.saturating_add(RECORD_BYTES);
                let bytes = bytes.min(limit).max(CHUNK as usize);
                read.length = u32::try_from(bytes).unwrap_or(u32::MAX);
            }
            YieldEnd::Enough => {}
            YieldEnd::Needs(_) | YieldEnd::Damaged => {
                damage(
                    config,
                    segment,
                    result.mark.sequence.max(fetch.wanted),
                    writer,
                    out,
                );
            }
        }
    }
}

fn last(records: &[Record]) -> RecordId {
    records
        .last()
        .map_or(RecordId::BEFORE_ALL, |record| record.id)
}

fn order(
    id: ReadId,
    read: &mut Read,
    segment: &Segment,
    wanted: u64,
    orders: &mut Orders,
    out: &mut impl Sink<Action>,
) {
    let mark = segment.mark(wanted);
    let fetch = Fetch {
        segment: segment.name,
        mark,
        wanted,
        length: read.length,
    };
    let action = DiskAction::Read {
        file: segment.path.clone(),
        offset: mark.offset,
        length: read.length,
    };
    read.state = State::Fetching(fetch);
    orders.issue(Purpose::Read { read: id }, action, out);
}

fn from_memory(writer: &Writer, first: u64, limit_bytes: usize) -> Vec<Record> {
    let mut records = Vec::new();
    let mut cost = 0_usize;
    let mut sequence = first;
    while sequence < writer.durable_end() {
        let Some(stored) = writer.stored(sequence) else {
            break;
        };
        cost = cost.saturating_add(cost_of(&stored.record));
        if cost > limit_bytes && !records.is_empty() {
            break;
        }
        records.push(stored.record.clone());
        sequence = sequence.saturating_add(1);
    }
    records
}

fn cost_of(record: &Record) -> usize {
    record.payload.len().saturating_add(RECORD_OVERHEAD)
}

/// The sequence just after the last record of `segment` that may be handed out.
fn readable_end(segment: &Segment, writer: &Writer) -> u64 {
    if segment.name.base.incarnation == writer.incarnation() {
        segment.end.min(writer.durable_end())
    } else {
        segment.end
    }
}

/// Walks over a chunk that begins at the mark, and takes the wanted records.
fn walk(
    config: &Config,
    fetch: &Fetch,
    segment: &Segment,
    content: &Bytes,
    writer: &Writer,
    limit_bytes: usize,
) -> Yield {
    let scope = Scope {
        log: crate::format::log_hash(&config.key),
        incarnation: segment.name.base.incarnation,
    };
    let end = readable_end(segment, writer);
    let mut result = Yield {
        records: Vec::new(),
        mark: fetch.mark,
        end: YieldEnd::Enough,
    };
    let mut offset = 0_usize;
    let mut cost = 0_usize;
    while result.mark.sequence < end {
        let mark = &mut result.mark;
        let frame = match parse(scope, content.get(offset..).unwrap_or_default()) {
            Parsed::Frame(frame) => frame,
            Parsed::Short(bytes) => {
                result.end = YieldEnd::Needs(bytes);
                break;
            }
            Parsed::Bad if offset >= content.len() => {
                result.end = YieldEnd::Needs(RECORD_BYTES);
                break;
            }
            Parsed::Bad => {
                result.end = YieldEnd::Damaged;
                break;
            }
        };
        let follows = mark.previous.is_none_or(|sum| sum == frame.previous);
        if frame.end || frame.id.sequence != mark.sequence || !follows {
            result.end = YieldEnd::Damaged;
            break;
        }
        let record = Record {
            id: frame.id,
            class: frame.class,
            wall_ns: frame.wall_ns,
            payload: content.slice_ref(frame.payload),
        };
        let bytes = frame.bytes();
        if mark.sequence >= fetch.wanted {
            cost = cost.saturating_add(cost_of(&record));
            if cost > limit_bytes && !result.records.is_empty() {
                break;
            }
            result.records.push(record);
        }
        *mark = Mark {
            sequence: mark.sequence.saturating_add(1),
            offset: mark.offset.saturating_add(bytes as u64),
            previous: Some(frame.sum),
        };
        offset = offset.saturating_add(bytes);
    }
    result
}

/// Gives up what cannot be read: to the end of the segment, or to where memory still has it.
fn damage(
    config: &Config,
    segment: &mut Segment,
    from: u64,
    writer: &Writer,
    out: &mut impl Sink<Action>,
) {
    let mut to = readable_end(segment, writer);
    if segment.name.base.incarnation == writer.incarnation()
        && let Some(stored) = writer.stored_from(from)
        && stored.record.id.sequence < to
    {
        to = stored.record.id.sequence;
        segment.remember(Mark {
            sequence: to,
            offset: stored.offset,
            previous: Some(stored.previous),
        });
    }
    if to <= from {
        return;
    }
    segment.damaged = Some((from, to));
    let incarnation = segment.name.base.incarnation;
    out.push(Action::Note(Note::Damaged {
        log: config.key.clone(),
        gap: ringfort_wire::logs::Gap {
            first: RecordId::new(incarnation, from),
            last: RecordId::new(incarnation, to.saturating_sub(1)),
            cause: ringfort_wire::logs::GapCause::Disk,
            count: Some(to.saturating_sub(from)),
        },
    }));
}

/// How much is durable after `from`, by records exactly and by bytes to the segment.
pub(crate) fn lag(segments: &Segments, writer: &Writer, from: RecordId) -> Lag {
    let durable = writer.durable();
    let bytes = segments
        .iter()
        .filter(|segment| !segment.is_dead() && segment.last() > from)
        .map(|segment| segment.bytes)
        .sum();
    let records = durable.sequence.saturating_sub(from.sequence);
    Lag {
        records,
        bytes: if records == 0 { 0 } else { bytes },
    }
}
