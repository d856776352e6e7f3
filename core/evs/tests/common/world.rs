//! N machines under virtual time. One queue ordered by (instant, sequence); a due deadline fires before the
//! frame of the same instant. Frames cross as bytes, through the real codec.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use ringfort_evs::{Action, Config, Delivery, Destination, Event, Evs, Note, Refusal};
use ringfort_machine::{
    Configuration, ConfigurationId, Incarnation, Instant, Level, Machine, Member, NodeId,
    ProcessId, Rng, Seed, SubclusterId, Wake, step,
};
use ringfort_wire::{ClusterId, Frame, Kind};

pub const CLUSTER: ClusterId = ClusterId(7);

/// What a process did, in order.
#[derive(Clone, Debug)]
pub enum Did {
    Submitted {
        number: u64,
        level: Level,
        payload: Bytes,
    },
    Sent {
        number: u64,
        level: Level,
        configuration: ConfigurationId,
    },
    Delivered(Delivery),
    Installed(Configuration),
}

/// The whole life of a process.
#[derive(Clone, Debug, Default)]
pub struct Life {
    pub log: Vec<(Instant, Did)>,
    pub ended: bool,
}

/// How the network treats a frame.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    pub loss_percent: u64,
    pub repeat_percent: u64,
    pub delay: (Duration, Duration),
}

impl Weather {
    pub const FAIR: Self = Self {
        loss_percent: 0,
        repeat_percent: 0,
        delay: (Duration::from_micros(60), Duration::from_micros(140)),
    };
}

pub struct Host {
    pub evs: Option<Evs>,
    pub incarnation: u64,
    pub paused: Option<Instant>,
    waiting: Vec<(usize, Bytes)>,
    pub left: bool,
}

pub struct World {
    pub now: Instant,
    pub hosts: Vec<Host>,
    pub lives: BTreeMap<ProcessId, Life>,
    pub cuts: BTreeSet<(usize, usize)>,
    pub weather: Weather,
    pub rng: Rng,
    pub seed: Seed,
    pub notes: Vec<(Instant, usize, Note)>,
    pub frames: u64,
    /// Frames of this kind are lost, so many of them.
    pub drops: Vec<(Kind, u32)>,
    /// What a new process is told.
    pub configure: fn(&mut Config),
    pub keep_notes: bool,
    /// Whether every frame sent is kept, with its sender.
    pub record: bool,
    pub recorded: Vec<(usize, Bytes)>,
    queue: BTreeMap<(Instant, u64), (usize, usize, Bytes)>,
    order: u64,
    at_this_instant: u32,
}

impl World {
    pub fn new(hosts: usize, seed: Seed) -> Self {
        let host = |_| Host {
            evs: None,
            incarnation: 0,
            paused: None,
            waiting: Vec::new(),
            left: false,
        };
        Self {
            now: Instant::ORIGIN,
            hosts: (0..hosts).map(host).collect(),
            lives: BTreeMap::new(),
            cuts: BTreeSet::new(),
            weather: Weather::FAIR,
            rng: Rng::new(seed.fork("world")),
            seed,
            notes: Vec::new(),
            frames: 0,
            drops: Vec::new(),
            configure: |_| {},
            keep_notes: true,
            record: false,
            recorded: Vec::new(),
            queue: BTreeMap::new(),
            order: 0,
            at_this_instant: 0,
        }
    }

    pub fn process(&self, host: usize) -> ProcessId {
        process(host, self.hosts[host].incarnation)
    }

    pub fn start(&mut self, host: usize) {
        self.hosts[host].incarnation += 1;
        let process = self.process(host);
        let me = Member {
            process,
            subcluster: SubclusterId::of_name("default"),
        };
        let mut config = Config::new(me, CLUSTER);
        (self.configure)(&mut config);
        let seed = self.seed.fork(&format!("{process}"));
        let mut out = Vec::new();
        let evs = Evs::new(config, seed, self.now, &mut out).unwrap();
        self.lives.insert(process, Life::default());
        let slot = &mut self.hosts[host];
        slot.evs = Some(evs);
        slot.paused = None;
        slot.left = false;
        slot.waiting.clear();
        self.act(host, out);
    }

    pub fn crash(&mut self, host: usize) {
        if self.hosts[host].evs.take().is_some() {
            let process = self.process(host);
            self.lives.get_mut(&process).unwrap().ended = true;
        }
    }

    pub fn is_up(&self, host: usize) -> bool {
        self.hosts[host].evs.is_some()
    }

    pub fn up(&self) -> Vec<usize> {
        (0..self.hosts.len())
            .filter(|host| self.is_up(*host))
            .collect()
    }

    pub fn submit(&mut self, host: usize, level: Level, payload: Bytes) -> Result<u64, Refusal> {
        let process = self.process(host);
        let evs = self.hosts[host].evs.as_mut().expect("the host is up");
        let number = evs.submit(level, payload.clone())?;
        let did = Did::Submitted {
            number,
            level,
            payload,
        };
        self.lives
            .get_mut(&process)
            .unwrap()
            .log
            .push((self.now, did));
        Ok(number)
    }

    pub fn event(&mut self, host: usize, event: Event) {
        let mut out = Vec::new();
        if let Some(evs) = self.hosts[host].evs.as_mut() {
            step(evs, self.now, event, &mut out);
        }
        self.act(host, out);
    }

    pub fn pause(&mut self, host: usize, length: Duration) {
        self.hosts[host].paused = Some(self.now + length);
    }

    fn act(&mut self, host: usize, actions: Vec<Action>) {
        let process = self.process(host);
        for action in actions {
            let did = match action {
                Action::Transmit { to, frame } => {
                    self.transmit(host, to, frame);
                    continue;
                }
                Action::Note(note) => {
                    if self.keep_notes {
                        self.notes.push((self.now, host, note));
                    }
                    continue;
                }
                Action::Left => {
                    self.hosts[host].left = true;
                    self.crash(host);
                    continue;
                }
                Action::Sent {
                    number,
                    level,
                    configuration,
                } => Did::Sent {
                    number,
                    level,
                    configuration,
                },
                Action::Deliver(delivery) => Did::Delivered(delivery),
                Action::Install(configuration) => Did::Installed(configuration),
            };
            self.lives
                .get_mut(&process)
                .unwrap()
                .log
                .push((self.now, did));
        }
    }

    fn transmit(&mut self, from: usize, to: Destination, frame: Bytes) {
        let targets: Vec<usize> = match to {
            Destination::All => (0..self.hosts.len()).filter(|to| *to != from).collect(),
            Destination::Node(node) => (0..self.hosts.len())
                .filter(|to| node_id(*to) == node)
                .collect(),
        };
        self.frames += 1;
        if self.record {
            self.recorded.push((from, frame.clone()));
        }
        for to in targets {
            if self.cuts.contains(&(from, to)) || self.is_dropped(&frame) {
                continue;
            }
            let weather = self.weather;
            let copies = 1 + u32::from(self.rng.chance(weather.repeat_percent, 100));
            for _ in 0..copies {
                if self.rng.chance(weather.loss_percent, 100) {
                    continue;
                }
                let (low, high) = weather.delay;
                let delay = self
                    .rng
                    .between(low.as_nanos() as u64, high.as_nanos() as u64);
                self.order += 1;
                let at = self.now + Duration::from_nanos(delay);
                self.queue
                    .insert((at, self.order), (from, to, frame.clone()));
            }
        }
    }

    fn is_dropped(&mut self, frame: &Bytes) -> bool {
        let kind = Frame::decode(CLUSTER, frame).unwrap().kind;
        for (dropped, count) in &mut self.drops {
            if *dropped == kind && *count > 0 {
                *count -= 1;
                return true;
            }
        }
        false
    }

    /// When something next happens by itself.
    pub fn next(&self) -> Option<Instant> {
        let frame = self.queue.keys().next().map(|(at, _)| *at);
        let wake = self.hosts.iter().filter_map(|host| {
            let deadline = host.evs.as_ref()?.deadline()?.at;
            Some(host.paused.map_or(deadline, |until| until.max(deadline)))
        });
        let resume = self.hosts.iter().filter_map(|host| host.paused);
        wake.chain(resume).chain(frame).min()
    }

    /// Lets the world go on until `until`.
    pub fn run_until(&mut self, until: Instant) {
        while let Some(at) = self.next().filter(|at| *at <= until) {
            self.advance(at);
        }
        self.advance_clock(until);
    }

    pub fn run_for(&mut self, length: Duration) {
        self.run_until(self.now + length);
    }

    /// Lets the world go on until `done`, at most for `limit`; false if it did not come to it.
    pub fn run_while(&mut self, limit: Duration, mut busy: impl FnMut(&Self) -> bool) -> bool {
        let until = self.now + limit;
        while busy(self) {
            let Some(at) = self.next().filter(|at| *at <= until) else {
                return false;
            };
            self.advance(at);
        }
        true
    }

    fn advance_clock(&mut self, to: Instant) {
        if to > self.now {
            self.now = to;
            self.at_this_instant = 0;
        }
    }

    /// One thing happens.
    fn advance(&mut self, at: Instant) {
        self.advance_clock(at);
        self.at_this_instant += 1;
        assert!(
            self.at_this_instant < 100_000,
            "time stands still at {}",
            self.now
        );
        for host in 0..self.hosts.len() {
            if self.hosts[host]
                .paused
                .is_some_and(|until| until <= self.now)
            {
                self.hosts[host].paused = None;
                let waiting = std::mem::take(&mut self.hosts[host].waiting);
                for (from, frame) in waiting {
                    self.receive(from, host, frame);
                }
                return;
            }
        }
        for host in 0..self.hosts.len() {
            let slot = &mut self.hosts[host];
            let due = |evs: &Evs| evs.deadline().is_some_and(|d| d.at <= self.now);
            if slot.paused.is_none() && slot.evs.as_ref().is_some_and(due) {
                let mut out = Vec::new();
                slot.evs
                    .as_mut()
                    .unwrap()
                    .handle(self.now, Wake.into(), &mut out);
                self.act(host, out);
                return;
            }
        }
        if let Some(first) = self.queue.first_entry().filter(|e| e.key().0 <= self.now) {
            let (from, to, frame) = first.remove();
            if self.hosts[to].paused.is_some() {
                // A socket buffer is bounded.
                if self.hosts[to].waiting.len() < 500 {
                    self.hosts[to].waiting.push((from, frame));
                }
            } else {
                self.receive(from, to, frame);
            }
        }
    }

    fn receive(&mut self, from: usize, to: usize, bytes: Bytes) {
        let frame = Frame::decode(CLUSTER, &bytes).unwrap();
        self.event(
            to,
            Event::Frame {
                from: node_id(from),
                frame,
            },
        );
    }

    /// The last regular configuration of `host`.
    pub fn configuration(&self, host: usize) -> Option<&Configuration> {
        let life = self.lives.get(&self.process(host))?;
        life.log.iter().rev().find_map(|(_, did)| match did {
            Did::Installed(configuration) if configuration.follows.is_none() => Some(configuration),
            Did::Submitted { .. } | Did::Sent { .. } | Did::Delivered(_) | Did::Installed(_) => {
                None
            }
        })
    }

    /// Whether exactly the hosts `members` are together in one configuration.
    pub fn is_together(&self, members: &[usize]) -> bool {
        let expected: BTreeSet<ProcessId> =
            members.iter().map(|host| self.process(*host)).collect();
        let mut ids = BTreeSet::new();
        members.iter().all(|host| {
            let evs = self.hosts[*host].evs.as_ref();
            let Some(configuration) = self.configuration(*host) else {
                return false;
            };
            ids.insert(configuration.id);
            let found: BTreeSet<_> = configuration.members.iter().map(|m| m.process).collect();
            found == expected && evs.is_some_and(|evs| evs.status().state == "operational")
        }) && ids.len() <= 1
    }

    /// Whether everything submitted by live processes was sent, and everything sent in the present
    /// configurations was delivered by all their members that are up.
    pub fn is_settled(&self) -> bool {
        self.up().iter().all(|host| {
            let status = self.hosts[*host].evs.as_ref().unwrap().status();
            status.outbox_messages == 0
                && status.delivered == status.seq
                && status.aru == status.seq
        }) && {
            let up = self.up();
            let highest = up
                .iter()
                .map(|host| self.hosts[*host].evs.as_ref().unwrap().status());
            let all: BTreeSet<_> = highest.map(|status| (status.ring, status.seq)).collect();
            let rings: BTreeSet<_> = all.iter().map(|(ring, _)| *ring).collect();
            all.len() == rings.len()
        }
    }

    /// Cuts every link between different parts, in both directions, and mends all others.
    pub fn partition(&mut self, parts: &[Vec<usize>]) {
        self.cuts.clear();
        for (index, one) in parts.iter().enumerate() {
            for other in &parts[index + 1..] {
                for from in one {
                    for to in other {
                        self.cuts.insert((*from, *to));
                        self.cuts.insert((*to, *from));
                    }
                }
            }
        }
    }
}

pub fn process(host: usize, incarnation: u64) -> ProcessId {
    ProcessId::new(node_id(host), Incarnation(incarnation))
}

/// Node ids in the order of hosts, so that the representative is the first host.
pub fn node_id(host: usize) -> NodeId {
    NodeId(host as u64 + 1)
}
