//! One log on one node: appended by one writer, read by many, never contradicted.
//!
//! The parts: `recover` finds out what there is; `writer` places records and makes them durable; `reads`
//! hands out what is durable; `subscribers` keeps checkpoints; `retain` deletes. They share the list of
//! segments and the orders to the disk, and know nothing else of each other; this file only passes events on.
//!
//! Deliberately not here: who may read (`crate::server`), and files.

mod api;
mod config;
pub(crate) mod orders;
mod reads;
mod recover;
mod retain;
mod scan;
mod segments;
mod subscribers;
mod writer;

use alloc::{boxed::Box, sync::Arc, vec::Vec};

pub use api::{Action, Event, Fetched, ReadId, Status, SubscriberStatus};
pub use config::{Config, ConfigError, READS, SUBSCRIBERS};
use orders::{Orders, Purpose, data, done};
use reads::Reads;
use recover::Recovery;
use retain::Retention;
use ringfort_machine::{Bounded, Deadline, Digest, Instant, Machine, OrderId, Sink};
use ringfort_wire::logs::RecordId;
use segments::Segments;
use subscribers::Subscribers;
use writer::Writer;

use crate::{
    disk::{DiskAction, DiskOutcome},
    format::log_hash,
    note::Note,
    record::{Append, AppendError},
};

/// How many events may wait for the end of recovery.
const EARLY: usize = 65_536;

/// What every part needs to know beside its own state.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'a> {
    now: Instant,
    config: &'a Config,
}

#[derive(Debug)]
enum Phase {
    /// Nothing is known yet; what comes meanwhile waits.
    Recovering(Box<Recovery>),
    Running(Writer),
    /// Making everything durable; `ending` once the mark of the end is with the disk.
    Closing {
        writer: Writer,
        ending: bool,
    },
    Closed,
}

/// One log.
#[derive(Debug)]
pub struct Store {
    config: Config,
    log: u64,
    phase: Phase,
    orders: Orders,
    segments: Segments,
    subscribers: Subscribers,
    reads: Reads,
    retention: Retention,
    early: Bounded<Event>,
    early_bytes: usize,
}

impl Store {
    /// A log on its way to recovery.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn new(
        config: Config,
        _now: Instant,
        out: &mut impl Sink<Action>,
    ) -> Result<Self, ConfigError> {
        config.validate()?;
        let mut store = Self {
            log: log_hash(&config.key),
            config,
            phase: Phase::Recovering(Box::new(Recovery::new())),
            orders: Orders::default(),
            segments: Segments::default(),
            subscribers: Subscribers::default(),
            reads: Reads::default(),
            retention: Retention::default(),
            early: Bounded::new(EARLY),
            early_bytes: 0,
        };
        store.order_recovery(out);
        Ok(store)
    }

    /// Its settings.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Whether it is recovered and not closing.
    pub const fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running(_))
    }

    /// The durable checkpoint of a subscriber that exists durably.
    pub fn checkpoint(&self, subscriber: &str) -> Option<RecordId> {
        self.subscribers.checkpoint(subscriber)
    }

    /// The newest identity that any reader can have: of the log's present incarnation.
    pub fn durable(&self) -> Option<RecordId> {
        self.writer().map(|writer| {
            RecordId::new(writer.incarnation(), writer.durable_end().saturating_sub(1))
        })
    }

    /// A picture for tools.
    pub fn status(&self) -> Status {
        let some = |id: RecordId| (id != RecordId::BEFORE_ALL).then_some(id);
        let writer = self.writer();
        let subscribers = self
            .subscribers
            .list()
            .into_iter()
            .map(|(name, checkpoint)| {
                let lag = writer
                    .map(|writer| reads::lag(&self.segments, writer, checkpoint))
                    .unwrap_or_default();
                SubscriberStatus {
                    name,
                    checkpoint,
                    lag_records: lag.records,
                    lag_bytes: lag.bytes,
                }
            });
        Status {
            key: self.config.key.clone(),
            running: self.is_running(),
            bytes: self.segments.bytes(),
            segments: self.segments.len(),
            last: writer.and_then(|writer| some(writer.last())),
            durable: writer.and_then(|writer| some(writer.durable())),
            waiting_bytes: writer.map_or(self.early_bytes, Writer::waiting_bytes),
            subscribers: subscribers.collect(),
        }
    }

    fn writer(&self) -> Option<&Writer> {
        match &self.phase {
            Phase::Running(writer) | Phase::Closing { writer, .. } => Some(writer),
            Phase::Recovering(_) | Phase::Closed => None,
        }
    }

    fn order_recovery(&mut self, out: &mut impl Sink<Action>) {
        if let Phase::Recovering(recovery) = &self.phase
            && let Some(action) = recovery.order(&self.config)
        {
            self.orders.issue(Purpose::Recover, action, out);
        }
    }

    /// Takes the answer to a step of recovery.
    fn recovered(&mut self, now: Instant, outcome: DiskOutcome, out: &mut impl Sink<Action>) {
        let Phase::Recovering(recovery) = &mut self.phase else {
            return;
        };
        if let Err(error) = recovery.done(now, &self.config, self.log, outcome) {
            out.push(Action::Note(Note::RecoveryDelayed {
                log: self.config.key.clone(),
                error,
            }));
            return;
        }
        let Some(found) = recovery.finished() else {
            self.order_recovery(out);
            return;
        };
        let log = self.config.key.clone();
        self.segments = core::mem::take(&mut recovery.segments);
        for file in recovery.strange.drain(..) {
            out.push(Action::Note(Note::StrangeFile {
                log: log.clone(),
                file,
            }));
        }
        let writer = Writer::new(&self.config, found.header);
        let upto = Some(writer.durable()).filter(|id| *id != RecordId::BEFORE_ALL);
        out.push(Action::Recovered { upto });
        out.push(Action::Note(Note::Recovered {
            log: log.clone(),
            upto,
            segments: self.segments.len(),
        }));
        if let Some(gap) = found.lost {
            out.push(Action::Note(Note::TailCut { log, gap }));
        }
        let beginning = self.segments.beginning();
        let (checkpoints, damaged) = (&recovery.checkpoints, &recovery.damaged);
        self.subscribers = Subscribers::recover(&self.config, checkpoints, damaged, beginning, out);
        self.phase = Phase::Running(writer);
        while let Some(event) = self.early.pop() {
            self.take(now, event, out);
        }
        self.early_bytes = 0;
    }

    /// One event, without what follows from it.
    fn take(&mut self, now: Instant, event: Event, out: &mut impl Sink<Action>) {
        match event {
            Event::Wake => {}
            Event::Append(append) => self.append(now, append, out),
            Event::Done { order, outcome } => self.done(now, order, outcome, out),
            Event::AddSubscriber(name) => {
                let beginning = self.segments.beginning();
                self.subscribers.add(&name, beginning);
            }
            Event::RemoveSubscriber(name) => self.subscribers.remove(&name),
            Event::Checkpoint { subscriber, id } => self.checkpointed(subscriber, id, out),
            Event::Read {
                read,
                after,
                limit_bytes,
            } => self.reads.begin(read, after, limit_bytes, out),
            Event::CancelRead(read) => self.reads.cancel(read),
            Event::Close => self.close(out),
        }
    }

    /// Keeps what must wait for the end of recovery. What need not is handed back.
    fn hold(&mut self, event: Event, out: &mut impl Sink<Action>) -> Option<Event> {
        match event {
            Event::Append(append) => {
                let bytes = self.early_bytes.saturating_add(append.payload.len());
                if bytes > self.config.backlog_limit_bytes || self.early.is_full() {
                    let waiting_bytes = self.early_bytes;
                    let why = AppendError::Busy { waiting_bytes };
                    out.push(Action::AppendRefused { why, append });
                } else if self.early.push(Event::Append(append)).is_ok() {
                    self.early_bytes = bytes;
                }
                None
            }
            Event::AddSubscriber(_) | Event::RemoveSubscriber(_) | Event::Checkpoint { .. } => {
                // Beyond the limit it is dropped: whoever asked gets no answer and asks again.
                let _full = self.early.push(event);
                None
            }
            Event::Wake
            | Event::Done { .. }
            | Event::Read { .. }
            | Event::CancelRead(_)
            | Event::Close => Some(event),
        }
    }

    fn append(&mut self, now: Instant, append: Append, out: &mut impl Sink<Action>) {
        let refused = match &mut self.phase {
            Phase::Running(writer) | Phase::Closing { writer, .. } => writer
                .append(now, &self.config, append, &mut self.segments, out)
                .err(),
            Phase::Recovering(_) | Phase::Closed => Some((AppendError::Closing, append)),
        };
        if let Some((why, append)) = refused {
            out.push(Action::AppendRefused { why, append });
        }
    }

    fn checkpointed(&mut self, subscriber: Arc<str>, id: RecordId, out: &mut impl Sink<Action>) {
        // What was never handed out cannot have been taken.
        let sound = self.durable().is_some_and(|durable| id <= durable);
        if !sound || !self.subscribers.checkpointed(&subscriber, id) {
            out.push(Action::Note(Note::CheckpointRefused {
                log: self.config.key.clone(),
                subscriber,
                id,
            }));
        }
    }

    fn close(&mut self, out: &mut impl Sink<Action>) {
        self.reads.close(out);
        match core::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Running(mut writer) => {
                writer.close();
                self.phase = Phase::Closing {
                    writer,
                    ending: false,
                };
            }
            Phase::Recovering(_) => {
                while let Some(event) = self.early.pop() {
                    if let Event::Append(append) = event {
                        let why = AppendError::Closing;
                        out.push(Action::AppendRefused { why, append });
                    }
                }
                out.push(Action::Closed);
            }
            phase @ (Phase::Closing { .. } | Phase::Closed) => self.phase = phase,
        }
    }

    /// What came of an order.
    fn done(
        &mut self,
        now: Instant,
        order: OrderId,
        outcome: DiskOutcome,
        out: &mut impl Sink<Action>,
    ) {
        let Some(purpose) = self.orders.take(order) else {
            out.push(Action::Note(Note::UnexpectedOutcome {
                log: self.config.key.clone(),
            }));
            return;
        };
        let config = &self.config;
        match purpose {
            Purpose::Recover => self.recovered(now, outcome, out),
            Purpose::Checkpoint { name } => {
                self.subscribers
                    .written(now, config, &name, done(outcome), out);
            }
            Purpose::RemoveSlot { name, last } => {
                self.subscribers
                    .slot_removed(now, config, &name, last, done(outcome), out);
            }
            Purpose::RemoveSegment { file } => {
                self.retention
                    .removed(now, config, file, done(outcome), &mut self.segments, out);
            }
            Purpose::End { synced } => {
                if synced {
                    self.phase = Phase::Closed;
                    out.push(Action::Closed);
                }
            }
            Purpose::Write { .. }
            | Purpose::Sync { .. }
            | Purpose::Truncate { .. }
            | Purpose::Mend { .. }
            | Purpose::Read { .. } => self.written(now, purpose, outcome, out),
        }
    }

    /// What came of an order that concerns the writer.
    fn written(
        &mut self,
        now: Instant,
        purpose: Purpose,
        outcome: DiskOutcome,
        out: &mut impl Sink<Action>,
    ) {
        let (Phase::Running(writer) | Phase::Closing { writer, .. }) = &mut self.phase else {
            return;
        };
        let (config, segments) = (&self.config, &mut self.segments);
        match purpose {
            Purpose::Write { file, upto, bytes } => {
                let result = done(outcome).map(|()| (upto, bytes));
                writer.write_done(config, file, result, segments, out);
            }
            Purpose::Sync { file, upto } => {
                writer.sync_done(config, file, upto, done(outcome), out);
            }
            Purpose::Truncate { file } => writer.truncate_done(config, file, out),
            Purpose::Mend { file } => {
                writer.mend_done(now, config, file, done(outcome), segments, out);
            }
            Purpose::Read { read } => {
                let setting = Setting { now, config };
                self.reads
                    .fetched(setting, read, data(outcome), segments, writer, out);
            }
            Purpose::Recover
            | Purpose::Checkpoint { .. }
            | Purpose::RemoveSlot { .. }
            | Purpose::RemoveSegment { .. }
            | Purpose::End { .. } => {}
        }
    }

    /// Orders and answers whatever the state now allows.
    fn settle(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        let (config, orders) = (&self.config, &mut self.orders);
        match &mut self.phase {
            Phase::Recovering(recovery) => {
                if recovery.retry_at().is_some_and(|at| at <= now) {
                    recovery.clear_retry();
                    self.order_recovery(out);
                }
                return;
            }
            Phase::Closed => return,
            Phase::Running(writer) | Phase::Closing { writer, .. } => {
                if self.reads.pump(now, &self.segments, writer, orders, out) {
                    writer.sync_by(now + config.reader_delay);
                }
                writer.pump(now, config, orders, out);
                // After the writer: what it has just ceased to write to may go, and nobody wakes us for that.
                self.retention.pump(
                    Setting { now, config },
                    &mut self.segments,
                    &mut self.subscribers,
                    writer,
                    orders,
                    out,
                );
                self.subscribers.pump(now, config, self.log, orders, out);
            }
        }
        self.finish(out);
    }

    /// Marks the end once everything before it is durable and nothing else is with the disk.
    fn finish(&mut self, out: &mut impl Sink<Action>) {
        let Phase::Closing { writer, ending } = &mut self.phase else {
            return;
        };
        if *ending || !writer.is_settled() || !self.orders.is_empty() {
            return;
        }
        *ending = true;
        match writer.end_mark() {
            Some((file, write)) => {
                let end = |synced| Purpose::End { synced };
                self.orders.issue(end(false), write, out);
                self.orders.issue(end(true), DiskAction::Sync { file }, out);
            }
            None => {
                self.phase = Phase::Closed;
                out.push(Action::Closed);
            }
        }
    }
}

impl Machine for Store {
    type Event = Event;
    type Action = Action;

    fn handle(&mut self, now: Instant, event: Event, out: &mut impl Sink<Action>) {
        let event = match self.phase {
            Phase::Recovering(_) => self.hold(event, out),
            Phase::Running(_) | Phase::Closing { .. } | Phase::Closed => Some(event),
        };
        if let Some(event) = event {
            self.take(now, event, out);
        }
        self.settle(now, out);
    }

    fn deadline(&self) -> Option<Deadline> {
        let at = |at, why| Deadline::new(at, why);
        match &self.phase {
            Phase::Recovering(recovery) => recovery
                .retry_at()
                .map(|retry| at(retry, "logs: recovery again")),
            Phase::Running(writer) | Phase::Closing { writer, .. } => Deadline::earliest([
                writer.deadline().map(|due| at(due, "logs: sync")),
                self.subscribers.deadline(),
                self.reads.deadline(),
                self.retention.deadline(),
            ]),
            Phase::Closed => None,
        }
    }

    fn digest(&self, into: &mut Digest) {
        let (pending, orders) = self.orders.counts();
        into.text(&self.config.key)
            .number(pending as u64)
            .number(orders)
            .number(self.reads.len() as u64)
            .number(self.early.len() as u64)
            .number(self.segments.bytes());
        let ids = self
            .writer()
            .map(|writer| (writer.last(), writer.durable()));
        let ids: Vec<RecordId> = ids.into_iter().flat_map(|(a, b)| [a, b]).collect();
        for id in ids {
            into.number(id.incarnation).number(id.sequence);
        }
        for (name, id) in self.subscribers.list() {
            into.text(&name).number(id.incarnation).number(id.sequence);
        }
    }
}

#[cfg(test)]
mod tests;
