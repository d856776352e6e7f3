//! The clients of this process: what they asked for, which binds their limits, and what the order has made of
//! it, which decides what they get.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use ringfort_machine::{
    Digest, NodeId,
    defect::{self, Defect},
};
use ringfort_wire::group::{ClientName, GroupName};

use crate::{ClientId, Limits, Refusal};

/// One client.
#[derive(Debug)]
struct Client {
    name: ClientName,
    wants_membership: bool,
    /// Groups it will be in once everything it asked for is ordered.
    asked: BTreeSet<GroupName>,
    /// Its connection has ended; only its name lives on until its disconnect is ordered.
    closing: bool,
}

/// All clients of this process.
#[derive(Debug)]
pub(crate) struct Clients {
    limits: Limits,
    node: NodeId,
    clients: BTreeMap<ClientId, Client>,
    names: BTreeMap<ClientName, ClientId>,
    /// Members by group, as ordered.
    listening: BTreeMap<GroupName, BTreeSet<ClientId>>,
    /// Sum of all `asked`.
    memberships: usize,
}

impl Clients {
    pub(crate) const fn new(node: NodeId, limits: Limits) -> Self {
        Self {
            limits,
            node,
            clients: BTreeMap::new(),
            names: BTreeMap::new(),
            listening: BTreeMap::new(),
            memberships: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    /// Attaches a client.
    pub(crate) fn connect(
        &mut self,
        id: ClientId,
        name: ClientName,
        wants_membership: bool,
    ) -> Result<(), Refusal> {
        let limits = &self.limits;
        within(name.as_str().len(), limits.client_name_bytes)?;
        if self.clients.contains_key(&id) {
            return Err(Refusal::AlreadyConnected);
        }
        if self.names.contains_key(&name) {
            return Err(Refusal::NameInUse);
        }
        below(self.clients.len(), limits.clients, "clients")?;
        self.names.insert(name.clone(), id);
        let client = Client {
            name,
            wants_membership,
            asked: BTreeSet::new(),
            closing: false,
        };
        self.clients.insert(id, client);
        Ok(())
    }

    /// The name of a connected client.
    pub(crate) fn name(&self, id: ClientId) -> Result<&ClientName, Refusal> {
        match self.clients.get(&id) {
            Some(client) if !client.closing => Ok(&client.name),
            Some(_) | None => Err(Refusal::NotConnected),
        }
    }

    /// Whether a join of `group` is news; it may still be refused.
    pub(crate) fn may_join(&self, id: ClientId, group: &GroupName) -> Result<bool, Refusal> {
        self.name(id)?;
        if group.is_private() {
            return Err(Refusal::PrivateGroup);
        }
        within(group.as_str().len(), self.limits.group_name_bytes)?;
        let asked = self.clients.get(&id).map(|client| &client.asked);
        if asked.is_some_and(|asked| asked.contains(group)) {
            return Ok(false);
        }
        let own = asked.map_or(0, BTreeSet::len);
        below(own, self.limits.groups_per_client, "groups of a client")?;
        below(
            self.memberships,
            self.limits.memberships,
            "memberships of a node",
        )?;
        Ok(true)
    }

    /// Whether a leave of `group` is news.
    pub(crate) fn may_leave(&self, id: ClientId, group: &GroupName) -> Result<bool, Refusal> {
        self.name(id)?;
        if group.is_private() {
            return Err(Refusal::PrivateGroup);
        }
        let client = self.clients.get(&id);
        Ok(client.is_some_and(|client| client.asked.contains(group)))
    }

    /// The join was submitted.
    pub(crate) fn asked_to_join(&mut self, id: ClientId, group: GroupName) {
        if let Some(client) = self.clients.get_mut(&id)
            && client.asked.insert(group)
        {
            self.memberships += 1;
        }
    }

    /// The leave was submitted.
    pub(crate) fn asked_to_leave(&mut self, id: ClientId, group: &GroupName) {
        if let Some(client) = self.clients.get_mut(&id)
            && client.asked.remove(group)
        {
            self.memberships -= 1;
        }
    }

    /// The connection ended. Nothing is given to the client from here on.
    pub(crate) fn close(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.closing = true;
            self.memberships -= client.asked.len();
            client.asked.clear();
        }
    }

    /// The order has come to the end of the client called `name`: its name is free again.
    pub(crate) fn ended(&mut self, name: &ClientName) {
        if let Some(id) = self.names.remove(name) {
            self.clients.remove(&id);
            self.listening.retain(|_, listeners| {
                listeners.remove(&id);
                !listeners.is_empty()
            });
        }
    }

    /// The order has come to a join.
    pub(crate) fn listen(&mut self, name: &ClientName, group: &GroupName) {
        if let Some(id) = self.names.get(name) {
            let listeners = self.listening.entry(group.clone()).or_default();
            listeners.insert(*id);
        }
    }

    /// The order has come to a leave.
    pub(crate) fn unlisten(&mut self, name: &ClientName, group: &GroupName) {
        if defect::active(Defect::DeliverAfterLeave) {
            return;
        }
        let Some(id) = self.names.get(name) else {
            return;
        };
        if let Some(listeners) = self.listening.get_mut(group) {
            listeners.remove(id);
            if listeners.is_empty() {
                self.listening.remove(group);
            }
        }
    }

    /// Who gets the views of `group`.
    pub(crate) fn watchers(&self, group: &GroupName) -> impl Iterator<Item = ClientId> {
        let listeners = self.listening.get(group).into_iter().flatten();
        listeners.copied().filter(|id| {
            let client = self.clients.get(id);
            client.is_some_and(|client| client.wants_membership && !client.closing)
        })
    }

    /// All groups that any client gets views of, in order of their names.
    pub(crate) fn watched(&self) -> Vec<GroupName> {
        let groups = self.listening.keys();
        groups
            .filter(|group| self.watchers(group).next().is_some())
            .cloned()
            .collect()
    }

    /// Who gets a message to `destinations`, and by which of them first.
    pub(crate) fn receivers<'a>(
        &self,
        destinations: &'a [GroupName],
    ) -> BTreeMap<ClientId, &'a GroupName> {
        let mut receivers = BTreeMap::new();
        for destination in destinations {
            if let Some((client, node)) = destination.receiver() {
                let here = node == self.node || defect::active(Defect::MisroutePrivate);
                let id = self.names.get(client).filter(|_| here);
                if let Some(id) = id {
                    receivers.entry(*id).or_insert(destination);
                }
            } else {
                for id in self.listening.get(destination).into_iter().flatten() {
                    receivers.entry(*id).or_insert(destination);
                }
            }
        }
        receivers
            .retain(|id, _| self.name(*id).is_ok() || defect::active(Defect::DeliverToClosing));
        receivers
    }

    /// The client called `name`.
    pub(crate) fn id(&self, name: &ClientName) -> Option<ClientId> {
        self.names.get(name).copied()
    }

    pub(crate) fn digest(&self, into: &mut Digest) {
        into.number(self.clients.len() as u64);
        for (id, client) in &self.clients {
            into.number(id.0).text(client.name.as_str());
            into.flag(client.wants_membership).flag(client.closing);
            into.number(client.asked.len() as u64);
            for group in &client.asked {
                into.text(group.as_str());
            }
        }
        into.number(self.listening.len() as u64);
        for (group, listeners) in &self.listening {
            into.text(group.as_str()).number(listeners.len() as u64);
            for id in listeners {
                into.number(id.0);
            }
        }
    }
}

/// Refuses one more of `what` if there are `limit`.
fn below(have: usize, limit: usize, what: &'static str) -> Result<(), Refusal> {
    if have < limit {
        Ok(())
    } else {
        Err(Refusal::Limit { what, limit })
    }
}

/// Refuses a name that is longer than this node allows.
fn within(found: usize, limit: usize) -> Result<(), Refusal> {
    if found <= limit {
        Ok(())
    } else {
        Err(Refusal::IllegalName(crate::NameError::TooLong {
            found,
            limit,
        }))
    }
}
