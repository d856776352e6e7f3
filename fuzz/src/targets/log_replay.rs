//! The log service of a node and the puller of a manager, joined by streams that the script breaks, each on a disk
//! of its own that fails or stops with its process; frames that nobody sent come in between.
//!
//! Holds, as long as nobody lied: the records of a log come into durable output in order, each as it was appended
//! and once in a life of the puller, and never again once a checkpoint has passed them. With lies it holds what is held of every machine.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use ringfort_logs::{
    Append, Class, DiskAction, RecordId,
    puller::{self, Puller, Source},
    server::{self, Server, Stream},
    store,
};
use ringfort_machine::{NodeId, OrderId, Seed};
use ringfort_wire::logs::Body;

use crate::{
    Cursor, Marks, Target,
    disk::Disk,
    story::{Bench, Story, twice},
};

/// The target.
pub const TARGET: Target = Target {
    name: "log_replay",
    about: "a node's log service and a puller on streams that break: every record once, in order, unchanged",
    run,
    limit: 2 * 1024,
    words: &[],
};

const LOGS: [&str; 2] = ["a", "b"];
/// Steps of a script at most, rounds of `settle` included.
const STEPS: usize = 500;

/// Plays the input as a script.
///
/// # Panics
/// If something does not hold.
pub fn run(input: &[u8], marks: &mut Marks) {
    twice(input, marks, |script, story| {
        let mut pair = Pair::new(story);
        while !script.is_empty() && pair.steps < STEPS {
            pair.steps += 1;
            pair.step(script, story);
        }
    });
}

type Orders = VecDeque<(OrderId, DiskAction)>;

struct Pair {
    server: Bench<Server>,
    puller: Bench<Puller>,
    server_disk: Disk,
    puller_disk: Disk,
    server_orders: Orders,
    puller_orders: Orders,
    to_server: VecDeque<server::Event>,
    to_puller: VecDeque<puller::Event>,
    streams: BTreeSet<Stream>,
    life: u64,
    lied: bool,
    appended: BTreeMap<(String, RecordId), Bytes>,
    came: BTreeMap<Source, RecordId>,
    /// The last checkpoint of each source that the puller knows to be durable.
    passed: BTreeMap<Source, RecordId>,
    asked: u64,
    steps: usize,
}

fn server_logs(life: u64, count: usize) -> Vec<store::Config> {
    let log = |name: &&str| {
        let mut config = store::Config::new(*name, format!("logs/{name}"));
        config.segment_limit_bytes = 512;
        config.subscribers = vec!["m1".into()];
        config.incarnation = life;
        config.boot = Some(1);
        config
    };
    LOGS.iter().take(count).map(log).collect()
}

fn start_server(life: u64, story: &mut Story) -> (Bench<Server>, Vec<server::Action>) {
    let mut said = Vec::new();
    let server = Server::new(server_logs(life, 2), story.now(), &mut said);
    let server = server.expect("a good configuration");
    (Bench::new(0, server, &said, story), said)
}

fn start_puller(life: u64, story: &mut Story) -> (Bench<Puller>, Vec<puller::Action>) {
    let mut config =
        puller::Config::new("m1", "state", "out/%{l}-%H").expect("a good configuration");
    config.incarnation = life;
    config.credit_bytes = 1024;
    config.max_open = 1;
    let mut said = Vec::new();
    let seed = Seed::from_number(life);
    let puller = Puller::new(config, seed, story.now(), &mut said).expect("a good configuration");
    (Bench::new(1, puller, &said, story), said)
}

impl Pair {
    fn new(story: &mut Story) -> Self {
        let (server, said_by_server) = start_server(1, story);
        let (puller, said_by_puller) = start_puller(1, story);
        let mut pair = Self {
            server,
            puller,
            server_disk: Disk::default(),
            puller_disk: Disk::default(),
            server_orders: Orders::new(),
            puller_orders: Orders::new(),
            to_server: VecDeque::new(),
            to_puller: VecDeque::new(),
            streams: BTreeSet::new(),
            life: 1,
            lied: false,
            appended: BTreeMap::new(),
            came: BTreeMap::new(),
            passed: BTreeMap::new(),
            asked: 0,
            steps: 0,
        };
        pair.follow_server(said_by_server);
        pair.follow_puller(said_by_puller);
        pair.target(true, story);
        pair
    }

    fn step(&mut self, script: &mut Cursor<'_>, story: &mut Story) {
        match script.byte() % 16 {
            0 => {
                story.pass(script);
                self.wake(story);
            }
            1..=3 => self.settle(1 + script.below(24), story),
            4..=6 => self.append(script, story),
            7 => self.one_order(script, story),
            8 => {
                if let Some(event) = self.to_server.pop_front() {
                    self.feed_server(event, story);
                }
            }
            9 => {
                if let Some(event) = self.to_puller.pop_front() {
                    self.feed_puller(event, story);
                }
            }
            10 => self.break_stream(script, story),
            11 => {
                let up = script.flag();
                self.target(up, story);
            }
            12 => self.restart(script, story),
            13 => {
                if script.flag() {
                    self.server.wake_early(story);
                } else {
                    self.puller.wake_early(story);
                }
            }
            14 => self.lie(script, story),
            _ => self.administer(script, story),
        }
    }

    /// Everything under way arrives, all orders are done, and what is due next comes due, so often.
    fn settle(&mut self, rounds: usize, story: &mut Story) {
        for _ in 0..rounds {
            self.steps += 1;
            for _ in 0..32 {
                self.disks(story);
                if let Some(event) = self.to_server.pop_front() {
                    self.feed_server(event, story);
                }
                if let Some(event) = self.to_puller.pop_front() {
                    self.feed_puller(event, story);
                }
            }
            if self.to_server.is_empty() && self.to_puller.is_empty() {
                let due = [self.server.due(), self.puller.due()];
                if let Some(due) = due.into_iter().flatten().min() {
                    story.pass_to(due);
                }
                self.wake(story);
            }
        }
    }

    fn disks(&mut self, story: &mut Story) {
        if let Some((order, action)) = self.server_orders.pop_front() {
            let outcome = self.server_disk.execute(&action);
            self.feed_server(server::Event::Done { order, outcome }, story);
        }
        if let Some((order, action)) = self.puller_orders.pop_front() {
            let outcome = self.puller_disk.execute(&action);
            self.feed_puller(puller::Event::Done { order, outcome }, story);
        }
    }

    /// One order of one disk, which may fail.
    fn one_order(&mut self, script: &mut Cursor<'_>, story: &mut Story) {
        let (server, fails) = (script.flag(), script.byte().is_multiple_of(3));
        if server {
            if let Some((order, action)) = self.server_orders.pop_front() {
                let outcome = if fails {
                    Disk::fail(script)
                } else {
                    self.server_disk.execute(&action)
                };
                self.feed_server(server::Event::Done { order, outcome }, story);
            }
        } else if let Some((order, action)) = self.puller_orders.pop_front() {
            let outcome = if fails {
                Disk::fail(script)
            } else {
                self.puller_disk.execute(&action)
            };
            self.feed_puller(puller::Event::Done { order, outcome }, story);
        }
    }

    fn wake(&mut self, story: &mut Story) {
        let said = self.server.wake(story);
        self.follow_server(said);
        let said = self.puller.wake(story);
        self.follow_puller(said);
    }

    fn append(&mut self, script: &mut Cursor<'_>, story: &mut Story) {
        self.asked += 1;
        let append = Append {
            class: script.pick(&Class::ALL),
            payload: Bytes::from(vec![self.asked as u8; usize::from(script.byte())]),
            wall_ns: self.asked * 1_000_000_000,
        };
        let log = script.pick(&LOGS).into();
        self.feed_server(server::Event::Append { log, append }, story);
    }

    fn target(&mut self, up: bool, story: &mut Story) {
        let event = puller::Event::Target {
            node: NodeId::of_name("n1"),
            name: "n1".into(),
            subcluster: "default".into(),
            address: ([10, 0, 0, 1], 4802).into(),
            up,
        };
        self.feed_puller(event, story);
    }

    /// Both ends hear of it, now or when they hear the rest.
    fn break_stream(&mut self, script: &mut Cursor<'_>, story: &mut Story) {
        let stream = self
            .streams
            .iter()
            .nth(script.below(self.streams.len()))
            .copied();
        if let Some(stream) = stream {
            self.streams.remove(&stream);
            self.to_server.push_back(server::Event::Closed { stream });
            self.feed_puller(puller::Event::Closed { stream }, story);
        }
    }

    /// A process ends and begins anew; its disk stays as it is.
    fn restart(&mut self, script: &mut Cursor<'_>, story: &mut Story) {
        self.life += 1;
        let streams = std::mem::take(&mut self.streams);
        if script.flag() {
            self.to_server.clear();
            self.server_orders.clear();
            let (server, said) = start_server(self.life, story);
            self.server = server;
            self.follow_server(said);
            let closed = |stream| puller::Event::Closed { stream };
            self.to_puller.extend(streams.into_iter().map(closed));
        } else {
            self.to_puller.clear();
            self.puller_orders.clear();
            // What no checkpoint has passed may be told of again.
            self.came = self.passed.clone();
            let (puller, said) = start_puller(self.life, story);
            self.puller = puller;
            self.follow_puller(said);
            let closed = |stream| server::Event::Closed { stream };
            self.to_server.extend(streams.into_iter().map(closed));
            self.target(true, story);
        }
    }

    /// A frame that nobody sent, to either side, on a stream that may not exist.
    fn lie(&mut self, script: &mut Cursor<'_>, story: &mut Story) {
        self.lied = true;
        let stream = self.streams.iter().nth(script.below(3)).copied();
        let stream = stream.unwrap_or(Stream(script.number()));
        let to_server = script.flag();
        let body = postcard::take_from_bytes::<Body>(script.block());
        let Some(body) = body.ok().map(|(body, _)| body) else {
            return;
        };
        if Body::decode(&body.encode()).is_err() {
            return; // the codec holds these back
        }
        if to_server {
            self.feed_server(server::Event::Frame { stream, body }, story);
        } else {
            self.feed_puller(puller::Event::Frame { stream, body }, story);
        }
    }

    fn administer(&mut self, script: &mut Cursor<'_>, story: &mut Story) {
        let log = script.pick(&LOGS).into();
        let subscriber = script.pick(&["m1", "s", "master"]).into();
        match script.byte() % 8 {
            0 => self.feed_server(server::Event::Close, story),
            1 => self.feed_puller(puller::Event::Stop, story),
            2 => {
                let logs = server_logs(self.life, 1 + script.below(2));
                self.feed_server(server::Event::Configure(logs), story);
            }
            3 | 4 => self.feed_server(server::Event::AddSubscriber { log, subscriber }, story),
            5 => self.feed_server(server::Event::RemoveSubscriber { log, subscriber }, story),
            _ => {
                let (order, outcome) = (OrderId(script.stranger()), Disk::fail(script));
                self.feed_puller(puller::Event::Done { order, outcome }, story);
            }
        }
    }

    fn feed_server(&mut self, event: server::Event, story: &mut Story) {
        let said = self.server.feed(event, story);
        self.follow_server(said);
    }

    fn feed_puller(&mut self, event: puller::Event, story: &mut Story) {
        let said = self.puller.feed(event, story);
        self.follow_puller(said);
    }

    fn follow_server(&mut self, said: Vec<server::Action>) {
        for action in said {
            match action {
                server::Action::Disk(order, action) => {
                    self.server_orders.push_back((order, action))
                }
                server::Action::Send { stream, body } => {
                    sound(&body);
                    if self.streams.contains(&stream) {
                        self.to_puller
                            .push_back(puller::Event::Frame { stream, body });
                    }
                }
                server::Action::CloseStream { stream } => {
                    if self.streams.remove(&stream) {
                        self.to_puller.push_back(puller::Event::Closed { stream });
                    }
                }
                server::Action::Appended {
                    log, id, payload, ..
                } => {
                    let known = self.appended.insert((log.to_string(), id), payload);
                    assert!(known.is_none(), "{id:?} of {log} was used before");
                }
                server::Action::Recovered { .. }
                | server::Action::AppendRefused { .. }
                | server::Action::Written { .. }
                | server::Action::Durable { .. }
                | server::Action::Subscribed { .. }
                | server::Action::Unsubscribed { .. }
                | server::Action::Checkpointed { .. }
                | server::Action::Closed
                | server::Action::Note(_) => {}
            }
        }
    }

    fn follow_puller(&mut self, said: Vec<puller::Action>) {
        for action in said {
            match action {
                puller::Action::Disk(order, action) => {
                    self.puller_orders.push_back((order, action))
                }
                puller::Action::Connect { stream, .. } => {
                    self.streams.insert(stream);
                    self.to_server.push_back(server::Event::Opened { stream });
                    self.to_puller
                        .push_back(puller::Event::Connected { stream });
                }
                puller::Action::Send { stream, body } => {
                    sound(&body);
                    if self.streams.contains(&stream) {
                        self.to_server
                            .push_back(server::Event::Frame { stream, body });
                    }
                }
                puller::Action::CloseStream { stream } => {
                    if self.streams.remove(&stream) {
                        self.to_server.push_back(server::Event::Closed { stream });
                    }
                }
                puller::Action::Record {
                    source,
                    id,
                    payload,
                } => self.record(source, id, &payload),
                puller::Action::Checkpointed { source, id } => {
                    self.passed.insert(source, id);
                }
                puller::Action::Subscribed { .. }
                | puller::Action::GapSeen { .. }
                | puller::Action::Stopped
                | puller::Action::Note(_) => {}
            }
        }
    }

    /// A record is in durable output. Every subscriber of a log is a source of its own.
    fn record(&mut self, source: Source, id: RecordId, payload: &Bytes) {
        if self.lied {
            return;
        }
        let known = self.appended.get(&(source.log.to_string(), id));
        assert_eq!(
            known,
            Some(payload),
            "{id:?} of {source:?} was not appended so"
        );
        let before = self.came.get(&source).copied();
        assert!(
            before < Some(id),
            "{id:?} of {source:?} came after {before:?}"
        );
        self.came.insert(source, id);
    }
}

/// Whatever one side says, the codec of the other takes.
fn sound(body: &Body) {
    assert_eq!(Body::decode(&body.encode()).as_ref(), Ok(body));
}
