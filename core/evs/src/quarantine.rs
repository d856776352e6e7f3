//! Who is kept from starting a new ring with us, because the last attempt showed that it cannot be in one.
//!
//! A one-way link, or a process that two others see and a third does not, would otherwise break the ring again
//! and again: each merge fails, and each failure is followed by the next beacon. So a process that was alive
//! and yet held for failed is kept out. Who accused it himself lets it in again when the link works in both
//! directions; who took over an accusation does so when the accuser wants the process back or is gone, and at
//! long intervals by itself. Each time takes longer than the one before. What a quarantine does not do: it does not change how a membership
//! is agreed on, only what starts one.

use alloc::collections::BTreeMap;
use core::time::Duration;

use ringfort_machine::{Instant, ProcessId};

use crate::Timeouts;

/// The most processes kept in mind.
const LIMIT: usize = 256;

/// How long an entry matters when nothing is heard of the process.
const MATTERS: Duration = Duration::from_secs(60);

/// Why a process is kept out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grounds {
    /// We found that the link does not work.
    Link,
    /// It held us for failed. It shows by its beacons when it does not any more.
    Grudge,
    /// We found that it does not receive what is sent. Only time helps.
    Deaf,
    /// That member found it.
    Hearsay(ProcessId),
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    grounds: Grounds,
    started: Instant,
    until: Instant,
    strikes: u32,
    active: bool,
}

/// Who is kept out.
#[derive(Debug, Default)]
pub(crate) struct Quarantine(BTreeMap<ProcessId, Entry>);

impl Quarantine {
    /// Keeps `process` out from `now` on; returns for how long at least.
    pub(crate) fn start(
        &mut self,
        process: ProcessId,
        grounds: Grounds,
        now: Instant,
        timeouts: &Timeouts,
    ) -> Duration {
        let (shortest, longest) = match grounds {
            Grounds::Link | Grounds::Deaf => (timeouts.quarantine_min, timeouts.quarantine_max),
            Grounds::Grudge => (Duration::ZERO, timeouts.quarantine_max),
            Grounds::Hearsay(_) => (timeouts.hearsay_min, timeouts.hearsay_max),
        };
        // Long after the last one it starts from the beginning.
        let recent = |entry: &&Entry| now.since(entry.started) <= longest * 4;
        let strikes = self
            .0
            .get(&process)
            .filter(recent)
            .map_or(0, |entry| entry.strikes);
        let length = shortest
            .saturating_mul(1_u32 << strikes.min(16))
            .min(longest);
        let entry = Entry {
            grounds,
            started: now,
            until: now + length,
            strikes: strikes + 1,
            active: true,
        };
        self.0.insert(process, entry);
        if self.0.len() > LIMIT {
            let oldest = self.0.iter().min_by_key(|(_, entry)| entry.started);
            if let Some(process) = oldest.map(|(process, _)| *process) {
                self.0.remove(&process);
            }
        }
        length
    }

    /// Whether `process` is kept out. `linked`: the link to it is just seen to work in both directions;
    /// `is_member` tells who is in the present ring.
    pub(crate) fn holds(
        &self,
        process: ProcessId,
        linked: bool,
        now: Instant,
        is_member: impl Fn(ProcessId) -> bool,
    ) -> bool {
        self.0.get(&process).is_some_and(|entry| {
            entry.active
                && match entry.grounds {
                    Grounds::Link | Grounds::Grudge => !linked || now < entry.until,
                    Grounds::Deaf => now < entry.until,
                    Grounds::Hearsay(accuser) => is_member(accuser) && now < entry.until,
                }
        })
    }

    /// Whether beacons should not tell `process` that we hear it: it would not be let in even so. Without
    /// this the two sides would ask each other in turn, and break their rings each time.
    pub(crate) fn conceals(
        &self,
        process: ProcessId,
        now: Instant,
        is_member: impl Fn(ProcessId) -> bool,
    ) -> bool {
        self.holds(process, true, now, is_member)
    }

    /// The link to `process` is seen to work in both directions. True if that ends its quarantine.
    pub(crate) fn on_link(&mut self, process: ProcessId, now: Instant) -> bool {
        let ends = |entry: &&mut Entry| {
            let own = matches!(entry.grounds, Grounds::Link | Grounds::Grudge);
            entry.active && own && now >= entry.until
        };
        let entry = self.0.get_mut(&process).filter(ends);
        entry.map(|entry| entry.active = false).is_some()
    }

    /// `accuser` wants `process` back. True if that ends its quarantine.
    pub(crate) fn on_pardon(&mut self, process: ProcessId, accuser: ProcessId) -> bool {
        let ends = |entry: &&mut Entry| entry.active && entry.grounds == Grounds::Hearsay(accuser);
        let entry = self.0.get_mut(&process).filter(ends);
        entry.map(|entry| entry.active = false).is_some()
    }

    /// Whether this process must show itself, so that those it keeps out, and those that keep it out, can see
    /// that the link works again. Who is not even heard any more ceases to matter after a while.
    pub(crate) fn wants_to_be_seen(
        &self,
        now: Instant,
        is_audible: impl Fn(ProcessId) -> bool,
    ) -> bool {
        self.0.iter().any(|(process, entry)| {
            entry.active && (now.since(entry.started) <= MATTERS || is_audible(*process))
        })
    }

    /// Nobody is kept out on what others found any more.
    pub(crate) fn forget_hearsay(&mut self) {
        for entry in self.0.values_mut() {
            entry.active &= !matches!(entry.grounds, Grounds::Hearsay(_));
        }
    }

    /// Everybody with a record, ascending, and whether it is active.
    pub(crate) fn records(&self) -> impl Iterator<Item = (ProcessId, bool)> + '_ {
        self.0
            .iter()
            .map(|(process, entry)| (*process, entry.active))
    }

    /// `process` is in a new life or in the ring: what was held against it is void.
    pub(crate) fn release(&mut self, process: ProcessId) {
        if let Some(entry) = self.0.get_mut(&process) {
            entry.active = false;
        }
    }
}
