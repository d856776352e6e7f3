//! The machine: hands every event to the part it concerns.

use alloc::vec::Vec;

use ringfort_machine::{Deadline, Digest, Instant, Machine, ProcessId, Sink};

use crate::{Action, Config, ConfigError, Event, MemberTable, Status};

/// The arbiter of addresses of one node.
#[derive(Debug)]
pub struct Vip {
    config: Config,
}

impl Vip {
    /// Starts the service for the process `me`: orders a survey at once.
    ///
    /// # Errors
    /// [`ConfigError`] if `config` does not hold together; nothing has been ordered.
    pub fn new(
        me: ProcessId,
        config: Config,
        now: Instant,
        out: &mut impl Sink<Action>,
    ) -> Result<Self, ConfigError> {
        let _ = (me, now, out);
        config.validate()?;
        Ok(Self { config })
    }

    /// What consoles show.
    pub fn status(&self, now: Instant) -> Status {
        let _ = now;
        unreachable!("{:?}", self.config)
    }

    /// The tables of all members.
    pub fn tables(&self) -> Vec<MemberTable> {
        Vec::new()
    }
}

impl Machine for Vip {
    type Event = Event;
    type Action = Action;

    fn handle(&mut self, _: Instant, _: Event, _: &mut impl Sink<Action>) {}

    fn deadline(&self) -> Option<Deadline> {
        None
    }

    fn digest(&self, _: &mut Digest) {}
}
