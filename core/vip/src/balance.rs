//! Who should have which address: a pure function of numbers, so that every member computes the same.
//!
//! Two questions with two answers. [`elect`] answers at once, at every change: preference first, then whoever
//! has it keeps it, then the least loaded takes it. It never moves an address to even out the load.
//! [`rebalance`] does that, a few moves at a time, and each of its moves is one that any even distribution
//! needs: it follows the shortest chain of moves from a loaded member to one with at least two addresses
//! less. When there is no such chain, no distribution of the movable addresses is more even (Harvey, Ladner,
//! Lovász and Tamir 2003, "Semi-matchings for bipartite graphs and load balancing", theorem 3.1).
//!
//! An address that follows another weighs nothing: it is not the balance's to move.
//!
//! What this deliberately is not: it knows no process, no view and no time; members are numbers below 128 in
//! their order, addresses are indexes in theirs.

use alloc::{vec, vec::Vec};

use ringfort_machine::defect::{Defect, active};

/// The most members that can be told apart here; a ring has no more.
pub const MEMBERS: usize = 128;

/// A set of members, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemberSet(pub u128);

impl MemberSet {
    /// Nobody.
    pub const EMPTY: Self = Self(0);

    /// Adds `member`; numbers from [`MEMBERS`] on are left out.
    pub fn insert(&mut self, member: usize) {
        if member < MEMBERS {
            self.0 |= 1 << member;
        }
    }

    /// Whether `member` is in it.
    pub const fn contains(self, member: usize) -> bool {
        member < MEMBERS && self.0 & (1 << member) != 0
    }

    /// Whether nobody is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those that are in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The members, in ascending order.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let first = rest.trailing_zeros() as usize;
            (first < MEMBERS).then(|| {
                rest &= rest - 1;
                first
            })
        })
    }

    /// Its member, if there is exactly one.
    pub fn single(self) -> Option<usize> {
        (self.0.count_ones() == 1).then(|| self.0.trailing_zeros() as usize)
    }
}

/// What counts for one address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// Who could have it.
    pub capable: MemberSet,
    /// Who has it or has been given it. More than one only after a merge.
    pub claims: MemberSet,
    /// Who should have it before all others.
    pub preferred: Option<usize>,
    /// The index of the address that it goes with.
    pub follow: Option<usize>,
    /// Nobody takes it anew; who has it keeps it.
    pub frozen: bool,
}

/// One move of a balance step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// The index of the address.
    pub slot: usize,
    /// Who gives it.
    pub from: usize,
    /// Who takes it.
    pub to: usize,
}

/// The owner of every address, for `members` members.
pub fn elect(members: usize, slots: &[Slot]) -> Vec<Option<usize>> {
    let mut owners: Vec<Option<usize>> = vec![None; slots.len()];
    let mut load = vec![0usize; members.min(MEMBERS)];
    // Three rounds, so that an address without an owner goes where the load is low after all others are placed.
    for round in [settled, overlapped, orphaned] {
        for (slot, owner) in slots.iter().zip(owners.iter_mut()) {
            if owner.is_none() && slot.follow.is_none() {
                *owner = round(slot, &load);
                if let Some(count) = owner.and_then(|member| load.get_mut(member)) {
                    *count += 1;
                }
            }
        }
    }
    for (index, slot) in slots.iter().enumerate() {
        if let Some(followed) = slot.follow {
            let leads = owners.get(followed).copied().flatten();
            owners[index] = leads
                .filter(|member| !slot.frozen && slot.capable.contains(*member))
                .or_else(|| settled(slot, &load))
                .or_else(|| overlapped(slot, &load))
                .or_else(|| orphaned(slot, &load));
        }
    }
    owners
}

/// The preferred member, or the only one that has it.
fn settled(slot: &Slot, _: &[usize]) -> Option<usize> {
    slot.preferred
        .filter(|member| !slot.frozen && slot.capable.contains(*member))
        .or_else(|| slot.claims.and(slot.capable).single())
}

/// The least loaded of several that have it.
fn overlapped(slot: &Slot, load: &[usize]) -> Option<usize> {
    least_loaded(slot.claims.and(slot.capable), load)
}

/// The least loaded of all that could have it.
fn orphaned(slot: &Slot, load: &[usize]) -> Option<usize> {
    (!slot.frozen)
        .then(|| least_loaded(slot.capable, load))
        .flatten()
}

fn least_loaded(set: MemberSet, load: &[usize]) -> Option<usize> {
    set.iter()
        .filter_map(|member| Some((load.get(member)?, member)))
        .min()
        .map(|(_, member)| member)
}

/// Up to `limit` moves that make `owners` more even, and applies them to it.
pub fn rebalance(
    members: usize,
    slots: &[Slot],
    owners: &mut [Option<usize>],
    limit: usize,
) -> Vec<Move> {
    let members = members.min(MEMBERS);
    let mut load = vec![0usize; members];
    let mut movable: Vec<Vec<usize>> = vec![Vec::new(); members];
    for (index, (slot, owner)) in slots.iter().zip(owners.iter()).enumerate() {
        let Some(owner) = owner.filter(|owner| *owner < members && slot.follow.is_none()) else {
            continue;
        };
        load[owner] += 1;
        if !slot.frozen && slot.preferred != Some(owner) {
            movable[owner].push(index);
        }
    }
    let mut moves = Vec::new();
    while moves.len() < limit {
        let Some(chain) = improving_chain(slots, &load, &movable) else {
            break;
        };
        // From the far end, so that a chain cut short by the limit has not made anything less even.
        for step in chain.into_iter().take(limit - moves.len()) {
            movable[step.from].retain(|slot| *slot != step.slot);
            let place = movable[step.to].partition_point(|slot| *slot < step.slot);
            movable[step.to].insert(place, step.slot);
            load[step.from] -= 1;
            load[step.to] += 1;
            owners[step.slot] = Some(step.to);
            moves.push(step);
        }
    }
    moves
}

/// The shortest chain of moves from the most loaded member that has one to a member with at least two
/// addresses less; last move first.
fn improving_chain(slots: &[Slot], load: &[usize], movable: &[Vec<usize>]) -> Option<Vec<Move>> {
    let lowest = load.iter().copied().min()?;
    let restless = active(Defect::BalanceForever);
    let mut sources: Vec<usize> = (0..load.len())
        .filter(|member| load[*member] + usize::from(restless) > lowest + 1)
        .collect();
    sources.sort_by_key(|member| (core::cmp::Reverse(load[*member]), *member));
    sources
        .into_iter()
        .find_map(|source| chain_from(source, slots, load, movable))
}

/// Breadth first from `source`; of the nearest targets the least loaded, then the first.
fn chain_from(
    source: usize,
    slots: &[Slot],
    load: &[usize],
    movable: &[Vec<usize>],
) -> Option<Vec<Move>> {
    let mut reached_by: Vec<Option<Move>> = vec![None; load.len()];
    let mut seen = MemberSet::EMPTY;
    seen.insert(source);
    let mut ring = vec![source];
    while !ring.is_empty() {
        let mut next = Vec::new();
        for from in ring {
            for &slot in &movable[from] {
                let fresh = MemberSet(slots[slot].capable.0 & !seen.0);
                for to in fresh.iter().filter(|to| *to < load.len()) {
                    seen.insert(to);
                    reached_by[to] = Some(Move { slot, from, to });
                    next.push(to);
                }
            }
        }
        let target = next
            .iter()
            .copied()
            .filter(|member| {
                load[*member] + 2 <= load[source] + usize::from(active(Defect::BalanceForever))
            })
            .min_by_key(|member| (load[*member], *member));
        if let Some(target) = target {
            return Some(trace_back(source, target, &reached_by));
        }
        ring = next;
    }
    None
}

fn trace_back(source: usize, target: usize, reached_by: &[Option<Move>]) -> Vec<Move> {
    let mut chain = Vec::new();
    let mut at = target;
    while at != source {
        let step = reached_by[at].expect("every member on a chain was reached by a move");
        chain.push(step);
        at = step.from;
    }
    chain
}

#[cfg(test)]
mod tests;
