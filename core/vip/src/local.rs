//! What this machine's interfaces have of each address, as far as the platform has confirmed it, and which
//! orders are on their way.
//!
//! The states of one address, and what leads from one to the next:
//! ```text
//! Absent ── tenure starts, order ──► Acquiring ── done ──► Held
//!   ▲                                    │ failed            │ not ours any more, order
//!   │                                    ▼                   ▼
//!   └── own report comes back in order ── Ended ◄── done ── Releasing ◄──► Refused
//! ```
//! In `Ended` the address is gone here but the others do not know yet: no new tenure can have started.
//!
//! What this deliberately is not: it decides nothing; see `machine`.

use alloc::{collections::BTreeMap, string::String};
use core::net::IpAddr;

use ipnet::IpNet;
use ringfort_machine::{Digest, Instant, OrderId, Sink};
use ringfort_wire::vip::{Holding, Standing};

use crate::{Action, AddressAction, Hold};

/// The generation of what is on the interface without a tenure: leftovers and strays.
pub(crate) const STRAY: u64 = 0;

/// How far an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Absent,
    Acquiring,
    Held,
    Releasing,
    /// The platform refused to release it; a timer runs.
    Refused,
    Ended,
}

/// One address.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    pub(crate) state: State,
    /// As it was, or will be, put on the interface.
    pub(crate) net: IpNet,
    pub(crate) interface: String,
    /// The tenure it is there by.
    pub(crate) generation: u64,
    /// Services were started on it.
    pub(crate) served: bool,
    /// Refusals of its release in a row.
    pub(crate) refusals: u32,
    /// Checks in a row that missed it.
    pub(crate) missed: u32,
    /// The last order about it: older surveys say nothing of what it changed.
    pub(crate) last_order: OrderId,
}

impl Local {
    /// What the own table says of it.
    pub(crate) fn holding(&self) -> Option<Holding> {
        let ending = match self.state {
            State::Absent | State::Ended => return None,
            State::Acquiring | State::Held => false,
            State::Releasing | State::Refused => true,
        };
        Some(Holding {
            generation: self.generation,
            ending,
        })
    }

    pub(crate) const fn hold(&self) -> Hold {
        match self.state {
            State::Absent | State::Ended => Hold::Absent,
            State::Acquiring => Hold::Acquiring,
            State::Held => Hold::Held,
            State::Releasing => Hold::Releasing,
            State::Refused => Hold::Stuck,
        }
    }
}

/// What an order was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pending {
    Survey,
    Acquire(IpAddr),
    Release(IpAddr),
    Announce(IpNet),
}

/// How far the own platform is trusted with an address that it once refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trust {
    pub(crate) standing: Standing,
    pub(crate) failures: u32,
}

/// All addresses that this machine has or had.
#[derive(Clone, Debug, Default)]
pub(crate) struct Locals {
    pub(crate) addresses: BTreeMap<IpAddr, Local>,
    pub(crate) trust: BTreeMap<IpAddr, Trust>,
    pending: BTreeMap<OrderId, Pending>,
    counter: u64,
    /// Acquisitions and releases on their way: while there are some, ended tenures may wait to be reported
    /// together.
    busy: usize,
}

impl Locals {
    pub(crate) const fn busy(&self) -> bool {
        self.busy > 0
    }

    /// Whether a survey is on its way.
    pub(crate) fn surveying(&self) -> bool {
        self.pending
            .values()
            .any(|pending| matches!(pending, Pending::Survey))
    }

    /// Whether anything may be on an interface.
    pub(crate) fn holds_any(&self) -> bool {
        self.addresses
            .values()
            .any(|local| local.holding().is_some())
    }

    pub(crate) fn standing(&self, address: IpAddr) -> Standing {
        self.trust
            .get(&address)
            .map_or(Standing::Able, |trust| trust.standing)
    }

    fn next(&mut self, pending: Pending) -> OrderId {
        let order = OrderId::next(&mut self.counter);
        self.pending.insert(order, pending);
        order
    }

    /// What the ended order was about; `None` for an unknown one, or one that has ended before.
    pub(crate) fn ended(&mut self, order: OrderId) -> Option<Pending> {
        let pending = self.pending.remove(&order)?;
        match pending {
            Pending::Acquire(_) | Pending::Release(_) => self.busy -= 1,
            Pending::Survey | Pending::Announce(_) => {}
        }
        Some(pending)
    }

    pub(crate) fn survey(&mut self, out: &mut impl Sink<Action>) {
        let order = self.next(Pending::Survey);
        out.push(Action::Order(order, AddressAction::Survey));
    }

    /// Orders the address onto its interface.
    pub(crate) fn acquire(
        &mut self,
        address: IpNet,
        interface: String,
        generation: u64,
        out: &mut impl Sink<Action>,
    ) {
        let key = address.addr();
        let order = self.next(Pending::Acquire(key));
        self.busy += 1;
        self.addresses.insert(
            key,
            Local {
                state: State::Acquiring,
                net: address,
                interface: interface.clone(),
                generation,
                served: false,
                refusals: 0,
                missed: 0,
                last_order: order,
            },
        );
        out.push(Action::Order(
            order,
            AddressAction::Acquire { address, interface },
        ));
    }

    /// Orders the address off its interface.
    pub(crate) fn release(&mut self, address: IpAddr, out: &mut impl Sink<Action>) {
        let order = OrderId(self.counter + 1);
        let Some(local) = self.addresses.get_mut(&address) else {
            return;
        };
        local.state = State::Releasing;
        local.last_order = order;
        let action = AddressAction::Release {
            address: local.net,
            interface: local.interface.clone(),
        };
        self.busy += 1;
        let order = self.next(Pending::Release(address));
        out.push(Action::Order(order, action));
    }

    /// Orders the release of something that is there without a tenure.
    pub(crate) fn release_stray(
        &mut self,
        net: IpNet,
        interface: String,
        out: &mut impl Sink<Action>,
    ) {
        self.addresses.insert(
            net.addr(),
            Local {
                state: State::Releasing,
                net,
                interface,
                generation: STRAY,
                served: false,
                refusals: 0,
                missed: 0,
                last_order: OrderId(self.counter),
            },
        );
        self.release(net.addr(), out);
    }

    /// Remembers that a tenure ended before anything was ordered for it.
    pub(crate) fn declined(&mut self, address: IpAddr, generation: u64) {
        self.addresses.insert(
            address,
            Local {
                state: State::Ended,
                net: IpNet::from(address),
                interface: String::new(),
                generation,
                served: false,
                refusals: 0,
                missed: 0,
                last_order: OrderId(self.counter),
            },
        );
    }

    /// Orders the neighbours to be told.
    pub(crate) fn announce(&mut self, address: IpAddr, out: &mut impl Sink<Action>) {
        let Some(local) = self.addresses.get(&address) else {
            return;
        };
        let action = AddressAction::Announce {
            address: local.net,
            interface: local.interface.clone(),
        };
        let order = self.next(Pending::Announce(local.net));
        out.push(Action::Order(order, action));
    }

    pub(crate) fn digest(&self, into: &mut Digest) {
        into.number(self.counter)
            .number(self.pending.len() as u64)
            .number(self.addresses.len() as u64);
        for (address, local) in &self.addresses {
            crate::agreed::digest_address(into, *address);
            into.number(local.state as u64)
                .number(u64::from(local.net.prefix_len()))
                .text(&local.interface)
                .number(local.generation)
                .flag(local.served)
                .number(u64::from(local.refusals))
                .number(u64::from(local.missed));
        }
        into.number(self.trust.len() as u64);
        for (address, trust) in &self.trust {
            crate::agreed::digest_address(into, *address);
            into.number(trust.standing as u64)
                .number(u64::from(trust.failures));
        }
    }
}

/// The time before attempt `count + 1`: doubles from `first` up to `most`.
pub(crate) fn backoff(
    first: core::time::Duration,
    most: core::time::Duration,
    count: u32,
) -> core::time::Duration {
    first
        .saturating_mul(1u32.checked_shl(count.min(31)).unwrap_or(u32::MAX))
        .min(most)
}

/// `now` plus `backoff`.
pub(crate) fn later(
    now: Instant,
    first: core::time::Duration,
    most: core::time::Duration,
    count: u32,
) -> Instant {
    now + backoff(first, most, count)
}
