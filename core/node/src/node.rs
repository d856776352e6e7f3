//! The node: hands every event to the machine that it concerns, and every effect of a machine to the next one.
//!
//! One pass works off a first-in first-out queue of effects. Data flows one way through it (ring, groups, one
//! service, runtime); the arrow back is a submission, which only fills the ring's outbox. So a pass is bounded
//! by what its event set off, and the queue is empty when `handle` returns.

use alloc::{
    boxed::Box,
    collections::{BTreeMap, VecDeque},
    string::String,
    sync::Arc,
    vec::Vec,
};
use core::net::SocketAddr;

use bytes::Bytes;
use ringfort_evs as evs;
use ringfort_groups as groups;
use ringfort_logs as logs;
use ringfort_machine::{
    Deadline, Digest, Incarnation, Instant, Machine, NodeId, ProcessId, Seed, Sink, Wake,
};
use ringfort_replication as replication;
use ringfort_session as session;
use ringfort_vip as vip;

use crate::{
    Action, Config, ConfigError, Event, LocalEvent, Note, SealEvent, SealStatus, bus::Bus,
    clients::Clients, connections::Connections, consoles::Consoles, leave::Leaving, ring::Peers,
    roster::Roster, streams::Streams,
};

/// What a runtime knows at the start and the configuration does not.
#[derive(Clone, Copy, Debug)]
pub struct Boot {
    /// All randomness of this life.
    pub seed: Seed,
    /// Which life of the node this is: higher than every earlier one.
    pub incarnation: Incarnation,
    /// The wall clock at [`Instant::ORIGIN`]: nanoseconds since 1970-01-01 UTC.
    pub wall_origin_ns: u64,
    /// Which boot of the operating system this is, not zero, where the runtime knows.
    pub system_boot: Option<u64>,
}

/// What one machine wants of the rest of the node.
#[derive(Debug)]
pub(crate) enum Effect {
    Ring(evs::Action),
    Groups(groups::Action),
    Vip(vip::Action),
    Counters(replication::Action),
    Logs(logs::server::Action),
    Puller(logs::puller::Action),
    Router(ringfort_console::Action),
    Sessions(session::Action),
    /// The group layer knows everybody of the present configuration.
    Settled,
}

/// A node to pull logs from: who, its name, its subcluster, where.
pub(crate) type Target = (NodeId, String, String, SocketAddr);

/// A record that the end of the process may still take back.
pub(crate) type Unwritten = (logs::RecordId, logs::Class, Bytes);

/// The effects of one pass that are still to be worked off.
#[derive(Debug, Default)]
pub(crate) struct Pass(VecDeque<Effect>);

macro_rules! takes {
    ($($action:ty => $effect:ident),* $(,)?) => {$(
        impl Sink<$action> for Pass {
            fn push(&mut self, action: $action) {
                self.0.push_back(Effect::$effect(action));
            }
        }
    )*};
}

takes! {
    evs::Action => Ring,
    groups::Action => Groups,
    vip::Action => Vip,
    replication::Action => Counters,
    logs::server::Action => Logs,
    logs::puller::Action => Puller,
    ringfort_console::Action => Router,
    session::Action => Sessions,
}

/// One node of the cluster, or one manager.
pub struct Node {
    pub(crate) config: Config,
    pub(crate) boot: Boot,
    pub(crate) me: ProcessId,
    pub(crate) now: Instant,
    pub(crate) started: Instant,
    pub(crate) ring: evs::Evs,
    pub(crate) groups: groups::Groups,
    pub(crate) vip: vip::Vip,
    pub(crate) counters: replication::Replication,
    pub(crate) logs: logs::server::Server,
    pub(crate) puller: Option<logs::puller::Puller>,
    pub(crate) router: ringfort_console::Router,
    pub(crate) roster: Roster,
    pub(crate) peers: Peers,
    pub(crate) bus: Bus,
    pub(crate) clients: Clients,
    pub(crate) streams: Streams,
    pub(crate) connections: Connections,
    pub(crate) consoles: Consoles,
    pub(crate) leaving: Leaving,
    /// The seal, as its guard last told of it; none without one.
    pub(crate) seal: Option<SealStatus>,
    pub(crate) targets: Vec<Target>,
    /// For the simulator: what is appended and not yet written, by log.
    pub(crate) unwritten: BTreeMap<Arc<str>, VecDeque<Unwritten>>,
    pub(crate) pass: Pass,
}

impl Node {
    /// Starts a node at `now`: its first orders and, alone in it, its first configuration go into `out`.
    ///
    /// # Errors
    /// [`ConfigError`] if one of the machines refuses its part; nothing of what went into `out` is to be done.
    pub fn new(
        config: Config,
        boot: Boot,
        now: Instant,
        out: &mut impl Sink<Action>,
    ) -> Result<Self, ConfigError> {
        config.validate()?;
        let me = ProcessId::new(config.node, boot.incarnation);
        let mut pass = Pass::default();
        let ring = config.ring_of(me);
        let mut counters = config.counters.clone();
        counters.observe = config.observe;
        let groups = groups::Groups::new(group_layer(me))?;
        let clients = Clients::new(&config)?;
        let bus = Bus::new(&config);
        let mut node = Self {
            me,
            now,
            started: now,
            ring: evs::Evs::new(ring, boot.seed.fork("evs"), now, &mut pass)?,
            groups,
            vip: vip::Vip::new(me, config.vip.clone(), now, &mut pass)?,
            counters: replication::Replication::new(me, counters)?,
            logs: Self::log_service(&config, &boot, now, &mut pass)?,
            puller: Self::log_puller(&config, &boot, now, &mut pass)?,
            router: Self::console_router(&config, me),
            roster: Roster::new(me, config.introduction(&bus)),
            peers: Peers::new(&config),
            bus,
            clients,
            streams: Streams::default(),
            connections: Connections::new(&config),
            consoles: Consoles::default(),
            leaving: Leaving::default(),
            seal: None,
            targets: Vec::new(),
            unwritten: BTreeMap::new(),
            pass,
            config,
            boot,
        };
        node.connect_services();
        node.open_static_listeners(out);
        node.work(out);
        Ok(node)
    }

    /// This process.
    pub const fn process(&self) -> ProcessId {
        self.me
    }

    /// The configuration in force.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Wall time at `now`: nanoseconds since 1970-01-01 UTC.
    pub(crate) const fn wall_ns(&self) -> u64 {
        self.boot.wall_origin_ns.saturating_add(self.now.as_nanos())
    }

    /// Lets one machine handle one event; its effects join the pass.
    pub(crate) fn tell_vip(&mut self, event: vip::Event) {
        self.vip.handle(self.now, event, &mut self.pass);
    }

    pub(crate) fn tell_groups(&mut self, event: groups::Event) {
        self.groups.handle(self.now, event, &mut self.pass);
    }

    pub(crate) fn push_groups(&mut self, action: groups::Action) {
        self.pass.push(action);
    }

    /// Puts a mark behind what the group layer has just said, if it knows everybody and a service does not yet.
    pub(crate) fn mark_settled(&mut self) {
        if self.bus.behind() && self.groups.status().settled {
            self.pass.0.push_back(Effect::Settled);
        }
    }

    pub(crate) fn tell_counters(&mut self, event: replication::Event) {
        self.counters.handle(self.now, event, &mut self.pass);
    }

    pub(crate) fn tell_logs(&mut self, event: logs::server::Event) {
        self.logs.handle(self.now, event, &mut self.pass);
    }

    pub(crate) fn tell_puller(&mut self, event: logs::puller::Event) {
        if let Some(puller) = &mut self.puller {
            puller.handle(self.now, event, &mut self.pass);
        }
    }

    pub(crate) fn tell_router(&mut self, event: ringfort_console::Event) {
        self.router.handle(self.now, event, &mut self.pass);
    }

    pub(crate) fn tell_sessions(&mut self, event: session::Event) {
        let sessions = &mut self.clients.sessions;
        sessions.handle(self.now, event, &mut self.pass);
    }

    pub(crate) fn tell_ring(&mut self, event: evs::Event) {
        self.ring.handle(self.now, event, &mut self.pass);
    }

    /// Works off the effects, and what could not be sent before.
    fn work(&mut self, out: &mut impl Sink<Action>) {
        loop {
            while let Some(effect) = self.pass.0.pop_front() {
                self.on_effect(effect, out);
            }
            self.flush(out);
            self.weigh();
            if self.pass.0.is_empty() {
                break;
            }
        }
        self.finish_leaving(out);
    }

    fn on_effect(&mut self, effect: Effect, out: &mut impl Sink<Action>) {
        match effect {
            Effect::Ring(action) => self.on_ring(action, out),
            Effect::Groups(action) => self.on_groups(action, out),
            Effect::Vip(action) => self.on_vip(action, out),
            Effect::Counters(action) => self.on_counters(action, out),
            Effect::Logs(action) => self.on_logs(action, out),
            Effect::Puller(action) => self.on_puller(action, out),
            Effect::Router(action) => self.on_router(action, out),
            Effect::Sessions(action) => self.on_sessions(action, out),
            Effect::Settled => self.on_settled(),
        }
    }

    /// Wakes the machines whose deadline has come. A machine that is not due is not touched.
    fn on_wake(&mut self, out: &mut impl Sink<Action>) {
        let now = self.now;
        let due = |deadline: Option<Deadline>| deadline.is_some_and(|deadline| deadline.at <= now);
        if due(self.ring.deadline()) {
            self.tell_ring(Wake.into());
        }
        if due(self.groups.deadline()) {
            self.tell_groups(Wake.into());
        }
        if due(self.vip.deadline()) {
            self.tell_vip(Wake.into());
        }
        if due(self.counters.deadline()) {
            self.tell_counters(Wake.into());
        }
        if due(self.logs.deadline()) {
            self.tell_logs(Wake.into());
        }
        if due(self.puller.as_ref().and_then(Machine::deadline)) {
            self.tell_puller(Wake.into());
        }
        if due(self.router.deadline()) {
            self.tell_router(Wake.into());
        }
        if due(self.clients.sessions.deadline()) {
            self.tell_sessions(Wake.into());
        }
        if due(self.connections.deadline()) {
            self.retry_listeners(out);
        }
        if due(self.leaving.deadline()) {
            self.hurry_leaving(out);
        }
    }

    fn on_seal(&mut self, event: SealEvent) {
        match event {
            SealEvent::Status(status) => self.seal = Some(status),
            SealEvent::Trust(_) => {} // there is no guard that would have taken it
        }
    }

    fn on_local(&mut self, event: LocalEvent, out: &mut impl Sink<Action>) {
        match event {
            LocalEvent::Group { client, command } => self.on_client(client, command, out),
            LocalEvent::Count { object, key, by } => {
                self.count(&object, &key, by, out);
            }
            LocalEvent::Append {
                log,
                class,
                payload,
            } => self.append(log, class, payload),
        }
    }
}

impl Machine for Node {
    type Event = Event;
    type Action = Action;

    fn handle(&mut self, now: Instant, event: Event, out: &mut impl Sink<Action>) {
        assert!(now >= self.now, "time goes forward");
        self.now = now;
        match event {
            Event::Wake => self.on_wake(out),
            Event::Datagram { from, bytes } => self.on_datagram(from, &bytes, out),
            Event::Stream(event) => self.on_stream(event, out),
            Event::Console(event) => self.on_console(event, out),
            Event::Listener(event) => self.on_listener(event, out),
            Event::Connection(event) => self.on_connection(event, out),
            Event::Bus(event) => self.on_bus(event),
            Event::Local(event) => self.on_local(event, out),
            Event::Disk { order, outcome } => self.on_disk(order, outcome),
            Event::Address { order, outcome } => self.tell_vip(vip::Event::Done { order, outcome }),
            Event::Seal(event) => self.on_seal(event),
            Event::Reload(config) => self.reload(*config, out),
            Event::Leave => self.leave(),
        }
        self.work(out);
    }

    fn deadline(&self) -> Option<Deadline> {
        Deadline::earliest([
            self.ring.deadline(),
            self.groups.deadline(),
            self.vip.deadline(),
            self.counters.deadline(),
            self.logs.deadline(),
            self.puller.as_ref().and_then(Machine::deadline),
            self.router.deadline(),
            self.clients.sessions.deadline(),
            self.connections.deadline(),
            self.leaving.deadline(),
        ])
    }

    fn digest(&self, into: &mut Digest) {
        self.ring.digest(into);
        self.groups.digest(into);
        self.vip.digest(into);
        self.counters.digest(into);
        self.logs.digest(into);
        if let Some(puller) = &self.puller {
            puller.digest(into);
        }
        self.router.digest(into);
        self.roster.digest(into);
        self.bus.digest(into);
        self.clients.digest(into);
        self.streams.digest(into);
        self.connections.digest(into);
        self.consoles.digest(into);
        self.leaving.digest(into);
    }
}

impl Node {
    /// Takes a new configuration as a whole. What cannot change in a life (who this is, the ring's identity)
    /// keeps its old value; the runtime has refused files that change it.
    fn reload(&mut self, config: Config, out: &mut impl Sink<Action>) {
        if let Err(error) = config.validate() {
            out.push(Action::Note(Note::ReloadRefused(error)));
            return;
        }
        let mut counters = config.counters.clone();
        counters.observe = self.config.observe;
        self.peers = Peers::new(&config);
        self.clients.reload(&config);
        self.tell_vip(vip::Event::Reload(config.vip.clone()));
        self.tell_counters(replication::Event::Reload(Box::new(counters)));
        self.tell_logs(logs::server::Event::Configure(Self::stores(
            &config, &self.boot,
        )));
        self.reload_listeners(&config, out);
        let observe = self.config.observe;
        self.config = config;
        self.config.observe = observe;
        self.reintroduce();
        out.push(Action::Note(Note::Reloaded));
    }
}

/// The group layer of process `me`. A program may be in as many groups as Spread let it be, which sets no limit;
/// what bounds a merge is all memberships of a node together.
fn group_layer(me: ProcessId) -> groups::Config {
    let mut config = groups::Config::new(me);
    config.limits.groups_per_client = config.limits.memberships;
    config
}
