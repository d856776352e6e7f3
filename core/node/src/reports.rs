//! What the machines show of themselves, as the reports of the console. Reads only.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use ringfort_config::settings::Role;
use ringfort_console::{
    Agreement, ClusterInfo, Failed, GaugeRow, Info, LogRow, MemberRow, Membership, NodeAddress,
    NodeType, Ownership, Report, SealPeerRow, SealReport, SharedGauges, SharedKind, SharedList,
    SharedObject, SharedTree, ShowLogs, SubscriberRow, TreeRow, Version, VipMember, VipRow,
};
use ringfort_machine::ProcessId;
use ringfort_replication::{Key, Kind};
use ringfort_vip::{AddressStatus, ServiceSet};
use ringfort_wire::roster;

use crate::{Node, SealPeer};

const COPYRIGHT: &str = "Copyright (c) 2026 The Ringfort authors";
/// Rows of one object that a console prints.
const ROWS: usize = 10_000;

impl Node {
    pub(crate) fn version_report(&self) -> Version {
        Version {
            program: match self.config.role {
                Role::Node => "ringfort node".to_string(),
                Role::Manager => "ringfort manager".to_string(),
            },
            version: env!("CARGO_PKG_VERSION").to_string(),
            revision: option_env!("RINGFORT_REVISION")
                .unwrap_or("unknown")
                .to_string(),
            copyright: COPYRIGHT.to_string(),
        }
    }

    pub(crate) fn info_report(&self) -> Info {
        let ring = self.ring.status();
        let mut more = alloc::vec![
            ("Ring state".to_string(), ring.state.to_string()),
            (
                "Token rotation".to_string(),
                format!("{} us", ring.rotation.as_micros())
            ),
            (
                "Token loss after".to_string(),
                format!("{} ms", ring.token_loss.as_millis())
            ),
            (
                "Retransmissions".to_string(),
                ring.retransmissions.to_string()
            ),
            (
                "Waiting messages".to_string(),
                ring.outbox_messages.to_string()
            ),
            ("Configurations".to_string(), ring.changes.to_string()),
            (
                "Connections".to_string(),
                self.connections.len().to_string()
            ),
            (
                "Encryption".to_string(),
                match &self.seal {
                    Some(seal) => format!("on, epoch {}", seal.epoch),
                    None => "OFF".to_string(),
                },
            ),
        ];
        if let Some(puller) = &self.puller {
            let pulled = puller.status(self.now);
            more.push(("Log sources".to_string(), pulled.sources.len().to_string()));
            more.push(("Log records".to_string(), pulled.records.to_string()));
        }
        Info {
            node: self.config.name.clone(),
            role: match self.config.role {
                Role::Node => "node".to_string(),
                Role::Manager => "manager".to_string(),
            },
            cluster: format!("{:016x}", self.config.cluster.0),
            subcluster: self.config.subcluster.clone(),
            version: env!("CARGO_PKG_VERSION").to_string(),
            uptime_s: self.now.as_nanos().saturating_sub(self.started.as_nanos()) / 1_000_000_000,
            configuration: format!("{}", ring.ring),
            members: ring
                .members
                .iter()
                .map(|member| self.display_name(member.process))
                .collect(),
            more,
        }
    }

    /// The name of a process: as introduced, else as configured.
    fn display_name(&self, process: ProcessId) -> String {
        let configured = || self.config.peer_name(process.node).map(ToString::to_string);
        let said = self.roster.get(process).map(|said| said.name.clone());
        said.or_else(configured)
            .unwrap_or_else(|| process.to_string())
    }

    fn private_name(&self, session: u8, process: ProcessId) -> String {
        format!(
            "#ec{session}-{}#{}",
            process.incarnation.0,
            self.display_name(process)
        )
    }

    pub(crate) fn cluster_report(&self) -> ClusterInfo {
        let own = self
            .config
            .peers
            .iter()
            .find(|peer| peer.node == self.config.node);
        let leader = self.roster.members().next().map(|(process, _)| process);
        ClusterInfo {
            port: own.map_or(0, |peer| peer.address.port()),
            main_session: self.private_name(0, self.me),
            shared_session: self.private_name(1, self.me),
            control_group: self.config.control_group.as_str().to_string(),
            cluster_group: self.config.cluster_group.as_str().to_string(),
            leader: leader.map(|process| self.private_name(0, process)),
            logger_group: None,
        }
    }

    pub(crate) fn membership_report(&self) -> Membership {
        let row = |(process, said): (ProcessId, Option<&roster::Introduction>)| MemberRow {
            private_name: self.private_name(0, process),
            node_name: said.map(|said| said.name.clone()),
            subcluster: said.map(|said| said.subcluster.clone()),
            node_type: match said.map(|said| said.role) {
                Some(roster::Role::Node) => NodeType::Momentum,
                Some(roster::Role::Manager) => NodeType::Manager,
                None => NodeType::Other,
            },
            version: said.map_or_else(String::new, |said| said.version.clone()),
            revision: option_env!("RINGFORT_REVISION")
                .unwrap_or("unknown")
                .to_string(),
            address: said.and_then(|said| said.services),
            groups: said.map(|said| said.groups.clone()).unwrap_or_default(),
        };
        Membership {
            members: self.roster.members().map(row).collect(),
        }
    }

    pub(crate) fn seal_report(&self) -> SealReport {
        let name = |node| self.config.peer_name(node).map(ToString::to_string);
        let Some(seal) = &self.seal else {
            return SealReport {
                encryption: false,
                epoch: 0,
                rotating_to: None,
                peers: Vec::new(),
                refused: Vec::new(),
            };
        };
        let row = |peer: &SealPeer| SealPeerRow {
            node: name(peer.node).unwrap_or_else(|| peer.node.to_string()),
            incarnation: peer.incarnation.map(|incarnation| incarnation.0),
            epoch: peer.epoch,
        };
        let reasons = ringfort_seal::Reason::ALL.iter().zip(&seal.refused);
        SealReport {
            encryption: true,
            epoch: seal.epoch,
            rotating_to: seal.rotating_to,
            peers: seal.peers.iter().map(row).collect(),
            refused: reasons
                .filter(|(_, count)| **count > 0)
                .map(|(reason, count)| (reason.text().to_string(), *count))
                .collect(),
        }
    }

    pub(crate) fn address_report(&self) -> Report {
        match self.config.services {
            Some(address) => Report::NodeAddress(NodeAddress { address }),
            None => Report::Failed(Failed {
                reason: "This node has no cluster listener: set ECCluster_Listener.".to_string(),
            }),
        }
    }

    pub(crate) fn duravip_report(&self) -> ringfort_console::DuravipShow {
        let status = self.vip.status(self.now);
        let addresses = status
            .addresses
            .iter()
            .map(|address| self.vip_row(address))
            .collect();
        ringfort_console::DuravipShow { addresses }
    }

    fn vip_row(&self, status: &AddressStatus) -> VipRow {
        let owner = status.owner;
        let held = owner.is_some_and(|owner| status.holders.contains(&owner));
        VipRow {
            address: status.address,
            bindings: status.names.clone(),
            ownership: match (owner, held) {
                (Some(_), true) => Ownership::Owned,
                (Some(_), false) => Ownership::Moving,
                (None, _) => Ownership::Unowned,
            },
            agreement: if status.flags.broken {
                Agreement::Broken
            } else if status.flags.conflict {
                Agreement::Conflict
            } else if status.flags.services_differ {
                Agreement::Unsafe
            } else {
                Agreement::Safe
            },
            services: services(status.services),
            view_stable_s: status.view_stable.as_secs(),
            configuration_stable_s: status.configuration_stable.as_secs(),
            members: status
                .members
                .iter()
                .map(|offered| VipMember {
                    node: self.display_name(offered.process),
                    services: services(offered.services),
                    owner: held && owner == Some(offered.process),
                })
                .collect(),
        }
    }

    pub(crate) fn shared_list_report(&self) -> SharedList {
        let object = |object: ringfort_replication::ObjectView| SharedObject {
            name: object.name.to_string(),
            kind: match object.kind {
                Kind::CidrTree => SharedKind::CidrTree,
                Kind::GaugeTable => SharedKind::GaugeTable,
            },
            snapshots: true,
        };
        SharedList {
            objects: self.counters.objects().map(object).collect(),
        }
    }

    pub(crate) fn shared_report(&self, object: &str, from: Option<&str>) -> Report {
        let process = match from {
            None => None,
            Some(name) => match self.process_called(name) {
                Some(process) => Some(process),
                None => {
                    return unknown(
                        "member",
                        name,
                        self.roster.names().into_iter().map(|(_, n)| n),
                    );
                }
            },
        };
        let known = self
            .counters
            .objects()
            .map(|object| object.name.to_string());
        let Some(kind) = self
            .counters
            .objects()
            .find(|o| *o.name == *object)
            .map(|o| o.kind)
        else {
            return unknown("replicated object", object, known);
        };
        let table = self.counters.view(object, process);
        let rows = table.into_iter().flat_map(|table| table.rows().take(ROWS));
        let view = process.map(|process| self.private_name(1, process));
        let object = object.to_string();
        match kind {
            Kind::CidrTree => {
                let tree = |row: ringfort_replication::Row| match row.key {
                    Key::Net(prefix) => Some(TreeRow {
                        prefix,
                        count: row.count,
                    }),
                    Key::Text(_) => None,
                };
                let rows = rows.filter_map(tree).collect();
                Report::SharedTree(SharedTree {
                    object,
                    view,
                    snapshots: true,
                    rows,
                })
            }
            Kind::GaugeTable => {
                let gauge = |row: ringfort_replication::Row| GaugeRow {
                    key: row.key.to_string(),
                    value: row.count,
                };
                let rows = rows.map(gauge).collect();
                Report::SharedGauges(SharedGauges {
                    object,
                    view,
                    snapshots: true,
                    rows,
                })
            }
        }
    }

    fn process_called(&self, name: &str) -> Option<ProcessId> {
        let (node, _) = self.node_called(name)?;
        self.roster
            .members()
            .map(|(process, _)| process)
            .find(|process| process.node == node)
    }

    pub(crate) fn logs_report(&self) -> ShowLogs {
        let row = |status: ringfort_logs::store::Status| LogRow {
            key: status.key.to_string(),
            on_disk_bytes: status.bytes,
            subscribers: status
                .subscribers
                .iter()
                .map(|subscriber| SubscriberRow {
                    name: subscriber.name.to_string(),
                    log: subscriber.checkpoint.incarnation,
                    marker: subscriber.checkpoint.sequence,
                })
                .collect(),
        };
        ShowLogs {
            logs: self
                .logs
                .stores()
                .map(|store| row(store.status()))
                .collect(),
        }
    }
}

fn services(set: ServiceSet) -> Vec<String> {
    let mut names = Vec::new();
    if set.listener {
        names.push("listener".to_string());
    }
    if set.binding {
        names.push("multivip".to_string());
    }
    names
}

fn unknown(what: &str, name: &str, known: impl Iterator<Item = String>) -> Report {
    let known: Vec<String> = known.collect();
    Report::Failed(Failed {
        reason: format!("There is no {what} '{name}'. Known: {}.", known.join(", ")),
    })
}
