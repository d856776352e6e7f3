//! Tables: how a view whose members do not share a state gets one.
//!
//! The state after a gathering is a function of the tables alone (and of what their senders took back since),
//! merged by address, never by order or by who was first. A table that comes later, after a reload, replaces
//! only what its sender offers: who has what is by then known better than any table says.

use alloc::{collections::BTreeMap, vec::Vec};
use core::net::IpAddr;

use ringfort_machine::{Digest, Instant, ProcessId};
use ringfort_wire::vip::{
    ADDRESSES, NAME_BYTES, NAMES, Offer, PREFERENCES, RECORDS_PER_PART, Record, Standing, Table,
    Tenure,
};

use super::{
    Agreed, Facts, Slot, Touched, digest_address, digest_facts, digest_slots,
    slot::{Holder, digest_offer},
};
use crate::{Note, Reject};

/// The most parts of one table: room for what a member configures and still has, and for as much again that
/// it only knows of.
pub(crate) const PARTS: usize = 4 * ADDRESSES / RECORDS_PER_PART;

/// The state of an epoch as far as its tables are in. Merged as they come, so that the last one costs no more
/// than any other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gathering {
    /// Whose tables are in.
    facts: BTreeMap<ProcessId, Facts>,
    slots: BTreeMap<IpAddr, Slot>,
}

/// The parts of a table so far.
#[derive(Clone, Debug)]
pub(crate) struct Partial {
    version: u64,
    parts: u16,
    next: u16,
    records: Vec<Record>,
}

impl Gathering {
    pub(crate) fn missing(&self, members: &[ProcessId]) -> Vec<ProcessId> {
        members
            .iter()
            .copied()
            .filter(|member| !self.facts.contains_key(member))
            .collect()
    }

    pub(crate) fn retain(&mut self, now: Instant, members: &[ProcessId]) {
        self.facts
            .retain(|process, _| members.binary_search(process).is_ok());
        for slot in self.slots.values_mut() {
            slot.retain_members(now, members);
        }
    }

    /// Takes in a whole table. One that comes again replaces the first.
    fn announce(&mut self, now: Instant, from: ProcessId, facts: Facts, records: Vec<Record>) {
        if self.facts.insert(from, facts).is_some() {
            for slot in self.slots.values_mut() {
                slot.remove_offer(now, from);
                slot.holders.remove(&from);
            }
        }
        for record in records {
            let slot = self
                .slots
                .entry(record.address)
                .or_insert_with(|| Slot::new(now));
            slot.generation = slot.generation.max(record.generation);
            slot.pin = slot.pin.max(record.pin);
            if let Some(holding) = record.holding {
                slot.generation = slot.generation.max(holding.generation);
                let tenure = Holder {
                    generation: holding.generation,
                    ending: holding.ending,
                };
                slot.holders.insert(from, tenure);
            }
            if let Some(offer) = record.offer {
                slot.set_offer(now, from, offer);
            }
        }
    }

    /// `from` takes back what its table said it has.
    pub(crate) fn ended(&mut self, from: ProcessId, tenures: &[Tenure]) -> Result<(), Reject> {
        if !self.facts.contains_key(&from) {
            return Err(Reject::NoTable);
        }
        let mut any = false;
        for tenure in tenures {
            if let Some(slot) = self.slots.get_mut(&tenure.address) {
                any |= slot.end(from, tenure);
            }
        }
        if any { Ok(()) } else { Err(Reject::NoTenure) }
    }

    pub(crate) fn standing(
        &mut self,
        from: ProcessId,
        address: IpAddr,
        standing: Standing,
    ) -> Result<(), Reject> {
        if !self.facts.contains_key(&from) {
            return Err(Reject::NoTable);
        }
        let offered = self
            .slots
            .get_mut(&address)
            .and_then(|slot| slot.offer_of_mut(from))
            .ok_or(Reject::UnknownAddress)?;
        offered.standing = standing;
        Ok(())
    }

    pub(crate) fn leaving(&mut self, from: ProcessId) -> Result<(), Reject> {
        let facts = self.facts.get_mut(&from).ok_or(Reject::NoTable)?;
        facts.capable = false;
        Ok(())
    }

    pub(crate) fn digest(&self, into: &mut Digest) {
        digest_facts(into, &self.facts);
        digest_slots(into, &self.slots);
    }
}

impl Partial {
    pub(crate) fn digest(&self, into: &mut Digest) {
        into.number(self.version).number(u64::from(self.next));
        digest_records(into, &self.records);
    }
}

fn digest_records(into: &mut Digest, records: &[Record]) {
    into.number(records.len() as u64);
    for record in records {
        digest_address(into, record.address);
        into.number(record.generation)
            .number(record.pin.version)
            .number(record.pin.node.map_or(0, |node| node.0))
            .flag(record.holding.is_some());
        if let Some(holding) = record.holding {
            into.number(holding.generation).flag(holding.ending);
        }
        into.flag(record.offer.is_some());
        if let Some(offer) = &record.offer {
            into.number(offer.standing as u64);
            digest_offer(into, offer);
        }
    }
}

impl Agreed {
    /// Takes in one part of a table.
    pub(super) fn table(
        &mut self,
        now: Instant,
        from: ProcessId,
        table: Table,
        notes: &mut Vec<Note>,
    ) -> Result<Touched, Reject> {
        if self.epoch != Some(table.epoch) {
            return Err(Reject::OtherEpoch);
        }
        check(&table)?;
        let facts = Facts {
            version: table.version,
            capable: table.capable,
            balance_set_size: table.balance_set_size,
        };
        let mature = table.mature;
        let Some(records) = self.assemble(from, table)? else {
            return Ok(Touched::Nothing);
        };
        if let Some(gathering) = &mut self.gathering {
            gathering.announce(now, from, facts, records);
            if mature && !self.mature {
                self.mature = true;
                notes.push(Note::Matured);
            }
            return Ok(if self.finish_gathering(now, notes) {
                Touched::All
            } else {
                Touched::Nothing
            });
        }
        self.replace_offers(now, from, facts, records);
        self.refresh_flags(notes);
        self.warn_of_sizes(notes);
        self.elect(now);
        Ok(Touched::All)
    }

    /// Puts the parts of a table together. `None` while there are more to come.
    fn assemble(&mut self, from: ProcessId, table: Table) -> Result<Option<Vec<Record>>, Reject> {
        let mut partial = if table.part == 0 {
            Partial {
                version: table.version,
                parts: table.parts,
                next: 0,
                records: Vec::new(),
            }
        } else {
            let partial = self.partial.get(&from).ok_or(Reject::Part)?;
            let in_order = match (partial.records.last(), table.records.first()) {
                (Some(last), Some(first)) => last.address < first.address,
                (None, _) | (_, None) => true,
            };
            if (partial.version, partial.parts, partial.next)
                != (table.version, table.parts, table.part)
                || !in_order
            {
                return Err(Reject::Part);
            }
            self.partial.remove(&from).ok_or(Reject::Part)?
        };
        partial.records.extend(table.records);
        partial.next += 1;
        if partial.next < partial.parts {
            self.partial.insert(from, partial);
            return Ok(None);
        }
        self.partial.remove(&from);
        Ok(Some(partial.records))
    }

    /// Builds the state from the tables if all are in. Whether it did.
    pub(super) fn finish_gathering(&mut self, now: Instant, notes: &mut Vec<Note>) -> bool {
        if self.gathering.is_none() || !self.missing().is_empty() {
            return false;
        }
        let Some(gathering) = self.gathering.take() else {
            return false;
        };
        let Gathering { facts, mut slots } = gathering;
        slots.retain(|_, slot| !slot.is_empty());
        for (address, slot) in &mut slots {
            slot.retain_members(now, &self.members);
            slot.view_since = now;
            slot.configuration_since = now;
            if let Some(old) = self.slots.get(address)
                && old.distinct() == slot.distinct()
            {
                slot.configuration_since = old.configuration_since;
                slot.flags = old.flags;
            }
        }
        self.facts = facts;
        self.slots = slots;
        self.refresh_flags(notes);
        self.warn_of_sizes(notes);
        notes.push(Note::Gathered {
            addresses: self.slots.len(),
        });
        let overlaps = self.overlaps();
        self.elect(now);
        for address in overlaps {
            notes.push(Note::Overlapped {
                address,
                owner: self.slot(address).and_then(|slot| slot.owner),
            });
        }
        true
    }

    /// Addresses that several members have and mean to keep.
    fn overlaps(&self) -> Vec<IpAddr> {
        self.slots
            .iter()
            .filter(|(_, slot)| {
                slot.holders
                    .values()
                    .filter(|holder| !holder.ending)
                    .count()
                    > 1
            })
            .map(|(address, _)| *address)
            .collect()
    }

    fn replace_offers(
        &mut self,
        now: Instant,
        from: ProcessId,
        facts: Facts,
        records: Vec<Record>,
    ) {
        self.facts.insert(from, facts);
        let mut offers: BTreeMap<IpAddr, (Record, Offer)> = BTreeMap::new();
        for mut record in records {
            if let Some(offer) = record.offer.take() {
                offers.insert(record.address, (record, offer));
            }
        }
        for (address, slot) in &mut self.slots {
            if !offers.contains_key(address) {
                slot.remove_offer(now, from);
            }
        }
        for (address, (record, offer)) in offers {
            let slot = self.slots.entry(address).or_insert_with(|| Slot {
                generation: record.generation,
                pin: record.pin,
                ..Slot::new(now)
            });
            slot.set_offer(now, from, offer);
            slot.retain_members(now, &self.members);
        }
        self.drop_empty();
    }

    fn warn_of_sizes(&self, notes: &mut Vec<Note>) {
        let mut sizes = self
            .facts
            .values()
            .filter(|facts| facts.capable)
            .map(|facts| facts.balance_set_size);
        if let Some(first) = sizes.next()
            && sizes.any(|size| size != first)
        {
            notes.push(Note::BalanceSizesDiffer);
        }
    }
}

/// Whether a part keeps all limits; a wrong one changes nothing.
fn check(table: &Table) -> Result<(), Reject> {
    let parts = usize::from(table.parts);
    if parts == 0 || parts > PARTS || table.part >= table.parts {
        return Err(Reject::Part);
    }
    let ascending = table
        .records
        .is_sorted_by(|one, next| one.address < next.address);
    if table.records.len() > RECORDS_PER_PART
        || !ascending
        || !table.records.iter().all(record_is_fine)
    {
        return Err(Reject::Limits);
    }
    Ok(())
}

fn record_is_fine(record: &Record) -> bool {
    let bits = match record.address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    };
    record.offer.as_ref().is_none_or(|offer| {
        offer.prefix <= bits
            && !offer.interface.is_empty()
            && offer.interface.len() <= NAME_BYTES
            && offer.names.len() <= NAMES
            && offer.names.iter().all(|name| name.len() <= NAME_BYTES)
            && offer.names.is_sorted_by(|one, next| one < next)
            && offer.preference.len() <= PREFERENCES
    })
}
