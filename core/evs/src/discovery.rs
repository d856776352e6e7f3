//! Finding other rings and merging with them.
//!
//! The representative of a ring shows itself by beacons, a process alone more often than others. Two rings
//! begin to merge only when their representatives hear each other, which each beacon says: a link that works
//! in one direction breaks no ring. Who keeps somebody out on its own findings shows itself too, because only
//! it can see that the link works again.

use alloc::vec::Vec;
use core::time::Duration;

use ringfort_machine::{Deadline, Digest, Instant, ProcessId, RingId};
use ringfort_wire::{
    Kind, limits,
    ring::{Beacon, Neighbour},
};

use crate::{Destination, Note, context::Context, deliver::Order, hearing};

/// An answer to a stranger goes out within this time, one for all that were heard in it.
const ANSWER: Duration = Duration::from_millis(2);
/// The least time between two beacons.
const GAP: Duration = Duration::from_millis(5);

/// Finding other rings.
#[derive(Debug)]
pub(crate) struct Discovery {
    last_beacon: Option<Instant>,
    next_beacon: Instant,
    merge: Option<Instant>,
}

impl Discovery {
    /// Shows itself at once: a new ring has new neighbours.
    pub(crate) fn new(cx: &mut Context<'_>) -> Self {
        let jitter = cx.shared.rng.below(ANSWER.as_nanos() as u64);
        Self {
            last_beacon: None,
            next_beacon: cx.now + Duration::from_nanos(jitter),
            merge: None,
        }
    }

    /// A process outside the ring, of `ring`, was heard.
    pub(crate) fn on_stranger(
        &mut self,
        ring: RingId,
        sender: ProcessId,
        order: &Order,
        cx: &mut Context<'_>,
    ) {
        let hearing_time = cx.shared.config.timeouts.hearing;
        let willing = cx
            .shared
            .peers
            .willing(cx.now, hearing_time)
            .any(|p| p == sender);
        if hearing::is_kept_out(sender, willing, order, cx) {
            return;
        }
        if willing && self.merge.is_none() {
            cx.note(Note::ForeignRing { ring, by: sender });
            let delay = cx.shared.config.timeouts.merge_delay;
            let jitter = cx.shared.rng.below(delay.as_nanos() as u64);
            self.merge = Some(cx.now + delay / 2 + Duration::from_nanos(jitter / 2));
        } else if !willing && is_visible(order, cx) {
            let jitter = Duration::from_nanos(cx.shared.rng.below(ANSWER.as_nanos() as u64));
            let gap = self.last_beacon.map_or(cx.now, |at| at + GAP);
            self.next_beacon = self.next_beacon.min((cx.now + jitter).max(gap));
        }
    }

    /// Sends a beacon if that is due; true if it is time to merge.
    pub(crate) fn on_wake(&mut self, order: &Order, cx: &mut Context<'_>) -> bool {
        if self.next_beacon <= cx.now {
            if is_visible(order, cx) {
                send(order, cx);
                self.last_beacon = Some(cx.now);
            }
            let alone = order.members().len() == 1;
            let interval = cx.shared.config.timeouts.beacon / if alone { 4 } else { 1 };
            let jitter = cx.shared.rng.below(interval.as_nanos() as u64 / 8);
            self.next_beacon = cx.now + (interval - Duration::from_nanos(jitter));
        }
        let due = self.merge.is_some_and(|at| at <= cx.now);
        if due {
            self.merge = None;
        }
        due
    }

    /// The processes outside the ring with which a merge is possible.
    pub(crate) fn found(&self, order: &Order, cx: &Context<'_>) -> Vec<ProcessId> {
        let hearing_time = cx.shared.config.timeouts.hearing;
        cx.shared
            .peers
            .willing(cx.now, hearing_time)
            .filter(|process| !order.contains(*process))
            .filter(|process| !hearing::is_kept_out(*process, true, order, cx))
            .collect()
    }

    pub(crate) fn deadline(&self) -> Deadline {
        let beacon = Deadline::new(self.next_beacon, "beacon");
        match self.merge {
            Some(at) if at < self.next_beacon => Deadline::new(at, "merge"),
            Some(_) | None => beacon,
        }
    }

    pub(crate) fn digest(&self, into: &mut Digest) {
        into.number(self.next_beacon.as_nanos())
            .number(self.merge.map_or(0, Instant::as_nanos));
    }
}

/// Whether this process shows itself to other rings.
fn is_visible(order: &Order, cx: &Context<'_>) -> bool {
    let shared = &*cx.shared;
    let hearing = shared.config.timeouts.hearing;
    let is_audible = |process| {
        let heard = shared.peers.heard(process);
        heard.is_some_and(|at| cx.now.since(at) <= hearing)
    };
    order.ring().representative == shared.me()
        || shared.quarantine.wants_to_be_seen(cx.now, is_audible)
}

fn send(order: &Order, cx: &mut Context<'_>) {
    let beacon = Beacon {
        sender: cx.shared.config.me,
        stamp: cx.shared.next_stamp(),
        ring: order.ring(),
        neighbours: neighbours(order, cx),
    };
    let frame = cx.frame(Kind::Beacon, &beacon);
    cx.transmit(Destination::All, frame);
}

/// What there is to tell of processes outside the ring: the plain fact that they are heard, whatever is held
/// against them, because only that fact can end an accusation; and apart from it what is held against them.
fn neighbours(order: &Order, cx: &Context<'_>) -> Vec<Neighbour> {
    let shared = &*cx.shared;
    let is_member = |process| order.contains(process);
    let heard: Vec<_> = shared
        .peers
        .audible(cx.now, shared.config.timeouts.hearing)
        .collect();
    let accused: Vec<_> = shared.quarantine.claims(cx.now).collect();
    let mut all = [heard.as_slice(), accused.as_slice()].concat();
    all.sort_unstable();
    all.dedup();
    all.retain(|process| !is_member(*process));
    all.truncate(2 * limits::MEMBERS);
    let tell = |process| {
        let heard = heard.binary_search(&process).is_ok();
        let accused = accused.binary_search(&process).is_ok();
        Neighbour {
            process,
            heard,
            accused,
            shunned: accused || shared.quarantine.holds(process, true, cx.now, is_member),
        }
    };
    all.into_iter().map(tell).collect()
}
