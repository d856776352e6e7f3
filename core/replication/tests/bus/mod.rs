//! A bus in one piece of memory that keeps the promises of the group layer, and replicas on it.
//!
//! Components are totally ordered; a process's messages stay in its outbox over a view change and come out in
//! the order sent; members that move together have delivered the same messages. Time is a number.

pub(crate) mod world;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use ringfort_machine::{
    ConfigurationId, Incarnation, Instant, Machine, Member, NodeId, Position, ProcessId, RingId,
    Rng, Seed, SubclusterId, step,
};
use ringfort_replication::{Action, Body, Config, Event, Key, Note, Replication};

/// One live process.
pub(crate) struct Process {
    pub(crate) machine: Replication,
    pub(crate) outbox: VecDeque<Body>,
    pub(crate) component: usize,
    /// What it should contribute, by object and key.
    pub(crate) truth: BTreeMap<(Arc<str>, Key), i64>,
    pub(crate) notes: Vec<Note>,
}

/// The whole world.
pub(crate) struct Bus {
    pub(crate) now: Instant,
    pub(crate) processes: BTreeMap<ProcessId, Process>,
    /// The configuration and last ordinal of each component.
    components: BTreeMap<usize, Position>,
    next: u64,
    /// What was reported at each point: must be one value, whoever says it.
    fingerprints: BTreeMap<(Arc<str>, Position), (u64, i64)>,
    /// How many reports agreed with one of another process.
    pub(crate) agreements: usize,
    pub(crate) rng: Rng,
}

pub(crate) fn process(node: u64, life: u64) -> ProcessId {
    ProcessId::new(NodeId(node), Incarnation(life))
}

impl Bus {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            now: Instant::ORIGIN,
            processes: BTreeMap::new(),
            components: BTreeMap::new(),
            next: 0,
            fingerprints: BTreeMap::new(),
            agreements: 0,
            rng: Rng::new(Seed::from_number(seed)),
        }
    }

    pub(crate) fn start(&mut self, id: ProcessId, config: Config) {
        let machine = Replication::new(id, config).unwrap();
        let component = self.fresh();
        let process = Process {
            machine,
            outbox: VecDeque::new(),
            component,
            truth: BTreeMap::new(),
            notes: Vec::new(),
        };
        self.processes.insert(id, process);
        self.install(component, &BTreeMap::new());
    }

    /// A process ends without a word.
    pub(crate) fn crash(&mut self, id: ProcessId) {
        let component = self.processes.remove(&id).unwrap().component;
        self.regroup(&[component], 1);
    }

    /// Puts the members of these components into `parts` new ones at random; everybody gets a view.
    pub(crate) fn regroup(&mut self, old: &[usize], parts: usize) {
        let fresh: Vec<usize> = (0..parts).map(|_| self.fresh()).collect();
        let mut from = BTreeMap::new();
        for (id, process) in &mut self.processes {
            if old.contains(&process.component) {
                from.insert(*id, process.component);
                process.component = *self.rng.pick(&fresh).unwrap();
            }
        }
        let ends: Vec<Position> = old
            .iter()
            .filter_map(|component| self.components.remove(component))
            .collect();
        for end in ends {
            self.part(end, &from);
        }
        for component in fresh {
            self.install(component, &from);
        }
    }

    /// The last messages of a component that ends. Each comes to all that go on with its sender, and by chance to
    /// the others; each side passes them in a transitional configuration of its own. A side that missed one gets
    /// no later one from beyond: nothing is delivered over a hole.
    fn part(&mut self, end: Position, from: &BTreeMap<ProcessId, usize>) {
        let old = end.configuration.ring.sequence as usize;
        let mut sides: BTreeMap<usize, Vec<ProcessId>> = BTreeMap::new();
        for (id, process) in &self.processes {
            if from.get(id) == Some(&old) {
                sides.entry(process.component).or_default().push(*id);
            }
        }
        let members: Vec<ProcessId> = sides.values().flatten().copied().collect();
        let mut ordinal = end.ordinal;
        let mut holes = BTreeSet::new();
        for _ in 0..self.rng.below(4) {
            let Some(sender) = self.rng.pick(&members).copied() else {
                return;
            };
            let outbox = &mut self.processes.get_mut(&sender).unwrap().outbox;
            let Some(body) = outbox.pop_front() else {
                continue;
            };
            ordinal += 1;
            for (side, members) in &sides {
                let beyond = !members.contains(&sender);
                if beyond && (holes.contains(side) || self.rng.chance(1, 2)) {
                    holes.insert(*side);
                    continue;
                }
                let ring = RingId {
                    sequence: *side as u64,
                    representative: members[0],
                };
                let configuration = ConfigurationId::transitional(end.configuration.ring, ring);
                for id in members {
                    let event = Event::Message {
                        position: Position {
                            configuration,
                            ordinal,
                        },
                        from: sender,
                        body: body.clone(),
                    };
                    self.event(*id, event);
                }
            }
        }
    }

    pub(crate) fn heal(&mut self) {
        let all: Vec<usize> = self.components.keys().copied().collect();
        self.regroup(&all, 1);
    }

    pub(crate) fn components(&self) -> Vec<usize> {
        self.components.keys().copied().collect()
    }

    /// Delivers the oldest message of one member of `component`, chosen at random. `false`: there is none.
    pub(crate) fn deliver(&mut self, component: usize) -> bool {
        let senders: Vec<ProcessId> = self
            .members(component)
            .into_iter()
            .filter(|id| !self.processes[id].outbox.is_empty())
            .collect();
        let Some(from) = self.rng.pick(&senders).copied() else {
            return false;
        };
        let body = self.processes.get_mut(&from).unwrap().outbox.pop_front();
        let body = body.unwrap();
        let position = self.components.get_mut(&component).unwrap();
        position.ordinal += 1;
        let position = *position;
        for id in self.members(component) {
            let body = body.clone();
            self.event(
                id,
                Event::Message {
                    position,
                    from,
                    body,
                },
            );
        }
        true
    }

    /// Hands one event to one process, as a runtime would.
    pub(crate) fn event(&mut self, id: ProcessId, event: Event) {
        let process = self.processes.get_mut(&id).unwrap();
        let mut out = Vec::new();
        step(&mut process.machine, self.now, event, &mut out);
        for action in out {
            match action {
                Action::Publish(body) => process.outbox.push_back(body),
                Action::Note(note) => process.notes.push(note),
                Action::Settled {
                    object,
                    position,
                    hash,
                    total,
                } => {
                    let found = (hash, total);
                    let other = *self
                        .fingerprints
                        .entry((object.clone(), position))
                        .and_modify(|_| self.agreements += 1)
                        .or_insert(found);
                    assert_eq!(other, found, "{id} differs on {object} at {position:?}");
                }
            }
        }
        let due = process.machine.deadline();
        assert!(
            due.is_none_or(|due| due.at > self.now),
            "nothing is pending after an event"
        );
    }

    /// Changes a contribution and remembers what it should now be.
    pub(crate) fn change(&mut self, id: ProcessId, object: &str, key: Key, by: i64) {
        let object: Arc<str> = object.into();
        let truth = &mut self.processes.get_mut(&id).unwrap().truth;
        let value = truth.entry((object.clone(), key.clone())).or_insert(0);
        if *value + by >= 0 {
            *value += by;
        }
        truth.retain(|_, value| *value > 0);
        self.event(id, Event::Change { object, key, by });
    }

    /// Lets time pass; whoever is due is woken.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        let due = |process: &Process| process.machine.deadline().is_some_and(|d| d.at <= self.now);
        let ids: Vec<ProcessId> = self
            .processes
            .iter()
            .filter(|(_, process)| due(process))
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            self.event(id, Event::Wake);
        }
    }

    /// Delivers and waits until nothing is left to do.
    pub(crate) fn quiesce(&mut self) {
        loop {
            let mut busy = false;
            for component in self.components() {
                while self.deliver(component) {
                    busy = true;
                }
            }
            let deadlines = self.processes.values().map(|p| p.machine.deadline());
            match deadlines.flatten().map(|deadline| deadline.at).min() {
                Some(at) => self.pass(at - self.now),
                None if busy => {}
                None => return,
            }
        }
    }

    pub(crate) fn members(&self, component: usize) -> Vec<ProcessId> {
        self.processes
            .iter()
            .filter(|(_, process)| process.component == component)
            .map(|(id, _)| *id)
            .collect()
    }

    /// All distinct lives must agree with the sum of the truths: every key, every view, no leftovers.
    pub(crate) fn check(&self, objects: &[&str]) {
        for (id, process) in &self.processes {
            for object in objects {
                let members = self.members(process.component);
                self.check_one(*id, object, &members);
            }
        }
    }

    fn check_one(&self, id: ProcessId, object: &str, members: &[ProcessId]) {
        let machine = &self.processes[&id].machine;
        assert!(machine.settled(object), "{id} is not settled on {object}");
        let of = |process: ProcessId| {
            let truth = self.processes[&process].truth.iter();
            truth.filter(|((name, _), _)| **name == *object)
        };
        let mut sums: BTreeMap<Key, i64> = BTreeMap::new();
        for member in members {
            for ((_, key), value) in of(*member) {
                *sums.entry(key.clone()).or_default() += value;
            }
            let expected: i64 = of(*member).map(|(_, value)| value).sum();
            let view = machine.view(object, Some(*member));
            assert_eq!(
                view.map(|v| (v.total(), v.len())),
                Some((expected, of(*member).count()))
            );
        }
        let global = machine.view(object, None).unwrap();
        assert_eq!(global.total(), sums.values().sum::<i64>(), "{id} {object}");
        assert_eq!(global.len(), sums.len());
        for row in global.rows() {
            let inside = |key: &Key| match (&row.key, key) {
                (Key::Net(outer), Key::Net(inner)) => outer.contains(inner),
                (outer, inner) => outer == inner,
            };
            let expected: i64 = sums
                .iter()
                .filter(|(key, _)| inside(key))
                .map(|(_, v)| v)
                .sum();
            assert_eq!(row.count, expected, "{id} {object} {}", row.key);
            assert_eq!(machine.count(object, &row.key), expected);
            assert!(row.count > 0, "a row of nothing");
        }
        let known: BTreeSet<ProcessId> = members.iter().copied().collect();
        for other in self.processes.keys().filter(|other| !known.contains(other)) {
            assert!(machine.view(object, Some(*other)).is_none());
        }
        let seen = machine
            .objects()
            .find(|view| *view.name == *object)
            .unwrap();
        assert_eq!(seen.processes, members.len(), "a part of nobody");
    }

    fn fresh(&mut self) -> usize {
        self.next += 1;
        self.next as usize
    }

    fn install(&mut self, component: usize, from: &BTreeMap<ProcessId, usize>) {
        let members = self.members(component);
        let Some(representative) = members.first().copied() else {
            return;
        };
        let ring = RingId {
            sequence: component as u64,
            representative,
        };
        let position = Position {
            configuration: ConfigurationId::regular(ring),
            ordinal: 0,
        };
        self.components.insert(component, position);
        for id in &members {
            let together = |other: &&ProcessId| *other == id || from.get(other) == from.get(id);
            let event = Event::View {
                position,
                members: members
                    .iter()
                    .map(|process| Member {
                        process: *process,
                        subcluster: SubclusterId(0),
                    })
                    .collect(),
                together: members.iter().filter(together).copied().collect(),
            };
            self.event(*id, event);
        }
    }
}
