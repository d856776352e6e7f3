//! From what a process says about itself to the lines of the trace.
//!
//! A client's message is named after its tag: the workload gives each one of its own, far above the numbers of
//! the ring, so that the two kinds of `m` never meet.

use ringfort_groups::{Cause, ClientEvent, ClientId, Command, GroupName, MemberId, View};
use ringfort_logs as logs;
use ringfort_machine::{
    Configuration, ConfigurationId, ConfigurationKind, Digest, Level, NodeId, Position, RingId,
};
use ringfort_node::{Note, Observation, SubscriberSeen};

use super::{Names, World};
use crate::trace::{
    ConfKind, CountKind, Durability, Kind, MessageName, Process, RecordId, Sum, Text, ViewCause,
};

impl World {
    /// A process tells something.
    pub(super) fn note(&mut self, index: usize, note: Note) {
        if let Some(watch) = &mut self.watch
            && let Some(life) = &self.hosts[index].life
        {
            watch(self.now, &life.name, &note);
        }
        if let Note::Observed(observation) = note {
            self.observe(index, observation);
        } else {
            *self.notes.entry(note.kind()).or_default() += 1;
        }
    }

    fn observe(&mut self, index: usize, observation: Observation) {
        self.observe_seal(index, &observation);
        if let Some(kind) = self.kind(index, observation) {
            self.tell_asked(index);
            if let Some(life) = &self.hosts[index].life {
                self.recorder.of(self.now, &life.name, kind);
            }
        }
    }

    /// Sealing is for the oracle and not in the trace.
    fn observe_seal(&mut self, index: usize, observation: &Observation) {
        if let Observation::Sealed {
            key,
            counter,
            frame,
        } = observation
        {
            let by = self.hosts[index].process_id();
            if let Some(attackers) = &mut self.attackers {
                attackers.sealed(by, (*key, *counter), frame);
            }
        } else if let Observation::Opened {
            from,
            key,
            counter,
            frame,
        } = observation
        {
            self.opened(index, *from, (*key, *counter), frame);
        }
    }

    /// What the trace says of an observation, if anything.
    fn kind(&mut self, index: usize, observation: Observation) -> Option<Kind> {
        match observation {
            Observation::Configuration(configuration) => Some(self.installed(&configuration)),
            Observation::Submitted {
                number,
                level: _,
                payload,
            } => {
                let life = self.hosts[index].life.as_mut()?;
                life.unsent.insert(number, Sum(Digest::of(&payload)));
                Some(Kind::Submit {
                    m: MessageName::new(life.name.clone(), number),
                })
            }
            Observation::Sent {
                number,
                level,
                configuration,
            } => self.sent(index, number, level, configuration),
            Observation::Delivered {
                position,
                sender,
                number,
                level,
                payload,
            } => Some(Kind::Deliver {
                m: MessageName::new(self.names.process(sender), number),
                level: level.into(),
                conf: self.names.configuration(position.configuration),
                sum: Sum(Digest::of(&payload)),
                n: position.ordinal,
            }),
            Observation::Asked { client, command } => {
                self.asked(index, client, command);
                None
            }
            Observation::Told {
                client: _,
                event: ClientEvent::Refused(_),
            } => {
                self.refused(index);
                None
            }
            Observation::Told { client, event } => self.told(index, client, event),
            Observation::Counted { object, key, by } => {
                let total = self.fleet.is_total(&object);
                let kind = if total {
                    CountKind::Total
                } else {
                    CountKind::Gauge
                };
                Some(Kind::Count {
                    object: object.into(),
                    key: key.into(),
                    kind,
                    by,
                })
            }
            Observation::Fingerprint {
                object,
                position,
                hash,
                total,
            } => Some(self.fingerprint(object, position, hash, total)),
            Observation::Appended {
                log,
                id,
                class,
                payload,
            } => Some(appended(log, id, class, &payload)),
            Observation::Sealed { .. } | Observation::Opened { .. } => None,
            Observation::Durable { log, upto } => self.durable(index, log, upto),
            Observation::Subscriber {
                node,
                log,
                subscriber,
                seen,
            } => Some(self.subscriber(node, log.into(), subscriber.into(), seen)),
        }
    }

    fn installed(&mut self, configuration: &Configuration) -> Kind {
        Kind::Conf {
            conf: self.names.configuration(configuration.id),
            kind: match configuration.kind {
                ConfigurationKind::Regular => ConfKind::Regular,
                ConfigurationKind::Transitional => ConfKind::Transitional,
            },
            members: configuration
                .members
                .iter()
                .map(|member| self.names.process(member.process))
                .collect(),
            reg: configuration.follows.map(|id| self.names.configuration(id)),
        }
    }

    fn sent(
        &mut self,
        index: usize,
        number: u64,
        level: Level,
        configuration: ConfigurationId,
    ) -> Option<Kind> {
        let life = self.hosts[index].life.as_mut()?;
        let m = MessageName::new(life.name.clone(), number);
        let Some(sum) = life.unsent.remove(&number) else {
            self.object(
                "trace",
                format!("{m} was sent without having been submitted"),
            );
            return None;
        };
        let conf = self.names.configuration(configuration);
        Some(Kind::Send {
            m,
            level: level.into(),
            conf,
            sum,
        })
    }

    fn durable(&self, index: usize, log: String, upto: Option<logs::RecordId>) -> Option<Kind> {
        // The line is due after a restart even if nothing was recovered; the first life has none to tell of.
        if upto.is_none() && self.hosts[index].lives == 1 {
            return None;
        }
        let upto = upto.unwrap_or(logs::RecordId::BEFORE_ALL);
        Some(Kind::Durable {
            log: log.into(),
            upto: record_id(upto),
        })
    }

    /// Writes what a client asked for, once it is clear that it was not refused.
    pub(super) fn tell_asked(&mut self, index: usize) {
        if let Some(life) = &mut self.hosts[index].life
            && let Some(kind) = life.asked.take()
        {
            self.recorder.of(self.now, &life.name, kind);
        }
    }

    /// What a client asked for last was refused and has changed nothing.
    fn refused(&mut self, index: usize) {
        if let Some(life) = &mut self.hosts[index].life {
            life.asked = None;
        }
    }

    fn fingerprint(&mut self, object: String, position: Position, hash: u64, total: i64) -> Kind {
        Kind::Tree {
            object: object.into(),
            conf: self.names.configuration(position.configuration),
            n: position.ordinal,
            hash: Sum(hash),
            total,
        }
    }

    /// A refusal, if there is one, comes before anything else that the process does.
    fn asked(&mut self, index: usize, client: ClientId, command: Command) {
        let host = &mut self.hosts[index];
        let Some(life) = &mut host.life else { return };
        if let Command::Connect {
            name,
            wants_membership: _,
        } = &command
        {
            let full = client_name(name.as_str(), &life.name);
            self.names
                .clients
                .insert((host.node, name.as_str().into()), full.clone());
            life.clients.insert(client, full);
            return;
        }
        let Some(name) = life.clients.get(&client).cloned() else {
            return;
        };
        life.asked = match command {
            Command::Connect { .. } => None,
            Command::Join { group } => Some(Kind::Join {
                client: name,
                group: group.as_str().into(),
            }),
            Command::Leave { group } => Some(Kind::Leave {
                client: name,
                group: group.as_str().into(),
            }),
            Command::Disconnect => Some(Kind::Disconnect { client: name }),
            Command::Send {
                groups, level, tag, ..
            } => Some(Kind::Gsend {
                client: name,
                m: MessageName::new(life.name.clone(), tag).to_string().into(),
                groups: groups
                    .iter()
                    .map(|group| self.names.destination(group))
                    .collect(),
                level: level.into(),
            }),
        };
    }

    fn told(&mut self, index: usize, client: ClientId, event: ClientEvent) -> Option<Kind> {
        let name = self.hosts[index]
            .life
            .as_ref()?
            .clients
            .get(&client)?
            .clone();
        Some(match event {
            ClientEvent::Refused(_) => return None,
            ClientEvent::View(view) => self.view(name, &view),
            ClientEvent::Message {
                from,
                tag,
                via,
                level,
                ..
            } => Kind::Gdeliver {
                client: name,
                group: self.names.destination(&via),
                m: MessageName::new(self.names.process(from.process), tag)
                    .to_string()
                    .into(),
                level: level.into(),
            },
        })
    }

    fn view(&mut self, client: Text, view: &View) -> Kind {
        let conf = self.names.configuration(view.id.configuration);
        let side = match view.id.side {
            Some(side) => format!("/{}", self.names.process(side)),
            None => String::new(),
        };
        let (cause, with) = match &view.cause {
            Cause::Join(_) => (ViewCause::Join, None),
            Cause::Leave(_) => (ViewCause::Leave, None),
            Cause::Disconnect(_) => (ViewCause::Disconnect, None),
            Cause::Network { together, .. } => (ViewCause::Network, Some(self.members(together))),
            Cause::Transitional => (ViewCause::Transitional, None),
        };
        Kind::View {
            client,
            group: view.group.as_str().into(),
            view: format!("{conf}/{}{side}", view.id.ordinal).into(),
            members: self.members(&view.members),
            cause,
            with,
        }
    }

    fn members(&mut self, members: &[MemberId]) -> Vec<Text> {
        let name = |member: &MemberId| {
            client_name(member.client.as_str(), &self.names.process(member.process))
        };
        members.iter().map(name).collect()
    }

    fn subscriber(&self, node: NodeId, log: Text, sub: Text, seen: SubscriberSeen) -> Kind {
        let node = self.names.node(node);
        match seen {
            SubscriberSeen::Subscribed { from } => Kind::Subscribe {
                node,
                log,
                sub,
                from: from.map(record_id),
            },
            SubscriberSeen::Record { id, payload } => {
                let sum = Sum(Digest::of(&payload));
                Kind::Record {
                    node,
                    log,
                    sub,
                    id: record_id(id),
                    sum,
                }
            }
            SubscriberSeen::Gap { first, last, cause } => Kind::Gap {
                node,
                log,
                sub,
                first: record_id(first),
                last: record_id(last),
                cause: cause.name().into(),
            },
            SubscriberSeen::Checkpoint { id } => Kind::Checkpoint {
                node,
                log,
                sub,
                id: record_id(id),
            },
        }
    }
}

impl Names {
    /// The trace name of a configuration: unique in the run, and the same at all members.
    pub(crate) fn configuration(&mut self, id: ConfigurationId) -> Text {
        if let Some(known) = self.configurations.get(&id) {
            return known.clone();
        }
        let ring = self.ring(id.ring);
        let name: Text = match id.from {
            None => ring.into(),
            Some(from) => format!("{}>{ring}", self.ring(from)).into(),
        };
        self.configurations.insert(id, name.clone());
        name
    }

    fn ring(&mut self, ring: RingId) -> String {
        format!("{}@{}", ring.sequence, self.process(ring.representative))
    }

    /// A group, or the unique name of the receiver of a private message.
    fn destination(&self, group: &GroupName) -> Text {
        let known = group
            .receiver()
            .and_then(|(client, node)| self.clients.get(&(node, client.into())));
        known.cloned().unwrap_or_else(|| group.as_str().into())
    }
}

/// The trace name of a client: its own and that of its process, so that it is unique in the run.
fn client_name(client: &str, process: &Process) -> Text {
    format!("#{client}#{process}").into()
}

fn appended(log: String, id: logs::RecordId, class: logs::Class, payload: &[u8]) -> Kind {
    Kind::Append {
        log: log.into(),
        id: record_id(id),
        sum: Sum(Digest::of(payload)),
        class: match class {
            logs::Class::None => Durability::None,
            logs::Class::Batch => Durability::Batch,
            logs::Class::Sync => Durability::Sync,
        },
    }
}

fn record_id(id: logs::RecordId) -> RecordId {
    RecordId {
        incarnation: id.incarnation,
        sequence: id.sequence,
    }
}
