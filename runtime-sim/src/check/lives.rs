//! What every checker needs to know of a process: whether it lives, and in which configuration it is.
//!
//! Not a checker itself. The rules about configurations are in [`super::configurations`]; this only follows
//! what the trace says.

use std::collections::{BTreeMap, BTreeSet};

use crate::trace::{ConfKind, Event, Kind, Process, Text};

/// A configuration as first announced.
#[derive(Clone, Debug)]
pub(super) struct Conf {
    /// Its kind.
    pub(super) kind: ConfKind,
    /// Its members.
    pub(super) members: BTreeSet<Process>,
    /// For a transitional one, the regular one that it follows.
    pub(super) reg: Option<Text>,
}

/// One process.
#[derive(Clone, Debug, Default)]
pub(super) struct Life {
    /// Whether it has crashed or stopped.
    pub(super) ended: bool,
    /// Whether it is paused.
    pub(super) paused: bool,
    /// The last configuration delivered.
    pub(super) conf: Option<Text>,
    /// The last regular configuration delivered.
    pub(super) regular: Option<Text>,
}

/// All processes and configurations so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Lives {
    processes: BTreeMap<Process, Life>,
    confs: BTreeMap<Text, Conf>,
}

impl Lives {
    /// Follows one event.
    pub(super) fn follow(&mut self, event: &Event) {
        let Some(process) = &event.p else { return };
        // Nearly all lines say nothing about this, and every checker follows every line.
        if !matches!(
            &event.kind,
            Kind::Start
                | Kind::Crash { .. }
                | Kind::Stop
                | Kind::Pause
                | Kind::Resume
                | Kind::Conf { .. }
        ) {
            return;
        }
        let life = self.processes.entry(process.clone()).or_default();
        match &event.kind {
            Kind::Crash { .. } | Kind::Stop => life.ended = true,
            Kind::Pause => life.paused = true,
            Kind::Resume => life.paused = false,
            Kind::Conf {
                conf,
                kind,
                members,
                reg,
            } => {
                life.conf = Some(conf.clone());
                if *kind == ConfKind::Regular {
                    life.regular = Some(conf.clone());
                }
                self.confs.entry(conf.clone()).or_insert_with(|| Conf {
                    kind: *kind,
                    members: members.iter().cloned().collect(),
                    reg: reg.clone(),
                });
            }
            _ => {}
        }
    }

    /// The process, if it was heard of.
    pub(super) fn get(&self, process: &Process) -> Option<&Life> {
        self.processes.get(process)
    }

    /// All processes.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Process, &Life)> {
        self.processes.iter()
    }

    /// The processes that have neither crashed nor stopped.
    pub(super) fn living(&self) -> impl Iterator<Item = (&Process, &Life)> {
        self.all().filter(|(_, life)| !life.ended)
    }

    /// A configuration.
    pub(super) fn conf(&self, id: &Text) -> Option<&Conf> {
        self.confs.get(id)
    }

    /// The last configuration of `process`, and what it is.
    pub(super) fn conf_of(&self, process: &Process) -> Option<(&Text, &Conf)> {
        let id = self.get(process)?.conf.as_ref()?;
        Some((id, self.conf(id)?))
    }
}
