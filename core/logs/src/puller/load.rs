//! The first steps of a puller: read its state, and cut every output back to what the state accounts for.
//!
//! What is beyond was written by a life that ended before it could say so; those records come again.

use alloc::vec::Vec;

use bytes::{BufMut, BytesMut};
use ringfort_machine::{
    Instant, Sink,
    defect::{self, Defect},
};

use super::{Action, Config, State};
use crate::{
    disk::{self, DiskAction, DiskError, DiskErrorKind, DiskOutcome, Path},
    note::Note,
    store::orders::{data, done, listing},
};

/// How much of the state is read at once, in bytes.
const CHUNK: u32 = 1 << 20;

#[derive(Debug)]
enum Step {
    Read(BytesMut),
    /// Looking for the `n`th output.
    Find(usize),
    /// Cutting the `n`th output.
    Cut(usize),
    /// Making that durable.
    Sync(usize),
    Finished,
}

/// A start on its way.
#[derive(Debug)]
pub(crate) struct Load {
    step: Step,
    files: Vec<(Path, u64)>,
    pub(crate) state: State,
    /// Whether the state says more than is true, so that it must be written before anything else.
    pub(crate) dirty: bool,
    pub(crate) retry_at: Option<Instant>,
}

impl Load {
    pub(crate) fn new() -> Self {
        Self {
            step: Step::Read(BytesMut::new()),
            files: Vec::new(),
            state: State::default(),
            dirty: false,
            retry_at: None,
        }
    }

    /// The order of the step at hand; nothing when everything is done.
    pub(crate) fn order(&self, config: &Config) -> Option<DiskAction> {
        match &self.step {
            Step::Read(content) => Some(DiskAction::Read {
                file: config.state_file(),
                offset: content.len() as u64,
                length: CHUNK,
            }),
            Step::Find(index) => self.files.get(*index).map(|(file, _)| DiskAction::List {
                directory: Path::from(disk::split(file).0),
            }),
            Step::Cut(index) => self
                .files
                .get(*index)
                .map(|(file, length)| DiskAction::Truncate {
                    file: file.clone(),
                    length: *length,
                }),
            Step::Sync(index) => self
                .files
                .get(*index)
                .map(|(file, _)| DiskAction::Sync { file: file.clone() }),
            Step::Finished => None,
        }
    }

    /// Takes the answer to [`Load::order`].
    pub(crate) fn done(
        &mut self,
        now: Instant,
        config: &Config,
        outcome: DiskOutcome,
        out: &mut impl Sink<Action>,
    ) {
        let step = core::mem::replace(&mut self.step, Step::Finished);
        let (next, result) = match step {
            Step::Read(content) => self.read(config, content, data(outcome), out),
            Step::Find(index) => match listing(outcome) {
                Ok(entries) => (self.found(index, &entries, out), Ok(())),
                Err(error) => (Step::Find(index), Err(error)),
            },
            Step::Cut(index) => match done(outcome) {
                Ok(()) => (Step::Sync(index), Ok(())),
                Err(error) => (Step::Cut(index), Err(error)),
            },
            Step::Sync(index) => match done(outcome) {
                Ok(()) => (self.find(index.saturating_add(1)), Ok(())),
                // What a failed sync has dropped is not known: cut again.
                Err(error) => (Step::Cut(index), Err(error)),
            },
            Step::Finished => (Step::Finished, Ok(())),
        };
        self.step = next;
        if let Err(error) = result {
            self.retry_at = Some(now + config.retry_delay);
            out.push(Action::Note(Note::OutputFailed {
                file: config.state_file(),
                error,
            }));
        }
    }

    fn read(
        &mut self,
        config: &Config,
        mut content: BytesMut,
        result: Result<bytes::Bytes, DiskError>,
        out: &mut impl Sink<Action>,
    ) -> (Step, Result<(), DiskError>) {
        match result {
            Ok(bytes) => {
                content.put_slice(&bytes);
                if bytes.len() == CHUNK as usize {
                    return (Step::Read(content), Ok(()));
                }
            }
            Err(error) if error.kind == DiskErrorKind::Missing => {}
            Err(error) => return (Step::Read(content), Err(error)),
        }
        match State::decode(&content) {
            Some(state) => self.state = state,
            None if content.is_empty() => {}
            None => out.push(Action::Note(Note::StateDamaged {
                file: config.state_file(),
            })),
        }
        out.push(Action::Note(Note::StateRead {
            sources: self.state.positions.len(),
            files: self.state.files.len(),
        }));
        self.files = self
            .state
            .files
            .iter()
            .map(|(file, length)| (file.clone(), *length))
            .collect();
        (self.find(0), Ok(()))
    }

    fn find(&self, index: usize) -> Step {
        if index < self.files.len() {
            Step::Find(index)
        } else {
            Step::Finished
        }
    }

    fn found(
        &mut self,
        index: usize,
        entries: &[disk::Entry],
        out: &mut impl Sink<Action>,
    ) -> Step {
        let next = self.find(index.saturating_add(1));
        let Some((file, length)) = self.files.get(index).cloned() else {
            return next;
        };
        let name = disk::split(&file).1;
        let found = entries
            .iter()
            .find(|entry| entry.name == name)
            .map_or(0, |entry| entry.length);
        if found > length && !defect::active(Defect::KeepUnaccounted) {
            out.push(Action::Note(Note::OutputCut {
                file,
                from: found,
                to: length,
            }));
            return Step::Cut(index);
        }
        if found < length {
            // Taken away or damaged from outside: what is there now is what is accounted for from here on.
            self.state.files.insert(file.clone(), found);
            self.dirty = true;
            out.push(Action::Note(Note::OutputShort {
                file,
                found,
                expected: length,
            }));
        }
        next
    }
}
