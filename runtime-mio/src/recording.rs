//! `--journal FILE`: where the journal of a running node goes (see [`ringfort_node::journal`]).
//!
//! Not to be confused with `journal`, the tool for logs on disk: those are records of a service, this is the
//! flight recorder of the process.
//!
//! The loop only copies bytes into a buffer; a thread writes what has gathered there, at the latest
//! [`PACE`] later. A disk that is slow, full or broken must never hold the ring up, so the buffer has a limit, and
//! beyond it, or after any error, recording stops with a warning and the node goes on. A process that is killed
//! loses what was in the buffer; one that dies of an assertion writes it while it unwinds.
//!
//! What it deliberately does not: rotate, since a journal is of use only from its beginning; or sync, since it is
//! there for the end of a process and not for a loss of power.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{Builder, JoinHandle},
    time::Duration,
};

use ringfort_node::journal::{Build, End, MAGIC, Tape};

use crate::BootError;

/// Only the owner: it holds payloads and addresses of clients.
const FILE_MODE: u32 = 0o600;
/// How long bytes wait for others before they are written.
const PACE: Duration = Duration::from_millis(50);
/// So many bytes are written at once.
const BATCH: usize = 256 * 1024;
/// More than so many bytes waiting is a disk that does not keep up.
const BACKLOG: usize = 64 * 1024 * 1024;

/// What is wanted of a journal.
#[derive(Clone, Debug)]
pub struct JournalOptions {
    /// The file. A journal that is there already is kept beside it, with `.old` at the end of its name.
    pub path: PathBuf,
    /// The largest size of the file in bytes; recording stops there.
    pub limit_bytes: u64,
}

/// The end of a journal that the loop holds.
#[derive(Debug)]
pub(crate) struct Recording {
    path: PathBuf,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// Nothing more comes.
    ended: bool,
    /// Nothing more can be written.
    failed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nobody panics while holding it; and if so, the bytes are still good.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// This program, as a journal names it.
pub(crate) fn build() -> Build {
    Build {
        version: env!("CARGO_PKG_VERSION").into(),
        revision: option_env!("RINGFORT_COMMIT").unwrap_or("unknown").into(),
    }
}

impl Recording {
    /// Makes the file and starts the thread.
    ///
    /// # Errors
    /// [`BootError::File`]; a file that is there and is no journal is left alone.
    pub(crate) fn start(path: &Path) -> Result<Self, BootError> {
        let file =
            create(path).map_err(|source| BootError::file("write the journal", path, source))?;
        Self::over(file, path).map_err(|source| BootError::system("start a thread", source))
    }

    /// Writes to `out`, which is called `path`.
    fn over(out: impl Write + Send + 'static, path: &Path) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (theirs, name) = (shared.clone(), path.to_owned());
        let thread = Builder::new()
            .name("journal".into())
            .spawn(move || write(&theirs, out, &name))?;
        Ok(Self {
            path: path.into(),
            shared,
            thread: Some(thread),
        })
    }
}

impl Tape for Recording {
    fn put(&mut self, bytes: &[u8]) -> bool {
        let mut waiting = self.shared.lock();
        if waiting.failed {
            return false; // the writer has said why
        }
        if waiting.bytes.len().saturating_add(bytes.len()) > BACKLOG {
            waiting.ended = true;
            drop(waiting);
            self.shared.changed.notify_one();
            tracing::warn!(
                "the disk of the journal {} does not keep up: recording has stopped",
                self.path.display()
            );
            return false;
        }
        let before = waiting.bytes.len();
        waiting.bytes.extend_from_slice(bytes);
        let after = waiting.bytes.len();
        drop(waiting);
        if before == 0 || (before < BATCH && after >= BATCH) {
            self.shared.changed.notify_one();
        }
        true
    }

    fn end(&mut self, end: End) {
        self.shared.lock().ended = true;
        self.shared.changed.notify_one();
        match end {
            End::Halted => {}
            End::Limit => tracing::warn!(
                "the journal {} has reached its limit: recording has stopped",
                self.path.display()
            ),
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic there has already been printed
        }
    }
}

/// The thread: writes what waits until nothing more comes.
fn write(shared: &Shared, mut out: impl Write, path: &Path) {
    let mut batch = Vec::new();
    loop {
        let waiting = shared.lock();
        let waiting = shared
            .changed
            .wait_while(waiting, |waiting| {
                waiting.bytes.is_empty() && !waiting.ended
            })
            .unwrap_or_else(PoisonError::into_inner);
        // What comes soon is written with it.
        let soon = |waiting: &mut Waiting| waiting.bytes.len() < BATCH && !waiting.ended;
        let (mut waiting, _) = shared
            .changed
            .wait_timeout_while(waiting, PACE, soon)
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut waiting.bytes, &mut batch);
        drop(waiting);
        if batch.is_empty() {
            return; // ended, and all of it is written
        }
        if let Err(error) = out.write_all(&batch) {
            let mut waiting = shared.lock();
            waiting.failed = true;
            waiting.bytes = Vec::new();
            drop(waiting);
            tracing::warn!(
                "the journal {} cannot be written: {error}; recording has stopped",
                path.display()
            );
            return;
        }
        batch.clear();
        batch.shrink_to(2 * BATCH);
    }
}

/// A new file at `path`. A journal that is there is kept under another name: a supervisor starts a process again
/// with the same options, and the journal of the one that died is the one that somebody wants to see.
fn create(path: &Path) -> io::Result<File> {
    match File::open(path) {
        Ok(mut old) => {
            if !old.metadata()?.is_file() || !is_journal(&mut old)? {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "it is there and is no journal; choose another file",
                ));
            }
            let mut kept = path.as_os_str().to_owned();
            kept.push(".old");
            fs::rename(path, kept)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)
}

/// Whether a file begins like a journal, or is what is left of one that was cut in its first bytes.
fn is_journal(file: &mut File) -> io::Result<bool> {
    let mut head = Vec::new();
    file.take(MAGIC.len() as u64).read_to_end(&mut head)?;
    Ok(MAGIC.starts_with(&head))
}

#[cfg(test)]
mod tests;
