//! The two sets of a membership that is being agreed on: who is considered, and who of them is held for
//! failed (Totem 1995, section 6: proc set and fail set), with the last opinion of each.
//!
//! Both sets only grow until a ring is installed, also over failed attempts, so that agreeing comes to an end:
//! there are finitely many processes. What this file does not know is time; the phases decide when silence
//! means failure.

use alloc::{collections::BTreeMap, vec::Vec};

use ringfort_machine::{Digest, Member, ProcessId};
use ringfort_wire::{
    limits,
    ring::{Candidate, Join},
};

use crate::FailedBecause;

/// Someone's view of the two sets: everybody considered, ascending, and whether held for failed.
pub(crate) type Opinion = Vec<(ProcessId, bool)>;

/// One process under consideration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    /// Why it is held for failed, if it is.
    pub failed: Option<FailedBecause>,
    /// Who said so first, if it was not this process.
    pub accuser: Option<ProcessId>,
    /// Its last word, and what it told of itself.
    pub opinion: Option<(Member, Opinion)>,
    /// Its last word is our own.
    agrees: bool,
    /// Some other candidate has heard it directly.
    pub heard_by_others: bool,
}

/// The membership being agreed on.
#[derive(Clone, Debug)]
pub(crate) struct Roster {
    me: Member,
    entries: BTreeMap<ProcessId, Entry>,
    /// This process's own opinion, kept in step with the entries.
    own: Opinion,
}

/// What a join changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    /// One of the sets grew.
    pub grew: bool,
    /// Newly held for failed.
    pub failed: Vec<(ProcessId, FailedBecause)>,
}

impl Roster {
    /// Considers `me` alone.
    pub(crate) fn new(me: Member) -> Self {
        let mut entries = BTreeMap::new();
        entries.insert(me.process, Entry::default());
        let own = Vec::from([(me.process, false)]);
        Self { me, entries, own }
    }

    /// Considers `process` too; false if it was considered already or there is no room. Of two lives of one
    /// node the earlier is held for failed.
    pub(crate) fn add(&mut self, process: ProcessId) -> bool {
        let added = self.admit(process);
        if added {
            self.compare();
        }
        added
    }

    fn admit(&mut self, process: ProcessId) -> bool {
        if self.entries.contains_key(&process) || !self.has_room() {
            return false;
        }
        let mut entry = Entry::default();
        let lives: Vec<ProcessId> = self
            .entries
            .keys()
            .copied()
            .filter(|other| other.node == process.node)
            .collect();
        for other in lives {
            if other > process {
                entry.failed = Some(FailedBecause::Reincarnated);
            } else {
                self.condemn(other, FailedBecause::Reincarnated, None);
            }
        }
        self.entries.insert(process, entry);
        true
    }

    /// Whether one more process may be considered: rings and joins are bounded.
    fn has_room(&self) -> bool {
        self.entries.len() < 2 * limits::MEMBERS && self.alive().count() < limits::MEMBERS
    }

    /// Holds `process` for failed; false if it was so already, is unknown, or is this process.
    pub(crate) fn fail(
        &mut self,
        process: ProcessId,
        why: FailedBecause,
        accuser: Option<ProcessId>,
    ) -> bool {
        let failed = self.condemn(process, why, accuser);
        if failed {
            self.compare();
        }
        failed
    }

    fn condemn(
        &mut self,
        process: ProcessId,
        why: FailedBecause,
        accuser: Option<ProcessId>,
    ) -> bool {
        if process == self.me.process {
            return false;
        }
        let entry = self
            .entries
            .get_mut(&process)
            .filter(|entry| entry.failed.is_none());
        let Some(entry) = entry else {
            return false;
        };
        entry.failed = Some(why);
        entry.accuser = accuser;
        true
    }

    /// Takes over what a candidate says.
    pub(crate) fn on_join(&mut self, join: &Join) -> Change {
        let sender = join.sender.process;
        let mut change = Change {
            grew: self.admit(sender),
            failed: Vec::new(),
        };
        let opinion = opinion_of(&join.candidates);
        let accuses_me = opinion.contains(&(self.me.process, true));
        if join.leaving {
            self.fail_noting(sender, FailedBecause::Left, None, &mut change);
        } else if accuses_me {
            self.fail_noting(sender, FailedBecause::AccusedUs, None, &mut change);
        } else {
            for candidate in join.candidates.iter().filter(|c| c.proposed) {
                change.grew |= self.admit(candidate.process);
                if candidate.failed && candidate.process != sender {
                    let why = FailedBecause::Accused;
                    self.fail_noting(candidate.process, why, Some(sender), &mut change);
                }
            }
        }
        for candidate in join.candidates.iter().filter(|c| c.heard) {
            if let Some(entry) = self.entries.get_mut(&candidate.process) {
                entry.heard_by_others |= candidate.process != sender;
            }
        }
        if let Some(entry) = self.entries.get_mut(&sender) {
            entry.agrees = opinion == self.own;
            entry.opinion = Some((join.sender, opinion));
        }
        change.grew |= !change.failed.is_empty();
        if change.grew {
            self.compare();
        }
        change
    }

    fn fail_noting(
        &mut self,
        process: ProcessId,
        why: FailedBecause,
        accuser: Option<ProcessId>,
        change: &mut Change,
    ) {
        if self.condemn(process, why, accuser) {
            change.failed.push((process, why));
        }
    }

    /// The sets have grown: whoever agreed need not agree any more, and the other way round.
    fn compare(&mut self) {
        let own = |(process, entry): (&ProcessId, &Entry)| (*process, entry.failed.is_some());
        self.own = self.entries.iter().map(own).collect();
        for entry in self.entries.values_mut() {
            let opinion = entry.opinion.as_ref();
            entry.agrees = opinion.is_some_and(|(_, opinion)| *opinion == self.own);
        }
    }

    /// Those not held for failed, ascending; this process is always one.
    pub(crate) fn alive(&self) -> impl Iterator<Item = ProcessId> + '_ {
        let alive = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.failed.is_none());
        alive.map(|(process, _)| *process)
    }

    /// Those others that are not held for failed and have not come to the same opinion.
    pub(crate) fn dissenters(&self) -> impl Iterator<Item = ProcessId> + '_ {
        let others = self
            .entries
            .iter()
            .filter(|(process, _)| **process != self.me.process);
        let dissenting = others.filter(|(_, entry)| entry.failed.is_none() && !entry.agrees);
        dissenting.map(|(process, _)| *process)
    }

    /// The members of the ring to be, ascending, each as it described itself. Complete once nobody dissents.
    pub(crate) fn members(&self) -> Vec<Member> {
        self.alive()
            .filter_map(|process| {
                if process == self.me.process {
                    return Some(self.me);
                }
                let (member, _) = self.entries.get(&process)?.opinion.as_ref()?;
                Some(*member)
            })
            .collect()
    }

    /// What is thought of `process`, if it is considered.
    pub(crate) fn get(&self, process: ProcessId) -> Option<&Entry> {
        self.entries.get(&process)
    }

    /// Whether `process` is considered and held for failed.
    pub(crate) fn is_failed(&self, process: ProcessId) -> bool {
        self.get(process)
            .is_some_and(|entry| entry.failed.is_some())
    }

    /// Everybody considered, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ProcessId, &Entry)> {
        self.entries
            .iter()
            .map(|(process, entry)| (*process, entry))
    }

    /// A new attempt begins: opinions count afresh, the sets stay.
    pub(crate) fn forget_opinions(&mut self) {
        for entry in self.entries.values_mut() {
            entry.opinion = None;
            entry.agrees = false;
        }
    }

    /// Adds the logical state to a fingerprint.
    pub(crate) fn digest(&self, into: &mut Digest) {
        for (process, entry) in &self.entries {
            into.number(process.node.0)
                .number(process.incarnation.0)
                .flag(entry.failed.is_some())
                .flag(entry.heard_by_others)
                .number(
                    entry
                        .opinion
                        .as_ref()
                        .map_or(0, |(_, o)| o.len() as u64 + 1),
                );
        }
    }
}

fn opinion_of(candidates: &[Candidate]) -> Opinion {
    let proposed = candidates.iter().filter(|candidate| candidate.proposed);
    proposed
        .map(|candidate| (candidate.process, candidate.failed))
        .collect()
}

#[cfg(test)]
mod tests;
