//! The loop that drives one node: wait, wake what is due, take a bounded batch of events, do what the node
//! wants, repeat.
//!
//! The order is the same as in the simulator: a deadline that is due fires before the event at hand
//! ([`ringfort_machine::step`]), so a flood of datagrams cannot starve a timer. Every source has a budget for
//! each turn, and what is left over is remembered, because readiness is told only once. The clock is read for
//! every event, so time goes on within a batch as well.
//!
//! What it deliberately does not: decide anything about the protocol. Actions go to the executor of their
//! family, completions come back as events, and that is all.

mod reload;
mod sealing;

use std::{
    collections::VecDeque,
    io,
    sync::Arc,
    time::{Duration, Instant as SystemInstant},
};

use mio::{Events, Poll, Waker};
use ringfort_machine::{Machine, step};
use ringfort_node::{
    Action, Boot, BusEvent, Event, Guard, Halt,
    journal::{Origin, Recorder},
};

use crate::{
    BootError, Clock, JournalOptions,
    address::Addresses,
    boot::{self, Claim},
    clients::Clients,
    configuration::Loaded,
    connections::{Connections, Happened},
    consoles::Consoles,
    datagram::{self, Datagrams},
    disk::Disk,
    notes::Notes,
    recording::{self, Recording},
    signals::{Request, Signals},
    streams::{self, Streams},
    timer::Timer,
    token::Source,
};

/// Events that one turn handles before the sockets are asked again.
const TURN_EVENTS: usize = 1024;
/// Between two looks at what has been silent for too long.
const SWEEP: Duration = Duration::from_secs(1);
/// How long leaving in good order may take before the process ends all the same.
const LEAVE_LIMIT: Duration = Duration::from_secs(10);
/// How long last answers may take to leave at the end.
const FLUSH_LIMIT: Duration = Duration::from_millis(500);

/// One daemon: a node and its surroundings.
pub struct Daemon {
    poll: Poll,
    timer: Timer,
    clock: Clock,
    node: Guard<Recorder<Recording>>,
    loaded: Loaded,
    sources: Sources,
    /// Events to be handled, oldest first.
    inbox: VecDeque<Event>,
    /// Actions to be done, oldest first; empty between events.
    actions: VecDeque<Action>,
    notes: Notes,
    /// What was last told of the bus socket.
    told: datagram::Counters,
    leaving_since: Option<SystemInstant>,
    halted: Option<Halt>,
    /// Held to the end of the process.
    _claims: Vec<Claim>,
}

/// Everything that produces events.
#[derive(Debug)]
struct Sources {
    signals: Signals,
    bus: Datagrams,
    bus_ready: bool,
    group_ready: bool,
    streams: Streams,
    consoles: Consoles,
    connections: Connections,
    clients: Clients,
    disk: Disk,
    addresses: Addresses,
}

impl Daemon {
    /// Takes the directories, opens the sockets and starts the node. Nothing is announced to anybody before
    /// all of it has succeeded. Its life is recorded in `journal`, if there is one.
    ///
    /// # Errors
    /// [`BootError`] with what to do about it.
    pub fn start(loaded: Loaded, journal: Option<&JournalOptions>) -> Result<Self, BootError> {
        let claims = loaded.claim()?;
        let system = |what| move |source| BootError::system(what, source);
        let poll = Poll::new().map_err(system("open a poll"))?;
        let registry = |poll: &Poll| {
            poll.registry()
                .try_clone()
                .map_err(system("share the poll's registry"))
        };
        let waker = Waker::new(poll.registry(), Source::Workers.token())
            .map(Arc::new)
            .map_err(system("open a waker"))?;
        let settings = &loaded.settings;
        let mut bus = Datagrams::open(&loaded.datagram_options())?;
        bus.register(
            poll.registry(),
            Source::Bus.token(),
            Source::BusGroup.token(),
        )
        .map_err(system("register the bus socket"))?;
        let stream_options = streams::Options {
            connect_timeout: settings.streams.connect_timeout,
            idle_timeout: settings.streams.idle_timeout,
            backlog: settings.streams.max_backlog.min(1024),
        };
        let sources = Sources {
            signals: Signals::open(poll.registry()).map_err(system("listen to signals"))?,
            bus,
            bus_ready: true,
            group_ready: true,
            streams: Streams::open(
                registry(&poll)?,
                &settings.cluster_listeners,
                stream_options,
            )?,
            consoles: Consoles::open(registry(&poll)?, &settings.control_listeners)?,
            connections: Connections::new(registry(&poll)?),
            clients: Clients::open(registry(&poll)?, &settings.bus.clients.listeners)?,
            disk: Disk::start(loaded.places(), waker.clone())
                .map_err(system("start the disk worker"))?,
            addresses: Addresses::start(settings.duravip.address_mode, waker)?,
        };
        let timer =
            Timer::new(poll.registry(), Source::Timer.token()).map_err(system("open a timer"))?;
        let mut clock = Clock::start();
        let mut actions = VecDeque::new();
        let boot = Boot {
            seed: boot::seed()?,
            incarnation: boot::next_incarnation(&loaded.state_directory())?,
            wall_origin_ns: clock.wall_origin_ns(),
            system_boot: boot::system_boot(),
        };
        let origin = Origin {
            build: recording::build(),
            boot,
            now: clock.now(),
            config: loaded.node_config()?,
        };
        let tape = match journal {
            Some(options) => Some((Recording::start(&options.path)?, options.limit_bytes)),
            None => None,
        };
        let node = sealing::start(&loaded, origin, tape, &mut actions)?;
        Ok(Self {
            poll,
            timer,
            clock,
            node,
            loaded,
            sources,
            inbox: VecDeque::new(),
            actions,
            notes: Notes::default(),
            told: datagram::Counters::default(),
            leaving_since: None,
            halted: None,
            _claims: claims,
        })
    }

    /// Runs until the node halts.
    ///
    /// # Errors
    /// [`BootError::Ended`] if it does so for another reason than having been asked to.
    pub fn run(mut self) -> Result<(), BootError> {
        let mut events = Events::with_capacity(256);
        let mut swept = SystemInstant::now();
        self.perform();
        loop {
            let more = self.turn();
            if self.halted.is_some() || self.overdue() {
                break;
            }
            let wait = if more {
                Duration::ZERO
            } else {
                self.wait(swept)
            };
            match self.poll.poll(&mut events, self.timer.arm(Some(wait))) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(BootError::system("wait for events", source)),
            }
            for event in &events {
                if let Some(source) = Source::of(event.token()) {
                    let readable =
                        event.is_readable() || event.is_read_closed() || event.is_error();
                    let writable =
                        event.is_writable() || event.is_write_closed() || event.is_error();
                    self.dispatch(source, readable, writable);
                }
            }
            if swept.elapsed() >= SWEEP {
                swept = SystemInstant::now();
                self.sweep(swept);
            }
        }
        self.finish(&mut events)
    }

    /// How long nothing has to be done.
    fn wait(&mut self, swept: SystemInstant) -> Duration {
        let sweep = SWEEP.saturating_sub(swept.elapsed());
        let now = self.clock.now();
        match self.node.deadline() {
            Some(deadline) => deadline.at.since(now).min(sweep),
            None => sweep,
        }
    }

    /// One turn: the wake that is due, then what waits, source by source. Returns whether something is left.
    fn turn(&mut self) -> bool {
        let now = self.clock.now();
        if self
            .node
            .deadline()
            .is_some_and(|deadline| deadline.at <= now)
        {
            self.node.handle(now, Event::Wake, &mut self.actions);
            self.perform();
        }
        self.sources.bus.flush();
        let mut more = self.sources.gather(&mut self.inbox);
        for _ in 0..TURN_EVENTS {
            let Some(event) = self.inbox.pop_front() else {
                break;
            };
            step(&mut self.node, self.clock.now(), event, &mut self.actions);
            self.perform();
            if self.halted.is_some() {
                return true;
            }
        }
        self.sources.bus.flush();
        let Self { sources, inbox, .. } = self;
        sources
            .clients
            .flush(&mut |event| inbox.push_back(Event::Bus(event)));
        more |= !self.inbox.is_empty();
        more
    }

    /// Does what the node wants, in the order in which it wants it. What completes at once becomes an event.
    fn perform(&mut self) {
        let Self {
            actions,
            inbox,
            sources,
            notes,
            halted,
            ..
        } = self;
        for action in actions.drain(..) {
            match action {
                Action::Datagram { to, bytes } => sources.bus.send(&to, &bytes),
                Action::Stream(action) => sources
                    .streams
                    .perform(action, &mut |event| inbox.push_back(Event::Stream(event))),
                Action::Console(action) => sources
                    .consoles
                    .perform(action, &mut |event| inbox.push_back(Event::Console(event))),
                Action::Listener(action) => sources
                    .connections
                    .perform_listener(action, &mut |event| inbox.push_back(event.into())),
                Action::Connection(action) => sources
                    .connections
                    .perform(action, &mut |event| inbox.push_back(event.into())),
                Action::Bus(action) => sources.clients.perform(action, &mut |event| match event {
                    // A fast reader is not to look slow because of what waits before this.
                    BusEvent::Drained { .. } => inbox.push_front(Event::Bus(event)),
                    BusEvent::Accepted { .. } | BusEvent::Data { .. } | BusEvent::Closed { .. } => {
                        inbox.push_back(Event::Bus(event));
                    }
                }),
                Action::Disk(order, action) => sources.disk.order(order, action),
                Action::Address(order, action) => sources.addresses.order(order, action),
                Action::Note(note) => notes.take(&note),
                Action::Halt(halt) => *halted = Some(halt),
                // No program embeds this daemon's node, so there is no client of ours to tell.
                Action::Group { .. } => {}
                // The guard has taken it, if there is anything to seal.
                Action::Seal(_) => {}
            }
        }
    }

    fn dispatch(&mut self, source: Source, readable: bool, writable: bool) {
        let Self { sources, inbox, .. } = self;
        match source {
            Source::Workers | Source::Timer => {} // looked at in every turn
            Source::Signals => self.signalled(),
            Source::Bus => sources.bus_ready |= readable,
            Source::BusGroup => sources.group_ready |= readable,
            Source::StreamListener(number) => sources.streams.listener_ready(number),
            Source::Stream(number) => {
                sources
                    .streams
                    .stream_ready(number, readable, writable, &mut |event| {
                        inbox.push_back(Event::Stream(event));
                    });
            }
            Source::ConsoleListener(number) => sources.consoles.listener_ready(number),
            Source::Console(number) => {
                sources
                    .consoles
                    .session_ready(number, readable, writable, &mut |event| {
                        inbox.push_back(Event::Console(event));
                    });
            }
            Source::BusListener(number) => sources.clients.listener_ready(number),
            Source::BusClient(number) => sources.clients.client_ready(number, readable, writable),
            Source::ServiceListener(number) => sources.connections.listener_ready(number),
            Source::Client(number) => {
                sources
                    .connections
                    .client_ready(number, readable, &mut |event| inbox.push_back(event.into()))
            }
            Source::Backend(number) => {
                sources
                    .connections
                    .backend_ready(number, readable, &mut |event| inbox.push_back(event.into()))
            }
        }
    }

    fn signalled(&mut self) {
        for request in self.sources.signals.pending() {
            match request {
                Request::Reload => self.reload(),
                Request::Leave if self.leaving_since.is_some() => {
                    tracing::warn!("asked to leave for the second time: ending at once");
                    self.leaving_since = SystemInstant::now().checked_sub(LEAVE_LIMIT);
                }
                Request::Leave => {
                    tracing::info!("leaving in good order");
                    self.leaving_since = Some(SystemInstant::now());
                    self.inbox.push_back(Event::Leave);
                }
            }
        }
    }

    fn overdue(&self) -> bool {
        self.leaving_since
            .is_some_and(|since| since.elapsed() >= LEAVE_LIMIT)
    }

    /// Says what the bus socket has lost since the last time, at most once a sweep.
    fn tell_losses(&mut self) {
        let now = self.sources.bus.counters();
        let told = std::mem::replace(&mut self.told, now);
        let losses = [
            ("too long", now.too_long - told.too_long),
            (
                "dropped, the socket's buffer is full",
                now.overflowed - told.overflowed,
            ),
            ("refused by the system", now.refused - told.refused),
        ];
        for (why, count) in losses {
            if count > 0 {
                tracing::warn!(count, "datagrams {why}");
            }
        }
        tracing::trace!(received = now.received, sent = now.sent, "datagrams");
    }

    fn sweep(&mut self, now: SystemInstant) {
        self.tell_losses();
        let Self { sources, inbox, .. } = self;
        sources
            .streams
            .sweep(now, &mut |event| inbox.push_back(Event::Stream(event)));
        sources
            .consoles
            .sweep(now, &mut |event| inbox.push_back(Event::Console(event)));
        sources
            .connections
            .sweep(now, &mut |event| inbox.push_back(event.into()));
        sources.clients.sweep(now);
    }

    /// Lets last datagrams, answers and orders go out, and says how it ended.
    fn finish(mut self, events: &mut Events) -> Result<(), BootError> {
        let end = SystemInstant::now() + FLUSH_LIMIT;
        self.sources.bus.flush();
        while !self.sources.consoles.is_flushed() && SystemInstant::now() < end {
            if self.poll.poll(events, Some(FLUSH_LIMIT / 10)).is_err() {
                break;
            }
            for event in &*events {
                if let Some(Source::Console(number)) = Source::of(event.token()) {
                    self.sources
                        .consoles
                        .session_ready(number, false, true, &mut |_| {});
                }
            }
        }
        self.sources.consoles.finish();
        self.sources.clients.finish();
        self.sources.addresses.finish();
        self.sources.disk.finish();
        if self.clock.turned_back() > 0 {
            let times = self.clock.turned_back();
            tracing::warn!(
                times,
                "the system's monotonic clock went back; time was held still"
            );
        }
        for (kind, total) in self.notes.totals() {
            tracing::debug!(kind, total, "noted");
        }
        match self.halted {
            Some(Halt::Left) => {
                tracing::info!("left");
                Ok(())
            }
            Some(Halt::Overloaded) => Err(BootError::Ended(
                "the node was overloaded and would have lost messages of its own; start it again"
                    .into(),
            )),
            None => Err(BootError::Ended(
                "leaving took too long; the process ended without it".into(),
            )),
        }
    }
}

impl Sources {
    /// Takes what has arrived, within each source's budget. Returns whether something is left.
    fn gather(&mut self, inbox: &mut VecDeque<Event>) -> bool {
        // What was read of clients before is to be understood first, so that those who are told to wait have little
        // that is not.
        let read_clients = inbox.is_empty();
        let mut take = |from, bytes| inbox.push_back(Event::Datagram { from, bytes });
        if self.bus_ready {
            self.bus_ready = self.bus.receive(false, &mut take);
        }
        if self.group_ready {
            self.group_ready = self.bus.receive(true, &mut take);
        }
        while let Some((order, outcome)) = self.disk.completed() {
            inbox.push_back(Event::Disk { order, outcome });
        }
        while let Some((order, outcome)) = self.addresses.completed() {
            inbox.push_back(Event::Address { order, outcome });
        }
        let mut more = self.bus_ready || self.group_ready;
        more |= self
            .streams
            .turn(&mut |event| inbox.push_back(Event::Stream(event)));
        more |= self
            .consoles
            .turn(&mut |event| inbox.push_back(Event::Console(event)));
        more |= self
            .connections
            .turn(&mut |event| inbox.push_back(event.into()));
        more |= self.clients.turn(read_clients, &mut |event| {
            inbox.push_back(Event::Bus(event))
        });
        more
    }
}

impl From<Happened> for Event {
    fn from(happened: Happened) -> Self {
        match happened {
            Happened::Listener(event) => Self::Listener(event),
            Happened::Connection(event) => Self::Connection(event),
        }
    }
}
