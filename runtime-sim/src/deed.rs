//! The steps of the workload, as values: who does what, with everything that was drawn already in it.
//!
//! A run draws deeds as it goes ([`crate::workload`]) and can keep them; a schedule has them written down. Either
//! way they are done here, by one code path, so that a kept run and its schedule are the same run. A deed that
//! makes no sense in the present state does nothing: whoever shortens a schedule need not think of the rest.
//!
//! What this is not: a client. What group clients and processes answer is the node's; this only asks.

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use ringfort_groups::{ClientId, ClientName, Command, GroupName};
use ringfort_logs::Class;
use ringfort_machine::{Level, Rng, Seed};
use ringfort_node::{Event, FIRST_CLIENT, LocalEvent};

use crate::{
    workload::{DOMAINS, GroupClient, LOG, Membership, NETWORKS, named},
    world::World,
};

/// Tags of messages begin here, above every number that a ring gives.
const FIRST_TAG: u64 = 1_000_000_000;

/// For whom a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receiver {
    /// The members of a group.
    Group(u64),
    /// One client, by its number and the host it is connected to.
    Client(u64, usize),
}

/// Which counter changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// The one by network.
    Networks,
    /// The one by domain.
    Domains,
}

impl Counter {
    /// The name of the replicated object.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Networks => NETWORKS,
            Self::Domains => DOMAINS,
        }
    }

    /// The counter called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Networks, Self::Domains]
            .into_iter()
            .find(|counter| counter.name() == name)
    }

    /// Key number `number`, as the node reads it.
    fn key(self, number: u64) -> String {
        match self {
            Self::Networks => format!("192.0.{}.{}/32", number / 8, number % 8),
            Self::Domains => format!("d{number}.example.com"),
        }
    }
}

/// One step of the workload. Hosts are counted from 0, clients and groups are numbered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A group client connects. It joins only groups of its side: of odd numbers, or of even ones.
    Connect {
        /// To this host.
        host: usize,
        /// Its number, unique in the run.
        client: u64,
        /// Its side.
        odd: bool,
    },
    /// A client asks to be a member.
    Join {
        /// The client.
        client: u64,
        /// Of this group.
        group: u64,
    },
    /// A client asks to be no member any more.
    Leave {
        /// The client.
        client: u64,
        /// Of this group.
        group: u64,
    },
    /// A client hangs up.
    Disconnect {
        /// The client.
        client: u64,
    },
    /// A client sends a message.
    Send {
        /// The client.
        client: u64,
        /// For these.
        to: Vec<Receiver>,
        /// With this promise.
        level: Level,
        /// So long.
        bytes: u64,
    },
    /// A local contribution changes.
    Count {
        /// Of this host.
        host: usize,
        /// To this counter.
        counter: Counter,
        /// At this key.
        key: u64,
        /// By this much.
        by: i64,
    },
    /// A record is written.
    Append {
        /// By this host.
        host: usize,
        /// With this promise.
        class: Class,
        /// So long.
        bytes: u64,
    },
    /// A client connects to a service.
    Session {
        /// At this address.
        to: IpAddr,
        /// Whether it says something first.
        talks: bool,
        /// And hangs up after this time.
        stays: Duration,
    },
}

impl World {
    /// Does it, now, if it makes sense now.
    pub fn perform(&mut self, deed: Deed) {
        match deed {
            Deed::Connect { host, client, odd } => self.connect_group_client(host, client, odd),
            Deed::Join { client, group } => self.ask_membership(client, group, true),
            Deed::Leave { client, group } => self.ask_membership(client, group, false),
            Deed::Disconnect { client } => self.disconnect(client),
            Deed::Send {
                client,
                to,
                level,
                bytes,
            } => self.send(client, &to, level, bytes),
            Deed::Count {
                host,
                counter,
                key,
                by,
            } => self.count(host, counter, key, by),
            Deed::Append { host, class, bytes } => self.append(host, class, bytes),
            Deed::Session { to, talks, stays } => self.open_session(to, talks, stays),
        }
    }

    fn local(&mut self, host: usize, event: LocalEvent) {
        if self.accepts_work(host) {
            self.give(host, Event::Local(event));
        }
    }

    /// Whether the process of `host` runs and is not about to leave.
    pub(crate) fn accepts_work(&self, host: usize) -> bool {
        self.hosts
            .get(host)
            .and_then(|host| host.running())
            .is_some_and(|life| !life.leaving)
    }

    fn connect_group_client(&mut self, host: usize, number: u64, odd: bool) {
        if !self.accepts_work(host) || !self.clients_used.insert(number) {
            return; // a name is that of one client in the whole run
        }
        let name = client_name(number);
        let workers = &mut self.hosts[host].workers;
        let id = ClientId(FIRST_CLIENT + workers.opened);
        workers.opened += 1;
        workers.clients.push(GroupClient::new(number, id, odd));
        let command = Command::Connect {
            name,
            wants_membership: true,
        };
        self.command(host, id, command);
    }

    /// Where client `number` is connected: the host, and its place there.
    fn locate(&self, number: u64) -> Option<(usize, usize)> {
        self.hosts.iter().enumerate().find_map(|(host, at)| {
            let clients = &at.workers.clients;
            let slot = clients.iter().position(|client| client.number == number)?;
            Some((host, slot))
        })
    }

    fn command(&mut self, host: usize, client: ClientId, command: Command) {
        self.local(host, LocalEvent::Group { client, command });
    }

    fn ask_membership(&mut self, number: u64, group: u64, joins: bool) {
        let Some((host, slot)) = self.locate(number) else {
            return;
        };
        if !self.accepts_work(host) {
            return;
        }
        let client = &mut self.hosts[host].workers.clients[slot];
        let id = client.id;
        let command = match (joins, client.membership(group)) {
            (true, None) => {
                client.ask(group, Membership::Joining);
                Command::Join {
                    group: named(group),
                }
            }
            (false, Some(Membership::Joined)) => {
                client.ask(group, Membership::Leaving);
                Command::Leave {
                    group: named(group),
                }
            }
            (true, Some(_)) | (false, Some(_) | None) => return, // an answer is due, or it is so already
        };
        self.command(host, id, command);
    }

    fn disconnect(&mut self, number: u64) {
        if let Some((host, slot)) = self.locate(number)
            && self.accepts_work(host)
            && self.hosts[host].workers.clients[slot].awaits_nothing()
        {
            let client = self.hosts[host].workers.clients.remove(slot);
            self.command(host, client.id, Command::Disconnect);
        }
    }

    fn send(&mut self, number: u64, to: &[Receiver], level: Level, bytes: u64) {
        let Some((host, slot)) = self.locate(number) else {
            return;
        };
        if !self.accepts_work(host) {
            return;
        }
        let id = self.hosts[host].workers.clients[slot].begin();
        self.tags += 1;
        let command = Command::Send {
            groups: to.iter().map(|one| self.destination(one)).collect(),
            level,
            self_discard: false, // the trace has no word for it
            tag: FIRST_TAG + self.tags,
            payload: self.payload(number, bytes),
        };
        self.command(host, id, command);
    }

    fn destination(&self, receiver: &Receiver) -> GroupName {
        match receiver {
            Receiver::Group(group) => named(*group),
            Receiver::Client(client, host) => {
                let node = self.hosts.get(*host).map_or("", |host| &host.name);
                GroupName::private(&client_name(*client), node).unwrap_or_else(|_| named(1))
            }
        }
    }

    fn count(&mut self, host: usize, counter: Counter, key: u64, by: i64) {
        if !self.accepts_work(host) {
            return;
        }
        let counts = &mut self.hosts[host].workers.counts;
        let known = counts.entry((counter.name(), key)).or_default();
        match known.checked_add(by) {
            Some(sum) if sum >= 0 => *known = sum,
            Some(_) | None => return, // nobody takes away what is not there
        }
        let event = LocalEvent::Count {
            object: counter.name().to_owned(),
            key: counter.key(key),
            by,
        };
        self.local(host, event);
    }

    fn append(&mut self, host: usize, class: Class, bytes: u64) {
        if !self.accepts_work(host) {
            return;
        }
        let event = LocalEvent::Append {
            log: LOG.to_owned(),
            class,
            payload: self.payload(host as u64, bytes),
        };
        self.local(host, event);
    }

    /// `length` bytes that are not all the same. They follow from when they are made and by whom, so that a
    /// schedule need not have them.
    fn payload(&self, maker: u64, length: u64) -> Bytes {
        let salt = self.now.as_nanos().rotate_left(20) ^ maker ^ self.options.seed.rotate_left(40);
        let mut rng = Rng::new(Seed::from_number(salt));
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        for chunk in bytes.chunks_mut(8) {
            let draw = rng.next_u64().to_le_bytes();
            chunk.copy_from_slice(&draw[..chunk.len()]);
        }
        bytes.into()
    }
}

/// The name of client `number`.
pub(crate) fn client_name(number: u64) -> ClientName {
    ClientName::new(&format!("c{number}")).expect("a letter and digits are a name")
}
