//! The logs of a node and their replay to whoever subscribes.
//!
//! The server owns the stores of its node. A puller opens a stream and subscribes to logs by name; records are
//! pushed as soon as they are durable, as far as the puller's credit reaches, and its checkpoints are handed to
//! the store and acknowledged when they are durable. A subscription is a cursor and nothing else: it dies with
//! its stream, and where the next one begins follows from the durable checkpoint and from what the puller says
//! that it has. Of two readers under one name the newer one wins, so that a stream that died unnoticed cannot
//! hold a name (services-anchors 2.5 L5, L9).
//!
//! Deliberately not here: who may connect, and the framing of the stream.

mod api;
mod session;
mod stores;
mod subscription;

use alloc::{collections::BTreeMap, string::ToString, sync::Arc, vec::Vec};
use core::time::Duration;

pub use api::{Action, Event, Stream};
use ringfort_machine::{Deadline, Digest, Instant, Machine, OrderId, Sink};
use ringfort_wire::logs::{Body, PUBLISHED};
use session::Session;

use crate::{
    note::Note,
    record::AppendError,
    store::{self, ConfigError, ReadId, Store},
};

/// The most streams that are open at a time.
pub const STREAMS: usize = 256;
/// The most subscriptions on one stream.
pub const CHANNELS: usize = PUBLISHED;
/// The largest batch, in bytes of credit; a single record may be larger.
pub const BATCH_BYTES: usize = 256 << 10;
/// A stream on which nothing was said for so long gets a heartbeat.
pub const HEARTBEAT: Duration = Duration::from_secs(5);
/// A stream on which nothing was heard for so long is closed.
pub const SILENCE: Duration = Duration::from_secs(20);

/// The log service of a node.
#[derive(Debug)]
pub struct Server {
    stores: BTreeMap<Arc<str>, Store>,
    /// Logs that are no longer wanted and are being closed.
    retired: BTreeMap<Arc<str>, Store>,
    orders: BTreeMap<OrderId, (Arc<str>, bool, OrderId)>,
    counter: u64,
    sessions: BTreeMap<Stream, Session>,
    /// Who reads under which name.
    holders: BTreeMap<(Arc<str>, Arc<str>), (Stream, u32)>,
    reads: BTreeMap<ReadId, (Stream, u32)>,
    read_counter: u64,
    /// What to open once the log of the same key is closed.
    waiting: BTreeMap<Arc<str>, store::Config>,
    closing: bool,
}

impl Server {
    /// The service for `logs`. Keys and directories must differ; at most [`PUBLISHED`] logs.
    ///
    /// # Errors
    /// The first setting that is wrong.
    pub fn new(
        logs: Vec<store::Config>,
        now: Instant,
        out: &mut impl Sink<Action>,
    ) -> Result<Self, ConfigError> {
        let mut server = Self {
            stores: BTreeMap::new(),
            retired: BTreeMap::new(),
            orders: BTreeMap::new(),
            counter: 0,
            sessions: BTreeMap::new(),
            holders: BTreeMap::new(),
            reads: BTreeMap::new(),
            read_counter: 0,
            waiting: BTreeMap::new(),
            closing: false,
        };
        check(&logs)?;
        server.configure(now, logs, out);
        Ok(server)
    }

    /// The logs, by key.
    pub fn stores(&self) -> impl Iterator<Item = &Store> {
        self.stores.values()
    }

    /// The log of that key.
    pub fn store(&self, log: &str) -> Option<&Store> {
        self.stores.get(log)
    }

    /// How many streams are open.
    pub fn streams(&self) -> usize {
        self.sessions.len()
    }

    fn opened(&mut self, now: Instant, stream: Stream, out: &mut impl Sink<Action>) {
        if self.sessions.len() >= STREAMS || self.closing {
            out.push(Action::Note(Note::StreamRefused));
            out.push(Action::CloseStream { stream });
            return;
        }
        self.sessions.insert(stream, Session::new(now));
    }

    fn frame(&mut self, now: Instant, stream: Stream, body: Body, out: &mut impl Sink<Action>) {
        let Some(session) = self.sessions.get_mut(&stream) else {
            return; // closed by this side; what was under way is void
        };
        session.heard_at = now;
        match body {
            Body::List => {
                session.listing = true;
                self.publish(now, stream, out);
            }
            Body::Subscribe {
                channel,
                log,
                subscriber,
                from,
                epoch,
                credit,
            } => {
                let wish = subscription::Wish {
                    log,
                    subscriber,
                    from,
                    epoch,
                    credit,
                };
                self.subscribe(now, (stream, channel), wish, out);
            }
            Body::Credit { channel, bytes } => self.credit(now, (stream, channel), bytes, out),
            Body::Checkpoint { channel, id } => self.checkpoint(now, (stream, channel), id, out),
            Body::Unsubscribe { channel } => self.unsubscribe(now, (stream, channel), out),
            Body::Heartbeat => {}
            Body::Published { .. }
            | Body::Start { .. }
            | Body::Refused { .. }
            | Body::Batch { .. }
            | Body::Gap { .. }
            | Body::CheckpointDone { .. }
            | Body::Ended { .. } => {
                let what = "a puller spoke as a node does";
                out.push(Action::Note(Note::ProtocolBroken { what }));
                out.push(Action::CloseStream { stream });
                self.closed(now, stream, out);
            }
        }
    }

    fn closed(&mut self, now: Instant, stream: Stream, out: &mut impl Sink<Action>) {
        let Some(session) = self.sessions.remove(&stream) else {
            return;
        };
        for (number, channel) in session.channels {
            self.release(now, (stream, number), channel, out);
        }
    }

    /// Tells the names of the logs.
    fn publish(&mut self, now: Instant, stream: Stream, out: &mut impl Sink<Action>) {
        let logs = self.stores.keys().map(|key| key.to_string()).collect();
        self.say(now, stream, Body::Published { logs }, out);
    }

    fn say(&mut self, now: Instant, stream: Stream, body: Body, out: &mut impl Sink<Action>) {
        if let Some(session) = self.sessions.get_mut(&stream) {
            session.said_at = now;
            out.push(Action::Send { stream, body });
        }
    }

    /// Heartbeats, and the end of streams that are silent.
    fn tend(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        let silent: Vec<Stream> = self
            .sessions
            .iter()
            .filter(|(_, session)| now >= session.heard_at + SILENCE)
            .map(|(stream, _)| *stream)
            .collect();
        for stream in silent {
            out.push(Action::CloseStream { stream });
            self.closed(now, stream, out);
        }
        let quiet: Vec<Stream> = self
            .sessions
            .iter()
            .filter(|(_, session)| now >= session.said_at + HEARTBEAT)
            .map(|(stream, _)| *stream)
            .collect();
        for stream in quiet {
            self.say(now, stream, Body::Heartbeat, out);
        }
    }

    fn wake(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        self.tend(now, out);
        let due: Vec<Arc<str>> = self
            .stores
            .iter()
            .chain(&self.retired)
            .filter(|(_, store)| store.deadline().is_some_and(|due| due.at <= now))
            .map(|(key, _)| key.clone())
            .collect();
        for key in due {
            self.drive(now, &key, false, store::Event::Wake, out);
            self.drive(now, &key, true, store::Event::Wake, out);
        }
    }
}

/// Checks the settings of all logs, each and together.
///
/// # Errors
/// The first setting that is wrong.
pub fn check(logs: &[store::Config]) -> Result<(), ConfigError> {
    if logs.len() > PUBLISHED {
        return Err(ConfigError::TooMany { found: logs.len() });
    }
    for (index, log) in logs.iter().enumerate() {
        log.validate()?;
        let others = logs.get(..index).unwrap_or_default();
        if let Some(other) = others
            .iter()
            .find(|other| other.key == log.key || other.directory == log.directory)
        {
            return Err(ConfigError::Twice {
                one: (*other.key).into(),
                other: (*log.key).into(),
                directory: (*log.directory).into(),
            });
        }
    }
    Ok(())
}

impl Machine for Server {
    type Event = Event;
    type Action = Action;

    fn handle(&mut self, now: Instant, event: Event, out: &mut impl Sink<Action>) {
        match event {
            Event::Wake => self.wake(now, out),
            Event::Append { log, append } => {
                if self.stores.contains_key(log.as_str()) {
                    self.drive(now, &log, false, store::Event::Append(append), out);
                } else {
                    let why = AppendError::UnknownLog;
                    out.push(Action::AppendRefused { log, why, append });
                }
            }
            Event::Done { order, outcome } => self.done(now, order, outcome, out),
            Event::Opened { stream } => self.opened(now, stream, out),
            Event::Frame { stream, body } => self.frame(now, stream, body, out),
            Event::Closed { stream } => self.closed(now, stream, out),
            Event::AddSubscriber { log, subscriber } => {
                let event = store::Event::AddSubscriber(Arc::from(subscriber));
                self.drive(now, &log, false, event, out);
            }
            Event::RemoveSubscriber { log, subscriber } => {
                self.evict(now, &log, &subscriber, out);
                let event = store::Event::RemoveSubscriber(Arc::from(subscriber));
                self.drive(now, &log, false, event, out);
            }
            Event::Configure(logs) => self.configure(now, logs, out),
            Event::Close => self.close(now, out),
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        let stores = self.stores.values().chain(self.retired.values());
        let sessions = self.sessions.values().flat_map(|session| {
            [
                Some(Deadline::new(
                    session.heard_at + SILENCE,
                    "logs: silent stream",
                )),
                Some(Deadline::new(
                    session.said_at + HEARTBEAT,
                    "logs: heartbeat",
                )),
            ]
        });
        Deadline::earliest(stores.map(Store::deadline).chain(sessions))
    }

    fn digest(&self, into: &mut Digest) {
        for store in self.stores.values().chain(self.retired.values()) {
            store.digest(into);
        }
        into.flag(self.closing)
            .number(self.orders.len() as u64)
            .number(self.reads.len() as u64)
            .number(self.holders.len() as u64);
        for (stream, session) in &self.sessions {
            into.number(stream.0);
            session.digest(into);
        }
    }
}

#[cfg(test)]
mod tests;
