//! Who is in the view, which objects each member has, and how far its messages have come.
//!
//! All of it follows from delivered views and messages, so members that move together agree on it. What is
//! known of a process that did not come along is forgotten at the view, and everybody announces anew.

use alloc::{collections::BTreeMap, vec::Vec};

use ringfort_machine::{
    Digest, Member, Position, ProcessId,
    defect::{self, Defect},
};
use ringfort_wire::counter::Tag;

use crate::object::Object;

/// What is known of the members.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roster {
    members: Vec<ProcessId>,
    /// Where the view was installed; nothing before the first.
    position: Option<Position>,
    /// The objects of each member that has told them since the last time that everybody was asked.
    announced: BTreeMap<ProcessId, Vec<Tag>>,
    /// The number of the last message of each member.
    seen: BTreeMap<ProcessId, u64>,
}

/// What the number of a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It is the next one, or the first that we see of its sender.
    Next,
    /// It was here before.
    Again,
    /// Others before it are missing.
    Missing { expected: u64 },
}

impl Roster {
    pub(crate) const fn position(&self) -> Option<Position> {
        self.position
    }

    pub(crate) fn contains(&self, process: ProcessId) -> bool {
        self.members.binary_search(&process).is_ok()
    }

    pub(crate) fn announced(&self, process: ProcessId) -> Option<&Vec<Tag>> {
        self.announced.get(&process)
    }

    /// Installs a view. Returns whether everybody has to announce and to send snapshots.
    pub(crate) fn install(
        &mut self,
        position: Position,
        members: &[Member],
        together: &[ProcessId],
    ) -> bool {
        self.position = Some(position);
        self.members = members.iter().map(|member| member.process).collect();
        self.members.sort_unstable();
        let stays = |process: &ProcessId| {
            together.contains(process) && members.iter().any(|member| member.process == *process)
        };
        self.seen.retain(|process, _| stays(process));
        self.announced.retain(|process, _| stays(process));
        let known = |process: &ProcessId| {
            together.contains(process) && self.announced.contains_key(process)
        };
        if self.members.iter().all(known) {
            return false;
        }
        self.announced.clear();
        true
    }

    /// What `version` says as the number of the next message of `from`. Changes nothing.
    pub(crate) fn turn(&self, from: ProcessId, version: u64) -> Turn {
        match self.seen.get(&from) {
            None => Turn::Next,
            Some(seen) if version <= *seen && defect::active(Defect::AcceptRepeat) => Turn::Next,
            Some(seen) if version <= *seen => Turn::Again,
            Some(seen) if version - *seen == 1 => Turn::Next,
            Some(seen) => Turn::Missing {
                expected: *seen + 1,
            },
        }
    }

    pub(crate) fn advance(&mut self, from: ProcessId, version: u64) {
        self.seen.insert(from, version);
    }

    /// Replaces what `from` has announced and returns what it was.
    pub(crate) fn announce(&mut self, from: ProcessId, tags: Vec<Tag>) -> Option<Vec<Tag>> {
        self.announced.insert(from, tags)
    }

    /// Whether `me` takes part in `object` and all that every member contributes to it is known.
    pub(crate) fn is_settled(&self, me: ProcessId, object: &Object) -> bool {
        let has = |tags: &Vec<Tag>| object.is_in(tags);
        self.announced(me).is_some_and(has)
            && (defect::active(Defect::SettleEarly)
                || self.members.iter().all(|member| {
                    self.announced(*member)
                        .is_some_and(|tags| !object.is_in(tags) || object.knows(*member))
                }))
    }

    pub(crate) fn digest(&self, into: &mut Digest) {
        into.number(self.members.len() as u64);
        for member in &self.members {
            into.number(member.node.0).number(member.incarnation.0);
            into.number(self.seen.get(member).copied().unwrap_or(0));
            let tags = self.announced.get(member);
            into.flag(tags.is_some());
            for tag in tags.into_iter().flatten() {
                into.text(&tag.name).number(tag.kind as u64);
            }
        }
        if let Some(position) = self.position {
            into.number(position.configuration.ring.sequence)
                .number(position.ordinal);
        }
    }
}
