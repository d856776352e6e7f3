//! Start, periodic check and end: whatever compares the interfaces with what should be there.

use alloc::{collections::BTreeSet, string::String, vec::Vec};
use core::{net::IpAddr, time::Duration};

use ipnet::IpNet;
use ringfort_machine::{
    Instant, OrderId, Sink,
    defect::{self, Defect},
};
use ringfort_wire::vip::Body;

use super::{LEAVE_LIMIT, Life, Vip};
use crate::{Action, AddressError, Note, local::State, timers::Timer};

/// After a survey that failed at the start.
const SURVEY_AGAIN: Duration = Duration::from_millis(500);

impl Vip {
    /// The tagged addresses of this machine.
    pub(super) fn surveyed(
        &mut self,
        now: Instant,
        order: OrderId,
        found: Vec<(IpNet, String)>,
        out: &mut impl Sink<Action>,
    ) {
        if self.leftovers.is_none() {
            self.release_leftovers(now, found, out);
        } else {
            self.compare(now, order, &found, out);
        }
    }

    pub(super) fn survey_failed(
        &mut self,
        now: Instant,
        error: AddressError,
        out: &mut impl Sink<Action>,
    ) {
        out.push(Action::Note(Note::SurveyFailed { error }));
        if self.leftovers.is_none() {
            self.timers.set(Timer::Survey, now + SURVEY_AGAIN);
        }
    }

    /// Nothing that an earlier life put on an interface may stay there unowned: it goes before this node
    /// offers anything. That is what the survey found, by its tag, and every configured address, tagged or
    /// not, since the platform counts the release of an absent address as done.
    fn release_leftovers(
        &mut self,
        now: Instant,
        found: Vec<(IpNet, String)>,
        out: &mut impl Sink<Action>,
    ) {
        self.found = found.len();
        // What was found comes first, as it was found: a configured address of another prefix is the same one.
        let configured: Vec<(IpNet, String)> = self
            .offers
            .values()
            .map(|offer| (offer.address, offer.interface.clone()))
            .collect();
        let mut leftovers = BTreeSet::new();
        for (net, interface) in found.into_iter().chain(configured) {
            if !defect::active(Defect::KeepLeftovers) && leftovers.insert(net.addr()) {
                self.locals.release_stray(net, interface, out);
            }
        }
        self.leftovers = Some(leftovers);
        self.start_if_clean(now, out);
    }

    /// A release has ended: one leftover less, perhaps the last one.
    pub(super) fn leftover_gone(
        &mut self,
        now: Instant,
        address: IpAddr,
        out: &mut impl Sink<Action>,
    ) {
        let before = self.clean();
        if let Some(leftovers) = &mut self.leftovers {
            leftovers.remove(&address);
        }
        if !before {
            self.start_if_clean(now, out);
        }
    }

    /// Whether the start has found the machine clean: only then does it offer anything.
    pub(super) fn clean(&self) -> bool {
        self.leftovers.as_ref().is_some_and(BTreeSet::is_empty)
    }

    fn start_if_clean(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        if !self.clean() {
            return;
        }
        self.timers.clear(Timer::Start);
        match self.life {
            Life::Starting => {
                self.life = Life::Running;
                out.push(Action::Note(Note::Ready {
                    leftovers: self.found,
                }));
                out.push(Action::Ready);
                self.publish_table(now, out);
            }
            // Late, after the limit: now it can offer what it has.
            Life::Running => self.publish_table(now, out),
            // Asked to leave before the start was over.
            Life::Leaving => self.leave_if_empty(out),
            Life::Left => {}
        }
    }

    /// The platform does not answer. Others wait for this node's table, so it comes now, offering nothing.
    pub(super) fn start_stalled(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        if self.life == Life::Starting {
            self.life = Life::Running;
            out.push(Action::Note(Note::StartStalled));
            out.push(Action::Ready);
            self.publish_table(now, out);
        }
    }

    pub(super) fn survey_due(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        self.timers
            .set(Timer::Survey, now + self.config.if_check_interval);
        if !self.locals.surveying() {
            self.locals.survey(out);
        }
    }

    /// Compares what is there with what should be (reference DV-17).
    fn compare(
        &mut self,
        now: Instant,
        order: OrderId,
        found: &[(IpNet, String)],
        out: &mut impl Sink<Action>,
    ) {
        for (net, interface) in found {
            let known = self
                .locals
                .addresses
                .get(&net.addr())
                .is_some_and(|local| local.state != State::Absent || local.last_order > order);
            if !known {
                out.push(Action::Note(Note::Stray { address: *net }));
                self.locals.release_stray(*net, interface.clone(), out);
            }
        }
        let present: BTreeSet<(IpAddr, &str)> = found
            .iter()
            .map(|(net, interface)| (net.addr(), interface.as_str()))
            .collect();
        let mut missing = Vec::new();
        for local in self.locals.addresses.values_mut() {
            if local.state != State::Held || local.last_order > order {
                continue;
            }
            if present.contains(&(local.net.addr(), local.interface.as_str())) {
                local.missed = 0;
                continue;
            }
            local.missed = local.missed.saturating_add(1);
            out.push(Action::Note(Note::Missing {
                address: local.net,
                checks: local.missed,
            }));
            if local.missed >= self.config.if_down_limit {
                missing.push(local.net.addr());
            }
        }
        for address in missing {
            self.take_again(now, address, out);
        }
    }

    /// Gives everything back.
    pub(super) fn leave(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        if matches!(self.life, Life::Leaving | Life::Left) {
            return;
        }
        self.life = Life::Leaving;
        self.timers.set(Timer::Leave, now + LEAVE_LIMIT);
        if self.announced {
            out.push(Action::Publish(Body::Leaving));
        }
        let addresses: Vec<IpAddr> = self.locals.addresses.keys().copied().collect();
        for address in addresses {
            self.reconcile_one(now, address, out);
        }
        self.report_if_idle(now, out);
        self.leave_if_empty(out);
    }

    /// Leaves once nothing is on the interfaces any more, what an earlier life left there included.
    pub(super) fn leave_if_empty(&mut self, out: &mut impl Sink<Action>) {
        let empty = self.clean() && self.ended.is_empty() && !self.locals.holds_any();
        if self.life == Life::Leaving && empty {
            self.leave_at_last(out);
        }
    }

    pub(super) fn leave_at_last(&mut self, out: &mut impl Sink<Action>) {
        let addresses: Vec<(IpNet, String)> = self
            .locals
            .addresses
            .values()
            .filter(|local| local.holding().is_some())
            .map(|local| (local.net, local.interface.clone()))
            .collect();
        if !addresses.is_empty() {
            out.push(Action::Note(Note::LeftBehind { addresses }));
        }
        self.life = Life::Left;
        self.timers.clear_all();
        out.push(Action::Left);
    }
}
