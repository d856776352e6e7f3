//! The simulated world: hosts on one segment, virtual time, and everything that is going to happen.
//!
//! One thread, one queue. The next thing to happen is the earliest of the queue's head, the deadlines of the
//! processes and those of the stacks; ties are broken by the order in which things were planned, then by the
//! number of the host. Nothing here reads a clock or iterates over anything unordered, so a seed is a run.
//!
//! A world can be built by hand: [`World::new`], [`World::at`] to script faults and work, [`World::run_until`],
//! and then looking at hosts and at the events that a keeping recorder has kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use ipnet::IpNet;
use ringfort_machine::{Instant, NodeId, ProcessId, Rng, Seed};
use ringfort_node::{Action, Event, LocalEvent, Note};

use crate::{
    attackers::Attackers,
    checker::Violation,
    clients::Clients,
    clock::Clock,
    disk::Disk,
    fabric::{Arrival, Fabric, Frame, Mac, Port},
    faults::Fault,
    host::{Fleet, Host},
    options::Options,
    recorder::Recorder,
    schedule::{Act, Step},
    stack::{Happening, Stack},
    trace::{Kind, Process, Text},
    workload::Work,
};

mod address;
mod end;
mod lives;
mod network;
mod observe;
mod service;
mod step;
mod storage;

pub use end::Report;

/// Where every process tells who it is.
pub const PROBE_PORT: u16 = 7;
/// Where datagrams of the bus go.
pub const BUS_PORT: u16 = 4803;
/// Where a backend of relays listens, on the client host.
pub const BACKEND_PORT: u16 = 2525;
/// The multicast group of the bus.
pub const BUS_GROUP: Ipv4Addr = Ipv4Addr::new(239, 77, 0, 1);
/// The broadcast address of the segment.
pub const BROADCAST: Ipv4Addr = Ipv4Addr::new(10, 77, 255, 255);
/// The one network interface of every host.
pub const INTERFACE: &str = "eth0";
/// So many wakes of one process at one instant are a loop without end.
pub(crate) const WAKES_LIMIT: u32 = 10_000;
/// What waits in the kernel for a process that stands still.
pub(crate) const WAITING_DATAGRAMS: usize = 400;

/// Something planned.
#[derive(Debug)]
pub(crate) enum Planned {
    /// A frame arrives.
    Arrive(Port, Frame),
    /// A disk order completes.
    Disk { host: usize, number: u64 },
    /// A fault strikes or is mended; void after calm if it was drawn before.
    Fault { fault: Fault, before_calm: bool },
    /// A step of a schedule.
    Step(Act),
    /// The next fault is drawn.
    DrawFault,
    /// The attackers do something.
    Attack,
    /// An operator asks for new keys.
    Rotate,
    /// A node or the client host has something to do.
    Work(Work),
    /// A script has something for a process.
    Local { host: usize, event: LocalEvent },
    /// Something that a process set off itself reaches it.
    Give {
        host: usize,
        life: u64,
        event: Event,
    },
    /// A process has had its time to leave.
    LeaveBound { host: usize, life: u64 },
}

/// Looks at what processes say about themselves, for debugging.
pub type NoteWatch = Box<dyn FnMut(Instant, &Process, &Note)>;

/// The world.
pub struct World {
    pub(crate) now: Instant,
    pub(crate) options: Options,
    pub(crate) queue: crate::queue::Queue<Planned>,
    pub(crate) fabric: Fabric,
    pub(crate) hosts: Vec<Host>,
    pub(crate) clients: Clients,
    pub(crate) fleet: Box<dyn Fleet>,
    pub(crate) recorder: Recorder,
    pub(crate) names: Names,
    pub(crate) fault_rng: Rng,
    pub(crate) calm_rng: Rng,
    pub(crate) work_rng: Rng,
    pub(crate) probe_rng: Rng,
    /// Those who are after a sealed cluster.
    pub(crate) attackers: Option<Attackers>,
    /// The steps to follow instead of drawing any.
    pub(crate) steps_given: Option<Vec<Step>>,
    /// The steps drawn so far, if they are to be kept.
    pub(crate) steps_kept: Option<Vec<Step>>,
    /// When the last fault or its mending was; from here the bound counts.
    pub(crate) disturbed_at: Instant,
    pub(crate) calm_at: Option<Instant>,
    pub(crate) core: Option<Vec<usize>>,
    pub(crate) watch: Option<NoteWatch>,
    /// Reasons of wakes since calm, to explain a run that does not settle.
    pub(crate) wake_reasons: BTreeMap<&'static str, u64>,
    /// How often each note was said.
    pub(crate) notes: BTreeMap<(&'static str, &'static str), u64>,
    /// Group clients named so far; names are unique in the run.
    pub(crate) clients_named: u64,
    /// Numbers that a group client has had.
    pub(crate) clients_used: BTreeSet<u64>,
    /// Messages of group clients tagged so far.
    pub(crate) tags: u64,
    steps: u64,
    actions: Vec<Action>,
    arrivals: Vec<Arrival>,
    frames: Vec<Frame>,
    happenings: Vec<Happening>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("now", &self.now)
            .field("planned", &self.queue.len())
            .field("fabric", &self.fabric)
            .field("recorder", &self.recorder)
            .finish_non_exhaustive()
    }
}

/// Names of everything that the trace names, made once.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) nodes: BTreeMap<NodeId, Text>,
    processes: BTreeMap<ProcessId, Process>,
    configurations: BTreeMap<ringfort_machine::ConfigurationId, Text>,
    /// Trace names of group clients, by node and the name they have there.
    clients: BTreeMap<(NodeId, Text), Text>,
}

impl World {
    /// A world in which every node of `options` is about to start at the beginning of time.
    pub fn new(options: Options, fleet: Box<dyn Fleet>, mut recorder: Recorder) -> Self {
        let count = options.nodes.len();
        let ports = u16::try_from(count + 1).expect("a segment has fewer ports than 65536");
        let mut names = Names::default();
        let mut hosts = Vec::with_capacity(count);
        for (index, plan) in options.nodes.iter().enumerate() {
            let host = new_host(&options, index, &plan.name);
            names.nodes.insert(host.node, host.name.clone());
            hosts.push(host);
        }
        let client_port = Port(ports - 1);
        let clients = Clients::new(client_port, base(client_port), &options);
        recorder.world(Instant::ORIGIN, Kind::Run(Box::new(options.run_line())));
        let mut world = Self {
            now: Instant::ORIGIN,
            queue: crate::queue::Queue::default(),
            fabric: Fabric::new(ports, options.weather, options.fork("fabric")),
            hosts,
            clients,
            fleet,
            recorder,
            names,
            fault_rng: Rng::new(options.fork("faults")),
            calm_rng: Rng::new(options.fork("calm")),
            work_rng: Rng::new(options.fork("work")),
            probe_rng: Rng::new(options.fork("probes")),
            attackers: options
                .seal
                .map(|plan| Attackers::new(plan, options.fork("attackers"))),
            steps_given: None,
            steps_kept: None,
            disturbed_at: Instant::ORIGIN,
            calm_at: None,
            core: None,
            watch: None,
            wake_reasons: BTreeMap::new(),
            notes: BTreeMap::new(),
            clients_named: 0,
            clients_used: BTreeSet::new(),
            tags: 0,
            steps: 0,
            actions: Vec::new(),
            arrivals: Vec::new(),
            frames: Vec::new(),
            happenings: Vec::new(),
            options,
        };
        world.plan_attacks();
        let mut starts = Rng::new(world.options.fork("starts"));
        for host in 0..count {
            let after = starts.between(0, 500_000_000);
            world.plan_after(
                Duration::from_nanos(after),
                Planned::Fault {
                    fault: Fault::Start(host),
                    before_calm: false,
                },
            );
        }
        world
    }

    /// The present.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// How many things have happened.
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// The parameters of the run.
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// The recorder, with the events it keeps and the first violation.
    pub const fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// The segment.
    pub const fn fabric(&self) -> &Fabric {
        &self.fabric
    }

    /// The segment, to install rules and change the weather.
    pub const fn fabric_mut(&mut self) -> &mut Fabric {
        &mut self.fabric
    }

    /// The disk of a host.
    pub fn disk(&self, host: usize) -> &Disk {
        &self.hosts[host].disk
    }

    /// The running or paused process of a host.
    pub fn process(&self, host: usize) -> Option<&Process> {
        self.hosts[host].life.as_ref().map(|life| &life.name)
    }

    /// Virtual addresses on the interface of a host.
    pub fn held(&self, host: usize) -> impl Iterator<Item = IpNet> {
        self.hosts[host].held.keys().copied()
    }

    /// What the attackers have done, if there are any.
    pub const fn attackers(&self) -> Option<&Attackers> {
        self.attackers.as_ref()
    }

    /// The address of a host.
    pub fn address(&self, host: usize) -> IpAddr {
        self.hosts[host].base.addr()
    }

    /// Shows every note of every process to `watch`.
    pub fn watch_notes(&mut self, watch: NoteWatch) {
        self.watch = Some(watch);
    }

    /// Lets `fault` strike at `at`.
    pub fn at(&mut self, at: Instant, fault: Fault) {
        self.queue.plan(
            at,
            Planned::Fault {
                fault,
                before_calm: false,
            },
        );
    }

    /// Hands `event` to the process of `host` at `at`, if it runs then.
    pub fn local_at(&mut self, at: Instant, host: usize, event: LocalEvent) {
        self.queue.plan(at, Planned::Local { host, event });
    }

    /// Probes `vip` from the client host at `at`.
    pub fn probe_at(&mut self, at: Instant, vip: IpNet) {
        self.queue.plan(at, Planned::Work(Work::ProbeOf(vip)));
    }

    /// Lets everything happen up to and including `end`. Stops at the first violation.
    pub fn run_until(&mut self, end: Instant) {
        while self.recorder.violation().is_none() {
            let Some(next) = self.next() else { break };
            if next.at > end {
                break;
            }
            self.step(next);
        }
        if self.recorder.violation().is_none() {
            self.now = self.now.max(end);
        }
    }

    pub(crate) fn plan_after(&mut self, after: Duration, planned: Planned) {
        self.queue.plan(self.now + after, planned);
    }

    /// Tells the process of `host` of something when it has finished what it is doing.
    pub(crate) fn later(&mut self, host: usize, event: Event) {
        let life = self.hosts[host].lives;
        self.queue
            .plan(self.now, Planned::Give { host, life, event });
    }

    pub(crate) fn object(&mut self, checker: &'static str, message: String) {
        self.recorder.object(Violation::new(checker, message));
    }

    /// The host whose own address this is.
    pub(crate) fn host_at(&self, address: IpAddr) -> Option<&Host> {
        self.hosts.iter().find(|host| host.base.addr() == address)
    }
}

impl Names {
    /// The trace name of a node; its number if the world does not know it.
    pub(crate) fn node(&self, id: NodeId) -> Text {
        self.nodes
            .get(&id)
            .cloned()
            .unwrap_or_else(|| id.to_string().into())
    }

    pub(crate) fn process(&mut self, id: ProcessId) -> Process {
        if let Some(known) = self.processes.get(&id) {
            return known.clone();
        }
        let name = Process::new(self.node(id.node), id.incarnation.0);
        self.processes.insert(id, name.clone());
        name
    }
}

/// The base address of the host at `port`.
pub fn base(port: Port) -> IpNet {
    let number = port.0 + 1;
    let address = Ipv4Addr::new(10, 77, (number >> 8) as u8, number as u8);
    IpNet::new(address.into(), 16).expect("16 is a prefix length")
}

fn new_host(options: &Options, index: usize, name: &str) -> Host {
    let port = Port(u16::try_from(index).expect("fewer hosts than ports"));
    let seed = options.fork(&format!("host {name}"));
    let mut rng = Rng::new(seed.fork("host"));
    let base = base(port);
    // Clocks of a fleet differ, by up to two seconds here.
    let skew = rng.between(0, 2_000_000_000);
    let drift = options.drift_millionths;
    let clock = Clock::new(rng.between(0, 2 * drift) as i64 - drift as i64);
    Host {
        name: name.into(),
        node: NodeId::of_name(name),
        port,
        base,
        bus: SocketAddr::new(base.addr(), BUS_PORT),
        clock,
        stack: None,
        disk: Disk::new(options.disk, seed.fork("disk")),
        held: BTreeMap::new(),
        addresses_busy_until: Instant::ORIGIN,
        life: None,
        lives: 0,
        boots: 0,
        printed: Vec::new(),
        workers: crate::workload::Workers::default(),
        reloaded: false,
        seed,
        rng,
        wall_origin_ns: 1_790_000_000_000_000_000 + skew,
    }
}

pub(crate) fn new_stack(port: Port, base: IpNet, seed: Seed, now: Instant) -> Stack {
    Stack::new(Mac::of_port(port), base, seed, now)
}

/// What is next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Next {
    pub(crate) at: Instant,
    pub(crate) what: NextKind,
}

/// Which of the sources of happenings it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NextKind {
    /// The head of the queue.
    Planned,
    /// A process.
    Wake(usize),
    /// A stack; the last one is the client host's.
    Stack(usize),
}

#[cfg(test)]
mod tests;
