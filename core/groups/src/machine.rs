//! The group layer of one process as a machine.

use alloc::vec::Vec;

use ringfort_machine::{Deadline, Digest, Instant, Machine, Sink};
use ringfort_wire::group::GroupName;

use crate::{Action, Config, ConfigError, Event, MemberId};

/// Numbers for tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether every member's clients are known, so that nothing is held back.
    pub settled: bool,
    /// Local clients.
    pub clients: usize,
    /// Groups with members.
    pub groups: usize,
    /// Messages held back.
    pub held: usize,
    /// Commands that wait.
    pub pending: usize,
}

/// The group layer of one process.
pub struct Groups {
    config: Config,
}

impl Groups {
    /// A group layer without clients; the ring's first configuration comes as an event.
    ///
    /// # Errors
    /// [`ConfigError`] if `config` cannot work.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self { config })
    }

    /// All groups that have members, in order of their names. A look at the state, not ordered with anything.
    pub fn groups(&self) -> impl Iterator<Item = (&GroupName, usize)> {
        core::iter::empty()
    }

    /// The members of `group`, in its order. A look at the state, not ordered with anything.
    pub fn members(&self, _group: &GroupName) -> Vec<MemberId> {
        Vec::new()
    }

    /// Numbers for tools.
    pub fn status(&self) -> Status {
        Status { settled: self.config.overtaking, clients: 0, groups: 0, held: 0, pending: 0 }
    }
}

impl Machine for Groups {
    type Event = Event;
    type Action = Action;

    fn handle(&mut self, _now: Instant, _event: Event, _out: &mut impl Sink<Action>) {}

    fn deadline(&self) -> Option<Deadline> {
        None
    }

    fn digest(&self, _into: &mut Digest) {}
}
