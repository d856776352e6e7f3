//! What the cluster has to do while faults strike: clients that join groups and send, counters that change,
//! records for logs, connections and probes from outside. This draws when and what; [`crate::deed`] does it.
//!
//! Work ends soon after calm, so that everything can drain; probes go on to the end of the run.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use ipnet::IpNet;
use ringfort_groups::{Cause, ClientEvent, ClientId, GroupName, MemberId};
use ringfort_logs::Class;
use ringfort_machine::{Level, Rng};

use crate::{
    deed::{Counter, Deed, Receiver, client_name},
    options::{Role, around},
    stack::Connection,
    world::{Planned, World},
};

/// Work ends this long after calm.
const DRAIN_FROM: Duration = Duration::from_secs(2);
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
    pub(crate) clients: Vec<GroupClient>,
    /// How many there have been.
    pub(crate) opened: u64,
    /// Contributions that were made.
    pub(crate) counts: BTreeMap<(&'static str, u64), i64>,
}

/// One group client. It is a polite one: it asks for nothing about a group while an answer is due, so that
/// every view it gets can be told from its own requests alone.
#[derive(Debug)]
pub(crate) struct GroupClient {
    pub(crate) number: u64,
    pub(crate) id: ClientId,
    /// Clients of one side join only groups of that side, and a message for two groups is for one of each: so
    /// it reaches nobody through both, and `gdeliver` can name the group through which it came.
    odd: bool,
    /// Where it is a member, or is about to be or to cease.
    groups: BTreeMap<u64, Membership>,
    /// What it asked for last, to be undone if it is refused.
    asked: Option<(u64, Option<Membership>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Membership {
    Joining,
    Joined,
    Leaving,
}

impl World {
    /// The process of `host` is there: its work begins.
    pub(crate) fn begin_work(&mut self, host: usize) {
        self.hosts[host].workers = Workers::default();
        if self.is_scheduled() {
            return;
        }
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
                let deed = self.draw_group_act(host);
                self.again(self.options.load.group_act_ns, Work::Group { host, life });
                self.drawn(deed);
            }
            Work::Count { host, life } if !over && self.is_life(host, life) => {
                let deed = self.draw_count(host);
                self.again(self.options.load.count_ns, Work::Count { host, life });
                self.drawn(deed);
            }
            Work::Append { host, life } if !over && self.is_life(host, life) => {
                let deed = self.draw_append(host);
                self.again(self.options.load.append_ns, Work::Append { host, life });
                self.drawn(deed);
            }
            Work::Connect if !over => {
                let deed = self.draw_session();
                self.again(self.options.load.connection_ns, Work::Connect);
                self.drawn(deed);
            }
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

    /// A deed was drawn: it is kept if the run is, and done.
    fn drawn(&mut self, deed: Option<Deed>) {
        if let Some(deed) = deed {
            self.keep(|| crate::schedule::Act::Deed(deed.clone()));
            self.perform(deed);
        }
    }

    /// One group client connects, joins, leaves, sends or hangs up.
    fn draw_group_act(&mut self, host: usize) -> Option<Deed> {
        if !self.accepts_work(host) {
            return None;
        }
        let load = self.options.load;
        let slot = self.work_rng.below(load.clients) as usize;
        let rng = &mut self.work_rng;
        let Some(client) = self.hosts[host].workers.clients.get(slot) else {
            self.clients_named += 1;
            return Some(Deed::Connect {
                host,
                client: self.clients_named,
                odd: rng.chance(1, 2),
            });
        };
        let (number, silent) = (client.number, client.awaits_nothing());
        let group = client.draw_group(rng, load.groups);
        Some(match (rng.below(100), client.membership(group)) {
            (0..25, None) => Deed::Join {
                client: number,
                group,
            },
            (0..8, Some(Membership::Joined)) => Deed::Leave {
                client: number,
                group,
            },
            (8..11, _) if silent => Deed::Disconnect { client: number },
            (_, _) => {
                let to = self.draw_receivers(load.groups);
                self.draw_message(number, to, load.message_bytes)
            }
        })
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
                    let name = client_name(client.number);
                    let own = |member: &MemberId| member.client == name;
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
    fn draw_receivers(&mut self, groups: u64) -> Vec<Receiver> {
        let rng = &mut self.work_rng;
        let one = rng.between(1, groups);
        if rng.chance(1, 8) {
            let private = self.draw_client();
            return vec![private.unwrap_or(Receiver::Group(1))];
        }
        let other = one % 2 + 1; // 1 or 2, of the other side than `one`
        if rng.chance(1, 5) && other <= groups {
            return vec![Receiver::Group(one), Receiver::Group(other)];
        }
        vec![Receiver::Group(one)]
    }

    /// Some client that is connected somewhere.
    fn draw_client(&mut self) -> Option<Receiver> {
        let all: Vec<Receiver> = self
            .hosts
            .iter()
            .enumerate()
            .flat_map(|(index, host)| {
                let clients = host.workers.clients.iter();
                clients.map(move |client| Receiver::Client(client.number, index))
            })
            .collect();
        self.work_rng.pick(&all).cloned()
    }

    fn draw_message(&mut self, client: u64, to: Vec<Receiver>, most: u64) -> Deed {
        let rng = &mut self.work_rng;
        // Most messages are short; one in ten may have any length.
        let most = if rng.chance(9, 10) {
            most.min(200)
        } else {
            most
        };
        let bytes = rng.between(0, most);
        let level = *rng.pick(&Level::ALL).expect("there are five");
        Deed::Send {
            client,
            to,
            level,
            bytes,
        }
    }

    fn draw_count(&mut self, host: usize) -> Option<Deed> {
        if !self.accepts_work(host) {
            return None;
        }
        let rng = &mut self.work_rng;
        let counter = if rng.chance(1, 2) {
            Counter::Networks
        } else {
            Counter::Domains
        };
        let key = rng.below(40);
        let counts = &self.hosts[host].workers.counts;
        let known = counts
            .get(&(counter.name(), key))
            .copied()
            .unwrap_or_default();
        let by = if known > 0 && rng.chance(1, 2) {
            -(rng.between(1, known as u64) as i64)
        } else {
            rng.between(1, 3) as i64
        };
        Some(Deed::Count {
            host,
            counter,
            key,
            by,
        })
    }

    fn draw_append(&mut self, host: usize) -> Option<Deed> {
        let rng = &mut self.work_rng;
        let bytes = rng.between(1, self.options.load.record_bytes);
        let class = *rng.pick(&Class::ALL).expect("there are three");
        Some(Deed::Append { host, class, bytes })
    }

    /// A client comes to a service somewhere.
    fn draw_session(&mut self) -> Option<Deed> {
        let mut targets: Vec<IpAddr> = self.options.vips.iter().map(IpNet::addr).collect();
        targets.extend(self.hosts.iter().map(|host| host.base.addr()));
        let to = *self.work_rng.pick(&targets)?;
        let talks = self.work_rng.chance(1, 2);
        let stays = around(&mut self.work_rng, self.options.load.connection_ns);
        Some(Deed::Session { to, talks, stays })
    }
}

impl GroupClient {
    pub(crate) const fn new(number: u64, id: ClientId, odd: bool) -> Self {
        Self {
            number,
            id,
            odd,
            groups: BTreeMap::new(),
            asked: None,
        }
    }

    pub(crate) fn membership(&self, group: u64) -> Option<Membership> {
        self.groups.get(&group).copied()
    }

    /// Whether it has all the answers that it asked for.
    pub(crate) fn awaits_nothing(&self) -> bool {
        let mut states = self.groups.values();
        states.all(|state| *state == Membership::Joined)
    }

    /// It is about to ask for something that can be refused without consequence.
    pub(crate) fn begin(&mut self) -> ClientId {
        self.asked = None;
        self.id
    }

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

    pub(crate) fn ask(&mut self, group: u64, state: Membership) {
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

pub(crate) fn named(group: u64) -> GroupName {
    GroupName::new(&format!("g{group}")).expect("a letter and digits are a name")
}

fn number_of(group: &GroupName) -> Option<u64> {
    group.as_str().strip_prefix('g')?.parse().ok()
}
