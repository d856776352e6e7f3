//! One log, opened by a tool: the store machine of the daemon, driven to a standstill after each event.
//!
//! A tool waits for the disk anyway, so its orders are done on the spot, and time is a number that jumps to the
//! next deadline. A tool that only reads drives the same machine, but what it would write is thrown away and
//! called done: it sees the log as the next start of its writer would, and changes nothing, so it may look at
//! a log that a daemon is writing.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use ringfort_logs::{
    Append, AppendError, Class, DiskAction, DiskOutcome, RecordId,
    store::{Action, Config, Event, Fetched, ReadId, Status, Store},
};
use ringfort_machine::{Instant, Machine, OrderId};

use crate::{
    BootError,
    boot::{self, Claim},
    disk::{Files, execute},
};

/// Bytes fetched at once.
const FETCH_BYTES: usize = 1 << 20;
/// Steps without an answer after which something is wrong for good (a disk that fails over and over).
const STEPS: usize = 10_000;

/// How a log is opened.
#[derive(Debug)]
enum Access {
    Read,
    /// Held to the end.
    Write {
        _claim: Claim,
    },
}

/// An open log.
#[derive(Debug)]
pub(crate) struct Journal {
    directory: PathBuf,
    store: Store,
    files: Files,
    access: Access,
    now: Instant,
    actions: VecDeque<Action>,
    told: VecDeque<Action>,
    reads: u64,
}

impl Journal {
    /// Opens a log to look at it.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn read(directory: &Path, key: Option<&str>) -> Result<Self, BootError> {
        let directory = directory
            .canonicalize()
            .map_err(|source| BootError::file("open", directory, source))?;
        Self::open(&directory, key, &[], Access::Read)
    }

    /// Opens a log to write to it, creating it if need be.
    ///
    /// # Errors
    /// [`BootError::InUse`] while somebody else writes.
    pub(crate) fn write(
        directory: &Path,
        key: Option<&str>,
        subscribers: &[String],
    ) -> Result<Self, BootError> {
        let claim = boot::claim_log(directory)?;
        let directory = directory
            .canonicalize()
            .map_err(|source| BootError::file("open", directory, source))?;
        Self::open(
            &directory,
            key,
            subscribers,
            Access::Write { _claim: claim },
        )
    }

    fn open(
        directory: &Path,
        key: Option<&str>,
        subscribers: &[String],
        access: Access,
    ) -> Result<Self, BootError> {
        let name = directory
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let key = key.map(str::to_owned).or(name).unwrap_or_default();
        let mut config = Config::new(key, &*directory.to_string_lossy());
        config.subscribers = subscribers.to_vec();
        config.boot = boot::system_boot();
        let mut actions = VecDeque::new();
        let store = Store::new(config, Instant::ORIGIN, &mut actions)
            .map_err(|error| BootError::Configuration(error.to_string()))?;
        let mut journal = Self {
            directory: directory.into(),
            store,
            files: Files::new(boot::places(directory, Vec::new())),
            access,
            now: Instant::ORIGIN,
            actions,
            told: VecDeque::new(),
            reads: 0,
        };
        journal.await_told(|action| matches!(action, Action::Recovered { .. }))?;
        Ok(journal)
    }

    /// What the log says of itself.
    pub(crate) fn status(&self) -> Status {
        self.store.status()
    }

    /// Appends a record and returns its identity, once it has one.
    ///
    /// # Errors
    /// If the log does not take it.
    pub(crate) fn append(&mut self, class: Class, payload: Bytes) -> Result<RecordId, BootError> {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let append = Append {
            class,
            payload,
            wall_ns: u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX),
        };
        for _ in 0..STEPS {
            self.handle(Event::Append(append.clone()));
            let told = self.await_told(|action| {
                matches!(
                    action,
                    Action::Appended { .. } | Action::AppendRefused { .. }
                )
            })?;
            if let Action::Appended { id, .. } = told {
                return Ok(id);
            }
            if let Action::AppendRefused { why, .. } = told
                && !matches!(why, AppendError::Busy { .. })
            {
                let directory = self.directory.display();
                return Err(BootError::Ended(format!("{directory}: {why}")));
            }
            self.advance(); // lets the disk catch up
        }
        Err(self.stuck())
    }

    /// Makes everything durable and closes the log.
    pub(crate) fn close(mut self) -> Result<(), BootError> {
        self.handle(Event::Close);
        self.await_told(|action| matches!(action, Action::Closed))?;
        Ok(())
    }

    /// The records (or the gap) after `after`; none at the end.
    pub(crate) fn fetch(&mut self, after: RecordId) -> Option<Fetched> {
        self.reads += 1;
        let read = ReadId(self.reads);
        self.handle(Event::Read {
            read,
            after,
            limit_bytes: FETCH_BYTES,
        });
        let answered =
            |action: &Action| matches!(action, Action::Fetched { read: of, .. } if *of == read);
        // The read of a log waits for the next record for ever; what is there is answered within a few steps.
        for _ in 0..16 {
            if let Some(Action::Fetched { fetched, .. }) = self.take_told(answered) {
                return Some(fetched);
            }
            if !self.advance() {
                break;
            }
        }
        self.handle(Event::CancelRead(read));
        None
    }

    fn await_told(&mut self, wanted: impl Fn(&Action) -> bool) -> Result<Action, BootError> {
        for _ in 0..STEPS {
            self.settle();
            if let Some(action) = self.take_told(&wanted) {
                return Ok(action);
            }
            if !self.advance() {
                break;
            }
        }
        Err(self.stuck())
    }

    fn stuck(&self) -> BootError {
        BootError::Ended(format!(
            "{} does not answer: is the file system full or failing?",
            self.directory.display()
        ))
    }

    fn take_told(&mut self, wanted: impl Fn(&Action) -> bool) -> Option<Action> {
        while let Some(action) = self.told.pop_front() {
            if wanted(&action) {
                return Some(action);
            }
        }
        None
    }

    fn handle(&mut self, event: Event) {
        self.store.handle(self.now, event, &mut self.actions);
        self.settle();
    }

    /// Jumps to the next deadline; false if there is none.
    fn advance(&mut self) -> bool {
        let Some(deadline) = self.store.deadline() else {
            return false;
        };
        self.now = self.now.max(deadline.at);
        self.handle(Event::Wake);
        true
    }

    /// Does every order until none is left.
    fn settle(&mut self) {
        while let Some(action) = self.actions.pop_front() {
            if let Action::Disk(order, action) = action {
                let outcome = self.execute(order, action);
                let done = Event::Done { order, outcome };
                self.store.handle(self.now, done, &mut self.actions);
            } else if let Action::Note(note) = &action {
                tracing::debug!("{note:?}");
            } else {
                self.told.push_back(action);
            }
        }
    }

    fn execute(&mut self, order: OrderId, action: DiskAction) -> DiskOutcome {
        let changes = match &action {
            DiskAction::List { .. } | DiskAction::Read { .. } => false,
            DiskAction::Write { .. }
            | DiskAction::Sync { .. }
            | DiskAction::Truncate { .. }
            | DiskAction::Replace { .. }
            | DiskAction::Remove { .. } => true,
        };
        match self.access {
            Access::Read if changes => DiskOutcome::Done,
            Access::Read | Access::Write { .. } => {
                let mut done = Vec::with_capacity(1);
                execute(&mut self.files, &mut vec![(order, action)], &mut done);
                done.pop().expect("one completion for each order").1
            }
        }
    }
}
