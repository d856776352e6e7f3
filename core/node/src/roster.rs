//! Who is who. Members introduce themselves when they meet: name, role, where their services listen, which logs
//! they publish (reference GR-7). Everything else that is shown by name goes through here.
//!
//! It is a service of the cluster group like the others; it decides nothing but who still has to speak.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use ringfort_machine::{
    Digest, NodeId, ProcessId,
    defect::{Defect, active},
};
use ringfort_wire::roster::{Introduction, LOGS};

/// The members of the cluster group and what they said of themselves.
#[derive(Debug)]
pub(crate) struct Roster {
    me: ProcessId,
    introduction: Introduction,
    members: BTreeMap<ProcessId, Option<Introduction>>,
}

/// Two members that cannot both be right: the same name, or the same services address (reference GR-9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clash {
    /// The first.
    pub(crate) one: NodeId,
    /// The other.
    pub(crate) other: NodeId,
}

impl Roster {
    /// A roster that holds nobody yet; `introduction` is what this process says of itself.
    pub(crate) fn new(me: ProcessId, introduction: Introduction) -> Self {
        Self {
            me,
            introduction,
            members: BTreeMap::new(),
        }
    }

    /// What this process says of itself.
    pub(crate) const fn introduction(&self) -> &Introduction {
        &self.introduction
    }

    /// Changes what this process says of itself; the caller publishes it.
    pub(crate) fn reintroduce(&mut self, introduction: Introduction) {
        self.introduction = introduction;
    }

    /// Takes a view of the cluster group. Returns whether this process must introduce itself: somebody is
    /// there who has not come along with it.
    pub(crate) fn on_view(&mut self, members: &[ProcessId], together: &[ProcessId]) -> bool {
        self.members
            .retain(|process, _| members.contains(process) || active(Defect::RememberDeparted));
        for member in members {
            self.members.entry(*member).or_default();
        }
        let known = self.members.get(&self.me).is_some_and(Option::is_some);
        !known || members.iter().any(|member| !together.contains(member))
    }

    /// Takes an introduction. One from a process that is no member, or with too many logs, changes nothing.
    pub(crate) fn on_introduction(&mut self, from: ProcessId, said: Introduction) -> Option<Clash> {
        if said.logs.len() > LOGS || !self.members.contains_key(&from) {
            return None;
        }
        let clash = self
            .members
            .iter()
            .filter_map(|(process, known)| Some((process, known.as_ref()?)))
            .find(|(process, known)| {
                process.node != from.node
                    && (known.name.eq_ignore_ascii_case(&said.name)
                        || (said.services.is_some() && known.services == said.services))
            })
            .map(|(process, _)| Clash {
                one: process.node,
                other: from.node,
            });
        self.members.insert(from, Some(said));
        clash
    }

    /// The members in order, with what they said; nothing yet for one that has just come.
    pub(crate) fn members(&self) -> impl Iterator<Item = (ProcessId, Option<&Introduction>)> {
        self.members
            .iter()
            .map(|(process, said)| (*process, said.as_ref()))
    }

    /// What `process` said of itself.
    pub(crate) fn get(&self, process: ProcessId) -> Option<&Introduction> {
        self.members.get(&process)?.as_ref()
    }

    /// The members with a name, as (process, name), in order of process.
    pub(crate) fn names(&self) -> Vec<(ProcessId, String)> {
        self.members()
            .filter_map(|(process, said)| Some((process, said?.name.clone())))
            .collect()
    }

    /// Adds the logical state to a fingerprint.
    pub(crate) fn digest(&self, into: &mut Digest) {
        for (process, said) in &self.members {
            into.number(process.node.0)
                .number(process.incarnation.0)
                .flag(said.is_some());
            if let Some(said) = said {
                into.text(&said.name);
            }
        }
    }
}

#[cfg(test)]
mod tests;
