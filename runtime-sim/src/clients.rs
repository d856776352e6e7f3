//! The client host: the world that the cluster serves. It connects to the services, stands behind relays as
//! their backend, and probes every virtual address, which is the only judge of whether one can be reached.
//!
//! A probe is a TCP connection to a port where every process tells its name. It goes through ARP and the switch
//! like any client, so a stale neighbour entry makes it fail as it would make a client fail; after a failure the
//! host asks again where the address is.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use ipnet::IpNet;

use crate::{
    fabric::Port,
    options::{Options, around},
    stack::{Connection, Happening, Listening, Stack},
    trace::{Kind, Process},
    workload::Work,
    world::{BACKEND_PORT, PROBE_PORT, Planned, World, new_stack},
};

/// How long a probe waits for an answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// The port of the services.
pub const SERVICE_PORT: u16 = 25;

/// What a connection of the client host is for.
#[derive(Debug)]
enum Use {
    /// A probe of an address, and the answer so far.
    Probe(IpNet, Vec<u8>),
    /// A client of a service.
    Session,
    /// A relay of a node.
    Backend,
}

/// The client host.
#[derive(Debug)]
pub(crate) struct Clients {
    pub(crate) stack: Stack,
    pub(crate) base: IpNet,
    backend: Listening,
    uses: BTreeMap<Connection, Use>,
    next_probe: usize,
    /// Addresses whose last probe was answered: the neighbour entry is right until it moves.
    reached: BTreeSet<IpNet>,
}

impl Clients {
    pub(crate) fn new(port: Port, base: IpNet, options: &Options) -> Self {
        let seed = options.fork("clients");
        let mut stack = new_stack(port, base, seed, ringfort_machine::Instant::ORIGIN);
        let backend = stack.listen(SocketAddr::new(base.addr(), BACKEND_PORT));
        Self {
            stack,
            base,
            backend,
            uses: BTreeMap::new(),
            next_probe: 0,
            reached: BTreeSet::new(),
        }
    }
}

impl World {
    pub(crate) fn begin_clients(&mut self) {
        let load = self.options.load;
        if !self.options.vips.is_empty() {
            let after = around(&mut self.probe_rng, load.probe_ns);
            self.plan_after(after, Planned::Work(Work::Probe));
        }
        if !self.is_scheduled() {
            let after = around(&mut self.work_rng, load.connection_ns);
            self.plan_after(after, Planned::Work(Work::Connect));
        }
    }

    /// Probes the next address, and plans the one after.
    pub(crate) fn probe_next(&mut self) {
        let count = self.options.vips.len();
        if count == 0 {
            return;
        }
        let vip = self.options.vips[self.clients.next_probe % count];
        self.clients.next_probe += 1;
        self.probe(vip);
        let after = around(&mut self.probe_rng, self.options.load.probe_ns);
        self.plan_after(after, Planned::Work(Work::Probe));
    }

    pub(crate) fn probe(&mut self, vip: IpNet) {
        if !self.clients.reached.contains(&vip) {
            self.ask_for(vip);
        }
        let to = SocketAddr::new(vip.addr(), PROBE_PORT);
        let connection = self.clients.stack.connect(to);
        self.clients
            .uses
            .insert(connection, Use::Probe(vip, Vec::new()));
        self.plan_after(PATIENCE, Planned::Work(Work::ProbeEnds(connection)));
    }

    /// Asks the segment where an address is that did not answer.
    fn ask_for(&mut self, vip: IpNet) {
        let mut frames = Vec::new();
        if let IpAddr::V4(address) = vip.addr() {
            self.clients.stack.ask(address, &mut frames);
        }
        let port = Port(u16::try_from(self.hosts.len()).expect("fewer hosts than ports"));
        self.send_frames(port, &mut frames);
    }

    /// A client connects to the service at `target`, says something if it `talks`, and hangs up in the end.
    pub(crate) fn open_session(&mut self, target: IpAddr, talks: bool, stays: Duration) {
        let connection = self
            .clients
            .stack
            .connect(SocketAddr::new(target, SERVICE_PORT));
        self.clients.uses.insert(connection, Use::Session);
        if talks {
            let greeting = Bytes::from_static(b"HELO client\r\n");
            self.clients.stack.send(connection, greeting);
        }
        self.plan_after(stays, Planned::Work(Work::HangUp(connection)));
    }

    pub(crate) fn hang_up(&mut self, connection: Connection) {
        self.clients.stack.close(connection);
    }

    /// The time of a probe is over, or its connection is.
    pub(crate) fn probe_ends(&mut self, connection: Connection) {
        let Some(Use::Probe(vip, answer)) = self.clients.uses.get(&connection) else {
            return;
        };
        let vip = *vip;
        let by: Option<Process> = std::str::from_utf8(answer)
            .ok()
            .and_then(|answer| answer.parse().ok());
        self.clients.uses.remove(&connection);
        self.clients.stack.abort(connection);
        if by.is_some() {
            self.clients.reached.insert(vip);
        } else {
            self.clients.reached.remove(&vip);
            self.ask_for(vip);
        }
        let kind = Kind::VipProbe {
            vip: vip.to_string().into(),
            ok: by.is_some(),
            by,
        };
        self.recorder.world(self.now, kind);
    }

    pub(crate) fn client_happening(&mut self, happening: Happening) {
        let clients = &mut self.clients;
        match happening {
            Happening::Accepted {
                listening,
                connection,
                ..
            } => {
                if listening == clients.backend {
                    clients.uses.insert(connection, Use::Backend);
                }
            }
            Happening::Connected(_) => {}
            Happening::Data(connection, bytes) => match clients.uses.get_mut(&connection) {
                Some(Use::Probe(_, answer)) => answer.extend_from_slice(&bytes),
                Some(Use::Backend) => {
                    clients
                        .stack
                        .send(connection, Bytes::from_static(b"250 ok\r\n"));
                }
                Some(Use::Session) | None => {}
            },
            Happening::PeerFinished(connection) => match clients.uses.get(&connection) {
                Some(Use::Probe(..)) => self.probe_ends(connection),
                Some(Use::Session | Use::Backend) => clients.stack.close(connection),
                None => {}
            },
            Happening::Closed(connection, _) => match clients.uses.get(&connection) {
                Some(Use::Probe(..)) => self.probe_ends(connection),
                Some(Use::Session | Use::Backend) => {
                    clients.uses.remove(&connection);
                }
                None => {}
            },
        }
    }
}
