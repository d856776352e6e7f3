//! From the agreed state to owners, and from owners to tenures.
//!
//! Everything here runs at the same place in the order at every member, on equal state. The owner is who
//! should have an address; a tenure is the right to take it, and starts only when no tenure of anybody else is
//! left. So an address moves by changing its owner: the holder sees that it is not the owner and lets go, its
//! tenure ends in agreed order, and only then does the owner's begin.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::net::IpAddr;

use ringfort_machine::{Instant, NodeId, Position, ProcessId, defect, defect::Defect};
use ringfort_wire::vip::Standing;

use super::{Agreed, Slot, Touched, slot::Holder};
use crate::{
    CommandError, Flags, Note, Reject,
    balance::{self, MemberSet},
};

/// The most moves of one balance step, whatever its sender asks for.
pub(crate) const BALANCE_LIMIT: u32 = 1024;

impl Agreed {
    /// Gives every address its owner and starts the tenures that are free to start.
    pub(super) fn elect(&mut self, now: Instant) {
        if !self.settled() || !(self.mature || defect::active(Defect::TakeWhileYoung)) {
            return;
        }
        let (addresses, slots) = self.problem();
        let owners = balance::elect(self.members.len(), &slots);
        for (address, owner) in addresses.into_iter().zip(owners) {
            let owner = owner.and_then(|index| self.members.get(index).copied());
            self.give(now, address, owner);
        }
    }

    fn give(&mut self, now: Instant, address: IpAddr, owner: Option<ProcessId>) {
        let Some(slot) = self.slots.get_mut(&address) else {
            return;
        };
        if slot.owner != owner {
            slot.owner = owner;
            slot.view_since = now;
        }
        for (holder, tenure) in &mut slot.holders {
            if Some(*holder) != owner {
                tenure.ending = true;
            }
        }
        self.start_tenure(address);
    }

    /// The one place where a tenure begins.
    pub(super) fn start_tenure(&mut self, address: IpAddr) {
        if !self.settled() || !(self.mature || defect::active(Defect::TakeWhileYoung)) {
            return;
        }
        let Some(slot) = self.slots.get_mut(&address) else {
            return;
        };
        let Some(owner) = slot.owner else {
            return;
        };
        let free = slot.holders.is_empty()
            || (defect::active(Defect::AcquireBeforeRelease) && !slot.holders.contains_key(&owner));
        if free {
            slot.generation += 1;
            let tenure = Holder {
                generation: slot.generation,
                ending: false,
            };
            slot.holders.insert(owner, tenure);
        }
    }

    /// The agreed state as numbers: addresses in ascending order, and what counts for each.
    fn problem(&self) -> (Vec<IpAddr>, Vec<balance::Slot>) {
        let addresses: Vec<IpAddr> = self.slots.keys().copied().collect();
        // Two lives of one node in a view: the later one is meant by its name.
        let nodes: BTreeMap<NodeId, usize> = self
            .members
            .iter()
            .enumerate()
            .map(|(index, member)| (member.node, index))
            .collect();
        let ready = self.ready();
        let slots = self
            .slots
            .values()
            .map(|slot| self.problem_of(slot, ready, &nodes, &addresses))
            .collect();
        (addresses, slots)
    }

    fn problem_of(
        &self,
        slot: &Slot,
        ready: MemberSet,
        nodes: &BTreeMap<NodeId, usize>,
        addresses: &[IpAddr],
    ) -> balance::Slot {
        let capable = self.capable(slot, ready);
        let wanted = |node: &NodeId| {
            nodes
                .get(node)
                .copied()
                .filter(|index| capable.contains(*index))
        };
        let preferred = slot
            .pin
            .node
            .as_ref()
            .and_then(wanted)
            .or_else(|| slot.preference().iter().find_map(wanted));
        let follow = slot.follow().and_then(|followed| {
            let at = addresses.binary_search(&followed).ok()?;
            // One step only: an address that follows a follower is elected like any other.
            self.slots.get(&followed)?.follow().is_none().then_some(at)
        });
        balance::Slot {
            capable,
            claims: self.claims(slot),
            preferred: preferred.filter(|_| !defect::active(Defect::IgnorePreference)),
            follow,
            frozen: slot.flags.broken,
        }
    }

    /// The members that may be given addresses at all.
    fn ready(&self) -> MemberSet {
        let mut ready = MemberSet::EMPTY;
        for (index, member) in self.members.iter().enumerate() {
            if self.facts.get(member).is_some_and(|facts| facts.capable) {
                ready.insert(index);
            }
        }
        ready
    }

    /// The members that are able to have it; if there are none, those that failed a while ago.
    fn capable(&self, slot: &Slot, ready: MemberSet) -> MemberSet {
        let (mut able, mut doubtful) = (MemberSet::EMPTY, MemberSet::EMPTY);
        // Both lists ascend, so one walk finds every member's number.
        let mut members = self.members.iter().enumerate().peekable();
        for offered in &slot.offers {
            while members
                .next_if(|(_, member)| **member < offered.process)
                .is_some()
            {}
            let Some((index, _)) = members.next_if(|(_, member)| **member == offered.process)
            else {
                continue;
            };
            match offered.standing {
                Standing::Able => able.insert(index),
                Standing::Doubtful => doubtful.insert(index),
                Standing::Unable => {}
            }
        }
        let able = able.and(ready);
        if able.is_empty() {
            doubtful.and(ready)
        } else {
            able
        }
    }

    /// Who has been given it; after a gathering, who has it and means to keep it.
    fn claims(&self, slot: &Slot) -> MemberSet {
        let mut claims = MemberSet::EMPTY;
        let index = |process: &ProcessId| self.members.binary_search(process).ok();
        if let Some(owner) = slot.owner.as_ref().and_then(index) {
            claims.insert(owner);
            return claims;
        }
        for (holder, tenure) in &slot.holders {
            if let Some(index) = index(holder).filter(|_| !tenure.ending) {
                claims.insert(index);
            }
        }
        claims
    }

    /// One balance step of the leader.
    pub(super) fn balance(
        &mut self,
        now: Instant,
        from: ProcessId,
        epoch: Position,
        limit: u32,
        notes: &mut Vec<Note>,
    ) -> Result<Touched, Reject> {
        if self.epoch != Some(epoch) {
            return Err(Reject::OtherEpoch);
        }
        if self.leader() != Some(from) {
            return Err(Reject::NotLeader);
        }
        if !self.settled() {
            return Err(Reject::Gathering);
        }
        if !self.mature {
            return Err(Reject::NotMature);
        }
        let (addresses, moves) = self.plan(limit);
        if moves.is_empty() {
            return Ok(Touched::Nothing);
        }
        notes.push(Note::Balanced { moves: moves.len() });
        for step in moves {
            if let (Some(address), Some(to)) = (addresses.get(step.slot), self.members.get(step.to))
            {
                let (address, to) = (*address, *to);
                self.give(now, address, Some(to));
            }
        }
        // Followers go along.
        self.elect(now);
        Ok(Touched::All)
    }

    /// The moves that a balance step of `limit` would make now.
    fn plan(&self, limit: u32) -> (Vec<IpAddr>, Vec<balance::Move>) {
        let (addresses, slots) = self.problem();
        let mut owners: Vec<Option<usize>> = self
            .slots
            .values()
            .map(|slot| {
                slot.owner
                    .and_then(|owner| self.members.binary_search(&owner).ok())
            })
            .collect();
        let limit = limit.min(BALANCE_LIMIT) as usize;
        let moves = balance::rebalance(self.members.len(), &slots, &mut owners, limit);
        (addresses, moves)
    }

    /// Whether a balance step is due: nothing is on its way and something could be more even.
    pub(crate) fn uneven(&self) -> bool {
        let calm = self.slots.values().all(|slot| {
            slot.holders.len() == usize::from(slot.owner.is_some())
                && slot
                    .owner
                    .is_none_or(|owner| slot.holders.contains_key(&owner))
        });
        self.settled() && self.mature && calm && !self.plan(1).1.is_empty()
    }

    /// Why a move would be refused here and now.
    pub(crate) fn check_move(&self, address: IpAddr, to: NodeId) -> Result<(), CommandError> {
        if !self.settled() {
            return Err(CommandError::Unsettled);
        }
        if !self.mature {
            return Err(CommandError::NotMature);
        }
        let slot = self
            .slots
            .get(&address)
            .filter(|slot| !slot.offers.is_empty())
            .ok_or(CommandError::UnknownAddress(address))?;
        if let Some(followed) = slot.follow() {
            return Err(CommandError::Follows { address, followed });
        }
        if slot.flags.broken {
            return Err(CommandError::Broken(address));
        }
        let index = self
            .members
            .iter()
            .rposition(|member| member.node == to)
            .ok_or(CommandError::UnknownNode(to))?;
        if self.capable(slot, self.ready()).contains(index) {
            Ok(())
        } else {
            Err(CommandError::Incapable(address))
        }
    }

    /// An operator's move. It sticks until its target leaves the view or fails to take the address.
    pub(super) fn moved(
        &mut self,
        now: Instant,
        from: ProcessId,
        address: IpAddr,
        to: NodeId,
        notes: &mut Vec<Note>,
    ) -> Result<Touched, Reject> {
        if !self.settled() {
            return Err(Reject::Gathering);
        }
        if !self.facts.contains_key(&from) {
            return Err(Reject::NoTable);
        }
        if !self.mature {
            return Err(Reject::NotMature);
        }
        if self.check_move(address, to).is_err() {
            return Err(Reject::UnknownAddress);
        }
        if let Some(slot) = self.slots.get_mut(&address) {
            slot.pin_to(to);
        }
        notes.push(Note::Moved { address, to });
        self.elect(now);
        Ok(Touched::All)
    }

    /// Computes the flags of all addresses anew from the offers.
    pub(super) fn refresh_flags(&mut self, notes: &mut Vec<Note>) {
        let broken = self.broken();
        for (address, slot) in &mut self.slots {
            let flags = flags_of(slot, broken.contains(address));
            if flags != slot.flags {
                slot.flags = flags;
                notes.push(Note::Flagged {
                    address: *address,
                    flags,
                });
            }
        }
    }

    /// Addresses whose binding names contradict each other: one name on two addresses, or two members that
    /// name the same address differently (reference DV-13).
    fn broken(&self) -> BTreeSet<IpAddr> {
        let mut named: BTreeMap<&str, IpAddr> = BTreeMap::new();
        let mut broken = BTreeSet::new();
        for (address, slot) in &self.slots {
            let mut names: Option<&[alloc::string::String]> = None;
            for offer in slot.distinct() {
                if offer.names.is_empty() {
                    continue;
                }
                if names.is_some_and(|names| names != offer.names) {
                    broken.insert(*address);
                }
                names = Some(&offer.names);
                for name in &offer.names {
                    let first = *named.entry(name).or_insert(*address);
                    if first != *address {
                        broken.insert(first);
                        broken.insert(*address);
                    }
                }
            }
        }
        broken
    }
}

fn flags_of(slot: &Slot, broken: bool) -> Flags {
    let distinct = slot.distinct();
    let mut preferences = distinct
        .iter()
        .map(|offer| &offer.preference)
        .filter(|preference| !preference.is_empty());
    let preferred = preferences.next();
    let follow = distinct.first().and_then(|offer| offer.follow);
    let services = distinct.first().map(|offer| offer.services);
    Flags {
        conflict: preferences.any(|other| Some(other) != preferred)
            || distinct.iter().any(|offer| offer.follow != follow),
        services_differ: distinct
            .iter()
            .any(|offer| Some(offer.services) != services),
        broken,
    }
}
