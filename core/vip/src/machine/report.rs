//! What can be asked of the machine: status, tables, and the fingerprint.

use alloc::vec::Vec;
use core::net::IpAddr;

use ipnet::IpNet;
use ringfort_machine::{Digest, Instant};

use super::{Life, Vip};
use crate::{
    AddressStatus, Hold, MemberAddress, MemberTable, Offered, Phase, Status,
    agreed::{Slot, digest_address},
};

impl Vip {
    /// What consoles show. `now` turns the instants of changes into ages.
    pub fn status(&self, now: Instant) -> Status {
        Status {
            phase: self.phase(),
            mature: self.agreed.mature(),
            leader: self.agreed.leader(),
            missing: self.agreed.missing(),
            addresses: self
                .agreed
                .slots()
                .iter()
                .map(|(address, slot)| self.address_status(now, *address, slot))
                .collect(),
        }
    }

    fn phase(&self) -> Phase {
        match self.life {
            Life::Starting => Phase::Starting,
            Life::Leaving | Life::Left => Phase::Leaving,
            Life::Running if !self.agreed.settled() => Phase::Gathering,
            Life::Running if !self.agreed.mature() => Phase::Maturing,
            Life::Running => Phase::Running,
        }
    }

    fn address_status(&self, now: Instant, address: IpAddr, slot: &Slot) -> AddressStatus {
        AddressStatus {
            address,
            names: slot.names(),
            services: slot.services(),
            owner: slot.owner,
            holders: slot.holders.keys().copied().collect(),
            flags: slot.flags,
            pinned: slot.pin.node,
            follow: slot.follow(),
            view_stable: now.since(slot.view_since),
            configuration_stable: now.since(slot.configuration_since),
            members: slot
                .offers
                .iter()
                .map(|offered| Offered {
                    process: offered.process,
                    services: offered.offer.services,
                    standing: offered.standing,
                    preference: offered.offer.preference.clone(),
                })
                .collect(),
            local: self
                .locals
                .addresses
                .get(&address)
                .map_or(Hold::Absent, crate::local::Local::hold),
        }
    }

    /// The tables of all members, as agreed (`cluster duravip show tables`).
    pub fn tables(&self) -> Vec<MemberTable> {
        self.agreed
            .facts()
            .iter()
            .map(|(process, facts)| MemberTable {
                process: *process,
                version: facts.version,
                capable: facts.capable,
                balance_set_size: facts.balance_set_size,
                addresses: self
                    .agreed
                    .slots()
                    .iter()
                    .filter_map(|(address, slot)| {
                        let offered = slot.offer_of(*process)?;
                        let net = IpNet::new(*address, offered.offer.prefix).ok()?;
                        Some(MemberAddress {
                            address: net,
                            interface: offered.offer.interface.clone(),
                            names: offered.offer.names.clone(),
                            services: offered.offer.services,
                            tenure: slot.holders.get(process).map(|holder| holder.generation),
                        })
                    })
                    .collect(),
            })
            .collect()
    }

    /// A fingerprint of what the members agree on: equal at all members that have taken in the same messages
    /// since the tables of their view were complete. `None` while tables are missing.
    pub fn agreed_digest(&self) -> Option<u64> {
        self.agreed.settled().then(|| {
            let mut digest = Digest::new();
            self.agreed.digest(&mut digest);
            digest.finish()
        })
    }

    /// The fingerprint of the whole state.
    pub(super) fn add_to(&self, into: &mut Digest) {
        self.agreed.digest(into);
        self.locals.digest(into);
        self.timers.digest(into);
        into.number(self.life as u64)
            .number(self.version)
            .flag(self.transition)
            .flag(self.announced)
            .number(self.tickets)
            .flag(self.leftovers.is_some())
            .number(self.commands.len() as u64)
            .number(self.ended.len() as u64);
        for address in self.leftovers.iter().flatten() {
            digest_address(into, *address);
        }
        for tenure in &self.ended {
            digest_address(into, tenure.address);
            into.number(tenure.generation).flag(tenure.failed);
        }
    }
}
