//! What the logs ask of a disk, and what can come of it.
//!
//! Seven orders, few enough that a model of a disk fits a page. A runtime carries out the orders of one node
//! one after the other, in the order in which they were given; each is answered by its outcome. Only
//! [`DiskAction::Sync`], [`DiskAction::Replace`] and [`DiskAction::Remove`] promise anything about a loss of
//! power; a [`DiskAction::Write`] that is done survives the end of the process and nothing more.
//!
//! Deliberately not a file API: no handles, no modes, no locks. A path is a name that the runtime resolves.

use alloc::{string::String, sync::Arc, vec::Vec};
use core::fmt;

use bytes::Bytes;

/// A path with `/` between its parts: absolute, or relative to the directory that the runtime was given.
pub type Path = Arc<str>;

/// `name` in `directory`.
pub fn join(directory: &str, name: &str) -> Path {
    let mut path =
        String::with_capacity(directory.len().saturating_add(name.len()).saturating_add(1));
    path.push_str(directory.strip_suffix('/').unwrap_or(directory));
    path.push('/');
    path.push_str(name);
    Path::from(path)
}

/// Takes `path` apart into its directory and its name; a path without `/` lies in the directory `.`.
pub fn split(path: &str) -> (&str, &str) {
    match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((directory, name)) => (directory, name),
        None => (".", path),
    }
}

/// One order to the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskAction {
    /// Name the files in `directory`; a directory that does not exist has none.
    List {
        /// The directory.
        directory: Path,
    },
    /// Read up to `length` bytes from `offset`; fewer come only at the end of the file.
    Read {
        /// The file.
        file: Path,
        /// Where to begin, in bytes.
        offset: u64,
        /// How many bytes at most.
        length: u32,
    },
    /// Put `data` at `offset`, into the page cache; makes the file and its directories where they are missing.
    Write {
        /// The file.
        file: Path,
        /// Where to begin, in bytes.
        offset: u64,
        /// What to write.
        data: Bytes,
    },
    /// Make the data, the length and the directory entry of `file` durable.
    Sync {
        /// The file.
        file: Path,
    },
    /// Cut `file` to `length`.
    Truncate {
        /// The file.
        file: Path,
        /// Its new length, in bytes.
        length: u64,
    },
    /// Put a whole new content in the place of `file`, atomically and durably: a temporary file, a sync, a
    /// rename, a sync of the directory. Makes the directories where they are missing.
    Replace {
        /// The file.
        file: Path,
        /// Its content.
        data: Bytes,
    },
    /// Delete `file`, durably. A file that does not exist is deleted already.
    Remove {
        /// The file.
        file: Path,
    },
}

impl DiskAction {
    /// The file or directory that it is about.
    pub const fn path(&self) -> &Path {
        match self {
            Self::List { directory } => directory,
            Self::Read { file, .. }
            | Self::Write { file, .. }
            | Self::Sync { file }
            | Self::Truncate { file, .. }
            | Self::Replace { file, .. }
            | Self::Remove { file } => file,
        }
    }
}

/// A file in a listing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name, without the directory.
    pub name: String,
    /// Its length in bytes.
    pub length: u64,
}

/// What came of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskOutcome {
    /// It is done.
    Done,
    /// The files of the directory, in any order; subdirectories are left out.
    Listing(Vec<Entry>),
    /// What was read; shorter than asked for at the end of the file only.
    Data(Bytes),
    /// It is not done, or only in part.
    Failed(DiskError),
}

/// What kind of failure a disk reports: as many as lead to different behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiskErrorKind {
    /// There is no space left, or a quota is used up.
    Full,
    /// The file or directory does not exist.
    Missing,
    /// The process may not do this.
    Denied,
    /// Anything else: the device has failed.
    Failed,
}

/// Why an order failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct DiskError {
    /// Its kind, which decides what happens next.
    pub kind: DiskErrorKind,
    /// The words of the operating system, for the log; may be empty.
    pub detail: Arc<str>,
}

impl DiskError {
    /// A failure without words.
    pub fn new(kind: DiskErrorKind) -> Self {
        Self {
            kind,
            detail: Arc::from(""),
        }
    }
}

impl From<DiskErrorKind> for DiskError {
    fn from(kind: DiskErrorKind) -> Self {
        Self::new(kind)
    }
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            DiskErrorKind::Full => "no space left",
            DiskErrorKind::Missing => "no such file or directory",
            DiskErrorKind::Denied => "permission denied",
            DiskErrorKind::Failed => "the device failed",
        })?;
        if self.detail.is_empty() {
            Ok(())
        } else {
            write!(f, " ({})", self.detail)
        }
    }
}
