//! The log service: being laid out behind its interface.

mod api;

pub use api::{Action, Event, Stream};

/// The log service of a node (being laid out: replace this placeholder by the machine, keep the signatures).
#[derive(Debug)]
pub struct Server;

impl Server {
    /// A service without logs; `Event::Configure` brings them.
    pub fn new(_seed: ringfort_machine::Seed) -> Self {
        Self
    }

    /// All logs, for tools.
    pub fn status(&self) -> alloc::vec::Vec<crate::store::Status> {
        alloc::vec::Vec::new()
    }
}

impl ringfort_machine::Machine for Server {
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
