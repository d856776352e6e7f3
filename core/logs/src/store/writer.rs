//! The writing side: records get their place, go to the disk at once, and become durable in groups.
//!
//! A write is ordered as soon as the record is appended, so that it survives the end of the process; only the
//! sync is shared. While a sync is under way all appends gather behind it and the next sync serves them
//! together: group commit without a timer. Records stay in memory until they are durable, because a failed
//! sync may have lost what the page cache held (services-anchors 2.5 L8): then the segment is given up at its
//! last durable record and the rest goes, under the same identities, into a new copy that is put in place
//! whole. A full disk instead keeps the segment: the partial write is cut off and tried again.

mod outcome;

use alloc::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use ringfort_machine::{
    Instant, Sink,
    defect::{self, Defect},
};
use ringfort_wire::logs::RecordId;

use super::{
    Action, Config, orders::Orders, orders::Purpose, segments::Segment, segments::Segments,
};
use crate::{
    disk::{DiskAction, Path, join},
    format::{HEADER_BYTES, Scope, SegmentHeader, SegmentName, encode, encode_end},
    note::Note,
    record::{Append, AppendError, Class, RECORD_LIMIT, Record},
};

/// How many writes may be with the disk; beyond, records are gathered into larger ones.
const WRITES: u32 = 64;
/// How large a gathered write becomes, in bytes.
const GATHER: usize = 256 << 10;

/// A record in memory.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) record: Record,
    /// As it stands in the segment.
    bytes: Bytes,
    /// Where it stands in its segment.
    pub(crate) offset: u64,
    /// The checksum of the record before.
    pub(crate) previous: u32,
}

/// What is wrong with a segment that is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// A write found no space: cut off what it may have left and write again.
    Full,
    /// The segment cannot be trusted beyond what is durable.
    Poisoned,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Sound,
    /// Waiting until the disk has answered all that is under way.
    Draining(Trouble),
    /// Waiting before the disk is tried again.
    Waiting(Trouble, Instant),
    /// The repair is with the disk.
    Mending(Trouble, Repair),
}

/// What a file is after a repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Repair {
    header: SegmentHeader,
    /// The sequence just after the last record that it has then.
    end: u64,
    /// Its length in bytes then.
    bytes: u64,
}

/// A segment that is not wholly durable, or the one that takes new records.
#[derive(Debug)]
struct File {
    header: SegmentHeader,
    path: Path,
    /// The sequence just after its last record, once it is closed.
    end: Option<u64>,
    /// Records before this sequence were ordered to be written, up to `issued_bytes`.
    issued: u64,
    issued_bytes: u64,
    /// Records before this sequence are written, up to `written_bytes`.
    written: u64,
    written_bytes: u64,
    /// Records before this sequence are durable.
    synced: u64,
    /// Its length when everything that was placed in it is written.
    planned_bytes: u64,
    /// Writes with the disk.
    writes: u32,
    syncing: bool,
    state: State,
}

/// The writing side of a log that has been recovered.
#[derive(Debug)]
pub(crate) struct Writer {
    scope: Scope,
    /// The next sequence.
    next: u64,
    /// The checksum of the last record.
    previous: u32,
    /// What was recovered: the answer to "what is durable" before the first append.
    recovered: RecordId,
    /// Oldest first, never empty; the last one takes new records.
    files: VecDeque<File>,
    /// The records from some sequence on, without holes: all that are not durable and the newest that are.
    tail: VecDeque<Stored>,
    waiting_bytes: usize,
    recent_bytes: usize,
    durable: u64,
    written: u64,
    /// Records before this sequence shall be synced as soon as possible.
    wanted: u64,
    /// When all records shall be synced.
    sync_at: Option<Instant>,
    closing: bool,
}

impl File {
    fn new(directory: &str, header: SegmentHeader, on_disk: bool) -> Self {
        let base = header.name.base.sequence;
        let bytes = if on_disk { HEADER_BYTES as u64 } else { 0 };
        Self {
            header,
            path: join(directory, &header.name.file()),
            end: None,
            issued: base,
            issued_bytes: bytes,
            written: base,
            written_bytes: bytes,
            synced: base,
            planned_bytes: HEADER_BYTES as u64,
            writes: 0,
            syncing: false,
            state: State::Sound,
        }
    }
}

impl Writer {
    /// The writing side of the incarnation that `header` begins.
    pub(crate) fn new(config: &Config, header: SegmentHeader) -> Self {
        let next = header.name.base.sequence;
        Self {
            scope: Scope {
                log: header.log,
                incarnation: header.name.base.incarnation,
            },
            next,
            previous: header.previous,
            recovered: header.before(),
            files: VecDeque::from([File::new(&config.directory, header, true)]),
            tail: VecDeque::new(),
            waiting_bytes: 0,
            recent_bytes: 0,
            durable: next,
            written: next,
            wanted: next,
            sync_at: None,
            closing: false,
        }
    }

    fn id(&self, end: u64) -> RecordId {
        if end <= self.base() {
            self.recovered
        } else {
            RecordId::new(self.scope.incarnation, end.saturating_sub(1))
        }
    }

    fn base(&self) -> u64 {
        self.recovered.sequence.saturating_add(1)
    }

    /// The last durable record.
    pub(crate) fn durable(&self) -> RecordId {
        self.id(self.durable)
    }

    /// The sequence just after the last durable record.
    pub(crate) const fn durable_end(&self) -> u64 {
        self.durable
    }

    /// The last record.
    pub(crate) fn last(&self) -> RecordId {
        self.id(self.next)
    }

    pub(crate) const fn incarnation(&self) -> u64 {
        self.scope.incarnation
    }

    /// Bytes that are not durable.
    pub(crate) const fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// Whether `name` is being written, so that it must not be removed.
    pub(crate) fn writes_to(&self, name: SegmentName) -> bool {
        self.files.iter().any(|file| file.header.name == name)
    }

    /// The record `sequence`, if it is in memory.
    pub(crate) fn stored(&self, sequence: u64) -> Option<&Stored> {
        let first = self.tail.front()?.record.id.sequence;
        let index = usize::try_from(sequence.checked_sub(first)?).ok()?;
        self.tail.get(index)
    }

    /// The first record in memory that is not before `sequence`.
    pub(crate) fn stored_from(&self, sequence: u64) -> Option<&Stored> {
        let first = self.tail.front()?.record.id.sequence;
        self.stored(sequence.max(first))
    }

    /// Gives a record its place.
    ///
    /// # Errors
    /// [`AppendError`]; nothing has changed.
    pub(crate) fn append(
        &mut self,
        now: Instant,
        config: &Config,
        append: Append,
        segments: &mut Segments,
        out: &mut impl Sink<Action>,
    ) -> Result<RecordId, (AppendError, Append)> {
        if self.closing {
            return Err((AppendError::Closing, append));
        }
        if append.payload.len() > RECORD_LIMIT {
            let found = append.payload.len();
            let limit = RECORD_LIMIT;
            return Err((AppendError::TooLong { found, limit }, append));
        }
        let waiting_bytes = self.waiting_bytes;
        if waiting_bytes.saturating_add(append.payload.len()) > config.backlog_limit_bytes {
            return Err((AppendError::Busy { waiting_bytes }, append));
        }
        let sequence = self.next;
        let unsynced = sequence.saturating_sub(self.durable);
        let (bytes, sum) = encode(self.scope, sequence, unsynced, self.previous, &append);
        self.make_room(config, bytes.len() as u64, segments, out);
        let id = RecordId::new(self.scope.incarnation, sequence);
        let file = self.current();
        let offset = file.planned_bytes;
        file.planned_bytes = offset.saturating_add(bytes.len() as u64);
        self.waiting_bytes = self.waiting_bytes.saturating_add(bytes.len());
        out.push(Action::Appended {
            id,
            class: append.class,
            payload: append.payload.clone(),
        });
        self.tail.push_back(Stored {
            record: Record {
                id,
                class: append.class,
                wall_ns: append.wall_ns,
                // A slice of what is written: the record is in memory once.
                payload: bytes.slice(crate::format::RECORD_BYTES..),
            },
            bytes,
            offset,
            previous: core::mem::replace(&mut self.previous, sum),
        });
        self.next = sequence.saturating_add(1);
        match append.class {
            Class::None => {}
            Class::Batch if defect::active(Defect::ForgetBatchSync) => {}
            Class::Batch => self.sync_by(now + config.batch_delay),
            Class::Sync => self.wanted = self.next,
        }
        if self.waiting_bytes > config.backlog_limit_bytes / 4 {
            self.wanted = self.next;
        }
        Ok(id)
    }

    fn current(&mut self) -> &mut File {
        self.files
            .back_mut()
            .expect("there is always a segment that takes new records")
    }

    /// Closes the current segment and begins the next if `bytes` more would make it too long.
    fn make_room(
        &mut self,
        config: &Config,
        bytes: u64,
        segments: &mut Segments,
        out: &mut impl Sink<Action>,
    ) {
        let next = self.next;
        let (log, incarnation) = (self.scope.log, self.scope.incarnation);
        let (previous, durable) = (self.previous, self.durable.saturating_sub(1));
        let file = self.current();
        let full = file.planned_bytes.saturating_add(bytes) > config.segment_limit_bytes;
        if !full || next == file.header.name.base.sequence {
            return;
        }
        file.end = Some(next);
        let base = RecordId::new(incarnation, next);
        let header = SegmentHeader {
            name: SegmentName { base, copy: 0 },
            log,
            boot: file.header.boot,
            before_incarnation: incarnation,
            lost: None,
            durable,
            previous,
        };
        self.files
            .push_back(File::new(&config.directory, header, false));
        segments.insert(Segment::new(
            &config.directory,
            header.name,
            Some(header),
            0,
        ));
        out.push(Action::Note(Note::Rolled {
            log: config.key.clone(),
            base,
        }));
    }

    /// Everything shall be durable by `at`.
    pub(crate) fn sync_by(&mut self, at: Instant) {
        if self.durable < self.next && self.sync_at.is_none_or(|known| at < known) {
            self.sync_at = Some(at);
        }
    }

    /// Everything shall be durable as soon as possible, and nothing more is taken.
    pub(crate) fn close(&mut self) {
        self.closing = true;
        self.wanted = self.next;
    }

    /// Whether everything is durable and nothing is under way.
    pub(crate) fn is_settled(&self) -> bool {
        self.durable == self.next
            && self
                .files
                .iter()
                .all(|file| file.writes == 0 && !file.syncing && file.state == State::Sound)
    }

    /// When it next has something to do by itself.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let retries = self.files.iter().filter_map(|file| match file.state {
            State::Waiting(_, at) => Some(at),
            State::Sound | State::Draining(_) | State::Mending(..) => None,
        });
        retries.chain(self.sync_at).min()
    }

    /// The order that marks the end of the incarnation, and the file that it goes to.
    pub(crate) fn end_mark(&self) -> Option<(Path, DiskAction)> {
        let file = self.files.back()?;
        let data = encode_end(self.scope, self.next, self.previous);
        let write = DiskAction::Write {
            file: file.path.clone(),
            offset: file.written_bytes,
            data,
        };
        // A segment whose header is not there yet holds nothing that could end.
        (file.written_bytes > 0).then(|| (file.path.clone(), write))
    }

    /// Orders whatever can be ordered now.
    pub(crate) fn pump(
        &mut self,
        now: Instant,
        config: &Config,
        orders: &mut Orders,
        out: &mut impl Sink<Action>,
    ) {
        if self.sync_at.is_some_and(|at| at <= now) {
            self.sync_at = None;
            self.wanted = self.next;
        }
        for index in 0..self.files.len() {
            self.mend(now, config, index, orders, out);
        }
        for index in 0..self.files.len() {
            if !self.write(index, orders, out) {
                break;
            }
        }
        self.sync(orders, out);
    }

    /// The sequence just after the last record placed in the file at `index`.
    fn end(&self, index: usize) -> u64 {
        self.files
            .get(index)
            .and_then(|file| file.end)
            .unwrap_or(self.next)
    }

    /// Orders the writes of one file. Whether the next file may be written: only in order is a prefix kept.
    fn write(&mut self, index: usize, orders: &mut Orders, out: &mut impl Sink<Action>) -> bool {
        let end = self.end(index);
        loop {
            let Some(file) = self.files.get(index) else {
                return false;
            };
            if file.state != State::Sound {
                return false;
            }
            if file.issued >= end {
                return true;
            }
            if file.writes >= WRITES {
                return false;
            }
            let (data, upto) = self.gather(file, end);
            let Some(file) = self.files.get_mut(index) else {
                return false;
            };
            let offset = file.issued_bytes;
            file.issued = upto;
            file.issued_bytes = offset.saturating_add(data.len() as u64);
            file.writes = file.writes.saturating_add(1);
            let purpose = Purpose::Write {
                file: file.header.name,
                upto,
                bytes: file.issued_bytes,
            };
            let action = DiskAction::Write {
                file: file.path.clone(),
                offset,
                data,
            };
            orders.issue(purpose, action, out);
        }
    }

    /// The next write of `file`: its header if that is missing, and records.
    fn gather(&self, file: &File, end: u64) -> (Bytes, u64) {
        let header = file.issued_bytes == 0;
        let lone = file.issued.saturating_add(1) == end;
        if let (false, true, Some(stored)) = (header, lone, self.stored(file.issued)) {
            return (stored.bytes.clone(), end);
        }
        let mut data = BytesMut::new();
        if header {
            data.extend_from_slice(&file.header.encode());
        }
        let mut upto = file.issued;
        while upto < end && data.len() < GATHER {
            let stored = self.stored(upto).expect("what is not written is in memory");
            data.extend_from_slice(&stored.bytes);
            upto = upto.saturating_add(1);
        }
        (data.freeze(), upto)
    }

    /// Orders the next sync, if one is wanted and none is under way.
    fn sync(&mut self, orders: &mut Orders, out: &mut impl Sink<Action>) {
        // Closed files that are durable are no longer the writer's.
        while self.files.len() > 1
            && self
                .files
                .front()
                .is_some_and(|file| file.end == Some(file.synced) && file.writes == 0)
        {
            self.files.pop_front();
        }
        let wanted = self.wanted;
        let Some(file) = self.files.front_mut() else {
            return;
        };
        let due = file.end.is_some() || wanted > file.synced;
        if due && !file.syncing && file.state == State::Sound && file.issued > file.synced {
            file.syncing = true;
            let purpose = Purpose::Sync {
                file: file.header.name,
                upto: file.issued,
            };
            let action = DiskAction::Sync {
                file: file.path.clone(),
            };
            orders.issue(purpose, action, out);
        }
    }

    /// Moves a file in trouble one step on.
    fn mend(
        &mut self,
        now: Instant,
        config: &Config,
        index: usize,
        orders: &mut Orders,
        out: &mut impl Sink<Action>,
    ) {
        let end = self.end(index);
        let Some(file) = self.files.get_mut(index) else {
            return;
        };
        let quiet = file.writes == 0 && !file.syncing;
        let trouble = match file.state {
            State::Draining(Trouble::Full) if quiet => {
                file.state = State::Waiting(Trouble::Full, now + config.retry_delay);
                return;
            }
            State::Draining(Trouble::Poisoned) if quiet => Trouble::Poisoned,
            State::Waiting(trouble, at) if at <= now => trouble,
            State::Sound | State::Draining(_) | State::Waiting(..) | State::Mending(..) => return,
        };
        match trouble {
            Trouble::Full => {
                let repair = Repair {
                    header: file.header,
                    end: file.written,
                    bytes: file.written_bytes,
                };
                file.state = State::Mending(trouble, repair);
                let name = file.header.name;
                let action = DiskAction::Truncate {
                    file: file.path.clone(),
                    length: file.written_bytes,
                };
                orders.issue(Purpose::Truncate { file: name }, action, out);
            }
            Trouble::Poisoned => self.copy(config, index, end, orders, out),
        }
    }

    /// Orders a new copy of what is not durable in the poisoned file at `index`.
    fn copy(
        &mut self,
        config: &Config,
        index: usize,
        end: u64,
        orders: &mut Orders,
        out: &mut impl Sink<Action>,
    ) {
        let Some(file) = self.files.get(index) else {
            return;
        };
        let old = file.header;
        let first = file.synced;
        let header = if first == old.name.base.sequence {
            let name = SegmentName {
                base: old.name.base,
                copy: old.name.copy.saturating_add(1),
            };
            SegmentHeader { name, ..old }
        } else {
            SegmentHeader {
                name: SegmentName {
                    base: RecordId::new(self.scope.incarnation, first),
                    copy: 0,
                },
                before_incarnation: self.scope.incarnation,
                lost: None,
                durable: first.saturating_sub(1),
                previous: self
                    .stored(first)
                    .map_or(self.previous, |stored| stored.previous),
                ..old
            }
        };
        let mut data = BytesMut::from(&*header.encode());
        for sequence in first..end {
            let stored = self
                .stored(sequence)
                .expect("what is not durable is in memory");
            data.extend_from_slice(&stored.bytes);
        }
        let Some(file) = self.files.get_mut(index) else {
            return;
        };
        let repair = Repair {
            header,
            end,
            bytes: data.len() as u64,
        };
        file.state = State::Mending(Trouble::Poisoned, repair);
        let action = DiskAction::Replace {
            file: join(&config.directory, &header.name.file()),
            data: data.freeze(),
        };
        orders.issue(Purpose::Mend { file: old.name }, action, out);
    }
}
