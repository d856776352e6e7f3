//! A run written down: the parameters that matter and every fault and every step of the workload, as text that a
//! person can read and edit.
//!
//! ```text
//! # ringfort-sim schedule 1
//! seed 20
//! nodes n1 n2 m1
//! expect safe
//! set faults_for = "25s"
//! set weather.loss_millionths = 20000
//! at 1.2s connect c1 n1 odd
//! at 3s cut n1>n2 n2>n1
//! at 3.25s send c1 g1,c2@n2 safe 120
//! at 4s kill n2
//! at 6s start n2
//! ```
//!
//! What is not written is as in a quiet cluster ([`Options::quiet`]). The seed still decides what no line says:
//! latencies, which datagrams are lost, when a loss of power tears a sector, and, after calm, who comes back.
//! Probes of addresses are no steps; they go on by themselves.
//!
//! A schedule of a drawn run gives the same trace as the run. What a step asks for and what makes no sense then (a
//! process is killed that is not there) does nothing, so lines can be taken out at will.

use std::time::Duration;

use ringfort_machine::Instant;

use crate::{
    deed::Deed,
    faults::Fault,
    options::Options,
    world::{Planned, World},
};

mod line;
mod text;

pub use text::{ScheduleError, is_schedule};

/// One thing that is done to the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Something goes wrong, or is mended.
    Fault(Fault),
    /// Somebody works.
    Deed(Deed),
}

/// When it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Time since the start of the run.
    pub at: Duration,
    /// What.
    pub act: Act,
}

/// A whole run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The parameters.
    pub options: Options,
    /// The verdict that it leads to, or led to before what was wrong was mended: `ok`, or the name of a checker.
    pub expect: String,
    /// The deliberate defect that it shows, if it shows one.
    pub defect: Option<String>,
    /// What is done, in order of time.
    pub steps: Vec<Step>,
}

impl Schedule {
    /// The parameters, with every kind of fault that the steps and the weather bring: some of what the checkers
    /// allow depends on it.
    pub fn options(&self) -> Options {
        let mut options = self.options.clone();
        let faults = self.steps.iter().filter_map(|step| match &step.act {
            Act::Fault(fault) => fault.kind(),
            Act::Deed(_) => None,
        });
        let known = options.trace_faults();
        for kind in faults.chain(options.ambient_faults()) {
            if !known.contains(&kind) && !options.may(kind) {
                options.faults.push(kind);
            }
        }
        options
    }
}

impl World {
    /// Makes this the run of a schedule: nothing is drawn but what `steps` do not say. Before [`World::begin`].
    pub fn follow(&mut self, steps: Vec<Step>) {
        self.steps_given = Some(steps);
    }

    /// Keeps every fault and every deed that is drawn from here on.
    pub fn keep_steps(&mut self) {
        self.steps_kept = Some(Vec::new());
    }

    /// What was kept so far.
    pub fn take_steps(&mut self) -> Vec<Step> {
        self.steps_kept.take().unwrap_or_default()
    }

    pub(crate) const fn is_scheduled(&self) -> bool {
        self.steps_given.is_some()
    }

    /// Keeps an act of the present, if acts are kept.
    pub(crate) fn keep(&mut self, act: impl FnOnce() -> Act) {
        if let Some(kept) = &mut self.steps_kept {
            let at = self.now.since(Instant::ORIGIN);
            kept.push(Step { at, act: act() });
        }
    }

    pub(crate) fn plan_steps(&mut self) {
        for Step { at, act } in self.steps_given.take().into_iter().flatten() {
            self.queue.plan(Instant::ORIGIN + at, Planned::Step(act));
        }
        self.steps_given = Some(Vec::new());
    }

    /// Does a step of a schedule. No fault strikes any more after calm.
    pub(crate) fn act(&mut self, act: Act) {
        match act {
            Act::Fault(fault) if self.calm_at.is_none() => self.inject(fault),
            Act::Fault(_) => {}
            Act::Deed(deed) => self.perform(deed),
        }
    }
}

#[cfg(test)]
mod tests;
