//! One machine of a lab: a port of the segment, a disk, and at most one process.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
};

use ringfort_machine::{Deadline, Incarnation, Instant, NodeId, OrderId, ProcessId, Rng, Seed};

use super::bus_of;
use crate::{
    clock::Clock,
    disk::Disk,
    fabric::Port,
    lab::{Guest, Input},
    options::Options,
    trace::{Process, Text},
};

/// One process, from start to end.
pub(super) struct Life {
    pub(super) name: Process,
    pub(super) guest: Box<dyn Guest>,
    /// In the time of the world.
    pub(super) wake_at: Option<Deadline>,
    pub(super) paused: bool,
    pub(super) leaving: bool,
    /// What happened while it stood still.
    pub(super) waiting: VecDeque<Input>,
    pub(super) waiting_datagrams: usize,
    /// Its orders to the disk, by the disk's numbers.
    pub(super) orders: BTreeMap<u64, OrderId>,
    /// How often it was woken at the present instant, to notice one that never rests.
    pub(super) wakes: (Instant, u32),
}

impl Life {
    pub(super) fn new(name: Process, guest: Box<dyn Guest>, clock: Clock) -> Self {
        Self {
            name,
            wake_at: clock.deadline(guest.deadline()),
            guest,
            paused: false,
            leaving: false,
            waiting: VecDeque::new(),
            waiting_datagrams: 0,
            orders: BTreeMap::new(),
            wakes: (Instant::ORIGIN, 0),
        }
    }
}

/// One machine.
pub(super) struct Host {
    pub(super) name: Text,
    pub(super) node: NodeId,
    pub(super) port: Port,
    pub(super) bus: SocketAddr,
    pub(super) disk: Disk,
    pub(super) clock: Clock,
    pub(super) life: Option<Life>,
    /// How many lives the node has had.
    pub(super) lives: u64,
    /// How often the machine got power.
    pub(super) boots: u64,
    pub(super) powered: bool,
    /// How often a client wanted something.
    pub(super) wants: u64,
    pub(super) seed: Seed,
    pub(super) rng: Rng,
}

impl Host {
    pub(super) fn new(index: usize, name: Text, options: &Options) -> Self {
        let port = Port(u16::try_from(index).expect("fewer hosts than ports"));
        let seed = options.fork(&format!("host {name}"));
        let drift = options.drift_millionths;
        let rate = Rng::new(seed.fork("clock")).between(0, 2 * drift) as i64 - drift as i64;
        Self {
            node: NodeId::of_name(&name),
            name,
            port,
            bus: bus_of(port),
            clock: Clock::new(rate),
            disk: Disk::new(options.disk, seed.fork("disk")),
            life: None,
            lives: 0,
            boots: 0,
            powered: false,
            wants: 0,
            seed,
            rng: Rng::new(seed.fork("host")),
        }
    }

    /// The running process: neither gone nor standing still.
    pub(super) fn running(&self) -> Option<&Life> {
        self.life.as_ref().filter(|life| !life.paused)
    }

    pub(super) fn process_id(&self) -> ProcessId {
        ProcessId::new(self.node, Incarnation(self.lives))
    }

    /// When the process wants to be woken, if it can be.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.running()?.wake_at.map(|deadline| deadline.at)
    }
}
