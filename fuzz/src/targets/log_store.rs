//! One log on a disk that fails, loses power at any point, and is tampered with: recovery from whatever is there.
//!
//! Holds, as long as nobody tampered: no identity is used twice, what was said to be durable is recovered, and a
//! record that is read is the one that was appended. With arbitrary files in the log's directory it holds that
//! recovery ends, that reads ascend, and that the tools that inspect a directory do not panic either.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use ringfort_logs::{
    Append, Checkpoint, Class, DiskAction, RecordId, inspect,
    store::{Action, Config, Event, Fetched, ReadId, Store},
};
use ringfort_machine::OrderId;

use crate::{
    Cursor, Marks, Target,
    disk::Disk,
    story::{Bench, Story, twice},
};

/// The target.
pub const TARGET: Target = Target {
    name: "log_store",
    about: "one log through disk failures, losses of power and arbitrary files: recovery, identities, reads",
    run,
    limit: 2 * 1024,
    words: &[],
};

const DIRECTORY: &str = "logs/l";
const SUBSCRIBERS: [&str; 3] = ["master", "s", "t"];
/// Steps of a script at most.
const STEPS: usize = 600;
/// Disk orders in one `settle` at most.
const ORDERS: usize = 400;

/// Plays the input as a script.
///
/// # Panics
/// If something does not hold.
pub fn run(input: &[u8], marks: &mut Marks) {
    twice(input, marks, |script, story| {
        let mut world = World::new(script, story);
        for _ in 0..STEPS {
            if script.is_empty() {
                break;
            }
            world.step(script, story);
        }
        world.inspect();
    });
}

struct World {
    log: Bench<Store>,
    disk: Disk,
    orders: VecDeque<(OrderId, DiskAction)>,
    life: u64,
    boot: u64,
    budget: bool,
    tampered: bool,
    appended: BTreeMap<RecordId, Bytes>,
    last: Option<RecordId>,
    /// What survives a loss of power, as told.
    durable: Option<RecordId>,
    reads: BTreeMap<ReadId, RecordId>,
    asked: u64,
    closed: bool,
}

impl World {
    fn new(script: &mut Cursor<'_>, story: &mut Story) -> Self {
        let budget = script.flag();
        let (log, said) = start(1, 1, budget, story);
        let mut world = Self {
            log,
            disk: Disk::default(),
            orders: VecDeque::new(),
            life: 1,
            boot: 1,
            budget,
            tampered: false,
            appended: BTreeMap::new(),
            last: None,
            durable: None,
            reads: BTreeMap::new(),
            asked: 0,
            closed: false,
        };
        world.follow(said);
        world
    }

    fn step(&mut self, script: &mut Cursor<'_>, story: &mut Story) {
        match script.byte() % 16 {
            0 => {
                story.pass(script);
                let said = self.log.wake(story);
                self.follow(said);
            }
            1 | 2 => self.settle(1 + script.below(16), story),
            3..=5 => {
                let class = script.pick(&Class::ALL);
                let length = usize::from(script.byte());
                self.asked += 1;
                let payload = Bytes::from(vec![self.asked as u8; length]);
                let wall_ns = self.asked;
                self.feed(
                    Event::Append(Append {
                        class,
                        payload,
                        wall_ns,
                    }),
                    story,
                );
            }
            6 => self.execute(story),
            7 => {
                if let Some((order, _)) = self.orders.pop_front() {
                    let outcome = Disk::fail(script);
                    self.feed(Event::Done { order, outcome }, story);
                }
            }
            8 => self.read(script, story),
            9 => {
                let subscriber = Arc::from(script.pick(&SUBSCRIBERS));
                let id = self.some_id(script);
                self.feed(Event::Checkpoint { subscriber, id }, story);
            }
            10 => {
                let subscriber = Arc::from(script.pick(&SUBSCRIBERS));
                let event = if script.flag() {
                    Event::AddSubscriber(subscriber)
                } else {
                    Event::RemoveSubscriber(subscriber)
                };
                self.feed(event, story);
            }
            11 => self.restart(story),
            12 => {
                self.disk.lose_power(script);
                self.boot += 1;
                self.restart(story);
            }
            13 => self.tamper(script),
            14 => self.log.wake_early(story),
            _ => match script.byte() % 8 {
                0 => self.feed(Event::Close, story),
                1 => {
                    let (order, outcome) = (OrderId(script.stranger()), Disk::fail(script));
                    self.feed(Event::Done { order, outcome }, story);
                }
                _ => {
                    let read = ReadId(script.number());
                    self.reads.remove(&read);
                    self.feed(Event::CancelRead(read), story);
                }
            },
        }
    }

    fn feed(&mut self, event: Event, story: &mut Story) {
        let said = self.log.feed(event, story);
        self.follow(said);
    }

    /// The disk does what is asked of it, and what is due comes due, until so many rounds are over.
    fn settle(&mut self, rounds: usize, story: &mut Story) {
        for _ in 0..rounds {
            for _ in 0..ORDERS {
                if self.orders.is_empty() {
                    break;
                }
                self.execute(story);
            }
            assert!(
                self.orders.is_empty(),
                "a disk that works is asked without end"
            );
            if let Some(due) = self.log.due() {
                story.pass_to(due);
            }
            let said = self.log.wake(story);
            self.follow(said);
        }
    }

    fn execute(&mut self, story: &mut Story) {
        if let Some((order, action)) = self.orders.pop_front() {
            let outcome = self.disk.execute(&action);
            self.feed(Event::Done { order, outcome }, story);
        }
    }

    fn read(&mut self, script: &mut Cursor<'_>, story: &mut Story) {
        self.asked += 1;
        let (read, after) = (ReadId(self.asked), self.some_id(script));
        self.reads.insert(read, after);
        let limit_bytes = script.number() as usize;
        self.feed(
            Event::Read {
                read,
                after,
                limit_bytes,
            },
            story,
        );
    }

    /// One that was given out, or any.
    fn some_id(&self, script: &mut Cursor<'_>) -> RecordId {
        let index = script.below(self.appended.len().min(200) + 4);
        match self.appended.keys().nth(index) {
            Some(id) => *id,
            None if script.flag() => RecordId::new(script.number(), script.number()),
            None => RecordId::BEFORE_ALL,
        }
    }

    fn restart(&mut self, story: &mut Story) {
        self.life += 1;
        self.orders.clear();
        self.reads.clear();
        self.closed = false;
        let (log, said) = start(self.life, self.boot, self.budget, story);
        self.log = log;
        self.follow(said);
    }

    /// A file is changed, cut, or put there from nothing.
    fn tamper(&mut self, script: &mut Cursor<'_>) {
        self.tampered = true;
        let names = self.disk.names();
        let name = names.get(script.below(names.len() + 1)).cloned();
        let Some(name) = name else {
            let incarnation = script.byte() % 4;
            let made = if script.flag() {
                format!(
                    "{DIRECTORY}/{incarnation:016x}-{:016x}-0000.seg",
                    script.byte()
                )
            } else {
                format!("{DIRECTORY}/73.{}.cp", script.byte() % 3)
            };
            return self.disk.tamper(&made, script.block().to_vec());
        };
        let mut content = self.disk.content(&name).to_vec();
        match script.byte() % 4 {
            0 => content.truncate(usize::from(script.short())),
            1 => content.extend_from_slice(script.block()),
            _ => {
                let at = usize::from(script.short()) % content.len().max(1);
                if let Some(byte) = content.get_mut(at) {
                    *byte ^= script.byte() | 1;
                }
            }
        }
        self.disk.tamper(&name, content);
    }

    fn follow(&mut self, said: Vec<Action>) {
        for action in said {
            let ended = matches!(action, Action::Disk(..) | Action::Appended { .. });
            assert!(!(self.closed && ended), "a closed log said {action:?}");
            match action {
                Action::Disk(order, action) => self.orders.push_back((order, action)),
                Action::Recovered { upto } => {
                    assert!(
                        self.tampered || upto >= self.durable,
                        "{upto:?} was recovered, {:?} was durable",
                        self.durable
                    );
                }
                Action::Appended { id, payload, .. } => self.appended(id, payload),
                Action::Durable { upto } => self.durable = self.durable.max(Some(upto)),
                Action::Fetched { read, fetched } => self.fetched(read, &fetched),
                Action::Closed => self.closed = true,
                Action::AppendRefused { .. }
                | Action::Written { .. }
                | Action::Subscribed { .. }
                | Action::Unsubscribed { .. }
                | Action::Checkpointed { .. }
                | Action::Note(_) => {}
            }
        }
    }

    fn appended(&mut self, id: RecordId, payload: Bytes) {
        if !self.tampered {
            assert!(Some(id) > self.last, "{id:?} after {:?}", self.last);
        }
        self.last = Some(id);
        self.appended.insert(id, payload);
    }

    fn fetched(&mut self, read: ReadId, fetched: &Fetched) {
        let after = self.reads.remove(&read);
        let after = after.expect("an answer to a read that stands");
        match fetched {
            Fetched::Records { records, .. } => {
                assert!(!records.is_empty(), "records, or a gap");
                let mut last = after;
                for record in records {
                    assert!(record.id > last, "{:?} after {last:?}", record.id);
                    last = record.id;
                    let known = self.appended.get(&record.id);
                    assert!(
                        self.tampered || known == Some(&record.payload),
                        "{:?} is not what was appended",
                        record.id
                    );
                }
            }
            Fetched::Gap(gap) => {
                assert!(
                    gap.first <= gap.last && gap.last > after,
                    "{gap:?} after {after:?}"
                );
            }
            Fetched::Closing => {}
        }
    }

    /// What the tools do with the same directory.
    fn inspect(&self) {
        let names = self.disk.names();
        let short = names.iter().filter_map(|name| name.rsplit('/').next());
        for segment in inspect::segments(short) {
            let content = self
                .disk
                .content(&format!("{DIRECTORY}/{}", segment.file()));
            for record in segment.records(&content, None) {
                assert!(record.payload.len() <= content.len());
            }
        }
        let slots = names
            .iter()
            .filter_map(|name| Checkpoint::decode(&self.disk.content(name)));
        inspect::newest(slots);
    }
}

fn start(life: u64, boot: u64, budget: bool, story: &mut Story) -> (Bench<Store>, Vec<Action>) {
    let mut config = Config::new("l", DIRECTORY);
    config.segment_limit_bytes = 512;
    config.budget_bytes = budget.then_some(2048);
    config.unread_limit_bytes = 1024;
    config.recent_limit_bytes = 256;
    config.subscribers = vec![SUBSCRIBERS[0].into()];
    config.incarnation = life;
    config.boot = Some(boot);
    let mut said = Vec::new();
    let store = Store::new(config, story.now(), &mut said).expect("a good configuration");
    (Bench::new(0, store, &said, story), said)
}
