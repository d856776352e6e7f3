//! What clients of the bus call the nodes: the server part of a private name `#client#server`.
//!
//! It is the node's name as the configuration has it. Spread's name fields have room for nineteen bytes of it, and
//! host names may be longer. Then eight bytes of the name are shown, and after `~`, which no node's name has, ten
//! digits of its hash. The short form depends on nothing but the name, so all nodes agree on it without a word,
//! and it does not change when others come or go. Between nodes a destination is always spelled in full; here it
//! is turned around.
//!
//! Members of a view stand in the order in which the configuration lists their nodes, as Spread has them
//! (reference: Spread client protocol, section 7).

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

use ringfort_groups::{GroupName, MemberId};
use ringfort_machine::NodeId;
use ringfort_session::Name;
use ringfort_wire::session::{SERVER_NAME, is_name};

use crate::Config;

/// Bytes that are kept of a name that is too long.
const KEPT: usize = 8;

/// The name of `node` as a server of the bus: at most nineteen bytes, without space and `#`.
pub fn server_name(node: &str) -> String {
    let fits = (1..=SERVER_NAME).contains(&node.len());
    if fits && is_name(node.as_bytes()) {
        return node.to_string();
    }
    let kept: String = node
        .bytes()
        .filter(|byte| is_name(&[*byte]))
        .take(KEPT)
        .map(char::from)
        .collect();
    format!("{kept}~{:010x}", NodeId::of_name(node).0 >> 24)
}

/// The servers of the cluster, by name and by place.
#[derive(Debug)]
pub(crate) struct Servers {
    known: BTreeMap<NodeId, (usize, String)>,
    /// The full name behind each short form that differs from it.
    shortened: BTreeMap<String, String>,
}

impl Servers {
    pub(crate) fn new(config: &Config) -> Self {
        let mut servers = Self {
            known: BTreeMap::new(),
            shortened: BTreeMap::new(),
        };
        for (place, peer) in config.peers.iter().enumerate() {
            let name = server_name(&peer.name);
            if name != peer.name {
                servers.shortened.insert(name.clone(), peer.name.clone());
            }
            servers.known.insert(peer.node, (place, name));
        }
        servers
    }

    /// The private name of `member`. A node that is no longer configured is shown by its number.
    pub(crate) fn private(&self, member: &MemberId) -> Name {
        let client = member.client.as_str();
        let node = member.process.node;
        match self.known.get(&node) {
            Some((_, server)) => Name::private(client, server),
            None => Name::private(client, &node.to_string()),
        }
    }

    /// The private names of `members` in the order of a view: by the configuration, nodes that are not in it last,
    /// then by the bytes of the name.
    pub(crate) fn ordered(&self, members: &[MemberId]) -> Vec<Name> {
        let place = |member: &MemberId| {
            let known = self.known.get(&member.process.node);
            known.map_or(usize::MAX, |(place, _)| *place)
        };
        let mut keyed: Vec<(usize, NodeId, Name)> = members
            .iter()
            .map(|member| (place(member), member.process.node, self.private(member)))
            .collect();
        keyed.sort();
        keyed.into_iter().map(|(_, _, name)| name).collect()
    }

    /// A destination as a client wrote it, as it is known between nodes.
    pub(crate) fn in_full(&self, destination: GroupName) -> GroupName {
        self.respell(destination, |server| {
            self.shortened.get(server).map(String::as_str)
        })
    }

    /// Destinations as they came from a node, as a client may have written them.
    pub(crate) fn as_written(&self, destinations: &Arc<[GroupName]>) -> Arc<[GroupName]> {
        if self.shortened.is_empty() || !destinations.iter().any(GroupName::is_private) {
            return Arc::clone(destinations);
        }
        let written = |destination: &GroupName| {
            self.respell(destination.clone(), |server| {
                let known = self.known.get(&NodeId::of_name(server));
                known
                    .map(|(_, short)| short.as_str())
                    .filter(|short| self.shortened.contains_key(*short))
            })
        };
        destinations.iter().map(written).collect()
    }

    /// `name` with another server, if it is private and `other` knows one.
    fn respell<'a>(
        &'a self,
        name: GroupName,
        other: impl Fn(&str) -> Option<&'a str>,
    ) -> GroupName {
        let parts = name.as_str().strip_prefix('#');
        let Some((client, server)) = parts.and_then(|rest| rest.split_once('#')) else {
            return name;
        };
        let respelled = other(server).map(|server| GroupName::new(&format!("#{client}#{server}")));
        match respelled {
            Some(Ok(respelled)) => respelled,
            // A name that would be too long in full reaches nobody either way.
            Some(Err(_)) | None => name,
        }
    }
}

#[cfg(test)]
mod tests;
