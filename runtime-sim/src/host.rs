//! One machine of the simulated world: a network interface with its stack, a disk, and at most one process.
//!
//! The parts die apart. A killed process leaves its machine behind: the stack still answers ARP for the
//! addresses it holds, the page cache still has what was written. A loss of power takes the stack with all
//! addresses, and from the disk what was not synced.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
};

use ipnet::IpNet;
use ringfort_logs::DiskAction;
use ringfort_machine::{
    Deadline, Incarnation, Instant, Machine, NodeId, OrderId, ProcessId, Rng, Seed,
};
use ringfort_node::{Action, ConnectionId, ConsoleAction, Event, ListenerId, StreamId};

use crate::{
    clock::Clock,
    disk::Disk,
    fabric::Port,
    stack::{Connection, Listening, Stack},
    trace::{Kind, Process, Sum, Text},
    workload::Workers,
};

/// What runs on a host. The node machine is one; tests bring their own.
pub trait Program {
    /// Takes one event; see [`Machine::handle`].
    fn handle(&mut self, now: Instant, event: Event, out: &mut Vec<Action>);

    /// When it wants to be woken.
    fn deadline(&self) -> Option<Deadline>;
}

impl<M: Machine<Event = Event, Action = Action>> Program for M {
    fn handle(&mut self, now: Instant, event: Event, out: &mut Vec<Action>) {
        Machine::handle(self, now, event, out);
    }

    fn deadline(&self) -> Option<Deadline> {
        Machine::deadline(self)
    }
}

/// What a process is started with.
#[derive(Clone, Debug)]
pub struct Boot {
    /// Which host, counted from 0.
    pub host: usize,
    /// Which life of the node, counted from 1.
    pub incarnation: Incarnation,
    /// Its randomness.
    pub seed: Seed,
    /// Nanoseconds since 1970 at the start of the run, by this host's clock.
    pub wall_origin_ns: u64,
    /// Which boot of the machine, counted from 1.
    pub system_boot: u64,
}

/// Starts the processes of a cluster.
pub trait Fleet {
    /// The process of `boot.host`, and in `out` what it does first.
    fn start(&mut self, boot: Boot, now: Instant, out: &mut Vec<Action>) -> Box<dyn Program>;

    /// Where the host listens for streams of other nodes.
    fn cluster_listeners(&self, host: usize) -> Vec<SocketAddr>;

    /// Configuration number `number` of a host, for its processes from here on: as an event for the present one.
    fn reload(&mut self, host: usize, number: u64) -> Option<Event>;

    /// Whether the counter `object` keeps its contributions after their process; otherwise it is a gauge.
    fn is_total(&self, object: &str) -> bool;
}

/// What a listener of a stack is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Streams of other nodes.
    Cluster,
    /// A service listener of the node.
    Service(ListenerId),
    /// The responder that tells who is here.
    Probe,
}

/// What a connection of a stack is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// A stream between nodes.
    Stream(StreamId),
    /// The client's side of a service connection.
    Front(ConnectionId),
    /// The backend's side of a service connection.
    Back(ConnectionId),
    /// Somebody asks who is here.
    Probe,
}

/// A connection of a service listener.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) front: Connection,
    pub(crate) back: Option<Connection>,
    /// What the client sent before the node had decided.
    pub(crate) early: VecDeque<bytes::Bytes>,
    pub(crate) client_finished: bool,
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

/// One process, from start to end.
pub(crate) struct Life {
    pub(crate) name: Process,
    pub(crate) program: Box<dyn Program>,
    pub(crate) wake_at: Option<Deadline>,
    pub(crate) paused: bool,
    pub(crate) leaving: bool,
    /// What happened while it stood still.
    pub(crate) waiting: VecDeque<Event>,
    pub(crate) waiting_datagrams: usize,
    pub(crate) doors: BTreeMap<Listening, Door>,
    pub(crate) listeners: BTreeMap<ListenerId, Listening>,
    pub(crate) uses: BTreeMap<Connection, Use>,
    pub(crate) streams: BTreeMap<StreamId, Connection>,
    pub(crate) services: BTreeMap<ConnectionId, Service>,
    pub(crate) accepted_streams: u64,
    pub(crate) accepted_connections: u64,
    pub(crate) worker: VecDeque<(OrderId, DiskAction)>,
    /// The number under which the worker's present order completes.
    pub(crate) working: Option<u64>,
    /// The present order has completed while the process stood still.
    pub(crate) work_done: bool,
    /// Hashes of messages that are submitted and have no place in the order yet.
    pub(crate) unsent: BTreeMap<u64, Sum>,
    /// Trace names of its group clients.
    pub(crate) clients: BTreeMap<ringfort_groups::ClientId, Text>,
    /// What a group client has asked for and may still be refused.
    pub(crate) asked: Option<Kind>,
    /// How often it was woken at the present instant, to notice one that never rests.
    pub(crate) wakes: (Instant, u32),
}

impl Life {
    pub(crate) fn new(name: Process, program: Box<dyn Program>) -> Self {
        Self {
            name,
            program,
            wake_at: None,
            paused: false,
            leaving: false,
            waiting: VecDeque::new(),
            waiting_datagrams: 0,
            doors: BTreeMap::new(),
            listeners: BTreeMap::new(),
            uses: BTreeMap::new(),
            streams: BTreeMap::new(),
            services: BTreeMap::new(),
            accepted_streams: 0,
            accepted_connections: 0,
            worker: VecDeque::new(),
            working: None,
            work_done: false,
            unsent: BTreeMap::new(),
            clients: BTreeMap::new(),
            asked: None,
            wakes: (Instant::ORIGIN, 0),
        }
    }
}

/// One machine.
pub(crate) struct Host {
    pub(crate) name: Text,
    pub(crate) node: NodeId,
    pub(crate) port: Port,
    pub(crate) base: IpNet,
    /// The socket of the bus.
    pub(crate) bus: SocketAddr,
    /// By which its processes live.
    pub(crate) clock: Clock,
    /// Nothing without power.
    pub(crate) stack: Option<Stack>,
    pub(crate) disk: Disk,
    /// Virtual addresses on the interface, with its name.
    pub(crate) held: BTreeMap<IpNet, String>,
    pub(crate) addresses_busy_until: Instant,
    pub(crate) life: Option<Life>,
    /// How many lives the node has had.
    pub(crate) lives: u64,
    /// How often the machine got power.
    pub(crate) boots: u64,
    /// What the present process printed on consoles.
    pub(crate) printed: Vec<ConsoleAction>,
    pub(crate) workers: Workers,
    /// Its configuration is not the first one.
    pub(crate) reloaded: bool,
    pub(crate) seed: Seed,
    pub(crate) rng: Rng,
    pub(crate) wall_origin_ns: u64,
}

impl Host {
    /// The running process: neither gone nor standing still.
    pub(crate) fn running(&self) -> Option<&Life> {
        self.life.as_ref().filter(|life| !life.paused)
    }

    pub(crate) fn process_id(&self) -> ProcessId {
        ProcessId::new(self.node, Incarnation(self.lives))
    }

    /// When the process wants to be woken, if it can be.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        self.running()?.wake_at.map(|deadline| deadline.at)
    }
}
