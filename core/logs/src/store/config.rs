//! The settings of one log, and the limits that keep it bounded.

use alloc::{string::String, sync::Arc, vec::Vec};
use core::time::Duration;

use ringfort_wire::logs::name_is_valid;

use crate::{disk::Path, record::RECORD_LIMIT};

/// The settings of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The key under which it is published; `%{l}` of the puller.
    pub key: Arc<str>,
    /// Its directory, which belongs to it alone.
    pub directory: Path,
    /// A segment is closed when it has this many bytes. 4 MiB, as jlog has (JL-2).
    pub segment_limit_bytes: u64,
    /// Subscribers that exist whenever the log does: they are added at every start if they are missing.
    pub subscribers: Vec<String>,
    /// The most bytes the log may have on disk: beyond, the oldest segments are dropped although somebody has
    /// not read them, and each such subscriber is told by a gap. Without it, records are kept until read.
    pub budget_bytes: Option<u64>,
    /// What is kept of a log that has no subscriber, in bytes: a subscriber added later starts there.
    pub unread_limit_bytes: u64,
    /// How long an append of class batch may wait to be synced together with others.
    pub batch_delay: Duration,
    /// How long records may wait to be synced when a subscriber is waiting for them.
    pub reader_delay: Duration,
    /// How much may wait in memory for the disk, in bytes; appends beyond that are refused.
    pub backlog_limit_bytes: usize,
    /// How much of what is durable stays in memory for subscribers that keep up, in bytes.
    pub recent_limit_bytes: usize,
    /// How long to wait before the disk is tried again after a failure.
    pub retry_delay: Duration,
    /// The life of the process: the incarnation of the log is at least this.
    pub incarnation: u64,
    /// Which boot of the operating system this is, not zero, where the runtime knows: it tells the end of a
    /// process, which takes nothing, from a loss of power, which may take what was not synced.
    pub boot: Option<u64>,
}

/// The most subscribers of one log.
pub const SUBSCRIBERS: usize = 64;
/// The most reads that may wait at one log.
pub const READS: usize = 256;

/// What is wrong with a [`Config`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A name that may not be.
    #[error(
        "`{0}` cannot name a log or a subscriber: use 1 to 100 bytes without control characters"
    )]
    Name(String),
    /// No directory.
    #[error("log `{0}` has no directory: give it the path of its `cluster://` destination")]
    Directory(String),
    /// A size that makes no sense.
    #[error("log `{log}`: {what} is {found} bytes, expected {expected}")]
    Size {
        /// The log.
        log: String,
        /// The setting.
        what: &'static str,
        /// Its value.
        found: u64,
        /// What is allowed, in words.
        expected: &'static str,
    },
    /// Two logs in one place.
    #[error(
        "logs `{one}` and `{other}` share a key or the directory `{directory}`: each needs its own"
    )]
    Twice {
        /// The first.
        one: String,
        /// The second.
        other: String,
        /// The directory of the second.
        directory: String,
    },
    /// Too many logs.
    #[error("{found} logs are configured, a node publishes at most 256")]
    TooMany {
        /// How many.
        found: usize,
    },
    /// Too many subscribers.
    #[error("log `{log}` has {found} subscribers, at most 64 are possible")]
    Subscribers {
        /// The log.
        log: String,
        /// How many.
        found: usize,
    },
}

impl Config {
    /// Good settings for the log `key` in `directory`.
    pub fn new(key: impl Into<Arc<str>>, directory: impl Into<Path>) -> Self {
        Self {
            key: key.into(),
            directory: directory.into(),
            segment_limit_bytes: 4 << 20,
            subscribers: Vec::new(),
            budget_bytes: None,
            unread_limit_bytes: 4 << 20,
            batch_delay: Duration::from_millis(50),
            reader_delay: Duration::from_millis(2),
            backlog_limit_bytes: 8 << 20,
            recent_limit_bytes: 1 << 20,
            retry_delay: Duration::from_millis(500),
            incarnation: 1,
            boot: None,
        }
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// The first [`ConfigError`] found.
    pub fn validate(&self) -> Result<(), ConfigError> {
        for name in core::iter::once(&*self.key).chain(self.subscribers.iter().map(|s| &**s)) {
            if !name_is_valid(name) {
                return Err(ConfigError::Name(name.into()));
            }
        }
        if self.directory.is_empty() {
            return Err(ConfigError::Directory((*self.key).into()));
        }
        if self.subscribers.len() > SUBSCRIBERS {
            return Err(ConfigError::Subscribers {
                log: (*self.key).into(),
                found: self.subscribers.len(),
            });
        }
        let size = |what, found, good, expected| {
            if good {
                Ok(())
            } else {
                Err(ConfigError::Size {
                    log: (*self.key).into(),
                    what,
                    found,
                    expected,
                })
            }
        };
        let segment = self.segment_limit_bytes;
        size(
            "the segment limit",
            segment,
            (256..=1 << 30).contains(&segment),
            "256 bytes to 1 GiB",
        )?;
        let backlog = self.backlog_limit_bytes as u64;
        size(
            "the backlog limit",
            backlog,
            backlog >= 2 * RECORD_LIMIT as u64,
            "at least two of the largest records (2 MiB)",
        )?;
        let budget = self.budget_bytes.unwrap_or(u64::MAX);
        size(
            "the budget",
            budget,
            budget >= segment,
            "at least one segment",
        )
    }
}
