//! One node and one manager, their disks, and a stream between them that loses what it likes when it is cut.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use ringfort_logs::{
    Append, Class, DiskAction, Note, RecordId,
    puller::{self, Puller},
    server::{self, Server, Stream},
    store,
};
use ringfort_machine::{Instant, Machine, NodeId, OrderId, Rng, Seed, step};
use ringfort_wire::logs::{Body, Gap};

use super::disk::Disk;

/// The logs of the node.
pub(crate) const LOGS: [&str; 2] = ["bounces", "mainlog"];

/// Everything, and everything that was ever told.
pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) rng: Rng,
    pub(crate) node: Server,
    pub(crate) node_disk: Disk,
    pub(crate) node_orders: VecDeque<(OrderId, DiskAction)>,
    pub(crate) manager: Puller,
    pub(crate) manager_disk: Disk,
    pub(crate) manager_orders: VecDeque<(OrderId, DiskAction)>,
    /// The stream: its name at the manager and at the node, and what is on its way.
    pub(crate) stream: Option<(Stream, Stream)>,
    pub(crate) asked: Option<Stream>,
    pub(crate) to_node: VecDeque<Bytes>,
    pub(crate) to_manager: VecDeque<Bytes>,
    next_stream: u64,
    pub(crate) life: u64,
    pub(crate) options: Options,
    // What was told.
    pub(crate) appended: BTreeMap<(String, RecordId), Bytes>,
    pub(crate) durable: BTreeMap<String, RecordId>,
    /// Survives the end of the process, and nothing more.
    pub(crate) written: BTreeMap<String, RecordId>,
    /// Appended and gone with the power, as recovery showed.
    pub(crate) lost: BTreeSet<(String, RecordId)>,
    pub(crate) gaps: Vec<(String, Gap)>,
    /// In durable output since the last start of either process.
    pub(crate) recorded: BTreeSet<(String, RecordId)>,
    pub(crate) checkpoints: BTreeMap<String, RecordId>,
    /// All that ever was in durable output, in the order of the output of each log.
    pub(crate) told: Vec<(String, RecordId)>,
    pub(crate) notes: Vec<Note>,
    number: u64,
}

/// How a world is set up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    pub(crate) budget_bytes: Option<u64>,
    pub(crate) shared_output: bool,
    pub(crate) boot: bool,
}

fn logs(life: u64, options: Options) -> Vec<store::Config> {
    LOGS.iter()
        .map(|key| store::Config {
            segment_limit_bytes: 700,
            recent_limit_bytes: 300,
            subscribers: vec!["master".into()],
            budget_bytes: options.budget_bytes,
            incarnation: life,
            boot: options.boot.then_some(life),
            ..store::Config::new(*key, format!("spool/{key}"))
        })
        .collect()
}

fn output(life: u64, options: Options) -> puller::Config {
    let pattern = if options.shared_output {
        "out/%Y/all"
    } else {
        "out/%Y-%m-%d/%{l}/%{s}-%{n}"
    };
    puller::Config {
        max_open: 2,
        credit_bytes: 1024,
        incarnation: life,
        ..puller::Config::new("boss", "state", pattern).expect("settings")
    }
}

impl World {
    pub(crate) fn new(seed: u64, options: Options) -> Self {
        let (mut node_actions, mut manager_actions) = (Vec::new(), Vec::new());
        let now = Instant::ORIGIN;
        let seed = Seed::from_number(seed);
        let mut world = Self {
            now,
            rng: Rng::new(seed),
            node: Server::new(logs(1, options), now, &mut node_actions).expect("settings"),
            node_disk: Disk::default(),
            node_orders: VecDeque::new(),
            manager: Puller::new(output(1, options), seed, now, &mut manager_actions)
                .expect("settings"),
            manager_disk: Disk::default(),
            manager_orders: VecDeque::new(),
            stream: None,
            asked: None,
            to_node: VecDeque::new(),
            to_manager: VecDeque::new(),
            next_stream: 0,
            life: 1,
            options,
            appended: BTreeMap::new(),
            durable: BTreeMap::new(),
            written: BTreeMap::new(),
            lost: BTreeSet::new(),
            gaps: Vec::new(),
            recorded: BTreeSet::new(),
            checkpoints: BTreeMap::new(),
            told: Vec::new(),
            notes: Vec::new(),
            number: 0,
        };
        world.absorb_node(node_actions);
        world.absorb_manager(manager_actions);
        world.target();
        world
    }

    fn target(&mut self) {
        self.tell_manager(puller::Event::Target {
            node: NodeId::of_name("mta1"),
            name: "mta1".into(),
            subcluster: "default".into(),
            address: "10.0.0.1:4802".parse().expect("an address"),
            up: true,
        });
    }

    fn absorb_node(&mut self, actions: Vec<server::Action>) {
        use server::Action;
        for action in actions {
            match action {
                Action::Disk(order, action) => self.node_orders.push_back((order, action)),
                Action::Send { stream, body } => {
                    if self.stream.is_some_and(|(_, ours)| ours == stream) {
                        self.to_manager.push_back(body.encode());
                    }
                }
                Action::CloseStream { stream } => {
                    if let Some((theirs, ours)) = self.stream
                        && ours == stream
                    {
                        self.stream = None;
                        self.tell_manager(puller::Event::Closed { stream: theirs });
                    }
                }
                Action::Recovered { log, upto } => self.recovered(&log, upto),
                Action::Appended {
                    log, id, payload, ..
                } => {
                    let old = self.appended.insert((log.to_string(), id), payload);
                    assert_eq!(old, None, "{log} {id} was used before");
                }
                Action::Durable { log, upto } => {
                    self.durable.insert(log.to_string(), upto);
                }
                Action::Written { log, upto } => {
                    self.written.insert(log.to_string(), upto);
                }
                Action::Note(note) => self.notes.push(note),
                Action::Subscribed { log, after, .. } => {
                    let known = self.checkpoints.get(&*log).copied();
                    assert!(
                        known <= Some(after),
                        "{log}: {known:?} was acknowledged, not {after}"
                    );
                }
                Action::AppendRefused { .. }
                | Action::Unsubscribed { .. }
                | Action::Checkpointed { .. }
                | Action::Closed => {}
            }
        }
    }

    /// What recovery did not find and was never promised is lost; a promise that is not kept fails.
    fn recovered(&mut self, log: &str, upto: Option<RecordId>) {
        let promised = self.durable.get(log).max(self.written.get(log)).copied();
        assert!(
            upto >= promised,
            "{log}: {promised:?} was promised, {upto:?} is there"
        );
        for (key, id) in self.appended.keys() {
            if key == log && Some(*id) > upto {
                self.lost.insert((key.clone(), *id));
            }
        }
        if let Some(upto) = upto {
            self.durable.insert(log.to_owned(), upto);
        }
    }

    fn absorb_manager(&mut self, actions: Vec<puller::Action>) {
        use puller::Action;
        for action in actions {
            match action {
                Action::Disk(order, action) => self.manager_orders.push_back((order, action)),
                Action::Connect { stream, .. } => self.asked = Some(stream),
                Action::Send { stream, body } => {
                    if self.stream.is_some_and(|(ours, _)| ours == stream) {
                        self.to_node.push_back(body.encode());
                    }
                }
                Action::CloseStream { stream } => {
                    if self.asked == Some(stream) {
                        self.asked = None;
                    }
                    if let Some((ours, theirs)) = self.stream
                        && ours == stream
                    {
                        self.stream = None;
                        self.tell_node(server::Event::Closed { stream: theirs });
                    }
                }
                Action::Record {
                    source,
                    id,
                    payload,
                } => {
                    let key = (source.log.to_string(), id);
                    assert_eq!(
                        self.appended.get(&key),
                        Some(&payload),
                        "{key:?} is another"
                    );
                    assert!(self.recorded.insert(key.clone()), "{key:?} comes again");
                    let acknowledged = self.checkpoints.get(&key.0);
                    assert!(
                        acknowledged.is_none_or(|known| *known < id),
                        "{key:?} was acknowledged"
                    );
                    self.told.push(key);
                }
                Action::GapSeen { source, gap } => {
                    self.gaps.push((source.log.to_string(), gap));
                }
                Action::Checkpointed { source, id } => {
                    self.checkpoints.insert(source.log.to_string(), id);
                }
                Action::Note(note) => self.notes.push(note),
                Action::Subscribed { .. } | Action::Stopped => {}
            }
        }
    }

    pub(crate) fn tell_node(&mut self, event: server::Event) {
        let mut actions = Vec::new();
        step(&mut self.node, self.now, event, &mut actions);
        self.absorb_node(actions);
    }

    pub(crate) fn tell_manager(&mut self, event: puller::Event) {
        let mut actions = Vec::new();
        step(&mut self.manager, self.now, event, &mut actions);
        self.absorb_manager(actions);
    }

    pub(crate) fn append(&mut self) {
        self.number += 1;
        let log = LOGS[self.rng.below(2) as usize];
        let mut payload = format!("{log} {} ", self.number).into_bytes();
        payload.resize(payload.len() + self.rng.below(300) as usize, b'x');
        // Days differ, so that outputs are opened and closed.
        let day = self.rng.below(3);
        let class = Class::ALL[self.rng.below(3) as usize];
        self.tell_node(server::Event::Append {
            log: log.into(),
            append: Append {
                class,
                payload: Bytes::from(payload),
                wall_ns: (19_700 + day) * 86_400_000_000_000,
            },
        });
    }

    pub(crate) fn node_work(&mut self) -> bool {
        let Some((order, action)) = self.node_orders.pop_front() else {
            return false;
        };
        let outcome = self.node_disk.execute(&action);
        self.tell_node(server::Event::Done { order, outcome });
        true
    }

    pub(crate) fn manager_work(&mut self) -> bool {
        let Some((order, action)) = self.manager_orders.pop_front() else {
            return false;
        };
        let outcome = self.manager_disk.execute(&action);
        self.tell_manager(puller::Event::Done { order, outcome });
        true
    }

    pub(crate) fn connect(&mut self) -> bool {
        let Some(asked) = self.asked.take() else {
            return false;
        };
        self.next_stream += 1;
        let theirs = Stream(1_000_000 + self.next_stream);
        self.to_node.clear();
        self.to_manager.clear();
        self.stream = Some((asked, theirs));
        self.tell_node(server::Event::Opened { stream: theirs });
        self.tell_manager(puller::Event::Connected { stream: asked });
        true
    }

    pub(crate) fn deliver_to_node(&mut self) -> bool {
        let Some((bytes, (_, stream))) = self.to_node.pop_front().zip(self.stream) else {
            return false;
        };
        let body = Body::decode(&bytes).expect("own bytes");
        self.tell_node(server::Event::Frame { stream, body });
        true
    }

    pub(crate) fn deliver_to_manager(&mut self) -> bool {
        let Some((bytes, (stream, _))) = self.to_manager.pop_front().zip(self.stream) else {
            return false;
        };
        let body = Body::decode(&bytes).expect("own bytes");
        self.tell_manager(puller::Event::Frame { stream, body });
        true
    }

    /// The stream breaks; the ends learn of it, or only the manager does.
    pub(crate) fn cut(&mut self) {
        self.to_node.clear();
        self.to_manager.clear();
        if let Some((ours, theirs)) = self.stream.take() {
            if self.rng.chance(2, 3) {
                self.tell_node(server::Event::Closed { stream: theirs });
            }
            self.tell_manager(puller::Event::Closed { stream: ours });
        }
    }

    pub(crate) fn wait(&mut self) {
        let due = [self.node.deadline(), self.manager.deadline()];
        if let Some(due) = due.into_iter().flatten().map(|due| due.at).min() {
            self.now = self.now.max(due);
            self.tell_node(server::Event::Wake);
            self.tell_manager(puller::Event::Wake);
        }
    }

    pub(crate) fn crash_node(&mut self, power: bool) {
        self.cut_for_crash(true);
        for _ in 0..self.rng.below(self.node_orders.len() as u64 + 1) {
            if let Some((_, action)) = self.node_orders.pop_front() {
                let _unseen = self.node_disk.execute(&action);
            }
        }
        self.node_orders.clear();
        self.node_disk.faults.clear();
        if power {
            self.node_disk.lose_power(&mut self.rng);
            self.written.clear();
        }
        self.life += 1;
        let mut actions = Vec::new();
        self.node =
            Server::new(logs(self.life, self.options), self.now, &mut actions).expect("settings");
        self.recorded.clear();
        self.absorb_node(actions);
    }

    pub(crate) fn crash_manager(&mut self, power: bool) {
        self.cut_for_crash(false);
        for _ in 0..self.rng.below(self.manager_orders.len() as u64 + 1) {
            if let Some((_, action)) = self.manager_orders.pop_front() {
                let _unseen = self.manager_disk.execute(&action);
            }
        }
        self.manager_orders.clear();
        self.manager_disk.faults.clear();
        if power {
            self.manager_disk.lose_power(&mut self.rng);
        }
        self.life += 1;
        let mut actions = Vec::new();
        let seed = Seed::from_number(self.life);
        self.manager = Puller::new(
            output(self.life, self.options),
            seed,
            self.now,
            &mut actions,
        )
        .expect("settings");
        self.recorded.clear();
        self.asked = None;
        self.absorb_manager(actions);
        self.target();
    }

    fn cut_for_crash(&mut self, node: bool) {
        self.to_node.clear();
        self.to_manager.clear();
        if let Some((ours, theirs)) = self.stream.take() {
            if node {
                self.tell_manager(puller::Event::Closed { stream: ours });
            } else {
                self.tell_node(server::Event::Closed { stream: theirs });
            }
        }
    }

    /// No more faults: until everything that is durable has arrived and is acknowledged.
    pub(crate) fn calm(&mut self) {
        self.node_disk.faults.clear();
        self.manager_disk.faults.clear();
        let until = self.now + core::time::Duration::from_secs(60);
        while self.now < until {
            let busy = self.node_work()
                | self.manager_work()
                | self.connect()
                | self.deliver_to_node()
                | self.deliver_to_manager();
            if !busy {
                self.wait();
            }
        }
    }

    /// The lines of all outputs, in order for each log.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.manager_disk
            .files
            .iter()
            .filter(|(path, _)| path.starts_with("out/"))
            .flat_map(|(_, file)| {
                let text = String::from_utf8(file.cache.clone()).expect("text");
                assert!(text.is_empty() || text.ends_with('\n'), "half a line");
                text.lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .collect()
    }
}
