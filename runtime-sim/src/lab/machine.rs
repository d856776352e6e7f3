//! Between a machine with events and actions of its own and the host it runs on.
//!
//! The machine stays as it is in production; an [`Embed`] is what its runtime would be: it knows the encoding of
//! datagrams and files, and no rule of the protocol.

use ringfort_machine::{Deadline, Digest, Instant, Machine, Sink, Wake};

use super::{Effect, Input};

/// What a user says about a machine of theirs, to let it run in a lab.
pub trait Embed {
    /// The machine.
    type Machine: Machine;

    /// The event that an input is to the machine; nothing if it is none, such as a datagram that does not decode.
    /// Never called with [`Input::Wake`], which every machine understands. A machine that has no event for
    /// [`Input::Leave`] is taken to have left at once.
    fn event(&mut self, input: Input) -> Option<<Self::Machine as Machine>::Event>;

    /// Carries out an action of the machine.
    fn act(&mut self, action: <Self::Machine as Machine>::Action, out: &mut Vec<Effect>);
}

/// A machine and its [`Embed`], as a guest.
#[derive(Debug)]
pub struct Embedded<E: Embed> {
    machine: E::Machine,
    embed: E,
}

impl<E: Embed> Embedded<E> {
    /// `machine` as `embed` knows it. `actions` is what it wants done at its birth.
    pub fn new(
        machine: E::Machine,
        mut embed: E,
        actions: Vec<<E::Machine as Machine>::Action>,
        out: &mut Vec<Effect>,
    ) -> Self {
        for action in actions {
            embed.act(action, out);
        }
        Self { machine, embed }
    }
}

impl<E: Embed> Machine for Embedded<E> {
    type Event = Input;
    type Action = Effect;

    fn handle(&mut self, now: Instant, input: Input, out: &mut impl Sink<Effect>) {
        let (wake, leave) = (matches!(input, Input::Wake), matches!(input, Input::Leave));
        let event = if wake {
            Some(Wake.into())
        } else {
            self.embed.event(input)
        };
        let Some(event) = event else {
            if leave {
                out.push(Effect::Left);
            }
            return;
        };
        let mut actions = Vec::new();
        self.machine.handle(now, event, &mut actions);
        let mut effects = Vec::new();
        for action in actions {
            self.embed.act(action, &mut effects);
        }
        for effect in effects {
            out.push(effect);
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        self.machine.deadline()
    }

    fn digest(&self, into: &mut Digest) {
        self.machine.digest(into);
    }
}
