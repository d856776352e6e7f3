//! The manager's side: reads the logs of all nodes and writes them into text files, each record exactly once.
//!
//! The parts: `load` reads what the last life left and cuts the outputs back to it; `link` and `exchange` keep
//! a stream to every node and a subscription to every log; `commit` brings what was received into durable
//! output. A record is one line: its bytes, and a newline unless they end in one.
//!
//! Deliberately not here: who the nodes are, and the framing of the streams.

mod api;
mod commit;
mod config;
mod exchange;
mod link;
mod load;
mod pattern;
mod state;

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use core::time::Duration;

pub use api::{Action, Event, Source, SourceStatus, Status};
use commit::{Commit, Kept};
pub use config::{Config, ConfigError};
use link::{Contact, Link, Wanted};
use load::Load;
pub use pattern::{Pattern, PatternError};
use ringfort_machine::{Deadline, Digest, Instant, Machine, NodeId, OrderId, Rng, Seed, Sink};
use ringfort_wire::logs::Body;
pub(crate) use state::State;

use crate::{
    disk::{DiskAction, DiskOutcome, Path},
    note::Note,
    server::{HEARTBEAT, SILENCE, Stream},
};

/// How long a stream may take to be opened.
const CONNECT: Duration = Duration::from_secs(10);
/// The most nodes that are known at a time.
const NODES: usize = 1024;

#[derive(Debug)]
enum Phase {
    Loading(Load),
    Running(Commit),
    Stopped,
}

/// The puller of a manager.
#[derive(Debug)]
pub struct Puller {
    config: Config,
    rng: Rng,
    phase: Phase,
    links: BTreeMap<NodeId, Link>,
    streams: BTreeMap<Stream, NodeId>,
    stream_counter: u64,
    attempts: u64,
    orders: BTreeMap<OrderId, Path>,
    order_counter: u64,
    stopping: bool,
    records: u64,
    bytes: u64,
}

impl Puller {
    /// A puller on its way to reading its state.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn new(
        config: Config,
        seed: Seed,
        _now: Instant,
        out: &mut impl Sink<Action>,
    ) -> Result<Self, ConfigError> {
        config.validate()?;
        let mut puller = Self {
            config,
            rng: Rng::new(seed),
            phase: Phase::Loading(Load::new()),
            links: BTreeMap::new(),
            streams: BTreeMap::new(),
            stream_counter: 0,
            attempts: 0,
            orders: BTreeMap::new(),
            order_counter: 0,
            stopping: false,
            records: 0,
            bytes: 0,
        };
        puller.order_load(out);
        Ok(puller)
    }

    /// A picture for tools.
    pub fn status(&self, now: Instant) -> Status {
        let mut sources: Vec<SourceStatus> = Vec::new();
        let wall = self.config.wall_origin_ns.saturating_add(now.as_nanos());
        let commit = self.commit();
        let feeds = self.links.values().flat_map(|link| link.feeds.values());
        for feed in feeds {
            let waiting = commit.map_or(0, |commit| {
                let own = |item: &&commit::Item| *item.source == *feed.source;
                commit.waiting().filter(own).count() as u64
            });
            let behind = waiting > 0 || feed.lag.records > 0;
            sources.push(SourceStatus {
                source: (*feed.source).clone(),
                reading: feed.reading().is_some(),
                durable: commit
                    .and_then(|commit| commit.state.positions.get(&feed.source).copied()),
                checkpoint: feed.checkpoint,
                waiting_records: waiting,
                lag: feed.lag,
                lag_seconds: if behind {
                    wall.saturating_sub(feed.wall_ns) / 1_000_000_000
                } else {
                    0
                },
            });
        }
        Status {
            sources,
            open_files: commit.map_or(0, Commit::open_files),
            records: self.records,
            bytes: self.bytes,
        }
    }

    const fn commit(&self) -> Option<&Commit> {
        match &self.phase {
            Phase::Running(commit) => Some(commit),
            Phase::Loading(_) | Phase::Stopped => None,
        }
    }

    fn issue(&mut self, action: DiskAction, out: &mut impl Sink<Action>) {
        let order = OrderId::next(&mut self.order_counter);
        self.orders.insert(order, action.path().clone());
        out.push(Action::Disk(order, action));
    }

    fn order_load(&mut self, out: &mut impl Sink<Action>) {
        if let Phase::Loading(load) = &self.phase
            && let Some(action) = load.order(&self.config)
        {
            self.issue(action, out);
        }
    }

    fn done(
        &mut self,
        now: Instant,
        order: OrderId,
        outcome: DiskOutcome,
        out: &mut impl Sink<Action>,
    ) {
        let Some(file) = self.orders.remove(&order) else {
            out.push(Action::Note(Note::UnexpectedOutcome {
                log: self.config.state_file(),
            }));
            return;
        };
        match &mut self.phase {
            Phase::Loading(load) => {
                load.done(now, &self.config, outcome, out);
                if load.retry_at.is_some() {
                    return;
                }
                if load.order(&self.config).is_some() {
                    self.order_load(out);
                } else {
                    let state = core::mem::take(&mut load.state);
                    self.phase = Phase::Running(Commit::new(now, state, load.dirty));
                }
            }
            Phase::Running(commit) => {
                let (kept, actions) = commit.done(now, &self.config, &file, outcome, out);
                for action in actions {
                    self.issue(action, out);
                }
                if let Some(kept) = kept {
                    self.kept(now, kept, out);
                }
            }
            Phase::Stopped => {}
        }
    }

    /// Tells the nodes what need not be kept any more, and gives back their credit.
    fn kept(&mut self, now: Instant, kept: Kept, out: &mut impl Sink<Action>) {
        for (source, (id, cost)) in kept {
            let feed = self
                .links
                .get(&source.node)
                .and_then(|link| link.feeds.get(&source.log));
            let Some(feed) = feed else {
                continue;
            };
            let reading = feed.reading().filter(|_| feed.source == source);
            let channel = feed.channel();
            if let Some(channel) = reading {
                self.say(now, source.node, Body::Checkpoint { channel, id }, out);
            }
            if let (Some(channel), Ok(bytes @ 1..)) = (channel, u32::try_from(cost)) {
                self.say(now, source.node, Body::Credit { channel, bytes }, out);
            }
        }
    }

    /// Says something to a node, if it is there.
    fn say(&mut self, now: Instant, node: NodeId, body: Body, out: &mut impl Sink<Action>) {
        if let Some(link) = self.links.get_mut(&node)
            && let Contact::Up {
                stream, said_at, ..
            } = &mut link.contact
        {
            *said_at = now;
            out.push(Action::Send {
                stream: *stream,
                body,
            });
        }
    }

    /// Closes the stream to a node and waits before the next one.
    fn hang_up(&mut self, now: Instant, node: NodeId, tell: bool, out: &mut impl Sink<Action>) {
        let Some(link) = self.links.get_mut(&node) else {
            return;
        };
        if let Some(stream) = link.stream() {
            self.streams.remove(&stream);
            if tell {
                out.push(Action::CloseStream { stream });
            }
            if link.is_up() {
                out.push(Action::Note(Note::Disconnected { node }));
            }
            link.drop_contact(now, &self.config, &mut self.rng);
        }
    }

    /// Does whatever is due.
    fn settle(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        match &mut self.phase {
            Phase::Loading(load) => {
                if load.retry_at.is_some_and(|at| at <= now) {
                    load.retry_at = None;
                    self.order_load(out);
                }
            }
            Phase::Running(commit) => {
                let actions = commit.pump(now, &self.config, self.stopping, out);
                let idle = commit.is_idle();
                for action in actions {
                    self.issue(action, out);
                }
                if self.stopping && idle {
                    self.stop(now, out);
                } else {
                    self.tend(now, out);
                }
            }
            Phase::Stopped => {}
        }
    }

    fn stop(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        for node in self.links.keys().copied().collect::<Vec<_>>() {
            self.hang_up(now, node, true, out);
        }
        self.phase = Phase::Stopped;
        out.push(Action::Stopped);
    }

    /// Streams and subscriptions: opens, asks again, gives up.
    fn tend(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        for node in self.links.keys().copied().collect::<Vec<_>>() {
            let Some(link) = self.links.get(&node) else {
                continue;
            };
            match link.contact {
                Contact::Down(at) if link.up && at <= now && !self.stopping => {
                    self.connect(now, node, out);
                }
                Contact::Connecting(_, until) if until <= now => {
                    self.hang_up(now, node, true, out);
                }
                Contact::Up { heard_at, .. } if now >= heard_at + SILENCE => {
                    self.hang_up(now, node, true, out);
                }
                Contact::Up { said_at, .. } => {
                    if now >= said_at + HEARTBEAT {
                        self.say(now, node, Body::Heartbeat, out);
                    }
                    if !self.stopping {
                        self.ask(now, node, out);
                    }
                }
                Contact::Down(_) | Contact::Connecting(..) => {}
            }
        }
    }

    fn connect(&mut self, now: Instant, node: NodeId, out: &mut impl Sink<Action>) {
        let Some(link) = self.links.get_mut(&node) else {
            return;
        };
        if self.config.names(node).is_empty() {
            link.contact = Contact::Down(Instant::NEVER); // nothing is pulled from here
            return;
        }
        self.stream_counter = self.stream_counter.saturating_add(1);
        let stream = Stream(self.stream_counter);
        link.contact = Contact::Connecting(stream, now + CONNECT);
        self.streams.insert(stream, node);
        let address = link.address;
        out.push(Action::Connect { stream, address });
    }

    /// What [`Puller::tend`] will do next, and when: nothing else may be due, or the machine would be woken for
    /// ever. One that is stopping opens nothing and asks for nothing any more.
    fn next_due(&self) -> Option<Instant> {
        let going = !self.stopping;
        let links = self.links.values().flat_map(|link| {
            let contact = match link.contact {
                Contact::Down(at) => Some(at).filter(|at| going && link.up && *at < Instant::NEVER),
                Contact::Connecting(_, until) => Some(until),
                Contact::Up {
                    heard_at, said_at, ..
                } => Some((heard_at + SILENCE).min(said_at + HEARTBEAT)),
            };
            let asks = link.feeds.values().filter_map(|feed| match feed.wanted {
                Wanted::Later(at) if going && link.is_up() && feed.published => Some(at),
                Wanted::Later(_) | Wanted::Asked(_) | Wanted::Reading(_) => None,
            });
            asks.chain(contact).collect::<Vec<_>>()
        });
        links.min()
    }

    fn target(&mut self, now: Instant, node: NodeId, told: Link, out: &mut impl Sink<Action>) {
        let up = told.up;
        let room = self.links.len() < NODES;
        match self.links.get_mut(&node) {
            Some(link) => {
                let moved = link.address != told.address;
                link.name = told.name;
                link.subcluster = told.subcluster;
                link.address = told.address;
                for feed in link.feeds.values_mut() {
                    feed.path = None;
                }
                let returned = up && !link.up;
                link.up = up;
                if !up || moved {
                    self.hang_up(now, node, true, out);
                }
                if let Some(link) = self.links.get_mut(&node)
                    && (returned || moved)
                {
                    link.failures = 0;
                    if let Contact::Down(at) = &mut link.contact {
                        *at = now;
                    }
                }
            }
            None if room => {
                self.links.insert(node, told);
            }
            None => out.push(Action::Note(Note::TooManySources {
                node,
                log: Arc::from("any"),
            })),
        }
    }
}

impl Machine for Puller {
    type Event = Event;
    type Action = Action;

    fn handle(&mut self, now: Instant, event: Event, out: &mut impl Sink<Action>) {
        match event {
            Event::Wake => {}
            Event::Target {
                node,
                name,
                subcluster,
                address,
                up,
            } => {
                let link = Link {
                    name,
                    subcluster,
                    address,
                    up,
                    contact: Contact::Down(now),
                    failures: 0,
                    next_channel: 0,
                    feeds: BTreeMap::new(),
                };
                self.target(now, node, link, out);
            }
            Event::Connected { stream } => self.connected(now, stream, out),
            Event::Frame { stream, body } => self.frame(now, stream, body, out),
            Event::Closed { stream } => {
                if let Some(node) = self.streams.get(&stream).copied() {
                    self.hang_up(now, node, false, out);
                }
            }
            Event::Done { order, outcome } => self.done(now, order, outcome, out),
            Event::Stop => {
                self.stopping = true;
                if let Phase::Loading(_) = self.phase {
                    self.stop(now, out);
                }
            }
        }
        self.settle(now, out);
    }

    fn deadline(&self) -> Option<Deadline> {
        match &self.phase {
            Phase::Loading(load) => load
                .retry_at
                .map(|at| Deadline::new(at, "puller: state again")),
            Phase::Running(commit) => Deadline::earliest([
                commit
                    .deadline(&self.config)
                    .map(|at| Deadline::new(at, "puller: output")),
                self.next_due()
                    .map(|at| Deadline::new(at, "puller: streams")),
            ]),
            Phase::Stopped => None,
        }
    }

    fn digest(&self, into: &mut Digest) {
        into.number(self.links.len() as u64)
            .number(self.streams.len() as u64)
            .number(self.orders.len() as u64)
            .flag(self.stopping);
        for (node, link) in &self.links {
            into.number(node.0).flag(link.up).flag(link.is_up());
            for feed in link.feeds.values() {
                let cursor = feed.cursor.unwrap_or_default();
                into.text(&feed.source.log)
                    .text(&feed.source.subscriber)
                    .number(cursor.incarnation)
                    .number(cursor.sequence)
                    .flag(feed.reading().is_some());
            }
        }
        if let Some(commit) = self.commit() {
            into.bytes(&commit.state.encode())
                .number(commit.waiting().count() as u64);
        }
    }
}

#[cfg(test)]
mod tests;
