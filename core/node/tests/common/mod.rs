//! A few whole nodes in one process under virtual time, on a network and disks that never fail. What fails is the
//! simulator's business; here the question is whether the machines are put together rightly.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
    time::Duration,
};

use bytes::Bytes;
use ringfort_config::settings::{Dispersal, Role};
use ringfort_groups::{self as groups, GroupName};
use ringfort_logs::{DiskAction, DiskErrorKind, DiskOutcome, Entry, store};
use ringfort_machine::{Incarnation, Instant, Machine, NodeId, Seed, step};
use ringfort_node::{
    Action, Boot, BusAction, BusEvent, BusSession, CloseReason, Config, ConnectionAction,
    ConnectionEvent, ConnectionId, ConsoleAction, ConsoleEvent, ConsolePeer, Event, Guard,
    ListenerAction, ListenerConfig, ListenerId, Node, Note, Peer, RingConfig, SessionId,
    StreamAction, StreamEvent, StreamId, Target,
};
use ringfort_replication::{self as replication, ObjectConfig};
use ringfort_seal::{self as seal, Seal};
use ringfort_vip::{self as vip, AddressAction, AddressConfig, AddressOutcome, ServiceSet};
use ringfort_wire::ClusterId;

pub(crate) const DELAY: Duration = Duration::from_micros(200);
pub(crate) const VIPS: [&str; 3] = ["127.1.0.1", "127.1.0.2", "127.1.0.3"];

/// One host: a node, its disk and its interface.
pub(crate) struct Host {
    pub(crate) node: Option<Guard<Node>>,
    /// Everything that was sent over the network: datagrams and bytes of streams.
    pub(crate) carried: Vec<Bytes>,
    pub(crate) config: Config,
    pub(crate) addresses: Vec<String>,
    pub(crate) listeners: BTreeMap<ListenerId, SocketAddr>,
    pub(crate) printed: String,
    pub(crate) banners: BTreeMap<ConnectionId, String>,
    pub(crate) halted: bool,
    /// What clients of the bus were sent, and who is not read from, by session.
    pub(crate) sent: BTreeMap<BusSession, Vec<u8>>,
    pub(crate) paused: BTreeSet<BusSession>,
    /// Whether the members of a configuration tell each other their clients.
    pub(crate) merging: bool,
    files: BTreeMap<String, Vec<u8>>,
    lives: u64,
}

/// The hosts and everything under way between them.
pub(crate) struct Cluster {
    pub(crate) now: Instant,
    pub(crate) hosts: Vec<Host>,
    /// A host that no datagram reaches or leaves.
    pub(crate) cut_off: Option<usize>,
    queue: BTreeMap<(Instant, u64), (usize, Event)>,
    sequence: u64,
    streams: BTreeMap<(usize, StreamId), (usize, StreamId)>,
    next_stream: u64,
}

pub(crate) fn address(index: usize) -> SocketAddr {
    ([10, 0, 0, index as u8 + 1], 4803).into()
}

fn services(index: usize) -> SocketAddr {
    ([10, 0, 0, index as u8 + 1], 4802).into()
}

/// The key pair of a node.
pub(crate) fn identity(node: NodeId) -> seal::Identity {
    seal::Identity::new(seal::Secret::new(Seed::from_number(node.0).0))
}

/// Everybody in a configuration, with the right keys.
pub(crate) fn trusted(config: &Config) -> Vec<seal::Trusted> {
    let trusted = |peer: &Peer| seal::Trusted {
        node: peer.node,
        public: identity(peer.node).public(),
    };
    config.peers.iter().map(trusted).collect()
}

fn group(name: &str) -> GroupName {
    GroupName::new(name).expect("a legal name")
}

fn name(index: usize, count: usize) -> String {
    if index + 1 == count {
        "manager".into()
    } else {
        format!("n{}", index + 1)
    }
}

/// Host `index` of `count`; the last one is the manager.
pub(crate) fn config(index: usize, count: usize) -> Config {
    let names: Vec<String> = (0..count).map(|index| name(index, count)).collect();
    let peers = names.iter().enumerate().map(|(index, name)| Peer {
        node: NodeId::of_name(name),
        name: name.clone(),
        address: address(index),
    });
    let manager = index + 1 == count;
    let vips = |vip: &&str| AddressConfig {
        address: format!("{vip}/32").parse().expect("an address"),
        interface: "eth0".into(),
        names: vec![],
        services: ServiceSet {
            listener: true,
            binding: false,
        },
        preference: vec![],
        follow: None,
    };
    let listener = |(id, vip): (usize, &&str)| ListenerConfig {
        id: ListenerId(id as u64),
        name: format!("smtp{id}"),
        address: format!("{vip}:2525").parse().expect("an address"),
        vip: true,
        banner: None,
        backend: None,
        limit: None,
    };
    let mut log = store::Config::new("mainlog", "logs/mainlog");
    log.subscribers = vec!["master".into()];
    let puller = ringfort_logs::puller::Config::new("manager", "puller", "out/%{l}/%{n}");
    let puller = puller.expect("a good pattern");
    Config {
        cluster: ClusterId::of_name("test"),
        node: NodeId::of_name(&names[index]),
        name: names[index].clone(),
        role: if manager { Role::Manager } else { Role::Node },
        subcluster: "default".into(),
        peers: peers.collect(),
        dispersal: Dispersal::Unicast,
        ring: RingConfig {
            timeouts: ringfort_evs::Timeouts::default(),
            windows: ringfort_evs::Windows::default(),
            datagram_limit: 1472,
        },
        services: Some(services(index)),
        cluster_group: group("ec_cluster"),
        control_group: group("ec_console"),
        shared_group: group("ec_shared"),
        listeners: if manager {
            vec![]
        } else {
            VIPS.iter().enumerate().map(listener).collect()
        },
        vip: vip::Config {
            me_capable: !manager,
            addresses: if manager {
                vec![]
            } else {
                VIPS.iter().map(vips).collect()
            },
            mature_time: Duration::from_millis(500),
            ..vip::Config::default()
        },
        counters: replication::Config::new(vec![ObjectConfig::new(
            "inbound_cidr",
            replication::Kind::CidrTree,
        )]),
        logs: if manager { vec![] } else { vec![log] },
        connection_logs: if manager {
            vec![]
        } else {
            vec!["mainlog".into()]
        },
        puller: manager.then_some(puller),
        control_timeout: Duration::from_secs(5),
        sessions: ringfort_session::Config::new(&names[index]),
        observe: true,
    }
}

impl Cluster {
    /// `count` hosts, the last one a manager, all started.
    pub(crate) fn new(count: usize) -> Self {
        Self::with(count, |_| {})
    }

    /// The same, each with its configuration changed.
    pub(crate) fn with(count: usize, change: impl Fn(&mut Config)) -> Self {
        let changed = |index| {
            let mut config = config(index, count);
            change(&mut config);
            config
        };
        let host = |index| Host {
            node: None,
            carried: Vec::new(),
            config: changed(index),
            addresses: vec![],
            listeners: BTreeMap::new(),
            printed: String::new(),
            banners: BTreeMap::new(),
            halted: false,
            sent: BTreeMap::new(),
            paused: BTreeSet::new(),
            merging: false,
            files: BTreeMap::new(),
            lives: 0,
        };
        let mut cluster = Self {
            now: Instant::ORIGIN,
            hosts: (0..count).map(host).collect(),
            cut_off: None,
            queue: BTreeMap::new(),
            sequence: 0,
            streams: BTreeMap::new(),
            next_stream: 1,
        };
        for index in 0..count {
            cluster.start(index);
        }
        cluster
    }

    /// Starts the next life of a host.
    pub(crate) fn start(&mut self, index: usize) {
        let host = &mut self.hosts[index];
        host.lives += 1;
        host.halted = false;
        let boot = Boot {
            seed: Seed::from_number(index as u64 * 100 + host.lives),
            incarnation: Incarnation(host.lives),
            wall_origin_ns: 1_700_000_000_000_000_000,
            system_boot: Some(1),
        };
        let mut out = Vec::new();
        let mut first = Vec::new();
        let node = Node::new(host.config.clone(), boot, self.now, &mut first);
        let node = node.expect("a good configuration");
        let seal = seal::Config {
            me: node.process(),
            cluster: host.config.cluster.0,
            identity: identity(host.config.node),
            life: seal::Secret::new(boot.seed.fork("seal").0),
            trusted: trusted(&host.config),
        };
        let mut guard = Guard::new(node, &host.config, Some(Seal::new(seal, self.now)));
        guard.start(self.now, first, &mut out);
        host.node = Some(guard);
        self.execute(index, out);
    }

    /// Ends a host's process at once; its addresses stay on the interface.
    pub(crate) fn kill(&mut self, index: usize) {
        let host = &mut self.hosts[index];
        host.node = None;
        host.listeners.clear();
        self.queue.retain(|_, (to, _)| *to != index);
        let ends: Vec<_> = self
            .streams
            .iter()
            .filter(|((from, _), _)| *from == index)
            .map(|(_, other)| *other)
            .collect();
        for (other, stream) in ends {
            self.streams.remove(&(other, stream));
            let reason = CloseReason::Reset;
            self.post(
                DELAY,
                other,
                Event::Stream(StreamEvent::Closed { stream, reason }),
            );
        }
        self.streams.retain(|(from, _), _| *from != index);
    }

    /// Ends every stream at both ends; the hosts live on.
    pub(crate) fn cut_streams(&mut self) {
        for (host, stream) in std::mem::take(&mut self.streams).into_keys() {
            let reason = CloseReason::Reset;
            let closed = StreamEvent::Closed { stream, reason };
            self.post(DELAY, host, Event::Stream(closed));
        }
    }

    pub(crate) fn post(&mut self, after: Duration, host: usize, event: Event) {
        self.sequence += 1;
        self.queue
            .insert((self.now + after, self.sequence), (host, event));
    }

    /// Runs for `span` of virtual time.
    pub(crate) fn run(&mut self, span: Duration) {
        let until = self.now + span;
        loop {
            let due = self
                .hosts
                .iter()
                .enumerate()
                .filter_map(|(index, host)| Some((host.node.as_ref()?.deadline()?.at, index)))
                .min();
            let next = self.queue.keys().next().map(|(at, _)| *at);
            let wake = due.filter(|(at, _)| next.is_none_or(|next| *at <= next));
            let at = wake
                .map(|(at, _)| at)
                .or(next)
                .map_or(until, |at| at.max(self.now));
            if at >= until {
                self.now = until;
                return;
            }
            self.now = at;
            let (index, event) = match wake {
                Some((_, index)) => (index, Event::Wake),
                None => self.queue.pop_first().expect("seen above").1,
            };
            let mut out = Vec::new();
            if let Some(node) = &mut self.hosts[index].node {
                step(node, at, event, &mut out);
            }
            self.execute(index, out);
        }
    }

    fn execute(&mut self, index: usize, actions: Vec<Action>) {
        let mut actions = VecDeque::from(actions);
        while let Some(action) = actions.pop_front() {
            match action {
                Action::Datagram { to, bytes } => self.datagram(index, &to, &bytes),
                Action::Stream(action) => self.stream(index, action),
                Action::Console(action) => self.console(index, action),
                Action::Listener(action) => self.listener(index, action),
                Action::Connection(action) => self.connection(index, action),
                Action::Disk(order, action) => {
                    let outcome = disk(&mut self.hosts[index].files, action);
                    self.post(DELAY, index, Event::Disk { order, outcome });
                }
                Action::Address(order, action) => {
                    let outcome = platform(&mut self.hosts[index].addresses, action);
                    self.post(DELAY, index, Event::Address { order, outcome });
                }
                Action::Bus(action) => self.bus(index, action),
                Action::Note(Note::Groups(note)) => match note {
                    groups::Note::MergeBegan { .. } => self.hosts[index].merging = true,
                    groups::Note::MergeCompleted { .. } | groups::Note::MergeAbandoned { .. } => {
                        self.hosts[index].merging = false;
                    }
                    groups::Note::PayloadRefused { .. }
                    | groups::Note::ControlOutOfOrder { .. }
                    | groups::Note::StaleState { .. }
                    | groups::Note::StateOutOfSequence { .. }
                    | groups::Note::MergeWaiting { .. } => {}
                },
                Action::Group { .. } | Action::Note(_) | Action::Seal(_) => {}
                Action::Halt(_) => {
                    self.kill(index);
                    self.hosts[index].halted = true;
                }
            }
        }
    }

    /// Sockets of clients take everything at once.
    fn bus(&mut self, index: usize, action: BusAction) {
        let host = &mut self.hosts[index];
        match action {
            BusAction::Send { session, bytes } => {
                host.sent.entry(session).or_default().extend(&bytes);
                self.post(DELAY, index, Event::Bus(BusEvent::Drained { session }));
            }
            BusAction::Pause { session } => assert!(host.paused.insert(session), "paused twice"),
            BusAction::Resume { session } => assert!(host.paused.remove(&session), "not paused"),
            BusAction::Close { session, .. } => {
                host.sent.remove(&session);
            }
        }
    }

    fn datagram(&mut self, index: usize, to: &Target, bytes: &Bytes) {
        self.hosts[index].carried.push(bytes.clone());
        let targets = match to {
            Target::Peer(to) => vec![*to],
            Target::Peers(all) => all.to_vec(),
            Target::Multicast(_) => (0..self.hosts.len()).map(address).collect(),
        };
        for to in targets {
            let host = (0..self.hosts.len()).find(|index| address(*index) == to);
            let cut = |host| self.cut_off == Some(index) || self.cut_off == Some(host);
            if let Some(host) = host.filter(|host| *host != index && !cut(*host)) {
                let event = Event::Datagram {
                    from: address(index),
                    bytes: bytes.clone(),
                };
                self.post(DELAY, host, event);
            }
        }
    }

    fn stream(&mut self, index: usize, action: StreamAction) {
        match action {
            StreamAction::Connect { stream, to, .. } => {
                let host = (0..self.hosts.len()).find(|index| services(*index) == to);
                let Some(host) = host.filter(|host| self.hosts[*host].node.is_some()) else {
                    let reason = CloseReason::Unreachable;
                    let closed = StreamEvent::Closed { stream, reason };
                    return self.post(DELAY, index, Event::Stream(closed));
                };
                let accepted = StreamId(self.next_stream);
                self.next_stream += 2;
                self.streams.insert((index, stream), (host, accepted));
                self.streams.insert((host, accepted), (index, stream));
                let peer = address(index);
                let event = StreamEvent::Accepted {
                    stream: accepted,
                    peer,
                };
                self.post(DELAY, host, Event::Stream(event));
                self.post(
                    DELAY,
                    index,
                    Event::Stream(StreamEvent::Connected { stream }),
                );
            }
            StreamAction::Send { stream, bytes } => {
                if let Some((host, stream)) = self.streams.get(&(index, stream)).copied() {
                    // Cut in two, so that no frame ever arrives whole.
                    let (head, tail) = (
                        bytes.slice(..bytes.len() / 2),
                        bytes.slice(bytes.len() / 2..),
                    );
                    for bytes in [head, tail] {
                        self.post(
                            DELAY,
                            host,
                            Event::Stream(StreamEvent::Data { stream, bytes }),
                        );
                    }
                }
            }
            StreamAction::Close { stream } => {
                if let Some((host, other)) = self.streams.remove(&(index, stream)) {
                    self.streams.remove(&(host, other));
                    let closed = StreamEvent::Closed {
                        stream: other,
                        reason: CloseReason::Finished,
                    };
                    self.post(DELAY, host, Event::Stream(closed));
                }
            }
        }
    }

    fn console(&mut self, index: usize, action: ConsoleAction) {
        let host = &mut self.hosts[index];
        match action {
            ConsoleAction::Print { text, .. } | ConsoleAction::Prompt { text, .. } => {
                host.printed.push_str(&text);
            }
            ConsoleAction::Close { .. } => host.printed.push_str("<closed>"),
        }
    }

    fn listener(&mut self, index: usize, action: ListenerAction) {
        let host = &mut self.hosts[index];
        match action {
            ListenerAction::Open { listener, address } => {
                host.listeners.insert(listener, address);
            }
            ListenerAction::Close { listener } => {
                host.listeners.remove(&listener);
            }
        }
    }

    fn connection(&mut self, index: usize, action: ConnectionAction) {
        let host = &mut self.hosts[index];
        match action {
            ConnectionAction::Greet { connection, banner }
            | ConnectionAction::Refuse { connection, banner } => {
                let banner = String::from_utf8_lossy(&banner).into_owned();
                host.banners.insert(connection, banner);
            }
            ConnectionAction::Relay { connection, to, .. } => {
                host.banners.insert(connection, format!("relayed to {to}"));
            }
            ConnectionAction::Drop { connection } => {
                host.banners.insert(connection, "dropped".into());
            }
        }
    }

    /// A client connects to `vip`; the host that listens there, and the connection.
    pub(crate) fn connect(&mut self, vip: &str, number: u64) -> Option<(usize, ConnectionId)> {
        let local: SocketAddr = format!("{vip}:2525").parse().expect("an address");
        let open = |host: &Host| {
            host.listeners
                .iter()
                .find(|(_, at)| **at == local)
                .map(|(listener, _)| *listener)
        };
        let (index, listener) = self
            .hosts
            .iter()
            .enumerate()
            .find_map(|(index, host)| Some((index, open(host)?)))?;
        let connection = ConnectionId(number);
        let peer = ([192, 0, 2, 1], 40_000 + number as u16).into();
        let accepted = ConnectionEvent::Accepted {
            connection,
            listener,
            peer,
            local,
        };
        self.post(DELAY, index, Event::Connection(accepted));
        Some((index, connection))
    }

    /// Types a line at a console of a host and returns what it prints within a second.
    pub(crate) fn type_line(&mut self, index: usize, line: &str) -> String {
        let session = SessionId(self.sequence + 1000);
        let (peer, target) = (ConsolePeer::Local { user: None }, "test".into());
        self.post(
            DELAY,
            index,
            Event::Console(ConsoleEvent::Opened {
                session,
                peer,
                target,
            }),
        );
        let line = line.into();
        self.post(
            DELAY,
            index,
            Event::Console(ConsoleEvent::Line { session, line }),
        );
        self.hosts[index].printed.clear();
        self.run(Duration::from_secs(1));
        self.hosts[index].printed.clone()
    }

    /// The hosts on whose interface `vip` is, dead ones left out.
    pub(crate) fn owners(&self, vip: &str) -> Vec<usize> {
        let vip = format!("{vip}/32");
        let has = |host: &Host| host.node.is_some() && host.addresses.contains(&vip);
        (0..self.hosts.len())
            .filter(|index| has(&self.hosts[*index]))
            .collect()
    }

    /// All output files of the manager, in one text.
    pub(crate) fn gathered(&self) -> String {
        let files = &self.hosts.last().expect("a manager").files;
        let outputs = files.iter().filter(|(name, _)| name.starts_with("out/"));
        outputs
            .map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned())
            .collect()
    }
}

fn platform(addresses: &mut Vec<String>, action: AddressAction) -> AddressOutcome {
    match action {
        AddressAction::Survey => {
            let found = addresses
                .iter()
                .map(|a| (a.parse().expect("an address"), "eth0".into()));
            return AddressOutcome::Found(found.collect());
        }
        AddressAction::Acquire { address, .. } => addresses.push(address.to_string()),
        AddressAction::Release { address, .. } => {
            addresses.retain(|other| *other != address.to_string());
        }
        AddressAction::Announce { .. } => {}
    }
    AddressOutcome::Done
}

fn disk(files: &mut BTreeMap<String, Vec<u8>>, action: DiskAction) -> DiskOutcome {
    match action {
        DiskAction::List { directory } => {
            let prefix = format!("{directory}/");
            let entry = |(name, bytes): (&String, &Vec<u8>)| {
                let name = name.strip_prefix(&prefix)?.to_string();
                (!name.contains('/')).then_some(Entry {
                    name,
                    length: bytes.len() as u64,
                })
            };
            return DiskOutcome::Listing(files.iter().filter_map(entry).collect());
        }
        DiskAction::Read {
            file,
            offset,
            length,
        } => {
            let Some(bytes) = files.get(&*file) else {
                return DiskOutcome::Failed(DiskErrorKind::Missing.into());
            };
            let from = bytes.len().min(offset as usize);
            let to = bytes.len().min(from + length as usize);
            return DiskOutcome::Data(Bytes::copy_from_slice(&bytes[from..to]));
        }
        DiskAction::Write { file, offset, data } => {
            let bytes = files.entry(file.to_string()).or_default();
            let end = offset as usize + data.len();
            bytes.resize(bytes.len().max(end), 0);
            bytes[offset as usize..end].copy_from_slice(&data);
        }
        DiskAction::Sync { .. } => {}
        DiskAction::Truncate { file, length } => {
            files
                .entry(file.to_string())
                .or_default()
                .resize(length as usize, 0);
        }
        DiskAction::Replace { file, data } => {
            files.insert(file.to_string(), data.to_vec());
        }
        DiskAction::Remove { file } => {
            files.remove(&*file);
        }
    }
    DiskOutcome::Done
}
