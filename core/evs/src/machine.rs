//! The door of the ring.
use crate::*;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use ringfort_machine::*;

/// One member of a ring.
#[derive(Debug)]
pub struct Evs {
    config: Config,
    configuration: Configuration,
    number: u64,
}

impl Evs {
    /// Starts a process: alone, in the regular configuration of itself, which is installed at once.
    ///
    /// # Errors
    /// [`ConfigError`] if the configuration cannot work.
    pub fn new(
        config: Config,
        _seed: Seed,
        _now: Instant,
        out: &mut impl Sink<Action>,
    ) -> Result<Self, ConfigError> {
        config.validate()?;
        let configuration = Configuration {
            id: ConfigurationId::regular(RingId {
                sequence: 1,
                representative: config.me.process,
            }),
            kind: ConfigurationKind::Regular,
            members: Arc::from([config.me]),
            follows: None,
        };
        out.push(Action::Install(configuration.clone()));
        Ok(Self {
            config,
            configuration,
            number: 0,
        })
    }

    /// Takes a message to be sent at the next visit of the token, and returns its number. Sends nothing
    /// itself; ask [`Machine::deadline`] again.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed.
    pub fn submit(&mut self, _level: Level, _payload: Bytes) -> Result<u64, Refusal> {
        self.number += 1;
        Ok(self.number)
    }

    /// A snapshot for tools.
    pub fn status(&self) -> Status {
        Status {
            state: "operational",
            ring: self.configuration.id.ring,
            members: self.configuration.members.clone(),
            rotation: Default::default(),
            token_loss: self.config.timeouts.token_loss_min,
            aru: 0,
            seq: 0,
            stable: 0,
            retained: 0,
            retransmissions: 0,
            token_retransmissions: 0,
            window: 0,
            outbox_messages: 0,
            outbox_bytes: 0,
            changes: 1,
            last_change: None,
            reasons: Default::default(),
            quarantined: Vec::new(),
            refused: 0,
        }
    }
}

impl Machine for Evs {
    type Event = Event;
    type Action = Action;
    fn handle(&mut self, _now: Instant, _event: Event, _out: &mut impl Sink<Action>) {}
    fn deadline(&self) -> Option<Deadline> {
        None
    }
    fn digest(&self, into: &mut Digest) {
        into.number(self.number);
    }
}
