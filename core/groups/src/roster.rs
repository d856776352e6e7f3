//! Who is in which group, as the order has it: plain data, the same at every process that has passed the same
//! messages.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};

use ringfort_machine::{Digest, ProcessId};
use ringfort_wire::group::{ClientName, GroupName};

use crate::MemberId;

/// Memberships of the clients of one process.
pub(crate) type Memberships = BTreeMap<ClientName, BTreeSet<GroupName>>;

/// The groups and, the other way round, the memberships of every process. Neither holds empty entries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roster {
    groups: BTreeMap<GroupName, BTreeSet<MemberId>>,
    processes: BTreeMap<ProcessId, Memberships>,
}

impl Roster {
    /// Adds a member; false if it was one already.
    pub(crate) fn join(&mut self, member: &MemberId, group: &GroupName) -> bool {
        let members = self.groups.entry(group.clone()).or_default();
        if !members.insert(member.clone()) {
            return false;
        }
        let clients = self.processes.entry(member.process).or_default();
        let groups = clients.entry(member.client.clone()).or_default();
        groups.insert(group.clone());
        true
    }

    /// Takes a member out; false if it was none.
    pub(crate) fn leave(&mut self, member: &MemberId, group: &GroupName) -> bool {
        let Some(members) = self.groups.get_mut(group) else {
            return false;
        };
        if !members.remove(member) {
            return false;
        }
        if members.is_empty() {
            self.groups.remove(group);
        }
        if let Some(clients) = self.processes.get_mut(&member.process) {
            if let Some(groups) = clients.get_mut(&member.client) {
                groups.remove(group);
                if groups.is_empty() {
                    clients.remove(&member.client);
                }
            }
            if clients.is_empty() {
                self.processes.remove(&member.process);
            }
        }
        true
    }

    /// Takes out all clients of every process that `keep` does not hold.
    pub(crate) fn retain(&mut self, keep: &BTreeSet<ProcessId>) {
        self.processes.retain(|process, _| keep.contains(process));
        for members in self.groups.values_mut() {
            members.retain(|member| keep.contains(&member.process));
        }
        self.groups.retain(|_, members| !members.is_empty());
    }

    /// Adds all memberships of `process`.
    pub(crate) fn adopt(&mut self, process: ProcessId, memberships: &Memberships) {
        for (client, groups) in memberships {
            let member = MemberId::new(process, client.clone());
            for group in groups {
                self.join(&member, group);
            }
        }
    }

    /// The groups of one client, in order of their names.
    pub(crate) fn groups_of(&self, member: &MemberId) -> Vec<GroupName> {
        let clients = self.processes.get(&member.process);
        let groups = clients.and_then(|clients| clients.get(&member.client));
        groups.into_iter().flatten().cloned().collect()
    }

    /// The memberships of one process.
    pub(crate) fn memberships(&self, process: ProcessId) -> Option<&Memberships> {
        self.processes.get(&process)
    }

    /// The members of `group`, in its order.
    pub(crate) fn members(&self, group: &GroupName) -> Arc<[MemberId]> {
        let members = self.groups.get(group);
        members.into_iter().flatten().cloned().collect()
    }

    /// The groups with a member outside of `inside`, in order of their names.
    pub(crate) fn groups_reaching_beyond(&self, inside: &BTreeSet<ProcessId>) -> Vec<GroupName> {
        self.groups
            .iter()
            .filter(|(_, members)| members.iter().any(|m| !inside.contains(&m.process)))
            .map(|(group, _)| group.clone())
            .collect()
    }

    /// All groups with the number of their members, in order of their names.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (&GroupName, usize)> {
        self.groups
            .iter()
            .map(|(group, members)| (group, members.len()))
    }

    /// How many groups there are.
    pub(crate) fn count(&self) -> usize {
        self.groups.len()
    }

    /// How many clients are in any group.
    pub(crate) fn clients(&self) -> usize {
        self.processes.values().map(BTreeMap::len).sum()
    }

    pub(crate) fn digest(&self, into: &mut Digest) {
        into.number(self.processes.len() as u64);
        for (process, clients) in &self.processes {
            into.number(process.node.0).number(process.incarnation.0);
            digest_memberships(clients, into);
        }
    }
}

/// Adds memberships to a fingerprint.
pub(crate) fn digest_memberships(clients: &Memberships, into: &mut Digest) {
    into.number(clients.len() as u64);
    for (client, groups) in clients {
        into.text(client.as_str()).number(groups.len() as u64);
        for group in groups {
            into.text(group.as_str());
        }
    }
}
