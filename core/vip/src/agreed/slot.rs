//! One address in the agreed state: who offers to have it, who may have it, and who should.

use alloc::{collections::BTreeMap, string::String, sync::Arc, vec::Vec};

use ringfort_machine::{Digest, Instant, NodeId, ProcessId};
use ringfort_wire::vip::{Offer, Pin, ServiceSet, Standing, Tenure};

use super::{digest_address, digest_process};
use crate::Flags;

/// One address.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    /// The generation of its latest tenure.
    pub(crate) generation: u64,
    /// Where an operator has put it.
    pub(crate) pin: Pin,
    /// Who should have it.
    pub(crate) owner: Option<ProcessId>,
    /// Who may have it, and by which tenure. One at most, but for overlaps that a merge has brought.
    pub(crate) holders: BTreeMap<ProcessId, Holder>,
    /// The members that configure it, in ascending order.
    pub(crate) offers: Vec<Offered>,
    /// What is wrong with its configuration.
    pub(crate) flags: Flags,
    /// Since when owner and members have not changed, as seen here.
    pub(crate) view_since: Instant,
    /// Since when no configuration of it has changed, as seen here.
    pub(crate) configuration_since: Instant,
}

/// A tenure of one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Its name among all tenures of the address.
    pub(crate) generation: u64,
    /// The member does not mean to keep the address: this is no claim.
    pub(crate) ending: bool,
}

/// The offer of one member.
#[derive(Clone, Debug)]
pub(crate) struct Offered {
    pub(crate) process: ProcessId,
    /// How far it is trusted now; the one inside `offer` is not looked at.
    pub(crate) standing: Standing,
    /// Shared between the members that offer the same, which are usually all.
    pub(crate) offer: Arc<Offer>,
}

impl Slot {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            generation: 0,
            pin: Pin::default(),
            owner: None,
            holders: BTreeMap::new(),
            offers: Vec::new(),
            flags: Flags::default(),
            view_since: now,
            configuration_since: now,
        }
    }

    /// Whether nobody configures it and nobody has it.
    pub(crate) fn is_empty(&self) -> bool {
        self.offers.is_empty() && self.holders.is_empty()
    }

    pub(crate) fn offer_of(&self, process: ProcessId) -> Option<&Offered> {
        let at = self
            .offers
            .binary_search_by_key(&process, |offered| offered.process)
            .ok()?;
        self.offers.get(at)
    }

    pub(crate) fn offer_of_mut(&mut self, process: ProcessId) -> Option<&mut Offered> {
        let at = self
            .offers
            .binary_search_by_key(&process, |offered| offered.process)
            .ok()?;
        self.offers.get_mut(at)
    }

    /// Adds or replaces the offer of `process`.
    pub(crate) fn set_offer(&mut self, now: Instant, process: ProcessId, mut offer: Offer) {
        let standing = core::mem::take(&mut offer.standing);
        let offer = match self.offers.iter().find(|other| *other.offer == offer) {
            Some(other) => Arc::clone(&other.offer),
            None => Arc::new(offer),
        };
        let offered = Offered {
            process,
            standing,
            offer,
        };
        match self
            .offers
            .binary_search_by_key(&process, |offered| offered.process)
        {
            Ok(at) => {
                if self.offers[at].offer != offered.offer {
                    self.configuration_since = now;
                }
                self.offers[at] = offered;
            }
            Err(at) => {
                self.view_since = now;
                self.offers.insert(at, offered);
            }
        }
    }

    /// Removes the offer of `process`.
    pub(crate) fn remove_offer(&mut self, now: Instant, process: ProcessId) {
        if let Ok(at) = self
            .offers
            .binary_search_by_key(&process, |offered| offered.process)
        {
            self.offers.remove(at);
            self.view_since = now;
            self.configuration_since = now;
        }
    }

    /// Forgets everybody who is not in `members` (in ascending order).
    pub(crate) fn retain_members(&mut self, now: Instant, members: &[ProcessId]) {
        let is_member = |process: &ProcessId| members.binary_search(process).is_ok();
        let before = self.offers.len();
        self.offers.retain(|offered| is_member(&offered.process));
        if self.offers.len() != before {
            self.view_since = now;
        }
        self.holders.retain(|process, _| is_member(process));
        self.owner = self.owner.filter(|owner| is_member(owner));
        if let Some(node) = self.pin.node
            && !members.iter().any(|member| member.node == node)
        {
            self.unpin();
        }
    }

    /// Ends the tenure of `process` that `tenure` names; whether there was such a one.
    pub(crate) fn end(&mut self, process: ProcessId, tenure: &Tenure) -> bool {
        let named = self
            .holders
            .get(&process)
            .is_some_and(|holder| holder.generation == tenure.generation);
        if named {
            self.holders.remove(&process);
            if tenure.failed {
                self.distrust(process);
            }
        }
        named
    }

    /// The platform of `process` has refused to take the address: not again for a while, pinned or not.
    fn distrust(&mut self, process: ProcessId) {
        if let Some(offered) = self.offer_of_mut(process) {
            offered.standing = Standing::Unable;
        }
        if self.pin.node == Some(process.node) {
            self.unpin();
        }
    }

    /// Puts it on `node`, until that leaves.
    pub(crate) fn pin_to(&mut self, node: NodeId) {
        self.pin = Pin {
            version: self.pin.version + 1,
            node: Some(node),
        };
    }

    fn unpin(&mut self) {
        self.pin = Pin {
            version: self.pin.version + 1,
            node: None,
        };
    }

    /// The distinct offers; most often one.
    pub(crate) fn distinct(&self) -> Vec<&Offer> {
        let mut distinct: Vec<&Offer> = Vec::new();
        let mut last: Option<&Arc<Offer>> = None;
        for offered in &self.offers {
            let same = last.is_some_and(|last| Arc::ptr_eq(last, &offered.offer));
            if !same && !distinct.contains(&&*offered.offer) {
                distinct.push(&offered.offer);
            }
            last = Some(&offered.offer);
        }
        distinct
    }

    /// The preference list that all members with one agree on; empty if there is none or no agreement.
    pub(crate) fn preference(&self) -> &[NodeId] {
        if self.flags.conflict {
            return &[];
        }
        self.offers
            .iter()
            .map(|offered| &*offered.offer.preference)
            .find(|preference| !preference.is_empty())
            .unwrap_or_default()
    }

    /// The address that it goes with, if all members say the same.
    pub(crate) fn follow(&self) -> Option<core::net::IpAddr> {
        let first = self.offers.first()?.offer.follow?;
        let all = self
            .offers
            .iter()
            .all(|offered| offered.offer.follow == Some(first));
        all.then_some(first)
    }

    /// The binding names over all members, in ascending order.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for offer in self.distinct() {
            names.extend(offer.names.iter().cloned());
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The services over all members.
    pub(crate) fn services(&self) -> ServiceSet {
        self.offers
            .iter()
            .map(|offered| offered.offer.services)
            .fold(ServiceSet::default(), |all, one| ServiceSet {
                listener: all.listener || one.listener,
                binding: all.binding || one.binding,
            })
    }

    pub(crate) fn digest(&self, into: &mut Digest) {
        into.number(self.generation)
            .number(self.pin.version)
            .flag(self.pin.node.is_some())
            .number(self.pin.node.map_or(0, |node| node.0))
            .flag(self.owner.is_some());
        if let Some(owner) = self.owner {
            digest_process(into, owner);
        }
        into.number(self.holders.len() as u64);
        for (holder, tenure) in &self.holders {
            digest_process(into, *holder);
            into.number(tenure.generation).flag(tenure.ending);
        }
        into.number(self.offers.len() as u64);
        for offered in &self.offers {
            digest_process(into, offered.process);
            into.number(offered.standing as u64);
            digest_offer(into, &offered.offer);
        }
        into.flag(self.flags.conflict)
            .flag(self.flags.services_differ)
            .flag(self.flags.broken);
    }
}

/// Adds an offer, its standing apart.
pub(crate) fn digest_offer(into: &mut Digest, offer: &Offer) {
    into.number(u64::from(offer.prefix))
        .text(&offer.interface)
        .number(offer.names.len() as u64);
    for name in &offer.names {
        into.text(name);
    }
    into.flag(offer.services.listener)
        .flag(offer.services.binding)
        .number(offer.preference.len() as u64);
    for node in &offer.preference {
        into.number(node.0);
    }
    into.flag(offer.follow.is_some());
    if let Some(follow) = offer.follow {
        digest_address(into, follow);
    }
}
