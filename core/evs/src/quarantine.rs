//! Who is kept from starting a new ring with us, because the last attempt showed that it cannot be in one.
//!
//! A one-way link, or a process that two others see and a third does not, would otherwise break the ring again
//! and again: each merge fails, and each failure is followed by the next beacon. So a process that was alive
//! and yet held for failed is kept out. Who found so himself lets it in again when the link is seen to work in
//! both directions, each time after a longer wait. He repeats his finding in his beacons, and the other
//! members go by it for as long as he does. What a quarantine does not do: it does not change how a membership
//! is agreed on, only what starts one.

use alloc::collections::BTreeMap;
use core::time::Duration;

use ringfort_machine::{Instant, ProcessId};

use crate::Timeouts;

/// The most processes kept in mind.
const LIMIT: usize = 256;
/// How long a first finding matters when nothing is heard of the process any more. Doubles each time.
const MATTERS: Duration = Duration::from_secs(60);
/// How many times such times double.
const DOUBLINGS: u32 = 10;

/// Why a process is kept out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grounds {
    /// We found that the link does not work.
    Link,
    /// It held us for failed. It shows by its beacons when it does not any more.
    Grudge,
    /// We found that it does not receive what is sent. Only time helps.
    Deaf,
    /// That member found it, and says so.
    Hearsay(ProcessId),
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    grounds: Grounds,
    started: Instant,
    /// Before this the link is not trusted again; hearsay holds until then unless it is repeated.
    until: Instant,
    strikes: u32,
    active: bool,
}

impl Entry {
    /// Whether it holds. `linked`: the link is just seen to work in both directions.
    fn holds(&self, linked: bool, now: Instant, is_member: impl Fn(ProcessId) -> bool) -> bool {
        self.active
            && match self.grounds {
                Grounds::Link | Grounds::Grudge => !linked || now < self.until,
                Grounds::Deaf => now < self.until,
                Grounds::Hearsay(accuser) => is_member(accuser) && now < self.until,
            }
    }

    const fn is_own(&self) -> bool {
        match self.grounds {
            Grounds::Link | Grounds::Grudge | Grounds::Deaf => true,
            Grounds::Hearsay(_) => false,
        }
    }
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
        let longest = timeouts.quarantine_max;
        // Long after the last one it starts from the beginning.
        let recent = |entry: &&Entry| now.since(entry.started) <= longest * 4 || entry.active;
        let before = self.0.get(&process).filter(recent);
        let strikes = before.map_or(0, |entry| entry.strikes);
        let doubled = timeouts.quarantine_min * (1 << strikes.min(DOUBLINGS));
        let length = match grounds {
            Grounds::Link | Grounds::Deaf => doubled.min(longest),
            Grounds::Grudge => Duration::ZERO,
            Grounds::Hearsay(_) => timeouts.hearing * 2,
        };
        let entry = Entry {
            grounds,
            started: now,
            until: now + length,
            strikes: strikes + 1,
            active: true,
        };
        self.0.insert(process, entry);
        self.bound();
        length
    }

    fn bound(&mut self) {
        if self.0.len() > LIMIT {
            let oldest = self.0.iter().min_by_key(|(_, entry)| entry.started);
            if let Some(process) = oldest.map(|(process, _)| *process) {
                self.0.remove(&process);
            }
        }
    }

    /// The member `accuser` tells whom it keeps out on its own findings: those are kept out here too, and
    /// those it does not name any more are not.
    pub(crate) fn on_claims(
        &mut self,
        accuser: ProcessId,
        claims: &[ProcessId],
        now: Instant,
        timeouts: &Timeouts,
    ) {
        for (process, entry) in &mut self.0 {
            if entry.grounds == Grounds::Hearsay(accuser) {
                entry.active = claims.binary_search(process).is_ok();
            }
        }
        for process in claims {
            let known = self.0.get_mut(process).filter(|entry| entry.active);
            match known {
                Some(entry) if entry.is_own() => {}
                Some(entry) => {
                    entry.grounds = Grounds::Hearsay(accuser);
                    entry.until = now + timeouts.hearing * 2;
                }
                None => {
                    self.start(*process, Grounds::Hearsay(accuser), now, timeouts);
                }
            }
        }
    }

    /// Whom this process keeps out on its own findings, ascending.
    pub(crate) fn claims(&self, now: Instant) -> impl Iterator<Item = ProcessId> + '_ {
        let own = self.0.iter().filter(|(_, entry)| entry.is_own());
        let holding = own.filter(move |(_, entry)| entry.holds(false, now, |_| false));
        holding.map(|(process, _)| *process)
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
        let entry = self.0.get(&process);
        entry.is_some_and(|entry| entry.holds(linked, now, is_member))
    }

    /// The link to `process` is seen to work in both directions. True if that ends its quarantine.
    pub(crate) fn on_link(&mut self, process: ProcessId, now: Instant) -> bool {
        let ends = |entry: &&mut Entry| {
            let link = matches!(entry.grounds, Grounds::Link | Grounds::Grudge);
            entry.active && link && now >= entry.until
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
            let matters = MATTERS * (1 << entry.strikes.min(DOUBLINGS));
            entry.active && (now.since(entry.started) <= matters || is_audible(*process))
        })
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
