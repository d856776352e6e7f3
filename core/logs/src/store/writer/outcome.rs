//! What the disk answers to the writer, and what that makes durable.

use ringfort_machine::{
    Instant, Sink,
    defect::{self, Defect},
};

use super::{Repair, State, Trouble, Writer};
use crate::{
    disk::{DiskError, DiskErrorKind},
    format::{HEADER_BYTES, SegmentName},
    note::Note,
    store::{
        Action, Config,
        segments::{Segment, Segments},
    },
};

impl Writer {
    fn file(&mut self, name: SegmentName) -> Option<&mut super::File> {
        self.files.iter_mut().find(|file| file.header.name == name)
    }

    /// A write of `name` was answered: it brought the records before the sequence, which end at so many bytes.
    pub(crate) fn write_done(
        &mut self,
        config: &Config,
        name: SegmentName,
        result: Result<(u64, u64), DiskError>,
        segments: &mut Segments,
        out: &mut impl Sink<Action>,
    ) {
        let Some(file) = self.file(name) else {
            return;
        };
        file.writes = file.writes.saturating_sub(1);
        if file.state != State::Sound {
            // Behind a failed write nothing counts, whatever the disk says of it: it is all written again.
            return;
        }
        match result {
            Ok((upto, bytes)) => {
                file.written = upto;
                file.written_bytes = bytes;
                if let Some(segment) = segments.find_mut(name) {
                    segment.bytes = bytes;
                }
                if defect::active(Defect::PromiseBeforeSync) {
                    file.synced = upto;
                }
                self.told_written(out);
                self.told_durable(config, out);
            }
            Err(error) => {
                let full = error.kind == DiskErrorKind::Full;
                let trouble = if full {
                    Trouble::Full
                } else {
                    Trouble::Poisoned
                };
                file.state = State::Draining(trouble);
                out.push(Action::Note(Note::WriteFailed {
                    log: config.key.clone(),
                    error,
                }));
            }
        }
    }

    /// A sync of `name` was answered: it covers what was written of the records before `upto`.
    pub(crate) fn sync_done(
        &mut self,
        config: &Config,
        name: SegmentName,
        upto: u64,
        result: Result<(), DiskError>,
        out: &mut impl Sink<Action>,
    ) {
        let Some(file) = self.file(name) else {
            return;
        };
        file.syncing = false;
        match result {
            Ok(()) => {
                file.synced = file.synced.max(upto.min(file.written));
                self.told_durable(config, out);
            }
            Err(_) if defect::active(Defect::IgnoreFailedSync) => {
                file.synced = file.synced.max(upto.min(file.written));
                self.told_durable(config, out);
            }
            Err(error) => {
                file.state = State::Draining(Trouble::Poisoned);
                let file = file.path.clone();
                out.push(Action::Note(Note::Poisoned {
                    log: config.key.clone(),
                    file,
                    error,
                }));
            }
        }
    }

    /// The partial write was cut off, or not: the same bytes are written there again in either case.
    pub(crate) fn truncate_done(
        &mut self,
        config: &Config,
        name: SegmentName,
        out: &mut impl Sink<Action>,
    ) {
        let Some(file) = self.file(name) else {
            return;
        };
        if let State::Mending(Trouble::Full, repair) = file.state {
            file.state = State::Sound;
            file.issued = repair.end;
            file.issued_bytes = repair.bytes;
            out.push(Action::Note(Note::WritingAgain {
                log: config.key.clone(),
            }));
        }
    }

    /// The new copy in the place of `name` is there, durably, or could not be made.
    pub(crate) fn mend_done(
        &mut self,
        now: Instant,
        config: &Config,
        name: SegmentName,
        result: Result<(), DiskError>,
        segments: &mut Segments,
        out: &mut impl Sink<Action>,
    ) {
        let Some(index) = self.files.iter().position(|file| file.header.name == name) else {
            return;
        };
        let end = self.end(index);
        let Some(file) = self.files.get_mut(index) else {
            return;
        };
        let State::Mending(Trouble::Poisoned, repair) = file.state else {
            return;
        };
        if let Err(error) = result {
            file.state = State::Waiting(Trouble::Poisoned, now + config.retry_delay);
            out.push(Action::Note(Note::WriteFailed {
                log: config.key.clone(),
                error,
            }));
            return;
        }
        self.adopt(config, index, repair, end, segments);
        out.push(Action::Note(Note::WritingAgain {
            log: config.key.clone(),
        }));
        self.told_written(out);
        self.told_durable(config, out);
    }

    /// Goes on in the copy: all that is in it is durable, what came meanwhile follows.
    fn adopt(
        &mut self,
        config: &Config,
        index: usize,
        repair: Repair,
        end: u64,
        segments: &mut Segments,
    ) {
        let base = repair.header.name.base.sequence;
        let first = self
            .tail
            .front()
            .map_or(base, |stored| stored.record.id.sequence);
        let mut offset = HEADER_BYTES as u64;
        for stored in &mut self.tail {
            let sequence = stored.record.id.sequence;
            if (base.max(first)..end).contains(&sequence) {
                stored.offset = offset;
                offset = offset.saturating_add(stored.bytes.len() as u64);
            }
        }
        let Some(file) = self.files.get_mut(index) else {
            return;
        };
        let closed = file.end;
        *file = super::File::new(&config.directory, repair.header, true);
        file.end = closed;
        file.issued = repair.end;
        file.issued_bytes = repair.bytes;
        file.written = repair.end;
        file.written_bytes = repair.bytes;
        file.synced = repair.end;
        file.planned_bytes = offset;
        segments.insert(Segment::new(
            &config.directory,
            repair.header.name,
            Some(repair.header),
            repair.bytes,
        ));
    }

    /// Tells how far the writes have come, without holes.
    fn told_written(&mut self, out: &mut impl Sink<Action>) {
        let written = self.reached(|file| file.written);
        if written > self.written {
            self.written = written;
            out.push(Action::Written {
                upto: self.id(written),
            });
        }
    }

    /// Tells how far the log is durable, without holes, and lets go of memory.
    fn told_durable(&mut self, config: &Config, out: &mut impl Sink<Action>) {
        let durable = self.reached(|file| file.synced);
        while self.durable < durable {
            if let Some(stored) = self.stored(self.durable) {
                let bytes = stored.bytes.len();
                self.waiting_bytes = self.waiting_bytes.saturating_sub(bytes);
                self.recent_bytes = self.recent_bytes.saturating_add(bytes);
            }
            self.durable = self.durable.saturating_add(1);
            if self.durable == durable {
                out.push(Action::Durable {
                    upto: self.id(durable),
                });
            }
        }
        if self.durable == self.next {
            self.sync_at = None;
        }
        while self.recent_bytes > config.recent_limit_bytes
            && self
                .tail
                .front()
                .is_some_and(|stored| stored.record.id.sequence < self.durable)
        {
            if let Some(stored) = self.tail.pop_front() {
                self.recent_bytes = self.recent_bytes.saturating_sub(stored.bytes.len());
            }
        }
    }

    /// How far some measure reaches over the files without a hole.
    fn reached(&self, measure: impl Fn(&super::File) -> u64) -> u64 {
        let mut reached = self.durable;
        for file in &self.files {
            reached = reached.max(measure(file));
            if file.end != Some(measure(file)) {
                break;
            }
        }
        reached
    }
}
