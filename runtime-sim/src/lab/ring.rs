//! A service of the user's on top of the ring: the real ring machine below, the service above, and between them
//! every configuration, submission and delivery written to the trace, so that the checkers of extended virtual
//! synchrony judge the ring under exactly this load.
//!
//! What this is not: a node. There are no groups, no addresses and no logs here; those come with [`crate::world`].

use std::{collections::BTreeMap, fmt};

use bytes::Bytes;
use ringfort_evs::{Action, Config, Delivery, Event, Evs, Refusal};
use ringfort_machine::{
    Configuration, ConfigurationKind, Deadline, Digest, Instant, Level, Machine, Member, NodeId,
    OrderId, ProcessId, Rng, Sink, SubclusterId,
};
use ringfort_wire::{ClusterId, Frame};
use serde::{Deserialize, Serialize};

use super::{Boot, Effect, Input};
use crate::{
    disk::{Order, Outcome},
    trace::{ConfKind, Kind, MessageName, Process, Sum, Text},
    world::Names,
};

/// A replicated service: what it does at each place of the one order.
///
/// `on_configuration` and `on_message` are called in the order of extended virtual synchrony, the same at all
/// members that stay together. Whatever depends on nothing but these calls is equal at equal places.
pub trait Service {
    /// A configuration begins. The first one, of this process alone, comes at the start of its life.
    fn on_configuration(&mut self, configuration: &Configuration, ring: &mut Ring<'_>);

    /// A message is delivered; also an own one.
    fn on_message(&mut self, message: &Delivery, ring: &mut Ring<'_>);

    /// A client wants something; what, is to be drawn from `rng`.
    fn on_work(&mut self, rng: &mut Rng, ring: &mut Ring<'_>) {
        let _ = (rng, ring);
    }

    /// A script wants something.
    fn on_command(&mut self, command: Bytes, ring: &mut Ring<'_>) {
        let _ = (command, ring);
    }

    /// Its deadline has come.
    fn on_wake(&mut self, ring: &mut Ring<'_>) {
        let _ = ring;
    }

    /// An order to the disk has completed.
    fn on_disk(&mut self, order: OrderId, outcome: Outcome, ring: &mut Ring<'_>) {
        let _ = (order, outcome, ring);
    }

    /// When it wants to be woken.
    fn deadline(&self) -> Option<Deadline> {
        None
    }

    /// Adds its state to a fingerprint.
    fn digest(&self, into: &mut Digest);
}

/// A place in the order: the same at all members that pass it. Compares by configuration first, and that by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The last configuration delivered, as the trace names it.
    pub conf: Text,
    /// The ordinal of the last message delivered in it; 0 just after the configuration.
    pub n: u64,
}

/// The ring as its service sees it during one call.
pub struct Ring<'a> {
    now: Instant,
    core: &'a mut Core,
    out: &'a mut dyn Sink<Effect>,
}

impl fmt::Debug for Ring<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring")
            .field("now", &self.now)
            .field("place", &self.core.place)
            .finish_non_exhaustive()
    }
}

impl Ring<'_> {
    /// The present.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// This process.
    pub const fn me(&self) -> ProcessId {
        self.core.me
    }

    /// The trace name of a process.
    pub fn name(&mut self, process: ProcessId) -> Process {
        self.core.names.process(process)
    }

    /// The present place in the order.
    pub fn place(&self) -> Place {
        self.core.place.clone()
    }

    /// Hands a message over, to be delivered to all members, this one included. Returns its number.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed.
    pub fn submit(&mut self, level: Level, payload: impl Into<Bytes>) -> Result<u64, Refusal> {
        let payload = payload.into();
        let sum = Sum(Digest::of(&payload));
        let number = self.core.evs.submit(level, payload)?;
        self.core.unsent.insert(number, sum);
        let m = MessageName::new(self.core.name.clone(), number);
        self.out.push(Effect::Trace(Kind::Submit { m }));
        Ok(number)
    }

    /// Gives an order to the disk; [`Service::on_disk`] answers.
    pub fn disk(&mut self, action: Order) -> OrderId {
        let order = OrderId::next(&mut self.core.orders);
        self.out.push(Effect::Disk { order, action });
        order
    }

    /// Writes a line of the user's own kind `what`, for checkers to read with [`crate::trace::Event::own`].
    ///
    /// # Panics
    /// If `data` cannot be JSON, such as a map whose keys are no strings or numbers.
    pub fn tell(&mut self, what: &str, data: &impl Serialize) {
        self.out.push(Effect::tell(what, data));
    }
}

/// Everything of a member but its service.
struct Core {
    me: ProcessId,
    name: Process,
    cluster: ClusterId,
    evs: Evs,
    names: Names,
    place: Place,
    /// Hashes of messages that are submitted and have no place in the order yet.
    unsent: BTreeMap<u64, Sum>,
    orders: u64,
}

/// A ring member with its service, as a guest.
pub struct OnRing<S> {
    core: Core,
    service: S,
}

impl<S: fmt::Debug> fmt::Debug for OnRing<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnRing")
            .field("me", &self.core.name)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

/// The ring's configuration for this life, with default times and windows.
pub fn config(boot: &Boot<'_>) -> Config {
    let me = Member {
        process: boot.me,
        subcluster: SubclusterId::of_name("default"),
    };
    Config::new(me, ClusterId::of_name("lab"))
}

impl<S: Service> OnRing<S> {
    /// Begins a life of `service` on a ring configured by `config`.
    ///
    /// # Panics
    /// If the configuration cannot work: there is nothing to simulate.
    pub fn new(boot: &Boot<'_>, config: Config, service: S, out: &mut Vec<Effect>) -> Self {
        let mut names = Names::default();
        for name in boot.nodes {
            names.nodes.insert(NodeId::of_name(name), name.clone());
        }
        let cluster = config.cluster;
        let mut actions = Vec::new();
        let evs = Evs::new(config, boot.seed.fork("ring"), boot.now, &mut actions)
            .expect("a lab's ring has a configuration that can work");
        let core = Core {
            me: boot.me,
            name: names.process(boot.me),
            cluster,
            evs,
            names,
            place: Place {
                conf: "".into(),
                n: 0,
            },
            unsent: BTreeMap::new(),
            orders: 0,
        };
        let mut guest = Self { core, service };
        guest.carry_out(boot.now, actions, out);
        guest
    }

    /// Lets the ring take an event, and carries out what it wants.
    fn tell_ring(&mut self, now: Instant, event: Event, out: &mut impl Sink<Effect>) {
        let mut actions = Vec::new();
        self.core.evs.handle(now, event, &mut actions);
        self.carry_out(now, actions, out);
    }

    fn carry_out(&mut self, now: Instant, actions: Vec<Action>, out: &mut impl Sink<Effect>) {
        for action in actions {
            match action {
                Action::Transmit { to, frame } => out.push(Effect::Send { to, bytes: frame }),
                Action::Sent {
                    number,
                    level,
                    configuration,
                } => {
                    let sum = self.core.unsent.remove(&number);
                    out.push(Effect::Trace(Kind::Send {
                        m: MessageName::new(self.core.name.clone(), number),
                        level: level.into(),
                        conf: self.core.names.configuration(configuration),
                        sum: sum.expect("the ring sends what was submitted, once"),
                    }));
                }
                Action::Install(configuration) => {
                    let kind = self.core.installed(&configuration);
                    out.push(Effect::Trace(kind));
                    self.serve(now, out, |service, ring| {
                        service.on_configuration(&configuration, ring);
                    });
                }
                Action::Deliver(delivery) => {
                    let kind = self.core.delivered(&delivery);
                    out.push(Effect::Trace(kind));
                    self.serve(now, out, |service, ring| {
                        service.on_message(&delivery, ring)
                    });
                }
                Action::Left => out.push(Effect::Left),
                Action::Note(_) => {}
            }
        }
    }

    fn serve(
        &mut self,
        now: Instant,
        out: &mut impl Sink<Effect>,
        call: impl FnOnce(&mut S, &mut Ring<'_>),
    ) {
        let mut ring = Ring {
            now,
            core: &mut self.core,
            out,
        };
        call(&mut self.service, &mut ring);
    }

    fn on_wake(&mut self, now: Instant, out: &mut impl Sink<Effect>) {
        self.tell_ring(now, Event::Wake, out);
        let due = |deadline: Deadline| deadline.at <= now;
        if self.service.deadline().is_some_and(due) {
            self.serve(now, out, |service, ring| service.on_wake(ring));
        }
    }
}

impl Core {
    fn installed(&mut self, configuration: &Configuration) -> Kind {
        let conf = self.names.configuration(configuration.id);
        self.place = Place {
            conf: conf.clone(),
            n: 0,
        };
        let members = configuration.members.iter();
        Kind::Conf {
            conf,
            kind: match configuration.kind {
                ConfigurationKind::Regular => ConfKind::Regular,
                ConfigurationKind::Transitional => ConfKind::Transitional,
            },
            members: members
                .map(|member| self.names.process(member.process))
                .collect(),
            reg: configuration.follows.map(|id| self.names.configuration(id)),
        }
    }

    fn delivered(&mut self, delivery: &Delivery) -> Kind {
        let conf = self.names.configuration(delivery.position.configuration);
        let n = delivery.position.ordinal;
        self.place = Place {
            conf: conf.clone(),
            n,
        };
        Kind::Deliver {
            m: MessageName::new(self.names.process(delivery.sender), delivery.number),
            level: delivery.level.into(),
            conf,
            sum: Sum(Digest::of(&delivery.payload)),
            n,
        }
    }
}

impl<S: Service> Machine for OnRing<S> {
    type Event = Input;
    type Action = Effect;

    fn handle(&mut self, now: Instant, input: Input, out: &mut impl Sink<Effect>) {
        match input {
            Input::Wake => self.on_wake(now, out),
            Input::Datagram { from, bytes } => {
                if let Ok(frame) = Frame::decode(self.core.cluster, &bytes) {
                    self.tell_ring(now, Event::Frame { from, frame }, out);
                }
            }
            Input::Disk { order, outcome } => {
                self.serve(now, out, |service, ring| {
                    service.on_disk(order, outcome, ring)
                });
            }
            Input::Work(mut rng) => {
                self.serve(now, out, |service, ring| service.on_work(&mut rng, ring));
            }
            Input::Command(command) => {
                self.serve(now, out, |service, ring| service.on_command(command, ring));
            }
            Input::Leave => self.tell_ring(now, Event::Leave, out),
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        Deadline::earliest([self.core.evs.deadline(), self.service.deadline()])
    }

    fn digest(&self, into: &mut Digest) {
        self.core.evs.digest(into);
        self.service.digest(into);
    }
}
