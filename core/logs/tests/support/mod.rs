//! A disk that loses what it may lose, and the loop that drives a machine on it.
#![allow(dead_code, reason = "each test uses its own part")]

pub(crate) mod disk;
pub(crate) mod storm;
pub(crate) mod world;

use std::collections::VecDeque;

use bytes::Bytes;
use disk::Disk;
use ringfort_logs::{
    Append, Class, DiskAction, Gap, RecordId,
    store::{Action, Config, Event, Fetched, ReadId, Store},
};
use ringfort_machine::{Instant, Machine, OrderId, Rng, step};

/// What is known of a record from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) id: RecordId,
    pub(crate) payload: Bytes,
}

/// A log, its disk and everything it has ever told.
pub(crate) struct Bench {
    pub(crate) config: Config,
    pub(crate) disk: Disk,
    pub(crate) now: Instant,
    pub(crate) store: Store,
    pub(crate) queue: VecDeque<(OrderId, DiskAction)>,
    /// All records of all lives, in the order of their identities.
    pub(crate) appended: Vec<Known>,
    /// The last one that was promised, over all lives.
    pub(crate) durable: Option<RecordId>,
    pub(crate) written: Option<RecordId>,
    pub(crate) recovered: Option<Option<RecordId>>,
    pub(crate) fetched: Vec<(ReadId, Fetched)>,
    pub(crate) checkpoints: Vec<(String, RecordId)>,
    pub(crate) refused: usize,
    pub(crate) closed: bool,
    pub(crate) notes: Vec<ringfort_logs::Note>,
    reads: u64,
}

impl Bench {
    pub(crate) fn new(config: Config) -> Self {
        let mut actions = Vec::new();
        let store = Store::new(config.clone(), Instant::ORIGIN, &mut actions).expect("settings");
        let mut bench = Self {
            config,
            disk: Disk::default(),
            now: Instant::ORIGIN,
            store,
            queue: VecDeque::new(),
            appended: Vec::new(),
            durable: None,
            written: None,
            recovered: None,
            fetched: Vec::new(),
            checkpoints: Vec::new(),
            refused: 0,
            closed: false,
            notes: Vec::new(),
            reads: 0,
        };
        bench.absorb(actions);
        bench
    }

    pub(crate) fn absorb(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Disk(order, action) => self.queue.push_back((order, action)),
                Action::Recovered { upto } => {
                    assert_eq!(self.recovered, None, "recovered twice in a life");
                    self.recovered = Some(upto);
                    self.durable = self.durable.max(upto);
                }
                Action::Appended { id, payload, .. } => {
                    let grows = self.appended.last().is_none_or(|last| last.id < id);
                    assert!(grows, "{id} after {:?}", self.appended.last());
                    self.appended.push(Known { id, payload });
                }
                Action::Written { upto } => self.written = self.written.max(Some(upto)),
                Action::Durable { upto } => {
                    assert!(Some(upto) > self.durable, "a promise goes back");
                    self.durable = Some(upto);
                }
                Action::Fetched { read, fetched } => self.fetched.push((read, fetched)),
                Action::Checkpointed { subscriber, id } => {
                    self.checkpoints.push((subscriber.to_string(), id));
                }
                Action::AppendRefused { .. } => self.refused += 1,
                Action::Closed => self.closed = true,
                Action::Note(note) => self.notes.push(note),
                Action::Subscribed { .. } | Action::Unsubscribed { .. } => {}
            }
        }
    }

    pub(crate) fn tell(&mut self, event: Event) {
        let mut actions = Vec::new();
        step(&mut self.store, self.now, event, &mut actions);
        self.absorb(actions);
    }

    pub(crate) fn append(&mut self, class: Class, payload: Vec<u8>) {
        self.tell(Event::Append(Append {
            class,
            payload: Bytes::from(payload),
            wall_ns: 1_700_000_000_000_000_000,
        }));
    }

    /// The disk does one order.
    pub(crate) fn work(&mut self) -> bool {
        let Some((order, action)) = self.queue.pop_front() else {
            return false;
        };
        let outcome = self.disk.execute(&action);
        self.tell(Event::Done { order, outcome });
        true
    }

    /// Time passes to the next deadline, if there is one within ten minutes.
    pub(crate) fn wait(&mut self) -> bool {
        let Some(due) = self.store.deadline() else {
            return false;
        };
        self.now = self.now.max(due.at);
        self.tell(Event::Wake);
        true
    }

    /// Until nothing is left to do.
    pub(crate) fn run(&mut self) {
        for _ in 0..20_000 {
            if !self.work() && !self.wait() {
                return;
            }
        }
        panic!("no rest: {:?}", self.store.deadline());
    }

    /// The process ends, and the power too if `power`; then it starts again on what is left.
    pub(crate) fn crash(&mut self, power: bool, rng: &mut Rng) {
        let started = rng.below(self.queue.len() as u64 + 1) as usize;
        for _ in 0..started {
            if let Some((_, action)) = self.queue.pop_front() {
                let _unseen = self.disk.execute(&action);
            }
        }
        if power {
            self.disk.lose_power(rng);
        }
        self.restart();
    }

    pub(crate) fn restart(&mut self) {
        self.queue.clear();
        self.recovered = None;
        self.written = None;
        self.config.incarnation += 1;
        self.disk.faults.clear();
        let mut actions = Vec::new();
        self.store = Store::new(self.config.clone(), self.now, &mut actions).expect("settings");
        self.absorb(actions);
    }

    /// Everything that a reader gets from `after` on: whole log, when everything is durable.
    pub(crate) fn read_all(&mut self, after: RecordId) -> (Vec<Known>, Vec<Gap>) {
        let (mut records, mut gaps) = (Vec::new(), Vec::new());
        let mut after = after;
        loop {
            self.reads += 1;
            let read = ReadId(self.reads);
            self.tell(Event::Read {
                read,
                after,
                limit_bytes: 300,
            });
            self.run();
            let Some(at) = self.fetched.iter().position(|(id, _)| *id == read) else {
                self.tell(Event::CancelRead(read));
                return (records, gaps);
            };
            match self.fetched.swap_remove(at).1 {
                Fetched::Records { records: more, .. } => {
                    after = more.last().expect("at least one").id;
                    records.extend(more.into_iter().map(|record| Known {
                        id: record.id,
                        payload: record.payload,
                    }));
                }
                Fetched::Gap(gap) => {
                    assert!(
                        gap.first > after && gap.last >= gap.first,
                        "{gap:?} after {after}"
                    );
                    after = gap.last;
                    gaps.push(gap);
                }
                Fetched::Closing => panic!("not closing"),
            }
        }
    }
}
