//! One ring under full load: a thread for each member, each with the machine, a socket and a timer.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant as SystemInstant},
};

use bytes::{Bytes, BytesMut};
use mio::{Events, Poll};
use ringfort_evs::{Action, Config, Destination, Event, Evs};
use ringfort_machine::{
    ConfigurationKind, Incarnation, Instant, Level, Machine, Member, NodeId, ProcessId, Seed,
    SubclusterId, Wake, step,
};
use ringfort_node::Target;
use ringfort_wire::{ClusterId, Frame};

use super::{raw, tally::Latency};
use crate::{BootError, datagram::Datagrams, timer::Timer, token::Source};

/// How long a ring may take to form on a busy host.
const FORMING: Duration = Duration::from_secs(20);
/// One message in so many carries the time of its submission.
const STAMPED: u64 = 64;
/// How many visits of the token are submitted in advance.
const AHEAD: usize = 3;
/// A stamped message begins with this; others with zero.
const STAMP: u8 = 1;
/// Bytes of a stamp.
const STAMP_BYTES: usize = 9;

/// What one ring achieved.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) messages_per_s: f64,
    pub(super) latency: Latency,
    pub(super) retransmissions: u64,
    pub(super) disturbances: u64,
}

/// What the threads of a ring share.
#[derive(Debug)]
struct Shared {
    origin: SystemInstant,
    formed: AtomicU64,
    flooding: AtomicBool,
    stop: AtomicBool,
    delivered: Vec<AtomicU64>,
    disturbances: AtomicU64,
    ready: Barrier,
}

/// What a thread brings back.
#[derive(Debug)]
struct Outcome {
    latency: Latency,
    retransmissions: u64,
    wrong: Option<String>,
}

/// Messages a second delivered at the slowest member while every member sends as much as the ring takes.
pub(super) fn measure(
    nodes: usize,
    size: usize,
    level: Level,
    time: Duration,
) -> Result<Measured, BootError> {
    let sockets = raw::open(nodes, size)?;
    let addresses = raw::addresses(&sockets)?;
    let shared = Arc::new(Shared {
        origin: SystemInstant::now(),
        formed: AtomicU64::new(0),
        flooding: AtomicBool::new(false),
        stop: AtomicBool::new(false),
        delivered: (0..nodes).map(|_| AtomicU64::new(0)).collect(),
        disturbances: AtomicU64::new(0),
        ready: Barrier::new(nodes),
    });
    let mut threads = Vec::new();
    for (index, socket) in sockets.into_iter().enumerate() {
        let load = Load { size, level, nodes };
        let runner = Runner::new(index, socket, &addresses, load, shared.clone())?;
        threads.push(thread::spawn(move || runner.run()));
    }
    let outcome = observe(&shared, nodes, time);
    shared.stop.store(true, Ordering::Relaxed);
    let mut latency = Latency::default();
    let mut retransmissions = 0;
    for thread in threads {
        let member = thread
            .join()
            .map_err(|_| BootError::Ended("a member of the ring failed; see above".into()))??;
        if let Some(wrong) = member.wrong {
            return Err(BootError::Ended(wrong));
        }
        latency.merge(&member.latency);
        retransmissions += member.retransmissions;
    }
    Ok(Measured {
        messages_per_s: outcome?,
        latency,
        retransmissions,
        disturbances: shared.disturbances.load(Ordering::Relaxed),
    })
}

/// Waits for the ring to form, lets it run warm, and measures.
fn observe(shared: &Shared, nodes: usize, time: Duration) -> Result<f64, BootError> {
    let end = SystemInstant::now() + FORMING;
    while shared.formed.load(Ordering::Relaxed) < nodes as u64 {
        if SystemInstant::now() >= end {
            return Err(BootError::Ended(format!(
                "a ring of {nodes} did not form within {} s; is UDP on 127.0.0.1 filtered?",
                FORMING.as_secs()
            )));
        }
        thread::sleep(Duration::from_millis(1));
    }
    shared.flooding.store(true, Ordering::Relaxed);
    thread::sleep(time / 5);
    let count = || -> Vec<u64> {
        shared
            .delivered
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .collect()
    };
    let (start, before) = (SystemInstant::now(), count());
    thread::sleep(time);
    let (after, seconds) = (count(), start.elapsed().as_secs_f64());
    let slowest = after
        .iter()
        .zip(before)
        .map(|(after, before)| after - before)
        .min();
    Ok(slowest.unwrap_or(0) as f64 / seconds)
}

#[derive(Clone, Copy, Debug)]
struct Load {
    size: usize,
    level: Level,
    nodes: usize,
}

/// One member and its surroundings.
struct Runner {
    index: usize,
    load: Load,
    evs: Evs,
    cluster: ClusterId,
    bus: Datagrams,
    poll: Poll,
    timer: Timer,
    shared: Arc<Shared>,
    peers: Arc<[SocketAddr]>,
    nodes: BTreeMap<SocketAddr, NodeId>,
    by_node: BTreeMap<NodeId, SocketAddr>,
    actions: Vec<Action>,
    plain: Bytes,
    submitted: u64,
    formed: bool,
    /// The last number delivered from each sender: the next one must follow.
    last: BTreeMap<ProcessId, u64>,
    outcome: Outcome,
}

impl Runner {
    fn new(
        index: usize,
        mut bus: Datagrams,
        addresses: &[SocketAddr],
        load: Load,
        shared: Arc<Shared>,
    ) -> Result<Self, BootError> {
        let node = |index: usize| NodeId::of_name(&format!("flood{index}"));
        let cluster = ClusterId::of_name(&format!("flood of {}", std::process::id()));
        let me = Member {
            process: ProcessId::new(node(index), Incarnation(1)),
            subcluster: SubclusterId::of_name("default"),
        };
        let mut config = Config::new(me, cluster);
        config.datagram_limit = super::datagram_limit(load.size);
        // A few visits of the token in advance: more would only measure how long messages wait in the outbox.
        let packed = (config.datagram_limit / (load.size + 32)).max(1);
        config.outbox_limit_messages = AHEAD * config.windows.personal as usize * packed;
        let seed = Seed::from_number(index as u64);
        let mut actions = Vec::new();
        let evs = Evs::new(config, seed, Instant::ORIGIN, &mut actions)
            .map_err(|error| BootError::Configuration(error.to_string()))?;
        let system = |what| move |source| BootError::system(what, source);
        let poll = Poll::new().map_err(system("open a poll"))?;
        let timer =
            Timer::new(poll.registry(), Source::Timer.token()).map_err(system("open a timer"))?;
        bus.register(
            poll.registry(),
            Source::Bus.token(),
            Source::BusGroup.token(),
        )
        .map_err(system("register a socket"))?;
        let nodes: BTreeMap<_, _> = addresses
            .iter()
            .enumerate()
            .map(|(index, address)| (*address, node(index)))
            .collect();
        Ok(Self {
            index,
            load,
            evs,
            cluster,
            bus,
            poll,
            timer,
            shared,
            peers: raw::others(addresses, index),
            by_node: nodes
                .iter()
                .map(|(address, node)| (*node, *address))
                .collect(),
            nodes,
            actions,
            plain: Bytes::from(vec![0; load.size]),
            submitted: 0,
            formed: false,
            last: BTreeMap::new(),
            outcome: Outcome {
                latency: Latency::default(),
                retransmissions: 0,
                wrong: None,
            },
        })
    }

    fn now(&self) -> Instant {
        let nanos = self.shared.origin.elapsed().as_nanos();
        Instant::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn run(mut self) -> Result<Outcome, BootError> {
        let mut events = Events::with_capacity(16);
        self.shared.ready.wait(); // nobody sends to a socket that nobody reads yet
        self.perform();
        let mut arrived = Vec::new();
        while !self.shared.stop.load(Ordering::Relaxed) && self.outcome.wrong.is_none() {
            if self.shared.flooding.load(Ordering::Relaxed) {
                self.fill();
            }
            let now = self.now();
            if self
                .evs
                .deadline()
                .is_some_and(|deadline| deadline.at <= now)
            {
                self.evs.handle(now, Wake.into(), &mut self.actions);
                self.perform();
            }
            let more = self
                .bus
                .receive(false, |from, bytes| arrived.push((from, bytes)));
            let idle = arrived.is_empty() && !more;
            for (from, bytes) in arrived.drain(..) {
                self.receive(from, &bytes);
            }
            self.bus.flush();
            if idle {
                self.wait(&mut events)?;
            }
        }
        self.outcome.retransmissions = self.evs.status().retransmissions;
        Ok(self.outcome)
    }

    fn wait(&mut self, events: &mut Events) -> Result<(), BootError> {
        let limit = Duration::from_millis(5); // to see that it is time to flood or to stop
        let now = self.now();
        let wait = self
            .evs
            .deadline()
            .map_or(limit, |deadline| deadline.at.since(now).min(limit));
        match self.poll.poll(events, self.timer.arm(Some(wait))) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => {
                Err(BootError::system("wait for events", error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Submits until the ring refuses.
    fn fill(&mut self) {
        loop {
            let payload = if self.submitted.is_multiple_of(STAMPED) && self.load.size >= STAMP_BYTES
            {
                let mut stamped = BytesMut::from(&self.plain[..]);
                stamped[0] = STAMP;
                stamped[1..STAMP_BYTES].copy_from_slice(&self.now().as_nanos().to_le_bytes());
                stamped.freeze()
            } else {
                self.plain.clone()
            };
            if self.evs.submit(self.load.level, payload).is_err() {
                return;
            }
            self.submitted += 1;
        }
    }

    fn receive(&mut self, from: SocketAddr, bytes: &Bytes) {
        let (Some(from), Ok(frame)) = (self.nodes.get(&from), Frame::decode(self.cluster, bytes))
        else {
            return; // a stranger on this host
        };
        let event = Event::Frame { from: *from, frame };
        let now = self.now();
        step(&mut self.evs, now, event, &mut self.actions);
        self.perform();
    }

    fn perform(&mut self) {
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            match action {
                Action::Transmit { to, frame } => {
                    let target = match to {
                        Destination::All => Target::Peers(self.peers.clone()),
                        Destination::Node(node) => match self.by_node.get(&node) {
                            Some(address) => Target::Peer(*address),
                            None => continue,
                        },
                    };
                    self.bus.send(&target, &frame);
                }
                Action::Deliver(delivery) => self.delivered(&delivery),
                Action::Install(configuration) => {
                    let whole = configuration.kind == ConfigurationKind::Regular
                        && configuration.members.len() == self.load.nodes;
                    if whole && !self.formed {
                        self.formed = true;
                        self.shared.formed.fetch_add(1, Ordering::Relaxed);
                    } else if self.formed {
                        self.shared.disturbances.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Action::Sent { .. } | Action::Left | Action::Note(_) => {}
            }
        }
        self.actions = actions;
    }

    /// Counts a delivery, after checking that it is whole and the sender's next.
    fn delivered(&mut self, delivery: &ringfort_evs::Delivery) {
        let last = self.last.insert(delivery.sender, delivery.number);
        if let Some(last) = last
            && delivery.number != last + 1
        {
            self.outcome.wrong = Some(format!(
                "member {} got message {} of {} after {last}",
                self.index, delivery.number, delivery.sender
            ));
        }
        if delivery.payload.len() != self.load.size {
            self.outcome.wrong = Some(format!(
                "member {} got {} bytes instead of {}",
                self.index,
                delivery.payload.len(),
                self.load.size
            ));
        }
        if delivery.payload.first() == Some(&STAMP)
            && let Some(stamp) = delivery.payload.get(1..STAMP_BYTES)
        {
            let mut nanos = [0; 8];
            nanos.copy_from_slice(stamp);
            let sent = Instant::from_nanos(u64::from_le_bytes(nanos));
            let latency = self.now().since(sent).as_micros();
            self.outcome
                .latency
                .add(u64::try_from(latency).unwrap_or(u64::MAX));
        }
        self.shared.delivered[self.index].fetch_add(1, Ordering::Relaxed);
    }
}
