//! A small world for the arbiters: nodes, an ordered bus that splits and merges, and platforms that take time,
//! refuse and outlive their process. Goal: check at every instant what an outside checker of a trace would.
//!
//! The bus keeps the promises of virtual synchrony and no others: all that come along get the same messages
//! before the next view, in one order, each at its own pace; what was published around a view may be delivered
//! after it. An order takes effect when it is given, like a netlink call, and is answered later.

// Each test file uses its part of it, and a broken world is a failed test.
#![allow(dead_code, clippy::unwrap_used)]

use std::cmp::Reverse;
mod checks;
pub(crate) mod faults;
mod platform;

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use ringfort_machine::{
    ConfigurationId, Incarnation, Instant, Machine, Member, NodeId, OrderId, Position, ProcessId,
    RingId, Rng, Seed, SubclusterId, Wake, step,
};
use ringfort_vip::{
    Action, AddressAction, AddressConfig, AddressOutcome, Body, Config, Event, Note, ServiceSet,
    Vip,
};

use platform::Host;

/// One entry of a member's feed.
#[derive(Clone, Debug)]
enum Feed {
    View {
        position: Position,
        members: Vec<Member>,
        together: Vec<ProcessId>,
    },
    Message {
        position: Position,
        from: ProcessId,
        body: Body,
    },
}

pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) id: NodeId,
    pub(crate) incarnation: u64,
    pub(crate) vip: Option<Vip>,
    pub(crate) config: Config,
    pub(crate) host: Host,
    pub(crate) component: usize,
    /// The last view delivered: its position and since when.
    pub(crate) view: Option<(Position, Instant)>,
    view_members: Vec<ProcessId>,
    feed: VecDeque<Feed>,
    outbox: VecDeque<Body>,
    pub(crate) served: BTreeSet<IpAddr>,
    pub(crate) replies: BTreeMap<u64, Result<(), ringfort_vip::CommandError>>,
    pub(crate) notes: Vec<Note>,
    pub(crate) left: bool,
    pub(crate) ready: bool,
    /// Does not run; its feed waits.
    pub(crate) paused: bool,
}

impl Node {
    pub(crate) fn process(&self) -> ProcessId {
        ProcessId::new(self.id, Incarnation(self.incarnation))
    }

    pub(crate) fn has(&self, address: IpAddr) -> bool {
        self.host.interfaces.contains_key(&address)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    /// The next entry of the node's feed is delivered.
    Deliver(usize, u64),
    /// The node's next message gets its place.
    Place(usize, u64),
    /// An order is answered.
    Answer(usize, u64, u64),
}

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) nodes: Vec<Node>,
    pub(crate) rng: Rng,
    queue: BinaryHeap<Reverse<(Instant, u64, Happening)>>,
    count: u64,
    answers: BTreeMap<(usize, u64, u64), AddressOutcome>,
    /// Orders take effect when they are answered, one after the other, as with a slow worker. Then an order
    /// given before a merge may overlap after it, for a while.
    pub(crate) late: bool,
    pending: BTreeMap<(usize, u64), VecDeque<(OrderId, AddressAction)>>,
    rings: u64,
    /// The order of each component: its position and members.
    components: BTreeMap<usize, (RingId, u64)>,
    /// Pairs of processes with one view that both have an address, since when.
    overlaps: BTreeMap<(ProcessId, ProcessId, IpAddr), (Position, Instant)>,
    /// When something last kept members from doing their part: a pause, or a platform that refused.
    excused: Instant,
    /// The agreed state after each place in the order.
    agreed: BTreeMap<Position, u64>,
    /// Violations found.
    pub(crate) violations: Vec<String>,
    /// The longest delay of anything.
    pub(crate) delay: Duration,
    pub(crate) log: Vec<String>,
    /// How long the log was at the first violation.
    first: Option<usize>,
}

pub(crate) fn address(text: &str) -> IpNet {
    text.parse().unwrap()
}

pub(crate) fn vip_config(address: IpNet) -> AddressConfig {
    AddressConfig {
        address,
        interface: "eth0".into(),
        names: vec![],
        services: ServiceSet {
            listener: true,
            binding: true,
        },
        preference: vec![],
        follow: None,
    }
}

/// `count` addresses 10.0.0.1/32 and on.
pub(crate) fn config_of(count: u8) -> Config {
    Config {
        addresses: (1..=count)
            .map(|last| vip_config(address(&format!("10.0.0.{last}/32"))))
            .collect(),
        mature_time: Duration::from_secs(2),
        balance_interval: Duration::from_secs(1),
        if_check_interval: Duration::from_secs(2),
        if_down_limit: 2,
        ..Config::default()
    }
}

impl World {
    pub(crate) fn new(seed: u64, configs: Vec<Config>) -> Self {
        let mut world = Self {
            now: Instant::ORIGIN,
            nodes: Vec::new(),
            rng: Rng::new(Seed::from_number(seed).fork("world")),
            queue: BinaryHeap::new(),
            count: 0,
            answers: BTreeMap::new(),
            late: false,
            pending: BTreeMap::new(),
            rings: 0,
            components: BTreeMap::new(),
            overlaps: BTreeMap::new(),
            excused: Instant::ORIGIN,
            agreed: BTreeMap::new(),
            violations: Vec::new(),
            delay: Duration::from_millis(2),
            log: Vec::new(),
            first: None,
        };
        for (index, config) in configs.into_iter().enumerate() {
            let name = format!("n{}", index + 1);
            world.nodes.push(Node {
                id: NodeId::of_name(&name),
                name,
                incarnation: 0,
                vip: None,
                config,
                host: Host::default(),
                component: index,
                view: None,
                view_members: vec![],
                feed: VecDeque::new(),
                outbox: VecDeque::new(),
                served: BTreeSet::new(),
                replies: BTreeMap::new(),
                notes: vec![],
                left: false,
                ready: false,
                paused: false,
            });
        }
        world
    }

    fn say(&mut self, text: String) {
        self.log.push(format!("{} {text}", self.now));
    }

    fn tell(&mut self, index: usize, text: &str) {
        let name = self.nodes[index].name.clone();
        self.say(format!("{name} {text}"));
    }

    /// `text` with the names of nodes for their numbers.
    fn named(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for node in &self.nodes {
            for life in 1..=node.incarnation {
                let process = ProcessId::new(node.id, Incarnation(life));
                let name = format!("{}#{life}", node.name);
                text = text.replace(&format!("{process:?}"), &name);
            }
            text = text.replace(&format!("{:?}", node.id), &node.name);
        }
        text
    }

    /// Starts node `index`, alone in a component of its own.
    pub(crate) fn start(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        assert!(node.vip.is_none());
        node.incarnation += 1;
        node.feed.clear();
        node.outbox.clear();
        node.served.clear();
        node.view = None;
        node.view_members.clear();
        node.left = false;
        node.ready = false;
        node.paused = false;
        let mut out = Vec::new();
        let vip = Vip::new(node.process(), node.config.clone(), self.now, &mut out).unwrap();
        node.vip = Some(vip);
        self.tell(index, "starts");
        self.act(index, out);
        let alone = self.free_component();
        self.nodes[index].component = alone;
        self.install(alone);
    }

    /// The process is gone; its addresses stay, or go with the power.
    pub(crate) fn crash(&mut self, index: usize, power: bool) {
        self.tell(index, if power { "loses power" } else { "is killed" });
        let component = self.nodes[index].component;
        if self.nodes[index].paused {
            self.excused = self.now;
        }
        let node = &mut self.nodes[index];
        node.vip = None;
        node.feed.clear();
        node.outbox.clear();
        if power {
            node.host.interfaces.clear();
        }
        self.install(component);
    }

    fn free_component(&self) -> usize {
        (0..)
            .find(|component| {
                !self
                    .nodes
                    .iter()
                    .any(|node| node.vip.is_some() && node.component == *component)
            })
            .unwrap()
    }

    /// Puts every node into the component named at its place.
    pub(crate) fn partition(&mut self, components: &[usize]) {
        self.say(format!("partition {components:?}"));
        let before: Vec<usize> = self.nodes.iter().map(|node| node.component).collect();
        let mut changed = BTreeSet::new();
        // New numbers, so that "together" can be told by the old ones.
        for (index, to) in components.iter().enumerate() {
            self.nodes[index].component = 1000 + to;
            changed.insert(1000 + *to);
        }
        for component in changed {
            self.install_from(component, &before);
        }
    }

    /// A new view for `component` after a departure or a start.
    fn install(&mut self, component: usize) {
        let before: Vec<usize> = self.nodes.iter().map(|node| node.component).collect();
        self.install_from(component, &before);
    }

    fn install_from(&mut self, component: usize, before: &[usize]) {
        let members: Vec<usize> = (0..self.nodes.len())
            .filter(|index| {
                let node = &self.nodes[*index];
                node.vip.is_some() && !node.left && node.component == component
            })
            .collect();
        if members.is_empty() {
            return;
        }
        let mut listed: Vec<Member> = members
            .iter()
            .map(|index| Member {
                process: self.nodes[*index].process(),
                subcluster: SubclusterId::of_name("default"),
            })
            .collect();
        listed.sort();
        self.rings += 1;
        let ring = RingId {
            sequence: self.rings,
            representative: listed[0].process,
        };
        self.components.insert(component, (ring, 0));
        let position = Position {
            configuration: ConfigurationId::regular(ring),
            ordinal: 0,
        };
        let last: Vec<Option<Position>> = (0..self.nodes.len())
            .map(|index| self.last_view(index))
            .collect();
        for &index in &members {
            let together = members
                .iter()
                .filter(|other| {
                    **other == index
                        || (before[**other] == before[index]
                            && last[**other].is_some()
                            && last[**other] == last[index])
                })
                .map(|other| self.nodes[*other].process())
                .collect();
            self.feed(
                index,
                Feed::View {
                    position,
                    members: listed.clone(),
                    together,
                },
            );
        }
    }

    /// The last view that was put into the node's feed.
    fn last_view(&self, index: usize) -> Option<Position> {
        let node = &self.nodes[index];
        node.feed
            .iter()
            .rev()
            .find_map(|feed| match feed {
                Feed::View { position, .. } => Some(*position),
                Feed::Message { .. } => None,
            })
            .or(node.view.map(|(position, _)| position))
    }

    fn later(&mut self) -> Instant {
        let nanos = self.rng.below(self.delay.as_nanos() as u64 + 1);
        self.now + Duration::from_nanos(nanos)
    }

    fn schedule(&mut self, happening: Happening) {
        let at = self.later();
        self.count += 1;
        self.queue.push(Reverse((at, self.count, happening)));
    }

    fn feed(&mut self, index: usize, feed: Feed) {
        self.nodes[index].feed.push_back(feed);
        let incarnation = self.nodes[index].incarnation;
        self.schedule(Happening::Deliver(index, incarnation));
    }

    /// Hands an event to the machine of node `index`.
    pub(crate) fn event(&mut self, index: usize, event: Event) {
        let Some(vip) = self.nodes[index].vip.as_mut() else {
            return;
        };
        let mut out = Vec::new();
        step(vip, self.now, event, &mut out);
        self.act(index, out);
        self.check();
    }

    fn act(&mut self, index: usize, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Publish(body) => {
                    // What crosses the wire must come back as it was.
                    let bytes = ringfort_wire::body::encode(&body);
                    assert_eq!(ringfort_wire::body::decode::<Body>(&bytes).unwrap(), body);
                    self.nodes[index].outbox.push_back(body);
                    let incarnation = self.nodes[index].incarnation;
                    self.schedule(Happening::Place(index, incarnation));
                }
                Action::Order(order, action) => self.order(index, order, action),
                Action::Owned { address, interface } => {
                    let node = &mut self.nodes[index];
                    let there =
                        node.host.interfaces.get(&address.addr()) == Some(&(address, interface));
                    if !there || !node.served.insert(address.addr()) {
                        self.violations
                            .push(format!("{} n{index} owned {address} wrongly", self.now));
                    }
                    self.tell(index, &format!("owns {address}"));
                }
                Action::Disowned { address } => {
                    if !self.nodes[index].served.remove(&address.addr()) {
                        self.violations
                            .push(format!("{} n{index} disowned {address} wrongly", self.now));
                    }
                    self.tell(index, &format!("disowns {address}"));
                }
                Action::Reply { request, result } => {
                    self.tell(index, &format!("replies {result:?}"));
                    let twice = self.nodes[index].replies.insert(request, result);
                    assert_eq!(twice, None, "one reply for each request");
                }
                Action::Ready => self.nodes[index].ready = true,
                Action::Left => {
                    self.tell(index, "left");
                    self.nodes[index].left = true;
                }
                Action::Note(note) => {
                    let text = self.named(&format!("{note:?}"));
                    self.tell(index, &format!("notes {text}"));
                    self.nodes[index].notes.push(note);
                }
            }
        }
        if self.nodes[index].left && self.nodes[index].vip.is_some() {
            // What it published last is still sent.
            while !self.nodes[index].outbox.is_empty() {
                self.place(index);
            }
            let component = self.nodes[index].component;
            self.nodes[index].vip = None;
            self.install(component);
        }
    }

    fn place(&mut self, index: usize) {
        let Some(body) = self.nodes[index].outbox.pop_front() else {
            return;
        };
        let component = self.nodes[index].component;
        let Some((ring, ordinal)) = self.components.get_mut(&component) else {
            return;
        };
        *ordinal += 1;
        let position = Position {
            configuration: ConfigurationId::regular(*ring),
            ordinal: *ordinal,
        };
        let from = self.nodes[index].process();
        for member in 0..self.nodes.len() {
            let node = &self.nodes[member];
            if node.vip.is_some() && node.component == component {
                self.feed(
                    member,
                    Feed::Message {
                        position,
                        from,
                        body: body.clone(),
                    },
                );
            }
        }
    }

    fn deliver(&mut self, index: usize) {
        if self.nodes[index].paused {
            return;
        }
        let Some(feed) = self.nodes[index].feed.pop_front() else {
            return;
        };
        match feed {
            Feed::View {
                position,
                members,
                together,
            } => {
                // The ring tells first, the group layer later.
                self.event(index, Event::Transition);
                self.nodes[index].view = Some((position, self.now));
                self.nodes[index].view_members =
                    members.iter().map(|member| member.process).collect();
                self.event(
                    index,
                    Event::View {
                        position,
                        members,
                        together,
                    },
                );
                self.check_agreed(index, position);
            }
            Feed::Message {
                position,
                from,
                body,
            } => {
                self.event(
                    index,
                    Event::Message {
                        position,
                        from,
                        body,
                    },
                );
                self.check_agreed(index, position);
            }
        }
    }

    pub(crate) fn pause(&mut self, index: usize) {
        self.nodes[index].paused = true;
    }

    pub(crate) fn resume(&mut self, index: usize) {
        self.nodes[index].paused = false;
        self.excused = self.now;
        for _ in 0..self.nodes[index].feed.len() {
            let incarnation = self.nodes[index].incarnation;
            self.schedule(Happening::Deliver(index, incarnation));
        }
    }

    /// Runs for `time`.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let happening = self.queue.peek().map(|Reverse((at, _, _))| *at);
            let woken = self
                .nodes
                .iter()
                .enumerate()
                .filter(|(_, node)| !node.paused)
                .filter_map(|(index, node)| {
                    Some((node.vip.as_ref()?.deadline()?.at.max(self.now), index))
                })
                .min();
            let next = [happening, woken.map(|(at, _)| at)]
                .into_iter()
                .flatten()
                .min();
            let Some(next) = next.filter(|next| *next <= end) else {
                break;
            };
            self.now = next;
            if happening.is_some_and(|at| at <= next) {
                self.happen();
            } else if let Some((_, index)) = woken {
                self.event(index, Wake.into());
            }
        }
        self.now = end;
        self.check();
    }

    fn happen(&mut self) {
        let Some(Reverse((_, _, happening))) = self.queue.pop() else {
            return;
        };
        match happening {
            Happening::Deliver(index, life) if self.lives(index, life) => self.deliver(index),
            Happening::Place(index, life) if self.lives(index, life) => self.place(index),
            Happening::Answer(index, life, order) => {
                if !self.lives(index, life) {
                    return;
                }
                let mut order = OrderId(order);
                let mut outcome = self.answers.remove(&(index, life, order.0));
                let late = self
                    .pending
                    .get_mut(&(index, life))
                    .and_then(VecDeque::pop_front);
                if let Some((oldest, action)) = late {
                    order = oldest;
                    outcome = Some(self.effect(index, action));
                }
                if let Some(outcome) = outcome {
                    self.event(index, Event::Done { order, outcome });
                }
            }
            Happening::Deliver(..) | Happening::Place(..) => {}
        }
    }

    fn lives(&self, index: usize, life: u64) -> bool {
        self.nodes[index].vip.is_some() && self.nodes[index].incarnation == life
    }
}
