//! From a directory to a log: the steps from the start of the process to the first append.
//!
//! List; read every header and checkpoint; read in full what may not have been durable; make what was found
//! durable; begin a new incarnation, durably, so that no identity is ever given twice; add the subscribers that
//! the configuration wants. Each step is one order at a time and is repeated until the disk does it: there is
//! no way to begin with half a log. Nothing that was found is rewritten in place.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use bytes::{BufMut, Bytes, BytesMut};
use ringfort_machine::{
    Instant,
    defect::{self, Defect},
};
use ringfort_wire::logs::{Gap, GapCause, RecordId};

use super::{
    Config,
    orders::{data, done, listing},
    scan::{Scanned, Verdict, judge},
    segments::{Segment, Segments},
};
use crate::{
    checkpoint::{CHECKPOINT_LIMIT, Checkpoint},
    disk::{DiskAction, DiskError, DiskErrorKind, DiskOutcome, Entry, Path, join},
    format::{HEADER_BYTES, SegmentHeader, SegmentName, parse_checkpoint_name},
};

/// How much of a segment is read at once, in bytes.
const CHUNK: u32 = 1 << 20;

/// How often a read is tried again before what it would bring counts as lost: one bad sector must not keep a
/// node from writing for ever.
const READ_ATTEMPTS: u32 = 4;

/// Where recovery stands.
#[derive(Debug)]
enum Step {
    List,
    /// Reading the header of the `n`th segment file.
    Header(usize),
    /// Reading the `n`th slot.
    Slot(usize),
    /// Reading the segment at `index` in full, so far this much.
    Scan {
        index: usize,
        content: BytesMut,
    },
    /// Making the `n`th scanned segment durable, as a new copy.
    Settle(usize),
    /// Beginning the new incarnation.
    Begin,
    Finished,
}

/// A recovery on its way.
#[derive(Debug)]
pub(crate) struct Recovery {
    step: Step,
    files: Vec<(SegmentName, u64)>,
    slots: Vec<(String, u8)>,
    scanned: Vec<Scanned>,
    verdict: Verdict,
    pub(crate) segments: Segments,
    /// The newest sound slot of each name, and which slot that is.
    pub(crate) checkpoints: BTreeMap<String, (Checkpoint, u8)>,
    /// Names of which only damaged slots were found.
    pub(crate) damaged: Vec<String>,
    /// Files that are not ours.
    pub(crate) strange: Vec<Path>,
    begun: Option<SegmentHeader>,
    /// How often the read at hand has failed.
    failures: u32,
    retry_at: Option<Instant>,
}

/// What recovery found, once it is finished.
pub(crate) struct Found {
    /// The segment of the new incarnation.
    pub(crate) header: SegmentHeader,
    /// What was lost from the end of the incarnation before.
    pub(crate) lost: Option<Gap>,
}

impl Recovery {
    pub(crate) fn new() -> Self {
        Self {
            step: Step::List,
            files: Vec::new(),
            slots: Vec::new(),
            scanned: Vec::new(),
            verdict: Verdict::default(),
            segments: Segments::default(),
            checkpoints: BTreeMap::new(),
            damaged: Vec::new(),
            strange: Vec::new(),
            begun: None,
            failures: 0,
            retry_at: None,
        }
    }

    pub(crate) const fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    pub(crate) fn clear_retry(&mut self) {
        self.retry_at = None;
    }

    /// The order of the step at hand.
    pub(crate) fn order(&self, config: &Config) -> Option<DiskAction> {
        let read = |file: Path, offset, length| DiskAction::Read {
            file,
            offset,
            length,
        };
        Some(match &self.step {
            Step::List => DiskAction::List {
                directory: config.directory.clone(),
            },
            Step::Header(index) => {
                let (name, _) = self.files.get(*index)?;
                read(
                    join(&config.directory, &name.file()),
                    0,
                    HEADER_BYTES as u32,
                )
            }
            Step::Slot(index) => {
                let (name, slot) = self.slots.get(*index)?;
                let file = crate::format::checkpoint_name(name, *slot);
                read(join(&config.directory, &file), 0, CHECKPOINT_LIMIT as u32)
            }
            Step::Scan { index, content } => {
                let segment = self.segments.get(*index)?;
                read(segment.path.clone(), content.len() as u64, CHUNK)
            }
            Step::Settle(index) => {
                let (header, data) = self.copy(self.scanned.get(*index)?)?;
                DiskAction::Replace {
                    file: join(&config.directory, &header.name.file()),
                    data,
                }
            }
            Step::Begin => {
                let header = self.begun.as_ref()?;
                DiskAction::Replace {
                    file: join(&config.directory, &header.name.file()),
                    data: Bytes::from(header.encode()),
                }
            }
            Step::Finished => return None,
        })
    }

    /// Takes the answer to [`Recovery::order`] and moves on.
    ///
    /// # Errors
    /// What failed; the same step will be tried again at [`Recovery::retry_at`].
    pub(crate) fn done(
        &mut self,
        now: Instant,
        config: &Config,
        log: u64,
        outcome: DiskOutcome,
    ) -> Result<(), DiskError> {
        let outcome = match (&self.step, outcome) {
            (Step::Header(_) | Step::Slot(_) | Step::Scan { .. }, DiskOutcome::Failed(error))
                if error.kind != DiskErrorKind::Missing && self.failures >= READ_ATTEMPTS =>
            {
                DiskOutcome::Data(Bytes::new())
            }
            (_, outcome) => outcome,
        };
        let result = self.advance(config, log, outcome);
        if result.is_err() {
            self.failures = self.failures.saturating_add(1);
            self.retry_at = Some(now + config.retry_delay);
        } else {
            self.failures = 0;
        }
        result
    }

    /// What was found; nothing before the last step is done.
    pub(crate) fn finished(&self) -> Option<Found> {
        let header = match self.step {
            Step::Finished => self.begun?,
            Step::List
            | Step::Header(_)
            | Step::Slot(_)
            | Step::Scan { .. }
            | Step::Settle(_)
            | Step::Begin => return None,
        };
        let lost = self.verdict.lost.map(|(last, cause)| {
            let first = RecordId::new(last.incarnation, self.verdict.end);
            Gap {
                first,
                last,
                cause,
                count: (last.sequence < u64::MAX).then(|| {
                    last.sequence
                        .saturating_sub(first.sequence)
                        .saturating_add(1)
                }),
            }
        });
        Some(Found { header, lost })
    }

    fn advance(
        &mut self,
        config: &Config,
        log: u64,
        outcome: DiskOutcome,
    ) -> Result<(), DiskError> {
        let step = core::mem::replace(&mut self.step, Step::Finished);
        match step {
            Step::List => match listing(outcome) {
                Ok(entries) => {
                    self.sort_out(config, entries);
                    self.after_header(config, log, 0);
                    Ok(())
                }
                Err(error) => self.again(Step::List, error),
            },
            Step::Header(index) => match readable(outcome) {
                Ok(bytes) => {
                    self.take_header(config, log, index, &bytes);
                    self.after_header(config, log, index.saturating_add(1));
                    Ok(())
                }
                Err(error) => self.again(Step::Header(index), error),
            },
            Step::Slot(index) => match readable(outcome) {
                Ok(bytes) => {
                    self.take_slot(log, index, &bytes);
                    self.after_slot(config, log, index.saturating_add(1));
                    Ok(())
                }
                Err(error) => self.again(Step::Slot(index), error),
            },
            Step::Scan { index, content } => match readable(outcome) {
                Ok(bytes) => {
                    self.take_content(config, log, index, content, &bytes);
                    Ok(())
                }
                Err(error) => self.again(Step::Scan { index, content }, error),
            },
            Step::Settle(index) => match done(outcome) {
                Ok(()) => {
                    self.settled(config, log, index);
                    Ok(())
                }
                Err(error) => self.again(Step::Settle(index), error),
            },
            Step::Begin => match done(outcome) {
                Ok(()) => {
                    self.begin_done(config);
                    Ok(())
                }
                Err(error) => self.again(Step::Begin, error),
            },
            Step::Finished => Ok(()),
        }
    }

    fn again(&mut self, step: Step, error: DiskError) -> Result<(), DiskError> {
        self.step = step;
        Err(error)
    }

    fn sort_out(&mut self, config: &Config, entries: Vec<Entry>) {
        for entry in entries {
            if let Some(name) = SegmentName::parse(&entry.name) {
                self.files.push((name, entry.length));
            } else if let Some(slot) = parse_checkpoint_name(&entry.name) {
                self.slots.push(slot);
            } else {
                self.strange.push(join(&config.directory, &entry.name));
            }
        }
        self.files.sort_unstable();
        self.slots.sort_unstable();
    }

    fn after_header(&mut self, config: &Config, log: u64, index: usize) {
        if index < self.files.len() {
            self.step = Step::Header(index);
        } else {
            self.after_slot(config, log, 0);
        }
    }

    fn take_header(&mut self, config: &Config, log: u64, index: usize, bytes: &[u8]) {
        let Some((name, length)) = self.files.get(index).copied() else {
            return;
        };
        let header = SegmentHeader::decode(bytes, log).filter(|header| header.name == name);
        self.segments
            .insert(Segment::new(&config.directory, name, header, length));
    }

    fn after_slot(&mut self, config: &Config, log: u64, index: usize) {
        if index < self.slots.len() {
            self.step = Step::Slot(index);
        } else {
            match self.segments.len().checked_sub(1) {
                None => self.prepare(config, log),
                Some(index) => {
                    let content = BytesMut::new();
                    self.step = Step::Scan { index, content };
                }
            }
        }
    }

    fn take_slot(&mut self, log: u64, index: usize, bytes: &[u8]) {
        let Some((name, slot)) = self.slots.get(index).cloned() else {
            return;
        };
        let sound =
            Checkpoint::decode(bytes).filter(|found| found.name == name && found.log == log);
        match sound {
            Some(found) => {
                let newer = self
                    .checkpoints
                    .get(&name)
                    .is_none_or(|(known, _)| known.generation < found.generation);
                self.damaged.retain(|known| *known != name);
                if newer {
                    self.checkpoints.insert(name, (found, slot));
                }
            }
            None if !self.checkpoints.contains_key(&name) && !self.damaged.contains(&name) => {
                self.damaged.push(name);
            }
            None => {}
        }
    }

    fn take_content(
        &mut self,
        config: &Config,
        log: u64,
        index: usize,
        mut content: BytesMut,
        bytes: &Bytes,
    ) {
        content.put_slice(bytes);
        if bytes.len() == CHUNK as usize {
            self.step = Step::Scan { index, content };
            return;
        }
        let Some(segment) = self.segments.get(index) else {
            return;
        };
        let base = segment.name.base;
        let scanned = Scanned::new(segment, log, content);
        self.scanned.insert(0, scanned);
        let durable = self.scanned.iter().map(|one| one.durable).max();
        let older = index.checked_sub(1).filter(|older| {
            let same = self
                .segments
                .get(*older)
                .is_some_and(|older| older.name.base.incarnation == base.incarnation);
            same && durable < Some(base.sequence.saturating_sub(1))
        });
        match older {
            Some(index) => {
                self.step = Step::Scan {
                    index,
                    content: BytesMut::new(),
                };
            }
            None => {
                self.verdict = judge(&self.scanned);
                self.skip_settled(config, log, 0);
            }
        }
    }

    fn settled(&mut self, config: &Config, log: u64, index: usize) {
        if let Some((header, data)) = self.scanned.get(index).and_then(|one| self.copy(one)) {
            self.segments.insert(Segment::new(
                &config.directory,
                header.name,
                Some(header),
                data.len() as u64,
            ));
        }
        self.skip_settled(config, log, index.saturating_add(1));
    }

    /// Goes to the next scanned segment with a record that is not proven to be durable, or on to the new
    /// incarnation.
    ///
    /// Such a segment is written anew, and not merely synced: a sync may have failed in the life before, and
    /// then the page cache shows records that no later sync brings to the disk (Rebello and others, ATC 2020).
    fn skip_settled(&mut self, config: &Config, log: u64, from: usize) {
        let durable = self.scanned.iter().map(|one| one.durable).max();
        let next = (from..self.scanned.len()).find(|index| {
            self.scanned.get(*index).is_some_and(|one| {
                let last = self.kept(one).saturating_sub(1);
                last >= one.name.base.sequence
                    && Some(last) > durable
                    && !defect::active(Defect::TrustPageCache)
            })
        });
        match next {
            Some(index) => self.step = Step::Settle(index),
            None => self.prepare(config, log),
        }
    }

    /// The sequence just after the last record that `scanned` has and the log keeps from it.
    fn kept(&self, scanned: &Scanned) -> u64 {
        let later = self
            .scanned
            .iter()
            .filter(|other| {
                other.name > scanned.name && other.name.base.sequence < self.verdict.end
            })
            .map(|other| other.name.base.sequence)
            .min();
        let end = later.unwrap_or(u64::MAX);
        end.min(self.verdict.end).min(scanned.end())
    }

    /// A new copy of what the log keeps of `scanned`.
    fn copy(&self, scanned: &Scanned) -> Option<(SegmentHeader, Bytes)> {
        let old = self.header_of(scanned)?;
        let name = SegmentName {
            base: old.name.base,
            copy: old.name.copy.saturating_add(1),
        };
        let header = SegmentHeader { name, ..old };
        let last = scanned.place(self.kept(scanned).checked_sub(1)?)?;
        let records = scanned
            .content
            .get(HEADER_BYTES..last.offset.saturating_add(last.bytes))?;
        let mut data = header.encode();
        data.extend_from_slice(records);
        Some((header, Bytes::from(data)))
    }

    fn header_of(&self, scanned: &Scanned) -> Option<SegmentHeader> {
        self.segments
            .iter()
            .find(|one| one.name == scanned.name)?
            .header
    }

    /// Lays down the header of the new incarnation.
    fn prepare(&mut self, config: &Config, log: u64) {
        let newest = self.segments.iter().next_back();
        let oldest_incarnation = newest.map_or(0, |segment| segment.name.base.incarnation);
        let known = self
            .checkpoints
            .values()
            .map(|(checkpoint, _)| checkpoint.id.incarnation)
            .chain([oldest_incarnation])
            .max()
            .unwrap_or(0);
        let incarnation = config.incarnation.max(known.saturating_add(1)).max(1);
        let first = self
            .scanned
            .first()
            .and_then(|one| self.segments.iter().find(|known| known.name == one.name));
        let header = first.and_then(|segment| segment.header);
        let base = first.map_or(1, |segment| segment.name.base.sequence);
        let end = self.verdict.end.max(base);
        self.verdict.end = end;
        let empty = end == base;
        let before_incarnation = match (empty, header) {
            (true, Some(header)) => header.before_incarnation,
            (true, None) => first.map_or(0, |segment| self.segments.before(segment).incarnation),
            (false, _) => oldest_incarnation,
        };
        let inherited = header.filter(|_| empty).and_then(|header| header.lost);
        let vanished = self.vanished(config, header);
        self.verdict.lost = [self.verdict.lost, vanished].into_iter().flatten().max();
        let lost = [self.verdict.lost, inherited].into_iter().flatten().max();
        let name = if defect::active(Defect::ReuseRecordId) && first.is_some() {
            SegmentName {
                base: RecordId::new(oldest_incarnation, end),
                copy: newest.map_or(0, |segment| segment.name.copy.saturating_add(1)),
            }
        } else {
            SegmentName {
                base: RecordId::new(incarnation, end),
                copy: 0,
            }
        };
        self.begun = Some(SegmentHeader {
            name,
            log,
            boot: config.boot.unwrap_or(0),
            before_incarnation,
            lost,
            durable: end.saturating_sub(1),
            previous: self
                .verdict
                .previous
                .or_else(|| header.map(|header| header.previous))
                .unwrap_or(0),
        });
        self.step = Step::Begin;
    }

    /// What may have gone without a trace: only where the machine itself was restarted without a good end.
    fn vanished(
        &self,
        config: &Config,
        header: Option<SegmentHeader>,
    ) -> Option<(RecordId, GapCause)> {
        let (header, boot) = (header?, config.boot?);
        let restarted = header.boot != 0 && header.boot != boot;
        let all = RecordId::new(header.name.base.incarnation, u64::MAX);
        (restarted && !self.verdict.ended).then_some((all, GapCause::Power))
    }

    fn begin_done(&mut self, config: &Config) {
        if let Some(header) = self.begun {
            self.segments.insert(Segment::new(
                &config.directory,
                header.name,
                Some(header),
                HEADER_BYTES as u64,
            ));
        }
        self.scanned.clear();
        self.step = Step::Finished;
    }
}

/// The answer to a read during recovery: a file that has gone meanwhile is empty.
fn readable(outcome: DiskOutcome) -> Result<Bytes, DiskError> {
    match data(outcome) {
        Err(error) if error.kind == DiskErrorKind::Missing => Ok(Bytes::new()),
        result => result,
    }
}
