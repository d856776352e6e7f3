//! The puller: being laid out behind its interface.

mod api;

pub use api::{Action, Event, Source, SourceStatus, Status};

/// The settings of a puller (being laid out: replace this placeholder, keep these fields and signatures).
#[derive(Clone, Debug)]
pub struct Config {
    /// Path pattern of the output files.
    pub logfile: crate::Path,
    /// Directory of the puller's own durable state.
    pub state: crate::Path,
    /// Output files open at once.
    pub max_open: usize,
    /// How long an output file stays open without a new entry.
    pub max_idle: core::time::Duration,
    /// Names to read as, tried in this order for each log.
    pub subscribers: alloc::vec::Vec<alloc::string::String>,
    /// Exceptions by node; an empty list: pull nothing from it.
    pub overrides: alloc::vec::Vec<(ringfort_machine::NodeId, alloc::vec::Vec<alloc::string::String>)>,
}

/// What is wrong with a [`Config`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The path pattern has an unknown conversion.
    #[error("the pattern `{0}` has a conversion that is not known")]
    Pattern(alloc::string::String),
}

impl Config {
    /// Good settings for the pattern `logfile`, with the state in the directory `state`.
    pub fn new(logfile: impl Into<crate::Path>, state: impl Into<crate::Path>) -> Self {
        Self {
            logfile: logfile.into(),
            state: state.into(),
            max_open: 128,
            max_idle: core::time::Duration::from_secs(10),
            subscribers: alloc::vec::Vec::new(),
            overrides: alloc::vec::Vec::new(),
        }
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// The first [`ConfigError`] found.
    pub fn validate(&self) -> Result<(), ConfigError> {
        Ok(())
    }
}

/// The puller of a manager (being laid out: replace this placeholder by the machine, keep the signatures).
#[derive(Debug)]
pub struct Puller;

impl Puller {
    /// Starts a puller in life `incarnation` of its process.
    ///
    /// # Errors
    /// [`ConfigError`] if `config` does not hold together.
    pub fn new(
        config: Config,
        _incarnation: u64,
        _seed: ringfort_machine::Seed,
        _now: ringfort_machine::Instant,
        _out: &mut impl ringfort_machine::Sink<Action>,
    ) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self)
    }

    /// For tools.
    pub fn status(&self) -> Status {
        Status {
            sources: alloc::vec::Vec::new(),
            open_files: 0,
            records: 0,
            bytes: 0,
        }
    }
}

impl ringfort_machine::Machine for Puller {
    type Event = Event;
    type Action = Action;

    fn handle(
        &mut self,
        _: ringfort_machine::Instant,
        _: Event,
        _: &mut impl ringfort_machine::Sink<Action>,
    ) {
    }

    fn deadline(&self) -> Option<ringfort_machine::Deadline> {
        None
    }

    fn digest(&self, _: &mut ringfort_machine::Digest) {}
}
