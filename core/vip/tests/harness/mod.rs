//! A small world for the arbiters: nodes, an ordered bus that splits and merges, and platforms that take time,
//! refuse and outlive their process. Goal: check at every instant what an outside checker of a trace would.
//!
//! The bus keeps the promises of virtual synchrony and no others: all that come along get the same messages
//! before the next view, in one order, each at its own pace; what was published around a view may be delivered
//! after it. An order takes effect when it is given, like a netlink call, and is answered later.

#![allow(dead_code)] // each test file uses its part of it

use std::cmp::Reverse;
pub(crate) mod faults;

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use ringfort_machine::{
    ConfigurationId, Incarnation, Instant, Machine, Member, NodeId, OrderId, Position, ProcessId,
    RingId, Rng, Seed, SubclusterId, Wake, step,
};
use ringfort_vip::{
    Action, AddressAction, AddressConfig, AddressError, AddressErrorKind, AddressOutcome, Body,
    Config, Event, Note, ServiceSet, Vip,
};

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

/// What is on a machine's interfaces; outlives the process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Host {
    pub(crate) interfaces: BTreeMap<IpAddr, (IpNet, String)>,
    /// Announcements made, by address.
    pub(crate) announced: BTreeMap<IpAddr, u32>,
    /// Acquisitions and releases that the platform will refuse: how many more.
    pub(crate) refuse_acquire: BTreeMap<IpAddr, u32>,
    pub(crate) refuse_release: u32,
    /// The platform answers nothing.
    pub(crate) hung: bool,
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
        self.say(format!("start {index}"));
        self.act(index, out);
        let alone = self.free_component();
        self.nodes[index].component = alone;
        self.install(alone);
    }

    /// The process is gone; its addresses stay, or go with the power.
    pub(crate) fn crash(&mut self, index: usize, power: bool) {
        self.say(format!("crash {index} power={power}"));
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
                    self.say(format!("owned {index} {address}"));
                }
                Action::Disowned { address } => {
                    if !self.nodes[index].served.remove(&address.addr()) {
                        self.violations
                            .push(format!("{} n{index} disowned {address} wrongly", self.now));
                    }
                }
                Action::Reply { request, result } => {
                    let twice = self.nodes[index].replies.insert(request, result);
                    assert_eq!(twice, None, "one reply for each request");
                }
                Action::Ready => self.nodes[index].ready = true,
                Action::Left => self.nodes[index].left = true,
                Action::Note(note) => {
                    self.say(format!("note {index} {note:?}"));
                    self.nodes[index].notes.push(note);
                }
            }
        }
        if self.nodes[index].left && self.nodes[index].vip.is_some() {
            self.say(format!("left {index}"));
            // What it published last is still sent.
            while !self.nodes[index].outbox.is_empty() {
                self.place(index);
            }
            let component = self.nodes[index].component;
            self.nodes[index].vip = None;
            self.install(component);
        }
    }

    fn order(&mut self, index: usize, order: OrderId, action: AddressAction) {
        self.say(format!("order {index} {action:?}"));
        let incarnation = self.nodes[index].incarnation;
        if self.late {
            let pending = self.pending.entry((index, incarnation)).or_default();
            pending.push_back((order, action));
        } else {
            let outcome = self.effect(index, action);
            self.answers.insert((index, incarnation, order.0), outcome);
        }
        if self.nodes[index].host.hung {
            return;
        }
        self.schedule(Happening::Answer(index, incarnation, order.0));
    }

    fn effect(&mut self, index: usize, action: AddressAction) -> AddressOutcome {
        let failed = |text: &str| {
            AddressOutcome::Failed(AddressError {
                kind: AddressErrorKind::Failed,
                detail: text.into(),
            })
        };
        let now = self.now;
        let node = &mut self.nodes[index];
        match action {
            AddressAction::Survey => {
                AddressOutcome::Found(node.host.interfaces.values().cloned().collect())
            }
            AddressAction::Acquire { address, interface } => {
                if let Some(count) = node.host.refuse_acquire.get_mut(&address.addr())
                    && *count > 0
                {
                    *count -= 1;
                    return failed("refused");
                }
                node.host
                    .interfaces
                    .insert(address.addr(), (address, interface));
                self.check_taking(index, address.addr());
                AddressOutcome::Done
            }
            AddressAction::Release { address, .. } => {
                if node.served.contains(&address.addr()) {
                    self.violations.push(format!(
                        "{now} n{index} released {address} with services on it"
                    ));
                }
                if node.host.refuse_release > 0 && node.has(address.addr()) {
                    node.host.refuse_release -= 1;
                    self.excused = now;
                    return failed("busy");
                }
                node.host.interfaces.remove(&address.addr());
                AddressOutcome::Done
            }
            AddressAction::Announce { address, .. } => {
                *node.host.announced.entry(address.addr()).or_default() += 1;
                AddressOutcome::Done
            }
        }
    }

    /// Taking an address that another member of the same view has is a violation at once.
    fn check_taking(&mut self, index: usize, address: IpAddr) {
        let view = self.nodes[index].view.map(|(position, _)| position);
        for (other, node) in self.nodes.iter().enumerate() {
            let same = view.is_some() && node.view.map(|(position, _)| position) == view;
            if !self.late && other != index && node.vip.is_some() && same && node.has(address) {
                self.violations.push(format!(
                    "{} n{index} took {address} which n{other} of the same view has",
                    self.now
                ));
            }
        }
    }

    /// What holds at every instant.
    fn check(&mut self) {
        let mut present = BTreeSet::new();
        // A ring would drop a paused member and change the view; here the time just does not count.
        let paused: Vec<ProcessId> = self
            .nodes
            .iter()
            .filter(|node| node.paused && node.vip.is_some())
            .map(Node::process)
            .collect();
        for (index, one) in self.nodes.iter().enumerate() {
            for two in &self.nodes[index + 1..] {
                let (Some((view, since)), Some((other, other_since))) = (one.view, two.view) else {
                    continue;
                };
                if one.vip.is_none()
                    || two.vip.is_none()
                    || view != other
                    || one
                        .view_members
                        .iter()
                        .any(|member| paused.contains(member))
                {
                    continue;
                }
                for address in one.host.interfaces.keys() {
                    if two.has(*address) {
                        let key = (one.process(), two.process(), *address);
                        present.insert(key);
                        let begun = self
                            .overlaps
                            .entry(key)
                            .or_insert((view, since.max(other_since)));
                        if begun.0 != view {
                            *begun = (view, since.max(other_since).max(self.excused));
                        }
                        if self.now.since(begun.1.max(self.excused)) > Duration::from_secs(2) {
                            self.violations
                                .push(format!("{} overlap of {address} does not end", self.now));
                        }
                    }
                }
            }
        }
        self.overlaps.retain(|key, _| present.contains(key));
        self.mark_first();
    }

    fn mark_first(&mut self) {
        if self.first.is_none() && !self.violations.is_empty() {
            self.first = Some(self.log.len());
        }
    }

    /// The agreed state of all members is the same at each place of the order.
    fn check_agreed(&mut self, index: usize, position: Position) {
        let digest = self.nodes[index].vip.as_ref().and_then(Vip::agreed_digest);
        if let Some(digest) = digest {
            let first = *self.agreed.entry(position).or_insert(digest);
            if first != digest {
                self.violations
                    .push(format!("{} n{index} disagrees at {position:?}", self.now));
            }
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

    /// The live nodes that have `address` on an interface.
    pub(crate) fn holders(&self, address: IpAddr) -> Vec<usize> {
        (0..self.nodes.len())
            .filter(|index| self.nodes[*index].vip.is_some() && self.nodes[*index].has(address))
            .collect()
    }

    /// How many addresses each live node serves.
    pub(crate) fn loads(&self) -> Vec<usize> {
        self.nodes
            .iter()
            .filter(|node| node.vip.is_some())
            .map(|node| node.served.len())
            .collect()
    }

    /// Every address that a live node configures is on one live node of each component, with its services.
    pub(crate) fn check_covered(&mut self) {
        self.mark_first();
        let components: BTreeSet<usize> = self
            .nodes
            .iter()
            .filter(|node| node.vip.is_some())
            .map(|node| node.component)
            .collect();
        for component in components {
            let nodes: Vec<&Node> = self
                .nodes
                .iter()
                .filter(|node| node.vip.is_some() && node.component == component)
                .collect();
            let configured: BTreeSet<IpAddr> = nodes
                .iter()
                .filter(|node| node.config.me_capable)
                .flat_map(|node| node.config.addresses.iter())
                .map(|address| address.address.addr())
                .collect();
            for address in configured {
                let having = nodes.iter().filter(|node| node.has(address)).count();
                let serving = nodes
                    .iter()
                    .filter(|node| node.served.contains(&address))
                    .count();
                if having != 1 || serving != 1 {
                    self.violations.push(format!(
                        "{} {address} is on {having} and served by {serving} of component {component}",
                        self.now
                    ));
                }
            }
        }
    }

    pub(crate) fn assert_fine(&self) {
        if !self.violations.is_empty() {
            // The log up to the first violation, which is what explains it.
            let end = self.first.unwrap_or(self.log.len());
            panic!(
                "{}\n--- {}",
                self.log[end.saturating_sub(120)..end].join("\n"),
                self.violations[..self.violations.len().min(5)].join("\n--- ")
            );
        }
    }
}
