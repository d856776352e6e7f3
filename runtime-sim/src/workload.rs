//! What the cluster has to do while faults strike: clients that join groups and send, counters that change,
//! records for logs, connections and probes from outside.
//!
//! Work ends soon after calm, so that everything can drain; probes go on to the end of the run.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use ipnet::IpNet;
use ringfort_groups::{ClientId, ClientName, Command, GroupName};
use ringfort_logs::Class;
use ringfort_machine::{Level, Rng};
use ringfort_node::{Event, FIRST_CLIENT, LocalEvent};

use crate::{
    options::{Role, around},
    stack::Connection,
    world::{Planned, World},
};

/// Work ends this long after calm.
const DRAIN_FROM: Duration = Duration::from_secs(2);
/// Tags of messages begin here, above every number that a ring gives.
const FIRST_TAG: u64 = 1_000_000_000;
/// The log that every mail node writes.
pub const LOG: &str = "mainlog";
/// Counters by network.
pub const NETWORKS: &str = "networks";
/// Counters by domain.
pub const DOMAINS: &str = "domains";

/// Something to do. `life` names the process it is planned for.
#[derive(Debug)]
pub(crate) enum Work {
    /// A group client of a process acts.
    Group { host: usize, life: u64 },
    /// A counter changes.
    Count { host: usize, life: u64 },
    /// A record is written.
    Append { host: usize, life: u64 },
    /// A client connects to a service.
    Connect,
    /// And hangs up.
    HangUp(Connection),
    /// The next address is probed.
    Probe,
    /// This address is probed.
    ProbeOf(IpNet),
    /// The patience of a probe is at its end.
    ProbeEnds(Connection),
}

/// What the workload knows of one process.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    /// Group clients that are connected, with their names.
    clients: Vec<(ClientId, ClientName)>,
    opened: u64,
    /// Contributions that were made.
    counts: BTreeMap<(&'static str, u64), i64>,
}

impl World {
    /// The process of `host` is there: its work begins.
    pub(crate) fn begin_work(&mut self, host: usize) {
        self.hosts[host].workers = Workers::default();
        let life = self.hosts[host].lives;
        let (load, services) = (self.options.load, self.options.services);
        let mail = self.options.nodes[host].role == Role::Mail;
        let kinds = [
            (
                services.groups && load.clients > 0,
                load.group_act_ns,
                Work::Group { host, life },
            ),
            (
                services.counters && mail,
                load.count_ns,
                Work::Count { host, life },
            ),
            (
                services.logs && mail,
                load.append_ns,
                Work::Append { host, life },
            ),
        ];
        for (wanted, mean, work) in kinds {
            if wanted {
                let after = around(&mut self.work_rng, mean);
                self.plan_after(after, Planned::Work(work));
            }
        }
    }

    pub(crate) fn work(&mut self, work: Work) {
        let over = self
            .calm_at
            .is_some_and(|calm| self.now > calm + DRAIN_FROM);
        match work {
            Work::Group { host, life } if !over && self.is_life(host, life) => {
                self.act_in_groups(host);
                self.again(self.options.load.group_act_ns, Work::Group { host, life });
            }
            Work::Count { host, life } if !over && self.is_life(host, life) => {
                self.count(host);
                self.again(self.options.load.count_ns, Work::Count { host, life });
            }
            Work::Append { host, life } if !over && self.is_life(host, life) => {
                self.append(host);
                self.again(self.options.load.append_ns, Work::Append { host, life });
            }
            Work::Connect if !over => self.connect_client(),
            Work::Group { .. } | Work::Count { .. } | Work::Append { .. } | Work::Connect => {}
            Work::HangUp(connection) => self.hang_up(connection),
            Work::Probe => self.probe_next(),
            Work::ProbeOf(vip) => self.probe(vip),
            Work::ProbeEnds(connection) => self.probe_ends(connection),
        }
    }

    fn again(&mut self, mean_ns: u64, work: Work) {
        let after = around(&mut self.work_rng, mean_ns);
        self.plan_after(after, Planned::Work(work));
    }

    fn local(&mut self, host: usize, event: LocalEvent) {
        if self.hosts[host].running().is_some_and(|life| !life.leaving) {
            self.give(host, Event::Local(event));
        }
    }

    /// One group client connects, joins, leaves, sends or hangs up.
    fn act_in_groups(&mut self, host: usize) {
        if self.hosts[host].running().is_none_or(|life| life.leaving) {
            return;
        }
        let load = self.options.load;
        let rng = &mut self.work_rng;
        let workers = &mut self.hosts[host].workers;
        let slot = rng.below(load.clients) as usize;
        let Some((client, _)) = workers.clients.get(slot).cloned() else {
            self.connect_group_client(host);
            return;
        };
        let group = |rng: &mut Rng| named(&format!("g{}", rng.between(1, load.groups)));
        let command = match rng.below(100) {
            0..15 => Command::Join { group: group(rng) },
            15..22 => Command::Leave { group: group(rng) },
            22..25 => {
                workers.clients.remove(slot);
                Command::Disconnect
            }
            _ => {
                let mut groups = vec![group(rng)];
                if rng.chance(1, 5) {
                    groups.push(group(rng));
                    groups.dedup();
                }
                if rng.chance(1, 8) {
                    groups = self.private_name().into_iter().collect();
                }
                self.send_command(groups, load.message_bytes)
            }
        };
        self.local(host, LocalEvent::Group { client, command });
    }

    fn connect_group_client(&mut self, host: usize) {
        self.clients_named += 1;
        let name = ClientName::new(&format!("c{}", self.clients_named))
            .expect("a letter and digits are a name");
        let workers = &mut self.hosts[host].workers;
        let client = ClientId(FIRST_CLIENT + workers.opened);
        workers.opened += 1;
        workers.clients.push((client, name.clone()));
        let command = Command::Connect {
            name,
            wants_membership: true,
        };
        self.local(host, LocalEvent::Group { client, command });
    }

    /// The private name of some client that is connected somewhere.
    fn private_name(&mut self) -> Option<GroupName> {
        let all: Vec<(&str, &ClientName)> = self
            .hosts
            .iter()
            .flat_map(|host| {
                host.workers
                    .clients
                    .iter()
                    .map(|(_, name)| (&*host.name, name))
            })
            .collect();
        let (node, client) = self.work_rng.pick(&all)?;
        GroupName::private(client, node).ok()
    }

    fn send_command(&mut self, groups: Vec<GroupName>, most: u64) -> Command {
        self.tags += 1;
        let tag = FIRST_TAG + self.tags;
        let rng = &mut self.work_rng;
        // Most messages are short; one in ten may have any length.
        let most = if rng.chance(9, 10) {
            most.min(200)
        } else {
            most
        };
        let length = rng.between(0, most) as usize;
        let level = *rng.pick(&Level::ALL).expect("there are five");
        Command::Send {
            groups: if groups.is_empty() {
                vec![named("g1")]
            } else {
                groups
            },
            level,
            self_discard: rng.chance(1, 10),
            tag,
            payload: payload(rng, length),
        }
    }

    fn count(&mut self, host: usize) {
        if self.hosts[host].running().is_none() {
            return;
        }
        let rng = &mut self.work_rng;
        let object = if rng.chance(1, 2) { NETWORKS } else { DOMAINS };
        let number = rng.below(40);
        let counts = &mut self.hosts[host].workers.counts;
        let known = counts.entry((object, number)).or_default();
        let by = if *known > 0 && rng.chance(1, 2) {
            -(rng.between(1, *known as u64) as i64)
        } else {
            rng.between(1, 3) as i64
        };
        *known += by;
        let key = if object == NETWORKS {
            format!("192.0.{}.{}/32", number / 8, number % 8)
        } else {
            format!("d{number}.example.com")
        };
        self.local(
            host,
            LocalEvent::Count {
                object: object.to_owned(),
                key,
                by,
            },
        );
    }

    fn append(&mut self, host: usize) {
        let rng = &mut self.work_rng;
        let length = rng.between(1, self.options.load.record_bytes) as usize;
        let class = *rng.pick(&Class::ALL).expect("there are three");
        let payload = payload(rng, length);
        self.local(
            host,
            LocalEvent::Append {
                log: LOG.to_owned(),
                class,
                payload,
            },
        );
    }
}

fn named(group: &str) -> GroupName {
    GroupName::new(group).expect("a letter and digits are a name")
}

/// `length` bytes that are not all the same, and differ between draws.
fn payload(rng: &mut Rng, length: usize) -> Bytes {
    let mut bytes = vec![0; length];
    for chunk in bytes.chunks_mut(8) {
        let draw = rng.next_u64().to_le_bytes();
        chunk.copy_from_slice(&draw[..chunk.len()]);
    }
    bytes.into()
}
