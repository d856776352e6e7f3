//! Progress (services-anchors L1, L2): when the bound has passed after the last disturbance, all living processes
//! that can reach each other are in one regular configuration that holds exactly them, and the number of
//! configurations on the way was bounded.

use std::collections::{BTreeMap, BTreeSet};

use ringfort_machine::Instant;

use super::lives::Lives;
use crate::{
    checker::{Checker, Violation},
    trace::{ConfKind, Event, Kind, Process, Text},
};

const NAME: &str = "progress";
/// The bound of the trace format: 30 s.
pub(super) const BOUND_NS: u64 = 30_000_000_000;
/// Regular configurations that one process may enter after the last disturbance. Merges are pairwise, so
/// settling takes a few for each process; what never settles makes hundreds.
const CONFIGURATIONS_AFTER_CALM: usize = 100;

/// See the module.
#[derive(Default)]
pub(super) struct Progress {
    lives: Lives,
    core: Option<BTreeSet<Text>>,
    calm: Option<u64>,
    since: BTreeMap<Process, usize>,
}

impl Progress {
    fn reachable(&self, process: &Process) -> bool {
        self.core
            .as_ref()
            .is_none_or(|core| core.contains(process.node()))
    }
}

impl Checker for Progress {
    fn on(&mut self, event: &Event) -> Result<(), Violation> {
        self.lives.follow(event);
        match (&event.kind, &event.p) {
            (Kind::Calm { core }, _) => {
                self.calm = Some(event.t);
                self.core = core.as_ref().map(|core| core.iter().cloned().collect());
                self.since.clear();
            }
            (Kind::Start | Kind::Stop | Kind::Resume | Kind::Heal { .. }, _)
                if self.calm.is_some() =>
            {
                self.calm = Some(event.t);
                self.since.clear();
            }
            (
                Kind::Conf {
                    kind: ConfKind::Regular,
                    ..
                },
                Some(process),
            ) if self.calm.is_some() => {
                let count = self.since.entry(process.clone()).or_default();
                *count += 1;
                if *count > CONFIGURATIONS_AFTER_CALM {
                    return Err(Violation::new(
                        NAME,
                        format!("{process} keeps changing its configuration"),
                    ));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, end: Instant) -> Result<(), Violation> {
        let Some(calm) = self.calm else { return Ok(()) };
        if end.as_nanos() < calm.saturating_add(BOUND_NS) {
            return Ok(());
        }
        let living: Vec<_> = self
            .lives
            .living()
            .filter(|(process, _)| self.reachable(process))
            .collect();
        let expected: BTreeSet<Process> = living
            .iter()
            .map(|(process, _)| (*process).clone())
            .collect();
        let mut first: Option<&Text> = None;
        for (process, _) in &living {
            let here = self.lives.conf_of(process);
            let Some((id, conf)) = here.filter(|(_, conf)| conf.kind == ConfKind::Regular) else {
                return Err(Violation::new(
                    NAME,
                    format!("{process} ended the run in {here:?}"),
                ));
            };
            if conf.members != expected || *first.get_or_insert(id) != id {
                return Err(Violation::new(
                    NAME,
                    format!(
                        "{process} ended the run in {id} with {:?}, living are {expected:?}",
                        conf.members
                    ),
                ));
            }
        }
        Ok(())
    }
}
