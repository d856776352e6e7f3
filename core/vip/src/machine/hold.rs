//! Taking and giving addresses, one at a time.

use alloc::vec::Vec;
use core::{net::IpAddr, time::Duration};

use ipnet::IpNet;
use ringfort_machine::{Instant, OrderId, Sink, defect, defect::Defect};
use ringfort_wire::vip::{Body, RECORDS_PER_PART, Standing, Tenure};

use super::{Life, Vip};
use crate::{
    Action, AddressError, AddressOutcome, Note,
    local::{Pending, STRAY, State, Trust, later},
    timers::Timer,
};

/// Before a refused release is tried again: at first, and at most. An overlap has to end within 2 s.
const RELEASE_AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// Before an address that the platform refused is taken again if nobody else can: at first, and at most.
const DOUBT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Before such an address is taken again like any other: at first, and at most.
const TRUST: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3600));
/// Between the first and the second announcement of an acquisition.
const ANNOUNCE_AGAIN: Duration = Duration::from_secs(1);
/// How long ended tenures wait for others to be reported with while orders are on their way.
const REPORT_DELAY: Duration = Duration::from_millis(2);

impl Vip {
    /// The tenure that the members agree this process has of `address`.
    fn tenure(&self, address: IpAddr) -> Option<u64> {
        if !self.agreed.settled() {
            return None;
        }
        let slot = self.agreed.slot(address)?;
        slot.holders.get(&self.me).map(|holder| holder.generation)
    }

    fn owned(&self, address: IpAddr) -> bool {
        self.agreed
            .slot(address)
            .is_some_and(|slot| slot.owner == Some(self.me))
    }

    /// Whether what is on the interface is to stay there. While tables are missing nothing changes hands, so
    /// only the own will counts.
    fn keeps(&self, address: IpAddr) -> bool {
        let Some(local) = self.locals.addresses.get(&address) else {
            return false;
        };
        let configured = self
            .offers
            .get(&address)
            .is_some_and(|offer| offer.address == local.net && offer.interface == local.interface);
        if self.life == Life::Leaving || !configured || local.generation == STRAY {
            return false;
        }
        let overlapped = || {
            defect::active(Defect::KeepAfterMerge)
                && self
                    .agreed
                    .slot(address)
                    .is_some_and(|slot| slot.holders.len() > 1)
        };
        !self.agreed.settled() || self.owned(address) || overlapped()
    }

    /// Orders what brings `address` in step with the agreed state.
    pub(super) fn reconcile_one(
        &mut self,
        now: Instant,
        address: IpAddr,
        out: &mut impl Sink<Action>,
    ) {
        let state = self
            .locals
            .addresses
            .get(&address)
            .map_or(State::Absent, |local| local.state);
        match state {
            State::Absent => self.begin(now, address, out),
            State::Held => {
                if !self.keeps(address) {
                    self.release(now, address, out);
                }
            }
            // Their ends come back here.
            State::Acquiring | State::Releasing | State::Refused | State::Ended => {}
        }
    }

    /// Begins the tenure that the agreed state has for this process, or declines it.
    fn begin(&mut self, now: Instant, address: IpAddr, out: &mut impl Sink<Action>) {
        let Some(generation) = self.tenure(address) else {
            return;
        };
        let offer = self.offers.get(&address);
        let wanted = self.life == Life::Running && self.owned(address);
        match offer {
            Some(offer) if wanted => {
                // A ring that is changing may already hold somebody who has it: the view will tell.
                if !self.transition {
                    let (net, interface) = (offer.address, offer.interface.clone());
                    self.locals.acquire(net, interface, generation, out);
                }
            }
            Some(_) | None => {
                // It was given to us before the others knew that we do not want it.
                let failed = offer.is_none();
                self.end(now, address, generation, failed);
            }
        }
    }

    /// Stops the services on a held address and orders it off the interface.
    fn release(&mut self, now: Instant, address: IpAddr, out: &mut impl Sink<Action>) {
        self.timers.clear(Timer::Announce(address));
        let Some(local) = self.locals.addresses.get_mut(&address) else {
            return;
        };
        if local.served {
            local.served = false;
            out.push(Action::Disowned { address: local.net });
        }
        if defect::active(Defect::IgnoreRelease) {
            let generation = local.generation;
            self.end(now, address, generation, false);
            return;
        }
        self.locals.release(address, out);
    }

    /// An order has ended.
    pub(super) fn done(
        &mut self,
        now: Instant,
        order: OrderId,
        outcome: AddressOutcome,
        out: &mut impl Sink<Action>,
    ) {
        let Some(pending) = self.locals.ended(order) else {
            return;
        };
        let failure = match outcome {
            AddressOutcome::Done => None,
            AddressOutcome::Failed(error) => Some(error),
            AddressOutcome::Found(found) => {
                if pending == Pending::Survey {
                    self.surveyed(now, order, found, out);
                }
                None
            }
        };
        match (pending, failure) {
            (Pending::Survey, None) => {}
            (Pending::Survey, Some(error)) => self.survey_failed(now, error, out),
            (Pending::Acquire(address), None) => self.acquired(now, address, out),
            (Pending::Acquire(address), Some(error)) => {
                self.acquire_failed(now, address, error, out);
            }
            (Pending::Release(address), None) => self.released(now, address, out),
            (Pending::Release(address), Some(error)) => {
                self.release_failed(now, address, error, out);
            }
            (Pending::Announce(_), None) => {}
            (Pending::Announce(address), Some(error)) => {
                out.push(Action::Note(Note::AnnounceFailed { address, error }));
            }
        }
        self.report_if_idle(now, out);
        self.leave_if_empty(out);
    }

    fn acquired(&mut self, now: Instant, address: IpAddr, out: &mut impl Sink<Action>) {
        let keeps = self.keeps(address);
        let Some(local) = self.locals.addresses.get_mut(&address) else {
            return;
        };
        local.state = State::Held;
        local.missed = 0;
        if !keeps {
            self.release(now, address, out);
            return;
        }
        local.served = true;
        let net = local.net;
        let interface = local.interface.clone();
        out.push(Action::Note(Note::Taken { address: net }));
        out.push(Action::Owned {
            address: net,
            interface,
        });
        if !defect::active(Defect::ForgetAnnouncement) {
            self.announce(now, address, out);
        }
    }

    fn acquire_failed(
        &mut self,
        now: Instant,
        address: IpAddr,
        error: AddressError,
        out: &mut impl Sink<Action>,
    ) {
        let failures = self
            .locals
            .trust
            .get(&address)
            .map_or(0, |trust| trust.failures);
        self.locals.trust.insert(
            address,
            Trust {
                standing: Standing::Unable,
                failures: failures.saturating_add(1),
            },
        );
        self.timers.set(
            Timer::Trust(address),
            later(now, DOUBT.0, DOUBT.1, failures),
        );
        if let Some(local) = self.locals.addresses.get(&address) {
            let generation = local.generation;
            out.push(Action::Note(Note::AcquireFailed {
                address: local.net,
                error,
                failures: failures.saturating_add(1),
            }));
            self.end(
                now,
                address,
                generation,
                !defect::active(Defect::HideFailure),
            );
        }
    }

    /// Trusts the platform a little more with an address that it refused.
    pub(super) fn trust_again(
        &mut self,
        now: Instant,
        address: IpAddr,
        out: &mut impl Sink<Action>,
    ) {
        let Some(trust) = self.locals.trust.get_mut(&address) else {
            return;
        };
        let failures = trust.failures.saturating_sub(1);
        let standing = match trust.standing {
            Standing::Unable => {
                trust.standing = Standing::Doubtful;
                self.timers.set(
                    Timer::Trust(address),
                    later(now, TRUST.0, TRUST.1, failures),
                );
                Standing::Doubtful
            }
            Standing::Doubtful | Standing::Able => {
                self.locals.trust.remove(&address);
                Standing::Able
            }
        };
        if self.announced {
            out.push(Action::Publish(Body::Standing { address, standing }));
        }
    }

    fn released(&mut self, now: Instant, address: IpAddr, out: &mut impl Sink<Action>) {
        let Some(local) = self.locals.addresses.get_mut(&address) else {
            return;
        };
        local.refusals = 0;
        let (net, generation) = (local.net, local.generation);
        if generation == STRAY && !self.announced {
            local.state = State::Absent;
        } else {
            self.end(now, address, generation, false);
        }
        out.push(Action::Note(Note::Released { address: net }));
        self.leftover_gone(now, address, out);
    }

    fn release_failed(
        &mut self,
        now: Instant,
        address: IpAddr,
        error: AddressError,
        out: &mut impl Sink<Action>,
    ) {
        let Some(local) = self.locals.addresses.get_mut(&address) else {
            return;
        };
        local.state = State::Refused;
        let refusals = local.refusals;
        local.refusals = refusals.saturating_add(1);
        out.push(Action::Note(Note::ReleaseFailed {
            address: local.net,
            error,
            failures: local.refusals,
        }));
        self.timers.set(
            Timer::Release(address),
            later(now, RELEASE_AGAIN.0, RELEASE_AGAIN.1, refusals),
        );
    }

    pub(super) fn release_again(&mut self, address: IpAddr, out: &mut impl Sink<Action>) {
        let refused = self
            .locals
            .addresses
            .get(&address)
            .is_some_and(|local| local.state == State::Refused);
        if refused {
            self.locals.release(address, out);
        }
    }

    /// Tells the neighbours now, and once more in a while if all of them are to know.
    pub(super) fn announce(&mut self, now: Instant, address: IpAddr, out: &mut impl Sink<Action>) {
        self.locals.announce(address, out);
        if self.config.arp_all_hosts {
            self.timers
                .set(Timer::Announce(address), now + ANNOUNCE_AGAIN);
        }
    }

    pub(super) fn announce_again(&mut self, address: IpAddr, out: &mut impl Sink<Action>) {
        let held = self
            .locals
            .addresses
            .get(&address)
            .is_some_and(|local| local.state == State::Held);
        if held {
            self.locals.announce(address, out);
        }
    }

    /// An address that went from the interface without our doing is taken again: it is ours, so nobody else
    /// can have it.
    pub(super) fn take_again(
        &mut self,
        now: Instant,
        address: IpAddr,
        out: &mut impl Sink<Action>,
    ) {
        if self.transition || self.tenure(address).is_none() || !self.keeps(address) {
            return;
        }
        self.timers.clear(Timer::Announce(address));
        let Some(local) = self.locals.addresses.get_mut(&address) else {
            return;
        };
        if local.served {
            out.push(Action::Disowned { address: local.net });
        }
        let (net, interface, generation): (IpNet, _, _) =
            (local.net, local.interface.clone(), local.generation);
        self.locals.acquire(net, interface, generation, out);
        self.report_if_idle(now, out);
    }

    /// The tenure is over here; the others are told with the next report.
    fn end(&mut self, now: Instant, address: IpAddr, generation: u64, failed: bool) {
        match self.locals.addresses.get_mut(&address) {
            Some(local) => {
                local.state = State::Ended;
                local.generation = generation;
            }
            None => self.locals.declined(address, generation),
        }
        self.ended.push(Tenure {
            address,
            generation,
            failed,
        });
        if !self.timers.runs(Timer::Report) {
            self.timers.set(Timer::Report, now + REPORT_DELAY);
        }
    }

    /// Reports at once unless more will follow soon: a single move must not wait, a thousand share a message.
    pub(super) fn report_if_idle(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        if !self.locals.busy() || self.ended.len() >= RECORDS_PER_PART {
            self.report(now, out);
        }
    }

    pub(super) fn report(&mut self, _: Instant, out: &mut impl Sink<Action>) {
        self.timers.clear(Timer::Report);
        let ended: Vec<Tenure> = core::mem::take(&mut self.ended);
        for part in ended.chunks(RECORDS_PER_PART) {
            out.push(Action::Publish(Body::Ended(part.to_vec())));
        }
        self.leave_if_empty(out);
    }
}
