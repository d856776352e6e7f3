//! Whole nodes, two and a manager, built from configuration text, on a network, disks, consoles and clients that
//! the script drives.
//!
//! The machines are fuzzed one kind at a time elsewhere; here it is their composition, under everything a runtime
//! can tell a node, in any order: lies on the bus and on streams, lines on consoles, connections, reloads, orders
//! that fail, restarts. Holds what is held of every machine; the simulator judges what a cluster promises.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
};

use bytes::Bytes;
use ringfort_config::{Environment, parse_str, settings::Role};
use ringfort_groups::{ClientId, ClientName, Command, GroupName};
use ringfort_logs::Class;
use ringfort_machine::{Incarnation, Level, OrderId, Seed};
use ringfort_node::{
    Action, Boot, CloseReason, Config, ConnectionEvent, ConnectionId, ConsoleEvent, ConsolePeer,
    Event, ListenerId, LocalEvent, Node, SessionId, StreamEvent, StreamId,
};
use ringfort_wire::{ClusterId, Frame, Kind, frame, logs};

use crate::{
    Cursor, Marks, Target,
    disk::Disk,
    story::{Bench, Story, twice},
};

mod clients;
mod surroundings;

/// The target.
pub const TARGET: Target = Target {
    name: "node",
    about: "two nodes and a manager under everything a runtime can tell them, lies included",
    run,
    limit: 2 * 1024,
    words: &[],
};

const HOSTS: usize = 3;
const NAMES: [&str; HOSTS] = ["n1", "n2", "m1"];
/// Events under way at most; further datagrams are lost.
const UNDER_WAY: usize = 256;
/// Steps of a script at most, rounds of `settle` included.
const STEPS: usize = 400;

/// Lines typed at consoles.
const LINES: [&str; 14] = [
    "help",
    "info",
    "cluster membership",
    "cluster duravip show",
    "cluster shared list",
    "cluster shared show inbound_cidr",
    "cluster show logs",
    "broadcast version",
    "unicast n1 info",
    "retrieve version",
    "cluster duravip move 127.1.0.1 to n2",
    "cluster info --json",
    "quit",
    "show cluster membership",
];

/// Plays the input as a script.
///
/// # Panics
/// If something does not hold.
pub fn run(input: &[u8], marks: &mut Marks) {
    twice(input, marks, |script, story| {
        let mut cluster = Cluster::new(story);
        while !script.is_empty() && cluster.steps < STEPS {
            cluster.steps += 1;
            cluster.step(script, story);
        }
    });
}

fn bus(host: usize) -> SocketAddr {
    ([10, 0, 0, host as u8 + 1], 4803).into()
}

fn services(host: usize) -> SocketAddr {
    ([10, 0, 0, host as u8 + 1], 4802).into()
}

/// The configuration of `host`; with `other`, one that differs.
fn config(host: usize, other: bool) -> Config {
    let name = NAMES[host];
    let limit = if other { 1 } else { 3 };
    let third = if other {
        ""
    } else {
        "Listen \"127.1.0.3:2525\" { Enable_Duravip = true }"
    };
    let listeners = format!(
        "ESMTP_Listener {{ Cluster_Inbound_Mask = 24
           Listen \"127.1.0.1:2525\" {{ Enable_Duravip = true Cluster_Max_Inbound_Connections = {limit} }}
           Listen \"127.1.0.2:2525\" {{ Enable_Duravip = true Banner = \"220 hi\" }}
           {third} }}
         ec_logger {{ mainlog = \"cluster:///l/mainlog?subscribers=m1\" }}"
    );
    let pulls = "Logs { Logfile = \"/out/%{l}/%{n}\" }".to_owned();
    let text = format!(
        "Bus {{ Encryption = off }}
         cluster {{ nodename = {name} view_mature_time = 0.1
           Topology \"127.1.0.0/16\" {{ interface = \"lo\" }}
           Replicate \"inbound_cidr\" {{ max_delay = 0.05 max_pending = 10 }}
           logs = [ mainlog = \"/l/mainlog\" ] }}
         msgc_server {{ peers = [ n1 = \"10.0.0.1:4803\" n2 = \"10.0.0.2:4803\" m1 = \"10.0.0.3:4803\" ] }}
         ECCluster_Listener {{ Listen \"{}\" {{ }} }}
         {}",
        services(host),
        if host == 2 { pulls } else { listeners }
    );
    let environment = Environment {
        role: (host == 2).then_some(Role::Manager),
        ..Environment::default()
    };
    let loaded = parse_str("node.conf", &text, &environment);
    let report = loaded.render();
    let settings = loaded.settings.unwrap_or_else(|| panic!("{report}"));
    Config::from_settings(&settings).expect("a good configuration")
}

struct Host {
    node: Bench<Node>,
    life: u64,
    disk: Disk,
    interface: BTreeMap<String, String>,
    listeners: Vec<ListenerId>,
    connections: Vec<ConnectionId>,
    sessions: Vec<SessionId>,
    clients: Vec<clients::Attached>,
}

struct Cluster {
    hosts: Vec<Host>,
    configs: [[Config; 2]; HOSTS],
    queue: VecDeque<(usize, Event)>,
    /// Both ends of each stream.
    streams: BTreeMap<(usize, StreamId), (usize, StreamId)>,
    /// Bit `3 * from + to`: nothing gets through.
    cut: u16,
    kept: Vec<Bytes>,
    /// Orders that fail from here on.
    failing: u8,
    next: u64,
    steps: usize,
}

impl Cluster {
    fn new(story: &mut Story) -> Self {
        let configs = [0, 1, 2].map(|host| [false, true].map(|other| config(host, other)));
        let mut cluster = Self {
            hosts: Vec::new(),
            configs,
            queue: VecDeque::new(),
            streams: BTreeMap::new(),
            cut: 0,
            kept: Vec::new(),
            failing: 0,
            next: 1,
            steps: 0,
        };
        for host in 0..HOSTS {
            let (node, said) = cluster.boot(host, 1, story);
            cluster.hosts.push(Host {
                node,
                life: 1,
                disk: Disk::default(),
                interface: BTreeMap::new(),
                listeners: Vec::new(),
                connections: Vec::new(),
                sessions: Vec::new(),
                clients: Vec::new(),
            });
            cluster.follow(host, said, story);
        }
        cluster
    }

    fn boot(&self, host: usize, life: u64, story: &mut Story) -> (Bench<Node>, Vec<Action>) {
        let boot = Boot {
            seed: Seed::from_number(host as u64 * 100 + life),
            incarnation: Incarnation(life),
            wall_origin_ns: 1_700_000_000_000_000_000,
            system_boot: Some(1),
        };
        let mut said = Vec::new();
        let node = Node::new(self.configs[host][0].clone(), boot, story.now(), &mut said);
        let node = node.expect("a good configuration");
        (Bench::new(host, node, &said, story), said)
    }

    fn step(&mut self, script: &mut Cursor<'_>, story: &mut Story) {
        let byte = script.byte();
        if byte >= 0xf0 {
            let host = script.below(HOSTS);
            self.client(host, script, story);
            return story.mark(byte);
        }
        let choice = byte % 16;
        let host = if choice > 4 { script.below(HOSTS) } else { 0 };
        match choice {
            0 => {
                story.pass(script);
                self.wake_all(story);
            }
            1..=3 => self.settle(1 + script.below(64), story),
            4 => {
                let index = script.below(self.queue.len());
                if let Some((host, event)) = self.queue.remove(index) {
                    self.feed(host, event, story);
                }
            }
            5 => {
                let index = script.below(self.queue.len());
                if matches!(self.queue.get(index), Some((_, Event::Datagram { .. }))) {
                    self.queue.remove(index);
                }
            }
            6 => {
                let from = bus(script.below(HOSTS + 1));
                let bytes = self.lie(script);
                self.feed(host, Event::Datagram { from, bytes }, story);
            }
            7 | 8 => self.console(host, script, story),
            9 => self.connection(host, script, story),
            10 | 11 => {
                if let Some(event) = local(script) {
                    self.feed(host, Event::Local(event), story);
                }
            }
            12 => self.stream(host, script, story),
            13 => self.disturb(host, script, story),
            14 => self.hosts[host].node.wake_early(story),
            _ => {
                self.cut = script.short() & 0x1ff;
                self.failing = script.byte() % 8;
            }
        }
        story.mark(choice);
    }

    /// Everything under way arrives, and what is due next comes due, so often.
    fn settle(&mut self, rounds: usize, story: &mut Story) {
        for _ in 0..rounds {
            self.steps += 1;
            for _ in 0..self.queue.len().min(64) {
                if let Some((host, event)) = self.queue.pop_front() {
                    self.feed(host, event, story);
                }
            }
            if self.queue.is_empty() {
                let due = self.hosts.iter().filter_map(|host| host.node.due()).min();
                if let Some(due) = due {
                    story.pass_to(due);
                }
                self.wake_all(story);
            }
        }
    }

    fn wake_all(&mut self, story: &mut Story) {
        for host in 0..HOSTS {
            let said = self.hosts[host].node.wake(story);
            self.follow(host, said, story);
        }
    }

    fn feed(&mut self, host: usize, event: Event, story: &mut Story) {
        let said = self.hosts[host].node.feed(event, story);
        self.follow(host, said, story);
    }

    fn post(&mut self, host: usize, event: Event) {
        let datagram = matches!(event, Event::Datagram { .. });
        if !datagram || self.queue.len() < UNDER_WAY {
            self.queue.push_back((host, event));
        }
    }

    /// A datagram that nobody sent: bytes, a body in a right frame, or a changed one.
    fn lie(&self, script: &mut Cursor<'_>) -> Bytes {
        let cluster = self.configs[0][0].cluster;
        let kind = script.pick(&Kind::ALL);
        match script.byte() % 4 {
            0 => Bytes::copy_from_slice(script.block()),
            1 => frame::encode(cluster, kind, script.block()),
            _ => {
                let old = self.kept.get(script.below(self.kept.len())).cloned();
                changed(cluster, &old.unwrap_or_default(), script)
            }
        }
    }

    fn console(&mut self, host: usize, script: &mut Cursor<'_>, story: &mut Story) {
        let sessions = &mut self.hosts[host].sessions;
        let index = script.below(sessions.len() + 1);
        let event = match sessions.get(index).copied() {
            None => {
                self.next += 1;
                let session = SessionId(self.next);
                sessions.push(session);
                let peer = if script.flag() {
                    ConsolePeer::Local { user: Some(0) }
                } else {
                    ConsolePeer::Remote(bus(host))
                };
                let target = "control".into();
                ConsoleEvent::Opened {
                    session,
                    peer,
                    target,
                }
            }
            Some(session) if script.byte().is_multiple_of(8) => {
                sessions.remove(index);
                ConsoleEvent::Closed { session }
            }
            Some(session) => {
                let line = if script.byte().is_multiple_of(4) {
                    script.text()
                } else {
                    script.pick(&LINES).to_owned()
                };
                ConsoleEvent::Line { session, line }
            }
        };
        self.feed(host, Event::Console(event), story);
    }

    fn connection(&mut self, host: usize, script: &mut Cursor<'_>, story: &mut Story) {
        let there = &mut self.hosts[host];
        let event = if script.flag() && !there.listeners.is_empty() {
            self.next += 1;
            let connection = ConnectionId(self.next);
            there.connections.push(connection);
            ConnectionEvent::Accepted {
                connection,
                listener: script.pick(&there.listeners),
                peer: ([192, 0, 2, script.byte()], 1000).into(),
                local: ([127, 1, 0, 1 + script.byte() % 3], 2525).into(),
            }
        } else if !there.connections.is_empty() {
            let connection = script.pick(&there.connections);
            if script.byte().is_multiple_of(4) {
                ConnectionEvent::RelayFailed { connection }
            } else {
                there.connections.retain(|other| *other != connection);
                let (received, sent) = (script.number(), script.number());
                ConnectionEvent::Closed {
                    connection,
                    received,
                    sent,
                }
            }
        } else {
            return;
        };
        self.feed(host, Event::Connection(event), story);
    }

    /// Somebody speaks to the cluster listener who is no puller, or a stream breaks or brings garbage.
    fn stream(&mut self, host: usize, script: &mut Cursor<'_>, story: &mut Story) {
        let own: Vec<StreamId> = self
            .streams
            .keys()
            .filter(|(owner, _)| *owner == host)
            .map(|(_, stream)| *stream)
            .collect();
        let stream = own.get(script.below(own.len() + 1)).copied();
        let event = match stream {
            None => {
                self.next += 1;
                let stream = StreamId(2 * self.next + 1);
                // Its other end is nobody.
                self.streams.insert((host, stream), (HOSTS, stream));
                let peer = bus(script.below(HOSTS + 1));
                StreamEvent::Accepted { stream, peer }
            }
            Some(stream) if script.byte().is_multiple_of(4) => {
                let reason = script.pick(&[
                    CloseReason::Finished,
                    CloseReason::Unreachable,
                    CloseReason::Reset,
                    CloseReason::Idle,
                    CloseReason::Overrun,
                ]);
                self.hang_up(host, stream);
                StreamEvent::Closed { stream, reason }
            }
            Some(stream) => {
                let body = script.block();
                let sound = postcard::take_from_bytes::<logs::Body>(body);
                let bytes = match sound {
                    Ok((body, _)) => {
                        frame::encode(self.configs[0][0].cluster, Kind::Replay, &body.encode())
                    }
                    Err(_) => Bytes::copy_from_slice(body),
                };
                StreamEvent::Data { stream, bytes }
            }
        };
        self.feed(host, Event::Stream(event), story);
    }

    fn disturb(&mut self, host: usize, script: &mut Cursor<'_>, story: &mut Story) {
        match script.byte() % 8 {
            0 => self.feed(host, Event::Leave, story),
            1..=3 => {
                let config = self.configs[host][usize::from(script.flag())].clone();
                self.feed(host, Event::Reload(Box::new(config)), story);
            }
            4 => {
                let (order, outcome) = (OrderId(script.stranger()), Disk::fail(script));
                self.feed(host, Event::Disk { order, outcome }, story);
            }
            5 => self.hosts[host].disk.lose_power(script),
            _ => self.restart(host, story),
        }
    }

    fn restart(&mut self, host: usize, story: &mut Story) {
        self.queue.retain(|(to, _)| *to != host);
        let own: Vec<_> = self
            .streams
            .keys()
            .filter(|(owner, _)| *owner == host)
            .copied()
            .collect();
        for (owner, stream) in own {
            self.hang_up(owner, stream);
        }
        let life = self.hosts[host].life + 1;
        let (node, said) = self.boot(host, life, story);
        let there = &mut self.hosts[host];
        (there.node, there.life) = (node, life);
        there.listeners.clear();
        there.connections.clear();
        there.sessions.clear();
        there.clients.clear();
        self.follow(host, said, story);
    }
}

/// A datagram that was sent, with some bytes of its body replaced and its checksum made right.
fn changed(cluster: ClusterId, old: &Bytes, script: &mut Cursor<'_>) -> Bytes {
    let Ok(frame) = Frame::decode(cluster, old) else {
        return old.clone();
    };
    let mut body = frame.body.to_vec();
    for _ in 0..script.byte() % 4 {
        let (at, byte) = (usize::from(script.byte()), script.byte());
        if let Some(slot) = body.get_mut(at) {
            *slot = byte;
        }
    }
    frame::encode(cluster, frame.kind, &body)
}

/// What an embedding program wants.
fn local(script: &mut Cursor<'_>) -> Option<LocalEvent> {
    let client = ClientId(ringfort_node::FIRST_CLIENT + u64::from(script.byte() % 3));
    let group = GroupName::new(script.pick(&["g", "h", "ec_cluster"])).ok()?;
    let payload = Bytes::copy_from_slice(script.block());
    let command = match script.byte() % 8 {
        0 => Command::Connect {
            name: ClientName::new(script.pick(&["al", "bo", "cy"])).ok()?,
            wants_membership: script.flag(),
        },
        1 => Command::Join { group },
        2 => Command::Leave { group },
        3 => Command::Disconnect,
        4 | 5 => Command::Send {
            groups: vec![group],
            level: script.pick(&Level::ALL),
            self_discard: script.flag(),
            tag: script.number(),
            payload,
        },
        6 => {
            let key = script.pick(&["192.0.2.0/24", "10.0.0.1", "::1", "x", ""]);
            return Some(LocalEvent::Count {
                object: script.pick(&["inbound_cidr", "other"]).into(),
                key: key.into(),
                by: i64::from(script.byte()) - 100,
            });
        }
        _ => {
            return Some(LocalEvent::Append {
                log: script.pick(&["mainlog", "other"]).into(),
                class: script.pick(&Class::ALL),
                payload,
            });
        }
    };
    Some(LocalEvent::Group { client, command })
}
