//! A world of group layers over a model of the ring: it orders messages, splits, merges, cascades and crashes
//! as its seed says, keeps to extended virtual synchrony, and records what every client is told.
//!
//! The model is more hostile than a real ring: a member may pass a configuration long after the others, be
//! named in one that it never installs, and lose any suffix of what others have sent.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use ringfort_groups::{
    Action, ClientEvent, ClientId, ClientName, Command, Config, Event, GroupName, Groups, MemberId,
    View,
};
use ringfort_machine::{
    Configuration, ConfigurationId, ConfigurationKind, Incarnation, Instant, Level, Machine,
    Member, NodeId, Position, ProcessId, RingId, Rng, Seed, SubclusterId,
};

pub(crate) mod check;

/// What a client was told.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    View(View),
    Message {
        id: MessageId,
        groups: Vec<GroupName>,
        via: GroupName,
        /// The sender, if it wanted no copy.
        discarded_by: Option<MemberId>,
    },
}

/// A message: the sending process and its number there.
pub(crate) type MessageId = (ProcessId, u64);

/// A client as its user sees it.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) member: MemberId,
    pub(crate) asked: BTreeSet<GroupName>,
    pub(crate) connected: bool,
    pub(crate) told: Vec<Told>,
    /// Tags of messages that it must get itself: it was in one of the groups when it sent them.
    pub(crate) owed: BTreeSet<u64>,
    pub(crate) got_tags: BTreeSet<u64>,
}

struct Entry {
    sender: ProcessId,
    number: u64,
    level: Level,
    payload: Bytes,
}

struct Ring {
    id: RingId,
    log: Vec<Entry>,
}

/// What a host has yet to pass before it is in its ring.
#[derive(Clone)]
enum Step {
    Install(Configuration),
    Deliver {
        ring: usize,
        index: usize,
        configuration: ConfigurationId,
    },
}

pub(crate) struct Host {
    pub(crate) process: ProcessId,
    pub(crate) groups: Groups,
    outbox: VecDeque<(Level, Bytes)>,
    numbered: u64,
    ring: usize,
    delivered: usize,
    script: VecDeque<Step>,
    /// The ring it was in before its script, as long as it has not begun the script.
    before: Option<(usize, usize)>,
    pub(crate) local: BTreeMap<ClientId, usize>,
}

pub(crate) struct World {
    rng: Rng,
    rings: Vec<Ring>,
    pub(crate) hosts: BTreeMap<ProcessId, Host>,
    pub(crate) clients: Vec<Client>,
    lives: BTreeMap<NodeId, u64>,
    tags: u64,
    /// Configuration changes in a thousand steps.
    churn: u64,
    pub(crate) completed: usize,
    pub(crate) abandoned: usize,
}

const GROUPS: [&str; 4] = ["alpha", "beta", "gamma", "delta"];
/// The most hosts of a world.
const HOSTS: u64 = 7;

fn group(name: &str) -> GroupName {
    GroupName::new(name).expect("a legal name")
}

fn node_name(node: NodeId) -> String {
    (1..=HOSTS)
        .map(|number| format!("n{number}"))
        .find(|name| NodeId::of_name(name) == node)
        .expect("a node of this world")
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut world = Self {
            rng: Rng::new(Seed::from_number(seed)),
            rings: Vec::new(),
            hosts: BTreeMap::new(),
            clients: Vec::new(),
            lives: BTreeMap::new(),
            tags: 0,
            churn: 0,
            completed: 0,
            abandoned: 0,
        };
        // Every world draws its own character, so that each kind of trouble dominates in some.
        world.churn = world.rng.between(5, 120);
        for number in 1..=world.rng.between(2, HOSTS) {
            world.start(NodeId::of_name(&format!("n{number}")));
        }
        world
    }

    /// Runs `steps` random steps, then heals everything and lets it come to rest.
    pub(crate) fn run(&mut self, steps: usize) {
        for _ in 0..steps {
            self.random_step();
        }
        for _ in 0..2 {
            let all: Vec<_> = self.hosts.keys().copied().collect();
            self.reconfigure(&[all]);
            self.settle();
        }
    }

    fn random_step(&mut self) {
        if self.rng.chance(self.churn, 1000) {
            let parts = self.random_partition();
            self.reconfigure(&parts);
        }
        match self.rng.below(1000) {
            0..5 => self.crash(),
            5..15 => self.restart(),
            15..20 => self.garbage(),
            20..50 => self.connect(),
            50..200 => self.command(),
            200..500 => self.order(),
            _ => self.pass_one(),
        }
    }

    fn start(&mut self, node: NodeId) {
        let life = self.lives.entry(node).or_default();
        *life += 1;
        let process = ProcessId::new(node, Incarnation(*life));
        let ring = self.new_ring(process);
        let mut config = Config::new(process);
        config.limits.state_part_bytes = 24; // so that states come in parts
        let host = Host {
            process,
            groups: Groups::new(config).expect("a legal configuration"),
            outbox: VecDeque::new(),
            numbered: 0,
            ring,
            delivered: 0,
            script: VecDeque::new(),
            before: None,
            local: BTreeMap::new(),
        };
        self.hosts.insert(process, host);
        let first = regular(self.rings[ring].id, &[process]);
        self.feed(process, Event::Installed(first));
    }

    fn new_ring(&mut self, representative: ProcessId) -> usize {
        let sequence = self.rings.len() as u64 + 1;
        self.rings.push(Ring {
            id: RingId {
                sequence,
                representative,
            },
            log: Vec::new(),
        });
        self.rings.len() - 1
    }

    fn any_host(&mut self) -> ProcessId {
        let all: Vec<_> = self.hosts.keys().copied().collect();
        *self.rng.pick(&all).expect("one host always lives")
    }

    fn random_partition(&mut self) -> Vec<Vec<ProcessId>> {
        let count = self.rng.between(1, 3) as usize;
        let mut parts = vec![Vec::new(); count];
        for process in self.hosts.keys() {
            parts[self.rng.below(count as u64) as usize].push(*process);
        }
        parts.retain(|part| !part.is_empty());
        parts
    }

    /// Forms a new ring for each of `parts`.
    pub(crate) fn reconfigure(&mut self, parts: &[Vec<ProcessId>]) {
        for process in parts.iter().flatten() {
            // A member that has not begun to pass its last configuration may never pass it.
            let forget = self.rng.chance(1, 2);
            let host = self.hosts.get_mut(process).expect("a live host");
            if forget && let Some((ring, delivered)) = host.before.take() {
                host.ring = ring;
                host.delivered = delivered;
                host.script.clear();
            }
        }
        for part in parts {
            let target = self.new_ring(*part.iter().min().expect("not empty"));
            let mut sources: BTreeMap<usize, Vec<ProcessId>> = BTreeMap::new();
            for process in part {
                let ring = self.hosts[process].ring;
                sources.entry(ring).or_default().push(*process);
            }
            for (source, movers) in sources {
                self.move_together(source, target, &movers, part);
            }
        }
    }

    /// Schedules how `movers` pass from ring `source` to ring `target`: what is known to all of them is
    /// delivered, then, past the first hole, only what they themselves have sent.
    fn move_together(
        &mut self,
        source: usize,
        target: usize,
        movers: &[ProcessId],
        all: &[ProcessId],
    ) {
        let ended = self.rings[source].log.len();
        let furthest = movers.iter().map(|p| self.hosts[p].delivered).max();
        let furthest = furthest.expect("somebody moves");
        let hole = self.rng.between(furthest as u64, ended as u64) as usize;
        let marked = self.rng.between(furthest as u64, hole as u64) as usize;
        let (from, to) = (self.rings[source].id, self.rings[target].id);
        let old = ConfigurationId::regular(from);
        let transitional = Configuration {
            id: ConfigurationId::transitional(from, to),
            kind: ConfigurationKind::Transitional,
            members: members(movers),
            follows: Some(old),
        };
        for process in movers {
            let begun = self.hosts[process].delivered;
            let mut script = VecDeque::new();
            let deliver = |index, configuration| Step::Deliver {
                ring: source,
                index,
                configuration,
            };
            script.extend((begun..marked).map(|index| deliver(index, old)));
            script.push_back(Step::Install(transitional.clone()));
            for index in marked..ended {
                let sender = self.rings[source].log[index].sender;
                if index < hole || movers.contains(&sender) {
                    script.push_back(deliver(index, transitional.id));
                }
            }
            script.push_back(Step::Install(regular(to, all)));
            let host = self.hosts.get_mut(process).expect("a live host");
            host.before = host.script.is_empty().then_some((source, begun));
            host.script.extend(script);
            host.ring = target;
            host.delivered = 0;
        }
    }

    fn crash(&mut self) {
        if self.hosts.len() > 2 {
            let process = self.any_host();
            let host = self.hosts.remove(&process).expect("a live host");
            for index in host.local.values() {
                self.clients[*index].connected = false;
                self.clients[*index].owed.clear();
            }
        }
    }

    fn restart(&mut self) {
        let living: BTreeSet<_> = self.hosts.keys().map(|process| process.node).collect();
        let dead: Vec<_> = self
            .lives
            .keys()
            .filter(|n| !living.contains(n))
            .copied()
            .collect();
        if let Some(node) = self.rng.pick(&dead).copied() {
            self.start(node);
        }
    }

    /// Something that no group layer sent gets into the order, and must change nothing.
    fn garbage(&mut self) {
        let process = self.any_host();
        let length = self.rng.below(20) as usize;
        let bytes: Vec<u8> = (0..length).map(|_| self.rng.next_u64() as u8 & 3).collect();
        let payload = Bytes::from(bytes);
        if ringfort_wire::group::decode(&payload).is_err() {
            let host = self.hosts.get_mut(&process).expect("a live host");
            host.outbox.push_back((Level::Agreed, payload));
        }
    }

    fn connect(&mut self) {
        let process = self.any_host();
        if self.hosts[&process].local.len() >= 4 {
            return;
        }
        let index = self.clients.len();
        let name = ClientName::new(&format!("c{index}")).expect("a legal name");
        self.clients.push(Client {
            member: MemberId::new(process, name.clone()),
            asked: BTreeSet::new(),
            connected: true,
            told: Vec::new(),
            owed: BTreeSet::new(),
            got_tags: BTreeSet::new(),
        });
        let id = ClientId(index as u64);
        let host = self.hosts.get_mut(&process).expect("a live host");
        host.local.insert(id, index);
        self.local(
            process,
            id,
            Command::Connect {
                name,
                wants_membership: true,
            },
        );
    }

    fn command(&mut self) {
        let process = self.any_host();
        let local: Vec<_> = self.hosts[&process].local.clone().into_iter().collect();
        let Some((id, index)) = self.rng.pick(&local).copied() else {
            return;
        };
        let name = group(self.rng.pick(&GROUPS).expect("some"));
        match self.rng.below(20) {
            0..6 => {
                self.clients[index].asked.insert(name.clone());
                self.local(process, id, Command::Join { group: name });
            }
            6..9 => {
                self.clients[index].asked.remove(&name);
                self.local(process, id, Command::Leave { group: name });
            }
            9 => {
                let client = &mut self.clients[index];
                client.asked.clear();
                client.connected = false;
                client.owed.clear();
                self.local(process, id, Command::Disconnect);
                self.hosts
                    .get_mut(&process)
                    .expect("live")
                    .local
                    .remove(&id);
            }
            _ => self.send(process, id, index),
        }
    }

    fn send(&mut self, process: ProcessId, id: ClientId, index: usize) {
        let count = self.rng.between(1, 3);
        let mut groups = Vec::new();
        for _ in 0..count {
            if self.rng.chance(1, 6) {
                let other = self.rng.below(self.clients.len() as u64) as usize;
                let MemberId { process, client } = &self.clients[other].member;
                let private = GroupName::private(client, &node_name(process.node));
                groups.push(private.expect("a legal name"));
            } else {
                groups.push(group(self.rng.pick(&GROUPS).expect("some")));
            }
        }
        self.tags += 1;
        let self_discard = self.rng.chance(1, 8);
        let client = &mut self.clients[index];
        if !self_discard && groups.iter().any(|group| client.asked.contains(group)) {
            client.owed.insert(self.tags);
        }
        let level = *self.rng.pick(&Level::ALL).expect("some");
        let payload = Bytes::from(self.tags.to_le_bytes().to_vec());
        let tag = self.tags;
        self.local(
            process,
            id,
            Command::Send {
                groups,
                level,
                self_discard,
                tag,
                payload,
            },
        );
    }

    fn local(&mut self, process: ProcessId, client: ClientId, command: Command) {
        self.feed(process, Event::Local { client, command });
    }

    /// One host gets its next message its place in the order.
    fn order(&mut self) {
        let process = self.any_host();
        self.order_at(process);
    }

    fn order_at(&mut self, process: ProcessId) -> bool {
        let host = self.hosts.get_mut(&process).expect("a live host");
        if !host.script.is_empty() {
            return false; // nothing is sent while a configuration forms
        }
        let Some((level, payload)) = host.outbox.pop_front() else {
            return false;
        };
        host.numbered += 1;
        self.rings[host.ring].log.push(Entry {
            sender: process,
            number: host.numbered,
            level,
            payload,
        });
        true
    }

    /// One host passes one step of its script, or gets the next message of its ring.
    fn pass_one(&mut self) {
        let process = self.any_host();
        self.pass_at(process);
    }

    fn pass_at(&mut self, process: ProcessId) -> bool {
        let host = self.hosts.get_mut(&process).expect("a live host");
        let step = if let Some(step) = host.script.pop_front() {
            host.before = None;
            step
        } else if host.delivered < self.rings[host.ring].log.len() {
            host.delivered += 1;
            Step::Deliver {
                ring: host.ring,
                index: host.delivered - 1,
                configuration: ConfigurationId::regular(self.rings[host.ring].id),
            }
        } else {
            return false;
        };
        let event = match step {
            Step::Install(configuration) => Event::Installed(configuration),
            Step::Deliver {
                ring,
                index,
                configuration,
            } => {
                let entry = &self.rings[ring].log[index];
                Event::Delivered {
                    position: Position {
                        configuration,
                        ordinal: index as u64 + 1,
                    },
                    sender: entry.sender,
                    number: entry.number,
                    level: entry.level,
                    payload: entry.payload.clone(),
                }
            }
        };
        self.feed(process, event);
        true
    }

    /// Lets everything under way come to rest.
    fn settle(&mut self) {
        let mut moved = true;
        while moved {
            moved = false;
            let all: Vec<_> = self.hosts.keys().copied().collect();
            for process in all {
                while self.order_at(process) || self.pass_at(process) {
                    moved = true;
                }
            }
        }
    }

    fn feed(&mut self, process: ProcessId, event: Event) {
        let host = self.hosts.get_mut(&process).expect("a live host");
        let mut out: Vec<Action> = Vec::new();
        host.groups.handle(Instant::ORIGIN, event, &mut out);
        for action in out {
            match action {
                Action::Submit { level, payload } => host.outbox.push_back((level, payload)),
                Action::Client { client, event } => {
                    let told = &mut self.clients[client.0 as usize];
                    assert!(told.connected, "{client:?} is gone and got {event:?}");
                    record(told, event);
                }
                Action::Note(ringfort_groups::Note::MergeCompleted { .. }) => self.completed += 1,
                Action::Note(ringfort_groups::Note::MergeAbandoned { .. }) => self.abandoned += 1,
                Action::Note(_) => {}
            }
        }
    }
}

fn record(client: &mut Client, event: ClientEvent) {
    match event {
        ClientEvent::View(view) => client.told.push(Told::View(view)),
        ClientEvent::Message {
            from,
            number,
            groups,
            via,
            tag,
            payload,
            self_discard,
            ..
        } => {
            assert_eq!(&payload[..], tag.to_le_bytes());
            client.got_tags.insert(tag);
            client.told.push(Told::Message {
                id: (from.process, number),
                groups: groups.to_vec(),
                via,
                discarded_by: self_discard.then_some(from),
            });
        }
        ClientEvent::Refused(refusal) => panic!("refused: {refusal}"),
    }
}

fn members(processes: &[ProcessId]) -> std::sync::Arc<[Member]> {
    let mut sorted = processes.to_vec();
    sorted.sort_unstable();
    let subcluster = SubclusterId(0);
    sorted
        .into_iter()
        .map(|process| Member {
            process,
            subcluster,
        })
        .collect()
}

fn regular(ring: RingId, processes: &[ProcessId]) -> Configuration {
    Configuration {
        id: ConfigurationId::regular(ring),
        kind: ConfigurationKind::Regular,
        members: members(processes),
        follows: None,
    }
}
