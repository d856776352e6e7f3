//! The vocabulary of the logs: classes of durability, appends, records.

use core::fmt;

use bytes::Bytes;
pub use ringfort_wire::logs::{Gap, GapCause, RecordId};

/// The largest record, in bytes: one always fits a frame of the replay protocol.
pub const RECORD_LIMIT: usize = ringfort_wire::limits::MESSAGE;

/// What an append asks of the disk. Every class survives the end of the process once it is written; they
/// differ in when a loss of power spares the record too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Class {
    /// With the segment, or when somebody wants to read it.
    None = 0,
    /// Within [`crate::store::Config::batch_delay`].
    Batch = 1,
    /// As soon as the disk can.
    Sync = 2,
}

impl Class {
    /// All classes, weakest first.
    pub const ALL: [Self; 3] = [Self::None, Self::Batch, Self::Sync];

    /// Its name in configuration, traces and tools.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Batch => "batch",
            Self::Sync => "sync",
        }
    }

    /// The class called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    pub(crate) const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::None),
            1 => Some(Self::Batch),
            2 => Some(Self::Sync),
            _ => None,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a writer hands to a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// What it asks of the disk.
    pub class: Class,
    /// The record, at most [`RECORD_LIMIT`] bytes.
    pub payload: Bytes,
    /// The time of the record: nanoseconds since 1970-01-01 UTC.
    pub wall_ns: u64,
}

/// A record as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its identity.
    pub id: RecordId,
    /// What its writer asked of the disk.
    pub class: Class,
    /// The time of the record: nanoseconds since 1970-01-01 UTC.
    pub wall_ns: u64,
    /// Its bytes.
    pub payload: Bytes,
}

/// Why an append was refused. Nothing was written and no identity was used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// More is waiting for the disk than the log keeps in memory.
    #[error(
        "the log has {waiting_bytes} bytes waiting for the disk; try again when it has caught up"
    )]
    Busy {
        /// Bytes that are not durable yet.
        waiting_bytes: usize,
    },
    /// The record is longer than a record may be.
    #[error(
        "a record of {found} bytes; at most {limit} are allowed, cut it or write a reference to it"
    )]
    TooLong {
        /// Its length in bytes.
        found: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The log is closing or closed.
    #[error("the log is closing")]
    Closing,
    /// There is no log of that key.
    #[error("no log of that key; name it in the section `logs` of the cluster module")]
    UnknownLog,
}
