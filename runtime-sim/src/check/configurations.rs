//! The rules of configurations (Moser et al. 1994, basic delivery and configuration changes; services-anchors
//! 2.2, 2.3): the first is regular and holds the process itself; a transitional one follows the regular one
//! before it, holds members of both its neighbours, and is the same at all its members; nothing happens at a
//! process that is paused or has ended.

use std::collections::BTreeSet;

use ringfort_machine::Instant;

use super::lives::{Conf, Lives};
use crate::{
    checker::{Checker, Violation},
    trace::{ConfKind, Event, Kind, Process, Text},
};

const NAME: &str = "configurations";

/// See the module.
#[derive(Default)]
pub(super) struct Configurations {
    lives: Lives,
    seen: BTreeSet<(Process, Text)>,
}

impl Configurations {
    fn check_alive(&self, event: &Event, process: &Process) -> Result<(), Violation> {
        let exempt = matches!(event.kind, Kind::VipUp { .. } | Kind::VipDown { .. });
        let Some(life) = self.lives.get(process) else {
            if matches!(event.kind, Kind::Start) || exempt {
                return Ok(());
            }
            return Err(Violation::new(
                NAME,
                format!("{process} has a line before its start"),
            ));
        };
        let resumed = matches!(event.kind, Kind::Resume | Kind::Crash { .. });
        if matches!(event.kind, Kind::Start) {
            return Err(Violation::new(NAME, format!("{process} starts twice")));
        }
        if !exempt && (life.ended || life.paused && !resumed) {
            let state = if life.ended { "ended" } else { "paused" };
            return Err(Violation::new(
                NAME,
                format!("{process} has {state}, yet {:?}", event.kind),
            ));
        }
        Ok(())
    }

    fn check_conf(&mut self, process: &Process, id: &Text, new: &Conf) -> Result<(), Violation> {
        let broken = |what: String| {
            Err(Violation::new(
                NAME,
                format!("{process}, configuration {id}: {what}"),
            ))
        };
        if !new.members.contains(process) {
            return broken("it is not a member itself".into());
        }
        if !self.seen.insert((process.clone(), id.clone())) {
            return broken("delivered twice".into());
        }
        if let Some(known) = self.lives.conf(id)
            && (known.kind != new.kind || known.members != new.members || known.reg != new.reg)
        {
            return broken(format!(
                "differs from what another member was told: {known:?}, {new:?}"
            ));
        }
        let before = self.lives.conf_of(process);
        match (before, new.kind) {
            (None, ConfKind::Regular) => Ok(()),
            (None, ConfKind::Transitional) => broken("the first one must be regular".into()),
            (Some((last, old)), ConfKind::Transitional) => {
                if old.kind != ConfKind::Regular || new.reg.as_ref() != Some(last) {
                    return broken(format!(
                        "follows {:?}, but the last one here is {last}",
                        new.reg
                    ));
                }
                if !new.members.is_subset(&old.members) {
                    return broken(format!("has members that {last} has not"));
                }
                Ok(())
            }
            (Some((last, old)), ConfKind::Regular) => {
                if old.kind == ConfKind::Regular {
                    return broken(format!(
                        "no transitional configuration between it and {last}"
                    ));
                }
                if !old.members.is_subset(&new.members) {
                    return broken(format!("lacks members of the transitional {last}"));
                }
                Ok(())
            }
        }
    }
}

impl Checker for Configurations {
    fn on(&mut self, event: &Event) -> Result<(), Violation> {
        if let Some(process) = &event.p {
            self.check_alive(event, process)?;
            if let Kind::Conf {
                conf,
                kind,
                members,
                reg,
            } = &event.kind
            {
                let new = Conf {
                    kind: *kind,
                    members: members.iter().cloned().collect(),
                    reg: reg.clone(),
                };
                self.check_conf(process, conf, &new)?;
            }
        }
        self.lives.follow(event);
        Ok(())
    }

    fn finish(&mut self, _: Instant) -> Result<(), Violation> {
        Ok(())
    }
}
