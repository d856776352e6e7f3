//! Addresses: never taken from another member of the same configuration, never held by two members for longer
//! than 2 s of unchanged configuration after a merge, and at the end of the run each held once, by a living
//! process, and answering.

use std::collections::BTreeMap;

use ringfort_machine::Instant;

use super::{lives::Lives, progress::BOUND_NS};
use crate::{
    checker::{Checker, Violation},
    trace::{CrashKind, Event, Kind, Process, Text},
};

const NAME: &str = "addresses";
const OVERLAP_NS: u64 = 2_000_000_000;

/// See the module.
#[derive(Default)]
pub(super) struct Addresses {
    lives: Lives,
    configured: Vec<Text>,
    exercised: bool,
    core: Option<Vec<Text>>,
    quiet_since: Option<u64>,
    /// Who has an address: by address and node, the process that took it or now answers for it.
    held: BTreeMap<Text, BTreeMap<Text, Process>>,
    /// When the configuration of a process last changed.
    changed: BTreeMap<Process, u64>,
    /// From when on an address that two have is one too long.
    due: u64,
    /// The last probe after the bound.
    probes: BTreeMap<Text, (bool, Option<Process>)>,
}

impl Addresses {
    fn on_up(&mut self, process: &Process, vip: &Text) -> Result<(), Violation> {
        let holders = self.held.entry(vip.clone()).or_default();
        let conf = |process: &Process| self.lives.get(process).and_then(|life| life.conf.as_ref());
        let here = conf(process);
        if let Some(other) = holders
            .values()
            .find(|other| other.node() != process.node() && here.is_some() && conf(other) == here)
        {
            return Err(Violation::new(
                NAME,
                format!("{process} took {vip}, which {other} of the same configuration has"),
            ));
        }
        if let Some(already) = holders.insert(process.node().clone(), process.clone())
            && already == *process
        {
            return Err(Violation::new(NAME, format!("{process} took {vip} twice")));
        }
        Ok(())
    }

    fn on_down(&mut self, process: &Process, vip: &Text) -> Result<(), Violation> {
        let holders = self.held.entry(vip.clone()).or_default();
        match holders.remove(process.node()) {
            Some(_) => Ok(()),
            None => Err(Violation::new(
                NAME,
                format!("{process} lost {vip}, which it had not"),
            )),
        }
    }

    /// Judges every address that two have. Returns from when on one of them lasts too long.
    fn check_overlaps(&self, now: u64) -> Result<u64, Violation> {
        let mut due = u64::MAX;
        for (vip, holders) in self.held.iter().filter(|(_, holders)| holders.len() > 1) {
            let all: Vec<&Process> = holders.values().filter(|p| self.acting(p)).collect();
            for (index, one) in all.iter().enumerate() {
                for other in &all[index + 1..] {
                    due = due.min(self.check_overlap(now, vip, one, other)?);
                }
            }
        }
        Ok(due)
    }

    fn check_overlap(
        &self,
        now: u64,
        vip: &Text,
        one: &Process,
        other: &Process,
    ) -> Result<u64, Violation> {
        let conf = |p: &Process| self.lives.get(p).and_then(|life| life.conf.clone());
        if conf(one).is_none() || conf(one) != conf(other) {
            return Ok(u64::MAX);
        }
        let since = [one, other]
            .iter()
            .filter_map(|p| self.changed.get(p))
            .max()
            .copied()
            .unwrap_or(0);
        if now.saturating_sub(since) > OVERLAP_NS {
            return Err(Violation::new(
                NAME,
                format!("{one} and {other} both have {vip} for more than 2 s of one configuration"),
            ));
        }
        Ok(since + OVERLAP_NS)
    }

    /// Whether the bound has passed at `t` since the last disturbance.
    fn settled(&self, t: u64) -> bool {
        self.quiet_since.is_some_and(|since| t >= since + BOUND_NS)
    }

    fn acting(&self, process: &Process) -> bool {
        self.lives
            .get(process)
            .is_some_and(|life| !life.ended && !life.paused)
    }

    fn in_core(&self, process: &Process) -> bool {
        self.core
            .as_ref()
            .is_none_or(|core| core.contains(process.node()))
    }
}

/// Whether an overlap can begin or change with this.
const fn concerns_holders(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::VipUp { .. }
            | Kind::VipDown { .. }
            | Kind::Conf { .. }
            | Kind::Start
            | Kind::Crash { .. }
            | Kind::Stop
            | Kind::Pause
            | Kind::Resume
    )
}

impl Checker for Addresses {
    fn on(&mut self, event: &Event) -> Result<(), Violation> {
        self.lives.follow(event);
        match (&event.kind, &event.p) {
            (Kind::Run(run), _) => {
                self.configured = run.options.vips.clone();
                self.exercised = run.options.services.iter().any(|family| *family == "vips");
            }
            (Kind::Calm { core }, _) => {
                self.quiet_since = Some(event.t);
                self.core.clone_from(core);
                self.probes.clear();
            }
            (Kind::VipUp { vip, .. }, Some(process)) => self.on_up(process, vip)?,
            (Kind::VipDown { vip, .. }, Some(process)) => self.on_down(process, vip)?,
            (Kind::VipProbe { vip, ok, by }, _) if self.settled(event.t) => {
                self.probes.insert(vip.clone(), (*ok, by.clone()));
            }
            (
                Kind::Crash {
                    how: CrashKind::Power,
                },
                Some(process),
            ) => {
                for holders in self.held.values_mut() {
                    holders.remove(process.node());
                }
            }
            (Kind::Conf { .. }, Some(process)) => {
                self.changed.insert(process.clone(), event.t);
            }
            _ => {}
        }
        if matches!(
            event.kind,
            Kind::Start | Kind::Stop | Kind::Resume | Kind::Heal { .. }
        ) && self.quiet_since.is_some()
        {
            self.quiet_since = Some(event.t);
            self.probes.clear();
        }
        if event.t > self.due || concerns_holders(&event.kind) {
            self.due = self.check_overlaps(event.t)?;
        }
        Ok(())
    }

    fn finish(&mut self, end: Instant) -> Result<(), Violation> {
        self.check_overlaps(end.as_nanos())?;
        let settled = self
            .quiet_since
            .is_some_and(|since| end.as_nanos() > since + BOUND_NS);
        let anybody = self
            .held
            .values()
            .flat_map(BTreeMap::values)
            .any(|p| self.acting(p));
        if !self.exercised || !settled || !anybody {
            return Ok(());
        }
        for vip in &self.configured {
            let holders: Vec<&Process> = self
                .held
                .get(vip)
                .into_iter()
                .flat_map(BTreeMap::values)
                .filter(|p| self.acting(p) && self.in_core(p))
                .collect();
            let [holder] = holders[..] else {
                return Err(Violation::new(
                    NAME,
                    format!("{vip} ended the run at {holders:?}, not at one process"),
                ));
            };
            match self.probes.get(vip) {
                Some((true, by)) if by.as_ref().is_none_or(|by| by == holder) => {}
                probe => {
                    return Err(Violation::new(
                        NAME,
                        format!("{vip} is at {holder}, but the last probe was {probe:?}"),
                    ));
                }
            }
        }
        Ok(())
    }
}
