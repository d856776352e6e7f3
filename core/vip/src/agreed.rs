//! The agreed state: what every member of a view knows alike.
//!
//! Only two things change it, a view and a message in agreed order, and both come to all members of a view in
//! the same sequence. So all members that have come along since the last gathering hold equal state, which
//! [`Agreed::digest`] makes checkable.
//!
//! A view is one of two kinds. If everybody in it comes along from the previous one, only departures have
//! happened: the state of the departed is dropped and their addresses are given to others on the spot. If
//! somebody is new, state may differ: the view's position becomes the new *epoch*, everybody publishes a table
//! for it, and the state is built anew from the tables alone once all are in. In between nothing is given to
//! anybody, since somebody unheard may have it.
//!
//! What this deliberately is not: it gives no orders and knows no platform; see `local`.

mod election;
mod gather;
mod slot;

use alloc::{collections::BTreeMap, vec::Vec};
use core::net::IpAddr;

use ringfort_machine::{Digest, Instant, Position, ProcessId, defect, defect::Defect};
use ringfort_wire::vip::{Body, RECORDS_PER_PART, Standing, Tenure};

use crate::{Flags, Note, Reject, local::STRAY};
use gather::{Gathering, Partial};
pub(crate) use slot::Slot;

/// Equal at all members of a view that have come along since the epoch, local times apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agreed {
    epoch: Option<Position>,
    /// In ascending order.
    members: Vec<ProcessId>,
    mature: bool,
    /// Every member whose table is in.
    facts: BTreeMap<ProcessId, Facts>,
    gathering: Option<Gathering>,
    /// Tables of which parts are still to come.
    partial: BTreeMap<ProcessId, Partial>,
    slots: BTreeMap<IpAddr, Slot>,
}

/// What a member has said of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The version of its configuration.
    pub(crate) version: u64,
    /// Whether it may be given addresses.
    pub(crate) capable: bool,
    /// Its limit of moves in one balance step.
    pub(crate) balance_set_size: u32,
}

/// Which addresses an event concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Touched {
    /// None.
    Nothing,
    /// These.
    Some(Vec<IpAddr>),
    /// Possibly any.
    All,
}

/// What a view was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ViewKind {
    /// Only departures: the state stands.
    Along,
    /// A new epoch: a table is due.
    Epoch,
}

impl Agreed {
    /// The view whose tables the state is, or will be, based on.
    pub(crate) const fn epoch(&self) -> Option<Position> {
        self.epoch
    }

    /// Whether all tables of the epoch are in.
    pub(crate) const fn settled(&self) -> bool {
        self.epoch.is_some() && self.gathering.is_none()
    }

    pub(crate) const fn mature(&self) -> bool {
        self.mature
    }

    /// The member that starts balance steps: the one with the smallest id.
    pub(crate) fn leader(&self) -> Option<ProcessId> {
        self.members.first().copied()
    }

    /// Members whose table is missing.
    pub(crate) fn missing(&self) -> Vec<ProcessId> {
        match &self.gathering {
            Some(gathering) => gathering.missing(&self.members),
            None => Vec::new(),
        }
    }

    pub(crate) const fn facts(&self) -> &BTreeMap<ProcessId, Facts> {
        &self.facts
    }

    pub(crate) const fn slots(&self) -> &BTreeMap<IpAddr, Slot> {
        &self.slots
    }

    pub(crate) fn slot(&self, address: IpAddr) -> Option<&Slot> {
        self.slots.get(&address)
    }

    /// Takes in a view.
    pub(crate) fn view(
        &mut self,
        now: Instant,
        position: Position,
        members: Vec<ProcessId>,
        together: &[ProcessId],
        notes: &mut Vec<Note>,
    ) -> ViewKind {
        let along = self.epoch.is_some()
            && members
                .iter()
                .all(|member| self.members.contains(member) && together.contains(member));
        self.members = members;
        let members = &self.members;
        self.partial
            .retain(|process, _| along && members.binary_search(process).is_ok());
        if !along {
            self.epoch = Some(position);
            self.gathering = Some(Gathering::default());
            notes.push(Note::Gathering {
                members: self.members.len(),
            });
            return ViewKind::Epoch;
        }
        match &mut self.gathering {
            Some(gathering) => {
                gathering.retain(now, members);
                self.finish_gathering(now, notes);
            }
            None => self.drop_departed(now, notes),
        }
        ViewKind::Along
    }

    /// Forgets everybody who is not a member any more and gives their addresses to others.
    fn drop_departed(&mut self, now: Instant, notes: &mut Vec<Note>) {
        let members = &self.members;
        self.facts
            .retain(|process, _| members.binary_search(process).is_ok());
        let mut orphans = 0;
        for slot in self.slots.values_mut() {
            let owned = slot.owner;
            if defect::active(Defect::ForgetOrphan)
                && owned.is_some_and(|owner| members.binary_search(&owner).is_err())
            {
                continue;
            }
            slot.retain_members(now, members);
            if owned.is_some() && slot.owner.is_none() {
                orphans += 1;
            }
        }
        self.drop_empty();
        // Fewer members can only agree better: where nothing is flagged, nothing will be.
        if self
            .slots
            .values()
            .any(|slot| slot.flags != Flags::default())
        {
            self.refresh_flags(notes);
        }
        self.elect(now);
        if orphans > 0 {
            notes.push(Note::Orphaned { addresses: orphans });
        }
    }

    /// Takes in a message. `Err` leaves everything as it was.
    pub(crate) fn message(
        &mut self,
        now: Instant,
        from: ProcessId,
        body: Body,
        notes: &mut Vec<Note>,
    ) -> Result<Touched, Reject> {
        if self.members.binary_search(&from).is_err() {
            return Err(Reject::NotMember);
        }
        match body {
            Body::Table(part) => self.table(now, from, part, notes),
            Body::Ended(tenures) => self.ended(now, from, &tenures, notes),
            Body::Standing { address, standing } => {
                self.standing(now, from, address, standing, notes)
            }
            Body::Mature { epoch } => self.matured(now, epoch, notes),
            Body::Balance { epoch, limit } => self.balance(now, from, epoch, limit, notes),
            Body::Move { address, to, .. } => self.moved(now, from, address, to, notes),
            Body::Leaving => self.leaving(now, from, notes),
        }
    }

    fn matured(
        &mut self,
        now: Instant,
        epoch: Position,
        notes: &mut Vec<Note>,
    ) -> Result<Touched, Reject> {
        if self.epoch != Some(epoch) {
            return Err(Reject::OtherEpoch);
        }
        if self.mature {
            return Ok(Touched::Nothing);
        }
        self.mature = true;
        notes.push(Note::Matured);
        self.elect(now);
        Ok(Touched::All)
    }

    /// Tenures of `from` are over.
    fn ended(
        &mut self,
        now: Instant,
        from: ProcessId,
        tenures: &[Tenure],
        notes: &mut Vec<Note>,
    ) -> Result<Touched, Reject> {
        if tenures.len() > RECORDS_PER_PART {
            return Err(Reject::Limits);
        }
        if let Some(gathering) = &mut self.gathering {
            gathering.ended(from, tenures)?;
            return Ok(Touched::Nothing);
        }
        let mut touched = Vec::new();
        let mut failed = false;
        for tenure in tenures {
            let Some(slot) = self.slots.get_mut(&tenure.address) else {
                continue;
            };
            if !slot.end(from, tenure) {
                continue;
            }
            touched.push(tenure.address);
            if tenure.failed {
                failed = true;
                notes.push(Note::StandingChanged {
                    address: tenure.address,
                    member: from,
                    standing: Standing::Unable,
                });
            }
        }
        if touched.is_empty() {
            // What was there without a tenure is reported like everything else; it is no news.
            let strays = tenures.iter().all(|tenure| tenure.generation == STRAY);
            return if strays {
                Ok(Touched::Nothing)
            } else {
                Err(Reject::NoTenure)
            };
        }
        if failed {
            self.drop_empty_of(&touched);
            self.elect(now);
            return Ok(Touched::All);
        }
        for address in &touched {
            self.start_tenure(*address);
        }
        self.drop_empty_of(&touched);
        Ok(Touched::Some(touched))
    }

    fn standing(
        &mut self,
        now: Instant,
        from: ProcessId,
        address: IpAddr,
        standing: Standing,
        notes: &mut Vec<Note>,
    ) -> Result<Touched, Reject> {
        if let Some(gathering) = &mut self.gathering {
            gathering.standing(from, address, standing)?;
            return Ok(Touched::Nothing);
        }
        let offered = self
            .slots
            .get_mut(&address)
            .and_then(|slot| slot.offer_of_mut(from))
            .ok_or(Reject::UnknownAddress)?;
        if offered.standing == standing {
            return Ok(Touched::Nothing);
        }
        offered.standing = standing;
        notes.push(Note::StandingChanged {
            address,
            member: from,
            standing,
        });
        self.elect(now);
        Ok(Touched::All)
    }

    /// `from` takes nothing any more.
    fn leaving(
        &mut self,
        now: Instant,
        from: ProcessId,
        notes: &mut Vec<Note>,
    ) -> Result<Touched, Reject> {
        if let Some(gathering) = &mut self.gathering {
            gathering.leaving(from)?;
            return Ok(Touched::Nothing);
        }
        let facts = self.facts.get_mut(&from).ok_or(Reject::NoTable)?;
        if !facts.capable {
            return Ok(Touched::Nothing);
        }
        facts.capable = false;
        self.refresh_flags(notes);
        self.elect(now);
        Ok(Touched::All)
    }

    /// Drops addresses that nobody configures and nobody has.
    fn drop_empty(&mut self) {
        self.slots.retain(|_, slot| !slot.is_empty());
    }

    fn drop_empty_of(&mut self, addresses: &[IpAddr]) {
        for address in addresses {
            if self.slots.get(address).is_some_and(Slot::is_empty) {
                self.slots.remove(address);
            }
        }
    }

    /// Adds everything that members agree on; local times are left out.
    pub(crate) fn digest(&self, into: &mut Digest) {
        digest_position(into, self.epoch);
        into.number(self.members.len() as u64);
        for member in &self.members {
            digest_process(into, *member);
        }
        into.flag(self.mature).number(self.partial.len() as u64);
        for (process, partial) in &self.partial {
            digest_process(into, *process);
            partial.digest(into);
        }
        match &self.gathering {
            None => {
                into.flag(false);
                digest_facts(into, &self.facts);
                digest_slots(into, &self.slots);
            }
            // What was agreed before the epoch differs by component; only what came since is common.
            Some(gathering) => {
                into.flag(true);
                gathering.digest(into);
            }
        }
    }
}

fn digest_facts(into: &mut Digest, facts: &BTreeMap<ProcessId, Facts>) {
    into.number(facts.len() as u64);
    for (process, facts) in facts {
        digest_process(into, *process);
        into.number(facts.version)
            .flag(facts.capable)
            .number(u64::from(facts.balance_set_size));
    }
}

fn digest_slots(into: &mut Digest, slots: &BTreeMap<IpAddr, Slot>) {
    into.number(slots.len() as u64);
    for (address, slot) in slots {
        digest_address(into, *address);
        slot.digest(into);
    }
}

pub(crate) fn digest_process(into: &mut Digest, process: ProcessId) {
    into.number(process.node.0).number(process.incarnation.0);
}

pub(crate) fn digest_address(into: &mut Digest, address: IpAddr) {
    match address {
        IpAddr::V4(address) => into.bytes(&address.octets()),
        IpAddr::V6(address) => into.bytes(&address.octets()),
    };
}

fn digest_position(into: &mut Digest, position: Option<Position>) {
    into.flag(position.is_some());
    if let Some(position) = position {
        let ring = position.configuration.ring;
        into.number(ring.sequence).number(position.ordinal);
        digest_process(into, ring.representative);
        into.flag(position.configuration.from.is_some());
    }
}
