//! From received to kept: the one order of steps by which every record is in the output exactly once.
//!
//! 1. Outputs that are not in the state yet are looked up and put into it, with the length that they have.
//! 2. The lines are written behind what is accounted for; 3. every output is synced.
//! 4. The state is replaced: new positions and new lengths, at one moment. Only this makes the lines count.
//! 5. The nodes are told that they need no longer keep the records.
//!
//! A crash before 4 leaves lines that the state does not know: the next life cuts them off, and they come
//! again. A crash after 4 leaves records that the node still has: they are asked for beyond the position.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

use bytes::{BufMut, Bytes, BytesMut};
use ringfort_machine::{
    Bounded, Instant, Sink,
    defect::{self, Defect},
};
use ringfort_wire::logs::{Gap, RecordId};

use super::{Action, Config, Source, State};
use crate::{
    disk::{self, DiskAction, DiskError, DiskOutcome, Path},
    note::Note,
    store::orders::{done, listing},
};

/// The most bytes that are written together.
const CYCLE_BYTES: usize = 4 << 20;
/// The most records and gaps that wait at a time; credits keep it far below.
const QUEUE: usize = 1 << 20;

/// Something received.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) source: Arc<Source>,
    pub(crate) what: What,
    /// What it cost of the source's credit, in bytes.
    pub(crate) cost: usize,
}

#[derive(Debug)]
pub(crate) enum What {
    Record {
        id: RecordId,
        payload: Bytes,
        path: Path,
    },
    Gap(Gap),
}

impl What {
    pub(crate) const fn last(&self) -> RecordId {
        match self {
            Self::Record { id, .. } => *id,
            Self::Gap(gap) => gap.last,
        }
    }
}

/// An output that may be written.
#[derive(Clone, Copy, Debug)]
struct Open {
    length: u64,
    used_at: Instant,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Idle,
    /// Looking for the lengths of outputs, directory by directory.
    Find(Vec<Path>),
    /// Writing the state with the new outputs.
    Intend(State),
    /// So many writes, then so many syncs, are with the disk; whether one has failed.
    Write(usize, bool),
    Sync(usize, bool),
    /// Writing the state with the new positions and lengths.
    Keep(State),
}

/// What a finished cycle has kept, for each source: up to where, and what it cost.
pub(crate) type Kept = BTreeMap<Arc<Source>, (RecordId, usize)>;

/// The writing side of a puller.
#[derive(Debug)]
pub(crate) struct Commit {
    /// What is on disk.
    pub(crate) state: State,
    dirty: bool,
    queue: Bounded<Item>,
    queue_bytes: usize,
    gather_at: Option<Instant>,
    open: BTreeMap<Path, Open>,
    step: Step,
    cycle: Vec<Item>,
    lines: BTreeMap<Path, BytesMut>,
    retry_at: Option<Instant>,
}

impl Commit {
    /// Goes on from what was loaded.
    pub(crate) fn new(now: Instant, state: State, dirty: bool) -> Self {
        let open = state
            .files
            .iter()
            .map(|(file, length)| {
                let open = Open {
                    length: *length,
                    used_at: now,
                };
                (file.clone(), open)
            })
            .collect();
        Self {
            state,
            dirty,
            queue: Bounded::new(QUEUE),
            queue_bytes: 0,
            gather_at: None,
            open,
            step: Step::Idle,
            cycle: Vec::new(),
            lines: BTreeMap::new(),
            retry_at: None,
        }
    }

    pub(crate) fn open_files(&self) -> usize {
        self.open.len()
    }

    /// Whether nothing is waiting and nothing is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.step == Step::Idle
    }

    /// Everything that was received and is not kept.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Item> {
        self.cycle.iter().chain(self.queue.iter())
    }

    /// Takes something that was received. Whether there was room.
    pub(crate) fn receive(&mut self, now: Instant, config: &Config, item: Item) -> bool {
        let cost = item.cost;
        if self.queue.push(item).is_err() {
            return false;
        }
        self.queue_bytes = self.queue_bytes.saturating_add(cost);
        self.gather_at.get_or_insert(now + config.gather);
        true
    }

    /// When it next has something to do by itself.
    pub(crate) fn deadline(&self, config: &Config) -> Option<Instant> {
        if self.retry_at.is_some() {
            return self.retry_at;
        }
        if self.step != Step::Idle {
            return None;
        }
        let idle = self
            .open
            .values()
            .map(|open| open.used_at + config.max_idle);
        idle.chain(self.gather_at).min()
    }

    /// Begins or repeats what can be done now. The orders of a step are given together.
    pub(crate) fn pump(
        &mut self,
        now: Instant,
        config: &Config,
        hurry: bool,
        out: &mut impl Sink<Action>,
    ) -> Vec<DiskAction> {
        if self.retry_at.is_some_and(|at| at > now) {
            return Vec::new();
        }
        if self.retry_at.take().is_some() {
            return self.orders(config);
        }
        if self.step != Step::Idle {
            return Vec::new();
        }
        let due =
            hurry || self.gather_at.is_some_and(|at| at <= now) || self.queue_bytes >= CYCLE_BYTES;
        if !self.queue.is_empty() && due {
            self.begin(now, config);
            if self.lines.is_empty() {
                // Gaps alone: there is nothing to write before the state.
                self.tell(out);
                self.step = Step::Keep(self.next_state());
            }
        } else if !self.close_idle(now, config) {
            return Vec::new();
        }
        self.orders(config)
    }

    /// Takes a step for outputs that nobody has used for a while. Whether there are any.
    fn close_idle(&mut self, now: Instant, config: &Config) -> bool {
        let before = self.open.len();
        self.open
            .retain(|_, open| open.used_at + config.max_idle > now);
        let any = self.open.len() < before;
        if any {
            self.step = Step::Keep(State {
                positions: self.state.positions.clone(),
                files: self.lengths(),
            });
        }
        any
    }

    fn lengths(&self) -> BTreeMap<Path, u64> {
        self.open
            .iter()
            .map(|(file, open)| (file.clone(), open.length))
            .collect()
    }

    /// Takes as much from the queue as fits a cycle and lays out the lines.
    fn begin(&mut self, now: Instant, config: &Config) {
        let mut bytes = 0_usize;
        while let Some(item) = self.queue.front() {
            if let What::Record { path, payload, .. } = &item.what {
                let room = self.lines.contains_key(path) || self.lines.len() < config.max_open;
                if !room || bytes >= CYCLE_BYTES {
                    break;
                }
                bytes = bytes.saturating_add(payload.len()).saturating_add(1);
                let lines = self.lines.entry(path.clone()).or_default();
                lines.put_slice(payload);
                if !payload.ends_with(b"\n") {
                    lines.put_u8(b'\n');
                }
            }
            if let Some(item) = self.queue.pop() {
                self.queue_bytes = self.queue_bytes.saturating_sub(item.cost);
                self.cycle.push(item);
            }
        }
        self.gather_at = (!self.queue.is_empty()).then_some(now);
        self.make_room(config);
        let mut directories: Vec<Path> = Vec::new();
        let mut fresh = self.dirty;
        for path in self.lines.keys() {
            // An output that was closed and not yet struck from the state is as long as the state says.
            let known = self.open.get(path).map(|open| open.length);
            let known = known.or_else(|| self.state.files.get(path).copied());
            let directory = disk::split(path).0;
            if known.is_none() && directories.last().is_none_or(|last| **last != *directory) {
                directories.push(Path::from(directory));
            }
            fresh |= known.is_none();
            let open = Open {
                length: known.unwrap_or(0),
                used_at: now,
            };
            self.open.insert(path.clone(), open);
        }
        if fresh {
            self.find(directories);
        } else {
            self.step = Step::Write(0, false);
        }
    }

    /// Closes the outputs used longest ago, so that those of the cycle may be opened.
    fn make_room(&mut self, config: &Config) {
        let unopened = |path: &&Path| !self.open.contains_key(*path);
        let fresh = self.lines.keys().filter(unopened).count();
        while self.open.len().saturating_add(fresh) > config.max_open {
            let oldest = self
                .open
                .iter()
                .filter(|(path, _)| !self.lines.contains_key(*path))
                .min_by_key(|(_, open)| open.used_at)
                .map(|(path, _)| path.clone());
            match oldest {
                Some(path) => self.open.remove(&path),
                None => break,
            };
        }
    }

    fn find(&mut self, directories: Vec<Path>) {
        self.step = if directories.is_empty() {
            Step::Intend(State {
                positions: self.state.positions.clone(),
                files: self.lengths(),
            })
        } else {
            Step::Find(directories)
        };
    }

    /// The orders of the step at hand.
    fn orders(&mut self, config: &Config) -> Vec<DiskAction> {
        match &mut self.step {
            Step::Idle => Vec::new(),
            Step::Find(directories) => directories
                .last()
                .map(|directory| DiskAction::List {
                    directory: directory.clone(),
                })
                .into_iter()
                .collect(),
            Step::Intend(state) | Step::Keep(state) => Vec::from([DiskAction::Replace {
                file: config.state_file(),
                data: Bytes::from(state.encode()),
            }]),
            Step::Write(count, failed) => {
                *failed = false;
                *count = self.lines.len();
                let open = &self.open;
                let offset = |path| open.get(path).map_or(0, |open: &Open| open.length);
                self.lines
                    .iter()
                    .map(|(path, lines)| DiskAction::Write {
                        file: path.clone(),
                        offset: offset(path),
                        data: lines.clone().freeze(),
                    })
                    .collect()
            }
            Step::Sync(count, failed) => {
                *failed = false;
                *count = self.lines.len();
                self.lines
                    .keys()
                    .map(|path| DiskAction::Sync { file: path.clone() })
                    .collect()
            }
        }
    }

    /// Takes an answer. What has been kept, when that ends a cycle; and the next orders.
    pub(crate) fn done(
        &mut self,
        now: Instant,
        config: &Config,
        file: &Path,
        outcome: DiskOutcome,
        out: &mut impl Sink<Action>,
    ) -> (Option<Kept>, Vec<DiskAction>) {
        let step = core::mem::replace(&mut self.step, Step::Idle);
        let mut kept = None;
        let result = match step {
            Step::Idle => Ok(()),
            Step::Find(directories) => self.found(directories, outcome),
            Step::Intend(state) => match done(outcome) {
                Ok(()) => {
                    self.state = state;
                    self.dirty = false;
                    self.step = Step::Write(0, false);
                    Ok(())
                }
                Err(error) => {
                    self.step = Step::Intend(state);
                    Err(error)
                }
            },
            Step::Write(count, failed) => {
                return (
                    None,
                    self.one_of(now, config, (count, failed, false), file, outcome, out),
                );
            }
            Step::Sync(count, failed) => {
                return (
                    None,
                    self.one_of(now, config, (count, failed, true), file, outcome, out),
                );
            }
            Step::Keep(state) => match done(outcome) {
                Ok(()) => {
                    kept = Some(self.kept(state));
                    Ok(())
                }
                Err(error) => {
                    self.step = Step::Keep(state);
                    Err(error)
                }
            },
        };
        if let Err(error) = result {
            self.fail(now, config, file, error, out);
            return (None, Vec::new());
        }
        (kept, self.orders(config))
    }

    fn fail(
        &mut self,
        now: Instant,
        config: &Config,
        file: &Path,
        error: DiskError,
        out: &mut impl Sink<Action>,
    ) {
        let file = file.clone();
        out.push(Action::Note(Note::OutputFailed { file, error }));
        self.retry_at = Some(now + config.retry_delay);
    }

    fn found(&mut self, mut directories: Vec<Path>, outcome: DiskOutcome) -> Result<(), DiskError> {
        let entries = match listing(outcome) {
            Ok(entries) => entries,
            Err(error) => {
                self.step = Step::Find(directories);
                return Err(error);
            }
        };
        if let Some(directory) = directories.pop() {
            let unknown = self
                .open
                .iter_mut()
                .filter(|(path, _)| !self.state.files.contains_key(*path));
            for (path, open) in unknown {
                let (place, name) = disk::split(path);
                if place == &*directory
                    && let Some(entry) = entries.iter().find(|entry| entry.name == name)
                {
                    open.length = entry.length;
                }
            }
        }
        self.find(directories);
        Ok(())
    }

    /// One of several writes or syncs was answered. After a failure all are written again, once the last has
    /// been answered: a failed sync may have dropped what the page cache held.
    fn one_of(
        &mut self,
        now: Instant,
        config: &Config,
        (count, failed, syncing): (usize, bool, bool),
        file: &Path,
        outcome: DiskOutcome,
        out: &mut impl Sink<Action>,
    ) -> Vec<DiskAction> {
        let result = done(outcome);
        let failed = failed || result.is_err();
        if let Err(error) = result {
            let file = file.clone();
            out.push(Action::Note(Note::OutputFailed { file, error }));
        }
        let left = count.saturating_sub(1);
        if left > 0 {
            self.step = if syncing {
                Step::Sync(left, failed)
            } else {
                Step::Write(left, failed)
            };
            return Vec::new();
        }
        if failed {
            self.step = Step::Write(0, false);
            self.retry_at = Some(now + config.retry_delay);
            return Vec::new();
        }
        self.step = if syncing || defect::active(Defect::SkipOutputSync) {
            self.tell(out);
            Step::Keep(self.next_state())
        } else {
            Step::Sync(0, false)
        };
        self.orders(config)
    }

    /// The lines are durable. They count once the state says so; should this life end before that, they will
    /// be told of again, as the trace allows above the last checkpoint.
    fn tell(&self, out: &mut impl Sink<Action>) {
        for item in &self.cycle {
            let source = (*item.source).clone();
            out.push(match &item.what {
                What::Record { id, payload, .. } => Action::Record {
                    source,
                    id: *id,
                    payload: payload.clone(),
                },
                What::Gap(gap) => Action::GapSeen { source, gap: *gap },
            });
        }
    }

    fn next_state(&self) -> State {
        let mut state = State {
            positions: self.state.positions.clone(),
            files: self.lengths(),
        };
        for item in &self.cycle {
            state
                .positions
                .insert((*item.source).clone(), item.what.last());
        }
        for (path, lines) in &self.lines {
            if let Some(length) = state.files.get_mut(path) {
                *length = length.saturating_add(lines.len() as u64);
            }
        }
        state
    }

    /// The cycle is kept.
    fn kept(&mut self, state: State) -> Kept {
        for (path, open) in &mut self.open {
            if let Some(length) = state.files.get(path) {
                open.length = *length;
            }
        }
        self.state = state;
        self.dirty = false;
        self.lines.clear();
        let mut kept = Kept::new();
        for item in self.cycle.drain(..) {
            let entry = kept.entry(item.source).or_insert((RecordId::BEFORE_ALL, 0));
            entry.0 = item.what.last();
            entry.1 = entry.1.saturating_add(item.cost);
        }
        kept
    }
}
