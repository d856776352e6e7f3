//! What the services want done: addresses, counters, logs and the puller, each towards the runtime or towards
//! the bus. Also what joins two of them: a listener follows its address, the puller follows the roster.

use alloc::{
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

use bytes::Bytes;
use ringfort_config::settings::Role;
use ringfort_logs::{self as logs, Append, Class, DiskAction, DiskOutcome, RecordId};
use ringfort_machine::{Instant, OrderId, Sink};
use ringfort_replication::{self as replication, Key};
use ringfort_vip as vip;
use ringfort_wire::{body, roster, service::Service};

use crate::{
    Action, Config, ConfigError, Node, Note, Observation, SubscriberSeen,
    bus::Bus,
    node::{Boot, Pass, Target},
};

impl Config {
    /// What this node says of itself.
    pub(crate) fn introduction(&self, bus: &Bus) -> roster::Introduction {
        roster::Introduction {
            name: self.name.clone(),
            role: match self.role {
                Role::Node => roster::Role::Node,
                Role::Manager => roster::Role::Manager,
            },
            version: env!("CARGO_PKG_VERSION").to_string(),
            subcluster: self.subcluster.clone(),
            services: self.services,
            logs: self.logs.iter().map(|log| log.key.to_string()).collect(),
            groups: bus
                .groups()
                .map(|group| group.as_str().to_string())
                .collect(),
        }
    }
}

impl Node {
    pub(crate) fn stores(config: &Config, boot: &Boot) -> Vec<logs::store::Config> {
        let mut stores = config.logs.clone();
        for store in &mut stores {
            store.incarnation = boot.incarnation.0;
            store.boot = boot.system_boot;
        }
        stores
    }

    pub(crate) fn log_service(
        config: &Config,
        boot: &Boot,
        now: Instant,
        pass: &mut Pass,
    ) -> Result<logs::server::Server, ConfigError> {
        Ok(logs::server::Server::new(
            Self::stores(config, boot),
            now,
            pass,
        )?)
    }

    pub(crate) fn log_puller(
        config: &Config,
        boot: &Boot,
        now: Instant,
        pass: &mut Pass,
    ) -> Result<Option<logs::puller::Puller>, ConfigError> {
        let Some(mut puller) = config.puller.clone() else {
            return Ok(None);
        };
        puller.incarnation = boot.incarnation.0;
        puller.wall_origin_ns = boot.wall_origin_ns;
        let seed = boot.seed.fork("puller");
        Ok(Some(logs::puller::Puller::new(puller, seed, now, pass)?))
    }

    pub(crate) fn on_vip(&mut self, action: vip::Action, out: &mut impl Sink<Action>) {
        match action {
            vip::Action::Ready => self.bus.ready = true,
            vip::Action::Publish(said) => self.publish(Service::Vip, &body::encode(&said)),
            vip::Action::Order(order, action) => out.push(Action::Address(order, action)),
            vip::Action::Owned { address, .. } => self.open_listeners(address.addr(), out),
            vip::Action::Disowned { address } => self.close_listeners(address.addr(), out),
            vip::Action::Reply { request, result } => self.on_vip_reply(request, result, out),
            vip::Action::Left => self.on_addresses_left(),
            vip::Action::Note(note) => out.push(Action::Note(Note::Vip(note))),
        }
    }

    pub(crate) fn on_counters(&mut self, action: replication::Action, out: &mut impl Sink<Action>) {
        match action {
            replication::Action::Publish(said) => {
                self.publish(Service::Replication, &ringfort_wire::counter::encode(&said));
            }
            replication::Action::Settled {
                object,
                position,
                hash,
                total,
            } => {
                // What was held back and is passed after its configuration has no place in the trace.
                if self.bus.configuration != Some(position.configuration) {
                    return;
                }
                self.observe(out, || Observation::Fingerprint {
                    object: object.to_string(),
                    position,
                    hash,
                    total,
                });
            }
            replication::Action::Note(note) => out.push(Action::Note(Note::Replication(note))),
        }
    }

    /// The local contribution to a counter changes; returns whether it did. A key that is none, or an object
    /// that is not configured or full, is noted by the counters and changes nothing.
    pub(crate) fn count(
        &mut self,
        object: &str,
        key: &str,
        by: i64,
        out: &mut impl Sink<Action>,
    ) -> bool {
        let net = key.parse::<ipnet::IpNet>().map(Key::from);
        let address = || key.parse::<core::net::IpAddr>().map(Key::from);
        let parsed = net.or_else(|_| address()).ok();
        let Some(key) = parsed.or_else(|| Key::text(key)) else {
            return false;
        };
        let local = |node: &Self| node.counters.local(object).map_or(0, |t| t.get(&key));
        let before = local(self);
        self.tell_counters(replication::Event::Change {
            object: Arc::from(object),
            key: key.clone(),
            by,
        });
        let changed = local(self) != before;
        if changed {
            self.observe(out, || Observation::Counted {
                object: object.to_string(),
                key: key.to_string(),
                by,
            });
        }
        changed
    }

    pub(crate) fn append(&mut self, log: String, class: Class, payload: Bytes) {
        self.connections.on_other_append(&log);
        let append = Append {
            class,
            payload,
            wall_ns: self.wall_ns(),
        };
        self.tell_logs(logs::server::Event::Append { log, append });
    }

    pub(crate) fn on_logs(&mut self, action: logs::server::Action, out: &mut impl Sink<Action>) {
        use logs::server::Action as Logs;
        match action {
            Logs::Disk(order, action) => push_disk(order, Owner::Logs, action, out),
            Logs::Send { stream, body } => self.send_body(false, stream, &body, out),
            Logs::CloseStream { stream } => self.close_stream(false, stream, out),
            Logs::Recovered { log, upto } => self.observe_durable(&log, upto, out),
            Logs::Appended {
                log,
                id,
                class,
                payload,
            } => {
                if self.config.observe {
                    let unwritten = self.unwritten.entry(Arc::clone(&log)).or_default();
                    unwritten.push_back((id, class, payload));
                }
                self.connections.on_appended(&log, id);
            }
            Logs::AppendRefused { log, .. } => self.on_append_refused(log, out),
            Logs::Written { log, upto } => {
                self.observe_written(&log, upto, out);
                self.on_written(&log, upto, out);
            }
            Logs::Durable { log, upto } => {
                // What survives a loss of power survives the end of the process too.
                self.observe_written(&log, upto, out);
                self.observe_durable(&log, Some(upto), out);
            }
            Logs::Subscribed { .. } | Logs::Unsubscribed { .. } | Logs::Checkpointed { .. } => {}
            Logs::Closed => self.leaving.logs = true,
            Logs::Note(note) => out.push(Action::Note(Note::Logs(note))),
        }
    }

    /// A record counts as appended once the end of the process cannot take it back; so does its client.
    fn observe_written(&mut self, log: &str, upto: RecordId, out: &mut impl Sink<Action>) {
        let Some(unwritten) = self.unwritten.get_mut(log) else {
            return;
        };
        while let Some((id, class, payload)) = unwritten.pop_front_if(|(id, ..)| *id <= upto) {
            out.push(Action::Note(Note::Observed(Observation::Appended {
                log: log.to_string(),
                id,
                class,
                payload,
            })));
        }
    }

    fn observe_durable(&self, log: &str, upto: Option<RecordId>, out: &mut impl Sink<Action>) {
        self.observe(out, || Observation::Durable {
            log: log.to_string(),
            upto,
        });
    }

    pub(crate) fn on_puller(&mut self, action: logs::puller::Action, out: &mut impl Sink<Action>) {
        use logs::puller::Action as Puller;
        match action {
            Puller::Disk(order, action) => push_disk(order, Owner::Puller, action, out),
            Puller::Connect { stream, address } => self.connect(stream, address, out),
            Puller::Send { stream, body } => self.send_body(true, stream, &body, out),
            Puller::CloseStream { stream } => self.close_stream(true, stream, out),
            Puller::Subscribed { source, after, had } => {
                // What is wanted first comes after the greater of what both sides know.
                let known = had.map_or(after, |had| had.max(after));
                let from = (known != RecordId::BEFORE_ALL).then(|| known.next());
                self.observe_subscriber(&source, SubscriberSeen::Subscribed { from }, out);
            }
            Puller::Record {
                source,
                id,
                payload,
            } => {
                self.observe_subscriber(&source, SubscriberSeen::Record { id, payload }, out);
            }
            Puller::GapSeen { source, gap } => {
                let seen = SubscriberSeen::Gap {
                    first: gap.first,
                    last: gap.last,
                    cause: gap.cause,
                };
                self.observe_subscriber(&source, seen, out);
            }
            Puller::Checkpointed { source, id } => {
                self.observe_subscriber(&source, SubscriberSeen::Checkpoint { id }, out);
            }
            Puller::Stopped => self.leaving.puller = true,
            Puller::Note(note) => out.push(Action::Note(Note::Logs(note))),
        }
    }

    fn observe_subscriber(
        &self,
        source: &logs::puller::Source,
        seen: SubscriberSeen,
        out: &mut impl Sink<Action>,
    ) {
        self.observe(out, || Observation::Subscriber {
            node: source.node,
            log: source.log.to_string(),
            subscriber: source.subscriber.to_string(),
            seen,
        });
    }

    pub(crate) fn on_disk(&mut self, order: OrderId, outcome: DiskOutcome) {
        let (owner, order) = Owner::of(order);
        match owner {
            Owner::Logs => self.tell_logs(logs::server::Event::Done { order, outcome }),
            Owner::Puller => self.tell_puller(logs::puller::Event::Done { order, outcome }),
        }
    }

    /// The members of the cluster group have changed, or somebody has introduced itself: the puller is told
    /// which nodes have a log service and where (reference GR-7), the router who must answer.
    pub(crate) fn on_members(&mut self) {
        self.on_console_view();
        if self.puller.is_none() {
            return;
        }
        let mut targets: Vec<Target> = Vec::new();
        for (process, said) in self.roster.members() {
            let Some(said) = said else { continue };
            if let (roster::Role::Node, Some(address)) = (said.role, said.services) {
                targets.push((
                    process.node,
                    said.name.clone(),
                    said.subcluster.clone(),
                    address,
                ));
            }
        }
        let gone: Vec<_> = self
            .targets
            .iter()
            .filter(|old| !targets.contains(old))
            .cloned()
            .collect();
        for (up, all) in [(false, gone), (true, targets.clone())] {
            for (node, name, subcluster, address) in all {
                self.tell_puller(logs::puller::Event::Target {
                    node,
                    name,
                    subcluster,
                    address,
                    up,
                });
            }
        }
        self.targets = targets;
    }

    /// Says anew who this is, after a reload.
    pub(crate) fn reintroduce(&mut self) {
        let said = self.config.introduction(&self.bus);
        if said != *self.roster.introduction() {
            self.roster.reintroduce(said);
            self.introduce();
        }
    }
}

/// Which machine a disk order belongs to. Each numbers its own; on the outside they take turns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Logs = 0,
    Puller = 1,
}

impl Owner {
    const fn of(order: OrderId) -> (Self, OrderId) {
        let owner = if order.0.is_multiple_of(2) {
            Self::Logs
        } else {
            Self::Puller
        };
        (owner, OrderId(order.0 / 2))
    }
}

fn push_disk(order: OrderId, owner: Owner, action: DiskAction, out: &mut impl Sink<Action>) {
    out.push(Action::Disk(OrderId(order.0 * 2 + owner as u64), action));
}
