//! The settings of a puller: the section `Logs` of the manager (reference LP-2 to LP-8).

use alloc::{collections::BTreeMap, string::String, sync::Arc, vec, vec::Vec};
use core::time::Duration;

use ringfort_machine::NodeId;
use ringfort_wire::logs::name_is_valid;

use super::pattern::{Pattern, PatternError};
use crate::disk::Path;

/// The settings of a puller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where its own state lies: `puller.state` in this directory.
    pub directory: Path,
    /// Where records go.
    pub pattern: Pattern,
    /// The most outputs that are open at a time.
    pub max_open: usize,
    /// How long an output stays open without a new record.
    pub max_idle: Duration,
    /// The names to read under, tried in this order at each log.
    pub subscribers: Vec<String>,
    /// Other names for some nodes; an empty list pulls nothing from there.
    pub overrides: BTreeMap<NodeId, Vec<String>>,
    /// How much each source may send before it is in durable output, in bytes.
    pub credit_bytes: u32,
    /// How many sources are read at a time.
    pub sources_limit: usize,
    /// How long records are gathered before they are written, so that one sync serves many.
    pub gather: Duration,
    /// How long to wait before the disk is tried again after a failure.
    pub retry_delay: Duration,
    /// The first wait before a node is connected to again; it doubles with every failure.
    pub reconnect_first: Duration,
    /// The longest such wait.
    pub reconnect_limit: Duration,
    /// The life of the process.
    pub incarnation: u64,
    /// Nanoseconds since 1970-01-01 UTC at the runtime's origin: only to say how old what is missing is.
    pub wall_origin_ns: u64,
}

/// What is wrong with a [`Config`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A name that may not be.
    #[error("`{0}` cannot name a subscriber: use 1 to 100 bytes without control characters")]
    Subscriber(String),
    /// A number that makes no sense.
    #[error("{what} must be at least {least}")]
    TooSmall {
        /// The setting.
        what: &'static str,
        /// Its least value.
        least: u64,
    },
}

impl Config {
    /// Good settings for the manager called `me`: it reads as itself and else as `master`.
    ///
    /// # Errors
    /// What is wrong with the pattern.
    pub fn new(me: &str, directory: impl Into<Path>, logfile: &str) -> Result<Self, ConfigError> {
        Ok(Self {
            directory: directory.into(),
            pattern: Pattern::parse(logfile)?,
            max_open: 128,
            max_idle: Duration::from_secs(10),
            subscribers: vec![String::from(me), String::from("master")],
            overrides: BTreeMap::new(),
            credit_bytes: 256 << 10,
            sources_limit: 1024,
            gather: Duration::from_millis(5),
            retry_delay: Duration::from_millis(500),
            reconnect_first: Duration::from_millis(100),
            reconnect_limit: Duration::from_secs(10),
            incarnation: 1,
            wall_origin_ns: 0,
        })
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// The first [`ConfigError`] found.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let names = self
            .subscribers
            .iter()
            .chain(self.overrides.values().flatten());
        for name in names {
            if !name_is_valid(name) {
                return Err(ConfigError::Subscriber(name.clone()));
            }
        }
        let least = |what, found: u64, least| {
            if found < least {
                Err(ConfigError::TooSmall { what, least })
            } else {
                Ok(())
            }
        };
        least("`Max_Open`", self.max_open as u64, 1)?;
        least("the credit in bytes", u64::from(self.credit_bytes), 1024)?;
        least("the number of sources", self.sources_limit as u64, 1)
    }

    /// The names to read under at `node`.
    pub(crate) fn names(&self, node: NodeId) -> &[String] {
        self.overrides.get(&node).unwrap_or(&self.subscribers)
    }

    pub(crate) fn state_file(&self) -> Path {
        let directory: &Arc<str> = &self.directory;
        crate::disk::join(directory, "puller.state")
    }
}
