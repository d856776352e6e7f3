//! When the machine wants to be woken: one instant for each reason, the earliest first.
//!
//! What this deliberately is not: a source of decisions. A timer that fires looks at the state anew, so one
//! that is stale does nothing.

use alloc::collections::{BTreeMap, BTreeSet};
use core::net::IpAddr;

use ringfort_machine::{Deadline, Digest, Instant};

/// Every reason to wake up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The platform has not answered at the start.
    Start,
    /// The platform has not let go at the end.
    Leave,
    /// The first members have waited long enough for others.
    Mature,
    /// A balance step may be due.
    Balance,
    /// The own table is announced without need.
    Broadcast,
    /// The interfaces are compared with the agreed state.
    Survey,
    /// Ended tenures are reported.
    Report,
    /// Tables have been missing for long.
    Stall,
    /// A refused release is tried again.
    Release(IpAddr),
    /// Neighbours are told again.
    Announce(IpAddr),
    /// An address that the platform refused may be taken again.
    Trust(IpAddr),
    /// A command has found no agreement.
    Command(u64),
}

impl Timer {
    const fn why(self) -> &'static str {
        match self {
            Self::Start => "vip start limit",
            Self::Leave => "vip leave limit",
            Self::Mature => "vip mature time",
            Self::Balance => "vip balance interval",
            Self::Broadcast => "vip broadcast interval",
            Self::Survey => "vip interface check",
            Self::Report => "vip report of ended tenures",
            Self::Stall => "vip tables missing",
            Self::Release(_) => "vip release again",
            Self::Announce(_) => "vip announce again",
            Self::Trust(_) => "vip trust again",
            Self::Command(_) => "vip command unanswered",
        }
    }
}

/// All timers that run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timers {
    at: BTreeMap<Timer, Instant>,
    order: BTreeSet<(Instant, Timer)>,
}

impl Timers {
    /// Sets `timer` to `at`, replacing an earlier setting.
    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        self.clear(timer);
        self.at.insert(timer, at);
        self.order.insert((at, timer));
    }

    pub(crate) fn clear(&mut self, timer: Timer) {
        if let Some(at) = self.at.remove(&timer) {
            self.order.remove(&(at, timer));
        }
    }

    pub(crate) fn clear_all(&mut self) {
        self.at.clear();
        self.order.clear();
    }

    pub(crate) fn runs(&self, timer: Timer) -> bool {
        self.at.contains_key(&timer)
    }

    /// Takes the earliest timer that is due.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Timer> {
        let (at, timer) = self.order.first().copied()?;
        if at > now {
            return None;
        }
        self.clear(timer);
        Some(timer)
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        let (at, timer) = self.order.first()?;
        Some(Deadline::new(*at, timer.why()))
    }

    pub(crate) fn digest(&self, into: &mut Digest) {
        into.number(self.order.len() as u64);
        for (at, timer) in &self.order {
            into.number(at.as_nanos()).text(timer.why());
        }
    }
}
