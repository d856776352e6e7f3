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

use ringfort_machine::{
    Incarnation, Instant, NodeId, ProcessId,
    defect::{Defect, active},
};

use crate::Timeouts;

/// The most processes kept in mind.
const LIMIT: usize = 256;
/// The most repetitions of what others found kept in mind.
const HEARSAY_LIMIT: usize = 4096;
/// How long a first finding matters when nothing is heard of the process any more. Doubles each time.
const MATTERS: Duration = Duration::from_secs(60);
/// How many times such times double.
const DOUBLINGS: u32 = 10;

/// Why this process keeps another out, on its own findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grounds {
    /// The link does not work.
    Link,
    /// It held us for failed. It shows by its beacons when it does not any more.
    Grudge,
    /// It does not receive what is sent. Only time helps.
    Deaf,
}

/// An own finding.
#[derive(Clone, Copy, Debug)]
struct Finding {
    grounds: Grounds,
    started: Instant,
    /// Before this the link is not trusted again.
    until: Instant,
    strikes: u32,
    active: bool,
}

impl Finding {
    /// Whether it holds. `linked`: the link is just seen to work in both directions.
    fn holds(&self, linked: bool, now: Instant) -> bool {
        self.active
            && match self.grounds {
                Grounds::Link | Grounds::Grudge => !linked || now < self.until,
                Grounds::Deaf => now < self.until,
            }
    }
}

/// Who is kept out.
#[derive(Debug, Default)]
pub(crate) struct Quarantine {
    findings: BTreeMap<ProcessId, Finding>,
    /// Of a process and the member that found it: until when that counts unless it is repeated.
    hearsay: BTreeMap<(ProcessId, ProcessId), Instant>,
}

impl Quarantine {
    /// Keeps `process` out from `now` on; returns for how long at least.
    pub(crate) fn find(
        &mut self,
        process: ProcessId,
        grounds: Grounds,
        now: Instant,
        timeouts: &Timeouts,
    ) -> Duration {
        let longest = timeouts.quarantine_max;
        // Long after the last one it starts from the beginning.
        let recent = |finding: &&Finding| now.since(finding.started) <= longest * 4;
        let before = self.findings.get(&process).filter(recent);
        let strikes = before.map_or(0, |finding| finding.strikes);
        let doubled = timeouts.quarantine_min * (1 << strikes.min(DOUBLINGS));
        let length = match grounds {
            Grounds::Link | Grounds::Deaf => doubled.min(longest),
            Grounds::Grudge => Duration::ZERO,
        };
        let finding = Finding {
            grounds,
            started: now,
            until: now + length,
            strikes: strikes + 1,
            active: true,
        };
        self.findings.insert(process, finding);
        if self.findings.len() > LIMIT {
            let oldest = self
                .findings
                .iter()
                .min_by_key(|(_, finding)| finding.started);
            if let Some(process) = oldest.map(|(process, _)| *process) {
                self.findings.remove(&process);
            }
        }
        length
    }

    /// `accuser` has found that `process` cannot be in one ring with it. True if that is news.
    pub(crate) fn hear(
        &mut self,
        process: ProcessId,
        accuser: ProcessId,
        now: Instant,
        timeouts: &Timeouts,
    ) -> bool {
        if self.hearsay.len() >= HEARSAY_LIMIT {
            self.hearsay.retain(|_, until| *until > now);
        }
        if self.hearsay.len() >= HEARSAY_LIMIT {
            return false;
        }
        let until = now + timeouts.hearing * 2;
        let before = self.hearsay.insert((process, accuser), until);
        before.is_none_or(|until| until <= now)
    }

    /// The member `accuser` tells all it keeps out on its own findings, ascending: those are kept out here
    /// too, and those it does not name any more are not.
    pub(crate) fn on_claims(
        &mut self,
        accuser: ProcessId,
        claims: &[ProcessId],
        now: Instant,
        timeouts: &Timeouts,
    ) {
        self.hearsay
            .retain(|(process, by), _| *by != accuser || claims.binary_search(process).is_ok());
        for process in claims {
            self.hear(*process, accuser, now, timeouts);
        }
    }

    /// Whom this process keeps out on its own findings, ascending.
    pub(crate) fn claims(&self, now: Instant) -> impl Iterator<Item = ProcessId> + '_ {
        let holding = self
            .findings
            .iter()
            .filter(move |(_, finding)| finding.holds(false, now));
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
        let finding = self.findings.get(&process);
        if active(Defect::ForgetQuarantine) {
            return false;
        }
        finding.is_some_and(|finding| finding.holds(linked, now))
            || self
                .accusers(process)
                .any(|(accuser, until)| now < until && is_member(accuser))
    }

    fn accusers(&self, process: ProcessId) -> impl Iterator<Item = (ProcessId, Instant)> + '_ {
        let first = (process, ProcessId::new(NodeId(0), Incarnation(0)));
        let about = self
            .hearsay
            .range(first..)
            .take_while(move |((whom, _), _)| *whom == process);
        about.map(|((_, accuser), until)| (*accuser, *until))
    }

    /// The link to `process` is seen to work in both directions. True if that ends a finding.
    pub(crate) fn on_link(&mut self, process: ProcessId, now: Instant) -> bool {
        let ends = |finding: &&mut Finding| {
            finding.active && finding.grounds != Grounds::Deaf && now >= finding.until
        };
        let finding = self.findings.get_mut(&process).filter(ends);
        finding.map(|finding| finding.active = false).is_some()
    }

    /// `accuser` wants `process` back. True if it was kept out on its word.
    pub(crate) fn on_pardon(&mut self, process: ProcessId, accuser: ProcessId) -> bool {
        self.hearsay.remove(&(process, accuser)).is_some()
    }

    /// Whether this process must show itself, so that those it keeps out, and those that keep it out, can see
    /// that the link works again. Who is not even heard any more ceases to matter after a while.
    pub(crate) fn wants_to_be_seen(
        &self,
        now: Instant,
        is_audible: impl Fn(ProcessId) -> bool,
    ) -> bool {
        let found = self.findings.iter().any(|(process, finding)| {
            let matters = MATTERS * (1 << finding.strikes.min(DOUBLINGS));
            finding.active && (now.since(finding.started) <= matters || is_audible(*process))
        });
        found || self.hearsay.values().any(|until| now < *until)
    }

    /// Everybody with an own finding, ascending, and whether it is active.
    pub(crate) fn findings(&self) -> impl Iterator<Item = (ProcessId, bool)> + '_ {
        let findings = self.findings.iter();
        findings.map(|(process, finding)| (*process, finding.active))
    }

    /// Whom members say to keep out, with who says so and until when that counts, ascending.
    pub(crate) fn hearsay(&self) -> impl Iterator<Item = (ProcessId, ProcessId, Instant)> + '_ {
        let hearsay = self.hearsay.iter();
        hearsay.map(|((process, accuser), until)| (*process, *accuser, *until))
    }

    /// `process` is in a new life or in the ring: what was held against it is void.
    pub(crate) fn release(&mut self, process: ProcessId) {
        if let Some(finding) = self.findings.get_mut(&process) {
            finding.active = false;
        }
        self.hearsay.retain(|(whom, _), _| *whom != process);
    }
}

#[cfg(test)]
mod tests;
