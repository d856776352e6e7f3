//! What the cluster has to do while faults strike: clients that join groups and send, counters that change,
//! records for logs, connections and probes from outside.
//!
//! Work ends soon after calm, so that everything can drain; probes go on to the end of the run.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use ipnet::IpNet;
use ringfort_groups::{Cause, ClientEvent, ClientId, ClientName, Command, GroupName, MemberId};
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
    /// Group clients that are connected.
    clients: Vec<GroupClient>,
    opened: u64,
    /// Contributions that were made.
    counts: BTreeMap<(&'static str, u64), i64>,
}

/// One group client. It is a polite one: it asks for nothing about a group while an answer is due, so that
/// every view it gets can be told from its own requests alone.
#[derive(Debug)]
struct GroupClient {
    id: ClientId,
    name: ClientName,
    /// Clients of one side join only groups of that side, and a message for two groups is for one of each: so
    /// it reaches nobody through both, and `gdeliver` can name the group through which it came.
    odd: bool,
    /// Where it is a member, or is about to be or to cease.
    groups: BTreeMap<u64, Membership>,
    /// What it asked for last, to be undone if it is refused.
    asked: Option<(u64, Option<Membership>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Membership {
    Joining,
    Joined,
    Leaving,
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
        let slot = self.work_rng.below(load.clients) as usize;
        if slot >= self.hosts[host].workers.clients.len() {
            self.connect_group_client(host);
            return;
        }
        let rng = &mut self.work_rng;
        let clients = &mut self.hosts[host].workers.clients;
        let client = &mut clients[slot];
        let id = client.id;
        client.asked = None;
        let group = client.draw_group(rng, load.groups);
        let command = match (rng.below(100), client.groups.get(&group).copied()) {
            (0..25, None) => {
                client.ask(group, Membership::Joining);
                Command::Join {
                    group: named(group),
                }
            }
            (0..8, Some(Membership::Joined)) => {
                client.ask(group, Membership::Leaving);
                Command::Leave {
                    group: named(group),
                }
            }
            (8..11, _)
                if client
                    .groups
                    .values()
                    .all(|state| *state == Membership::Joined) =>
            {
                clients.remove(slot);
                Command::Disconnect
            }
            (_, _) => {
                let groups = self.draw_destinations(load.groups);
                self.send_command(groups, load.message_bytes)
            }
        };
        self.local(
            host,
            LocalEvent::Group {
                client: id,
                command,
            },
        );
    }

    fn connect_group_client(&mut self, host: usize) {
        self.clients_named += 1;
        let name = ClientName::new(&format!("c{}", self.clients_named))
            .expect("a letter and digits are a name");
        let odd = self.work_rng.chance(1, 2);
        let workers = &mut self.hosts[host].workers;
        let id = ClientId(FIRST_CLIENT + workers.opened);
        workers.opened += 1;
        workers.clients.push(GroupClient {
            id,
            name: name.clone(),
            odd,
            groups: BTreeMap::new(),
            asked: None,
        });
        let command = Command::Connect {
            name,
            wants_membership: true,
        };
        self.local(
            host,
            LocalEvent::Group {
                client: id,
                command,
            },
        );
    }

    /// A group client is told something.
    pub(crate) fn group_event(&mut self, host: usize, id: ClientId, event: &ClientEvent) {
        let clients = &mut self.hosts[host].workers.clients;
        let Some(client) = clients.iter_mut().find(|client| client.id == id) else {
            return;
        };
        match event {
            ClientEvent::Refused(_) => client.refused(),
            ClientEvent::View(view) => {
                if let Some(group) = number_of(&view.group) {
                    let own = |member: &MemberId| member.client == client.name;
                    match &view.cause {
                        Cause::Join(member) if own(member) => {
                            client.groups.insert(group, Membership::Joined);
                        }
                        Cause::Leave(member) if own(member) => {
                            client.groups.remove(&group);
                        }
                        Cause::Join(_)
                        | Cause::Leave(_)
                        | Cause::Disconnect(_)
                        | Cause::Network { .. }
                        | Cause::Transitional => {}
                    }
                }
            }
            ClientEvent::Message { .. } => {}
        }
    }

    /// One group, sometimes one of each side, sometimes a single client.
    fn draw_destinations(&mut self, groups: u64) -> Vec<GroupName> {
        let rng = &mut self.work_rng;
        let one = rng.between(1, groups);
        if rng.chance(1, 8) {
            return self.private_name().into_iter().collect();
        }
        let other = one % 2 + 1; // 1 or 2, of the other side than `one`
        if rng.chance(1, 5) && other <= groups {
            return vec![named(one), named(other)];
        }
        vec![named(one)]
    }

    /// The private name of some client that is connected somewhere.
    fn private_name(&mut self) -> Option<GroupName> {
        let all: Vec<(&str, &ClientName)> = self
            .hosts
            .iter()
            .flat_map(|host| {
                let clients = host.workers.clients.iter();
                clients.map(|client| (&*host.name, &client.name))
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
                vec![named(1)]
            } else {
                groups
            },
            level,
            self_discard: false, // the trace has no word for it
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

impl GroupClient {
    /// A group of its side; the first one if there is no other.
    fn draw_group(&self, rng: &mut Rng, groups: u64) -> u64 {
        let drawn = rng.between(1, groups);
        if (drawn % 2 == 1) == self.odd {
            drawn
        } else if self.odd {
            1
        } else {
            2.min(groups)
        }
    }

    fn ask(&mut self, group: u64, state: Membership) {
        let before = self.groups.insert(group, state);
        self.asked = Some((group, before));
    }

    fn refused(&mut self) {
        if let Some((group, before)) = self.asked.take() {
            match before {
                Some(state) => self.groups.insert(group, state),
                None => self.groups.remove(&group),
            };
        }
    }
}

fn named(group: u64) -> GroupName {
    GroupName::new(&format!("g{group}")).expect("a letter and digits are a name")
}

fn number_of(group: &GroupName) -> Option<u64> {
    group.as_str().strip_prefix('g')?.parse().ok()
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
