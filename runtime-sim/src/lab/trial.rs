//! One run of a lab: its hosts on one segment, virtual time, and everything that is going to happen.
//!
//! The parts are those of [`crate::world`]: the queue, the segment, the disks, the faults, the recorder; and so are
//! the rules: one thread, the earliest thing first, ties in the order of planning and then of hosts. What a node's
//! world has beyond that (TCP, addresses, listeners, clients) is not here.
//!
//! A trial can be directed: [`Trial::at`] and [`Trial::command`] script it, [`Trial::run_until`] lets it happen, and
//! [`Trial::events`] shows what did.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use ringfort_machine::{Instant, NodeId, Rng};

use super::{Effect, Input, Lab, Report};
use crate::{
    checker::Violation,
    disk::Disk,
    fabric::{Arrival, Body, Fabric, Frame, Mac, Port},
    faults::{BOUND, Fault},
    options::{Options, around},
    queue::Queue,
    recorder::Recorder,
    trace::{Event, Kind, SCHEMA_OWN, Text},
    world::{BUS_PORT, WAITING_DATAGRAMS, WAKES_LIMIT, base},
};

mod effects;
mod faults;
mod host;
mod lives;

pub(super) use faults::draws;
use host::Host;

/// The run ends this long after the last disturbance: twice the bound of the trace format, since work that was left
/// at calm may send once more.
const REST: Duration = Duration::from_secs(2 * BOUND.as_secs() + 2);
/// So long after calm clients still want something.
const LAST_WORK: Duration = Duration::from_secs(2);

/// Something planned.
#[derive(Debug)]
enum Planned {
    /// A frame arrives.
    Arrive(Port, Frame),
    /// A disk order completes.
    Disk { host: usize, number: u64 },
    /// A fault strikes or is mended; void after calm if it was planned before.
    Fault { fault: Fault, before_calm: bool },
    /// The next fault is drawn.
    DrawFault,
    /// A client of a process wants something.
    Work { host: usize, life: u64 },
    /// A script wants something.
    Command { host: usize, command: Bytes },
    /// A process has had its time to leave.
    LeaveBound { host: usize, life: u64 },
}

/// A run of a lab.
pub struct Trial<'a> {
    lab: &'a Lab,
    options: Options,
    names: Vec<Text>,
    now: Instant,
    queue: Queue<Planned>,
    fabric: Fabric,
    hosts: Vec<Host>,
    recorder: Recorder,
    fault_rng: Rng,
    /// When the last fault or its mending was; from here the bound counts.
    disturbed_at: Instant,
    calm_at: Option<Instant>,
    core: Option<Vec<usize>>,
    wake_reasons: BTreeMap<&'static str, u64>,
    steps: u64,
    effects: Vec<Effect>,
    arrivals: Vec<Arrival>,
}

impl std::fmt::Debug for Trial<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trial")
            .field("now", &self.now)
            .field("fabric", &self.fabric)
            .field("recorder", &self.recorder)
            .finish_non_exhaustive()
    }
}

impl<'a> Trial<'a> {
    /// Everything is planned that `options` call for, and nothing has happened.
    pub(super) fn new(lab: &'a Lab, options: Options, mut recorder: Recorder) -> Self {
        let mut line = options.run_line();
        line.schema = SCHEMA_OWN;
        line.options.rest.insert("lab".into(), lab.name().into());
        let names = line.nodes.clone();
        recorder.world(Instant::ORIGIN, Kind::Run(Box::new(line)));
        let ports = u16::try_from(names.len()).expect("a segment has fewer ports than 65536");
        let hosts = names.iter().enumerate();
        let mut trial = Self {
            lab,
            now: Instant::ORIGIN,
            queue: Queue::default(),
            fabric: Fabric::new(ports, options.weather, options.fork("fabric")),
            hosts: hosts
                .map(|(index, name)| Host::new(index, name.clone(), &options))
                .collect(),
            names,
            recorder,
            fault_rng: Rng::new(options.fork("faults")),
            disturbed_at: Instant::ORIGIN,
            calm_at: None,
            core: None,
            wake_reasons: BTreeMap::new(),
            steps: 0,
            effects: Vec::new(),
            arrivals: Vec::new(),
            options,
        };
        trial.begin();
        trial
    }

    /// The present.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// What has happened so far, as the trace tells it.
    pub fn events(&self) -> &[Event] {
        self.recorder.kept()
    }

    /// The first violation so far.
    pub const fn violation(&self) -> Option<&Violation> {
        self.recorder.violation()
    }

    /// The segment, to install rules and change the weather.
    pub const fn fabric_mut(&mut self) -> &mut Fabric {
        &mut self.fabric
    }

    /// The disk of a host.
    pub fn disk(&self, host: usize) -> &Disk {
        &self.hosts[host].disk
    }

    /// Lets `fault` strike at `at`. Hosts start by themselves within the first half second.
    pub fn at(&mut self, at: Instant, fault: Fault) -> &mut Self {
        let before_calm = false;
        self.queue.plan(at, Planned::Fault { fault, before_calm });
        self
    }

    /// Hands [`Input::Command`] to the process of `host` at `at`, if it runs then.
    pub fn command(&mut self, at: Instant, host: usize, command: impl Into<Bytes>) -> &mut Self {
        let command = command.into();
        self.queue.plan(at, Planned::Command { host, command });
        self
    }

    /// Lets everything happen up to and including `end`. Stops at the first violation.
    pub fn run_until(&mut self, end: Instant) {
        while self.recorder.violation().is_none() {
            let Some((at, wake)) = self.next() else { break };
            if at > end {
                break;
            }
            self.now = at;
            self.steps += 1;
            match wake {
                Some(host) => self.wake(host),
                None => {
                    if let Some((_, planned)) = self.queue.pop() {
                        self.happen(planned);
                    }
                }
            }
        }
        if self.recorder.violation().is_none() {
            self.now = self.now.max(end);
        }
    }

    /// Runs to the end: through faults and calm, until the bound has passed twice since the last disturbance.
    ///
    /// # Errors
    /// If a trace is written and could not be.
    pub fn run(mut self) -> io::Result<Report> {
        self.run_until(Instant::ORIGIN + self.options.faults_for);
        loop {
            let end = self.disturbed_at + REST;
            self.run_until(end);
            if self.violation().is_some() || self.disturbed_at + REST == end {
                break;
            }
        }
        self.finish()
    }

    /// Ends the run here and gives the verdict.
    ///
    /// # Errors
    /// If a trace is written and could not be.
    pub fn finish(mut self) -> io::Result<Report> {
        self.write_digests();
        let ending = self.recorder.finish(self.now)?;
        let mut wakes: Vec<_> = self.wake_reasons.into_iter().collect();
        wakes.sort_by_key(|(why, count)| (std::cmp::Reverse(*count), *why));
        Ok(Report {
            seed: self.options.seed,
            hash: ending.hash,
            violation: ending.violation,
            end: self.now,
            lines: ending.lines,
            steps: self.steps,
            carried: self.fabric.carried(),
            wakes,
            again: self.lab.again(self.options.seed),
        })
    }

    /// The next thing to happen and, if it is no planned one, whose deadline it is.
    fn next(&self) -> Option<(Instant, Option<usize>)> {
        let planned = self.queue.next_at().map(|at| (at, None));
        let wakes = self.hosts.iter().enumerate();
        let wakes = wakes.filter_map(|(index, host)| Some((host.wake_at()?, Some(index))));
        let (at, what) = planned.into_iter().chain(wakes).min_by_key(|(at, _)| *at)?;
        Some((at.max(self.now), what))
    }

    fn happen(&mut self, planned: Planned) {
        match planned {
            Planned::Arrive(port, frame) => self.arrive(port, frame),
            Planned::Disk { host, number } => self.disk_completed(host, number),
            Planned::Fault { fault, before_calm } => {
                if !(before_calm && self.calm_at.is_some()) {
                    self.inject(fault);
                }
            }
            Planned::DrawFault => self.draw_fault(),
            Planned::Work { host, life } => self.work(host, life),
            Planned::Command { host, command } => {
                if self.hosts[host].running().is_some() {
                    self.give(host, Input::Command(command));
                }
            }
            Planned::LeaveBound { host, life } => self.leave_bound(host, life),
        }
    }

    fn wake(&mut self, host: usize) {
        let Some(life) = &mut self.hosts[host].life else {
            return;
        };
        let why = life.wake_at.map_or("", |deadline| deadline.why);
        let (at, count) = life.wakes;
        life.wakes = (self.now, if at == self.now { count + 1 } else { 1 });
        if life.wakes.1 > WAKES_LIMIT {
            let name = &life.name;
            let said = format!("{name} was woken {WAKES_LIMIT} times at one instant: {why}");
            self.object("spin", said);
            return;
        }
        if self.calm_at.is_some() {
            *self.wake_reasons.entry(why).or_default() += 1;
        }
        self.handle(host, Input::Wake);
    }

    /// Gives an input to the process of `host`, or keeps it until the process runs again.
    fn give(&mut self, host: usize, input: Input) {
        let now = self.now;
        let Some(life) = &mut self.hosts[host].life else {
            return;
        };
        if life.paused {
            let datagram = matches!(input, Input::Datagram { .. });
            if datagram && life.waiting_datagrams >= WAITING_DATAGRAMS {
                return; // the kernel's receive buffer is full
            }
            life.waiting_datagrams += usize::from(datagram);
            life.waiting.push_back(input);
            return;
        }
        // The stepping rule of the contract: a deadline that is due fires before the event.
        if life.wake_at.is_some_and(|deadline| deadline.at <= now) {
            self.handle(host, Input::Wake);
        }
        self.handle(host, input);
    }

    fn arrive(&mut self, port: Port, frame: Frame) {
        let host = &self.hosts[port.index()];
        let Body::Datagram { from, to, bytes } = frame.body else {
            return; // nobody here speaks TCP
        };
        if (frame.destination.is_group() || to == host.bus)
            && let Some(from) = self.node_at(from)
        {
            self.give(port.index(), Input::Datagram { from, bytes });
        }
    }

    fn node_at(&self, socket: SocketAddr) -> Option<NodeId> {
        let host = self.hosts.iter().find(|host| host.bus == socket)?;
        Some(host.node)
    }

    /// A client of a process wants something; and when the next one does.
    fn work(&mut self, index: usize, life: u64) {
        let over = self.calm_at.is_some_and(|calm| self.now > calm + LAST_WORK);
        if over || !self.is_life(index, life) {
            return;
        }
        self.plan_work(index, life);
        let host = &mut self.hosts[index];
        host.wants += 1;
        let rng = Rng::new(host.seed.fork(&format!("work {}", host.wants)));
        if host.running().is_some_and(|life| !life.leaving) {
            self.give(index, Input::Work(rng));
        }
    }

    fn plan_work(&mut self, host: usize, life: u64) {
        let every = self.options.load.group_act_ns;
        let after = around(&mut self.hosts[host].rng, every);
        self.plan_after(after, Planned::Work { host, life });
    }

    fn plan_after(&mut self, after: Duration, planned: Planned) {
        self.queue.plan(self.now + after, planned);
    }

    fn object(&mut self, checker: &'static str, message: String) {
        self.recorder.object(Violation::new(checker, message));
    }

    /// Whether `life` is still the present one of `host`.
    fn is_life(&self, host: usize, life: u64) -> bool {
        self.hosts[host].lives == life && self.hosts[host].life.is_some()
    }

    /// Puts a datagram on the segment.
    fn send_frame(&mut self, from: usize, destination: Mac, to: SocketAddr, bytes: Bytes) {
        let host = &self.hosts[from];
        let frame = Frame {
            source: Mac::of_port(host.port),
            destination,
            body: Body::Datagram {
                from: host.bus,
                to,
                bytes,
            },
        };
        let port = host.port;
        let mut arrivals = std::mem::take(&mut self.arrivals);
        self.fabric.send(self.now, port, frame, &mut arrivals);
        for Arrival { at, port, frame } in arrivals.drain(..) {
            self.queue.plan(at, Planned::Arrive(port, frame));
        }
        self.arrivals = arrivals;
    }
}

/// The bus socket of the host at `port`.
fn bus_of(port: Port) -> SocketAddr {
    SocketAddr::new(base(port).addr(), BUS_PORT)
}

/// The socket that everybody listens to at `group`.
fn bus_at(group: Ipv4Addr) -> SocketAddr {
    SocketAddr::new(group.into(), BUS_PORT)
}
