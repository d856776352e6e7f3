//! Safe delivery (services-anchors 7.1, 7.2): if a process delivers a safe message in a configuration, every
//! member of that configuration delivers it there or in the transitional one after it, unless it ends first;
//! and if the configuration is regular, every member has installed it, unless it ends first.
//!
//! That something never happens is known only when a member moves on or the run ends.

use std::collections::{BTreeMap, BTreeSet};

use ringfort_machine::Instant;

use super::lives::Lives;
use crate::{
    checker::{Checker, Violation},
    trace::{ConfKind, Event, Kind, Level, MessageName, Process, Text},
};

const NAME: &str = "safe";

/// See the module.
#[derive(Default)]
pub(super) struct Safe {
    lives: Lives,
    /// For each regular configuration, who has entered it and what each delivered safe in it and after it.
    entered: BTreeMap<Text, BTreeMap<Process, BTreeSet<MessageName>>>,
    /// Who has left a regular configuration for the next one.
    left: BTreeSet<(Text, Process)>,
    /// Each safe message with the configurations in which it was delivered by somebody.
    promised: BTreeMap<(Text, Text), BTreeSet<MessageName>>,
}

impl Safe {
    /// Whether `process` owes `m`, promised in `conf` after `regular`.
    fn owes(&self, regular: &Text, process: &Process, m: &MessageName) -> bool {
        let ended = self.lives.get(process).is_some_and(|life| life.ended);
        match self.entered.get(regular).and_then(|all| all.get(process)) {
            Some(delivered) if delivered.contains(m) => false,
            // It ended while still there, or moved on without the message.
            Some(_) => !ended || self.left.contains(&(regular.clone(), process.clone())),
            None => !ended,
        }
    }
}

impl Checker for Safe {
    fn on(&mut self, event: &Event) -> Result<(), Violation> {
        let before = event
            .p
            .as_ref()
            .and_then(|p| self.lives.get(p)?.regular.clone());
        self.lives.follow(event);
        let Some(process) = &event.p else {
            return Ok(());
        };
        match &event.kind {
            Kind::Conf {
                conf,
                kind: ConfKind::Regular,
                ..
            } => {
                if let Some(before) = before {
                    self.left.insert((before, process.clone()));
                }
                self.entered
                    .entry(conf.clone())
                    .or_default()
                    .entry(process.clone())
                    .or_default();
            }
            Kind::Deliver {
                m,
                level: Level::Safe,
                conf,
                ..
            } => {
                if let Some(regular) = before {
                    let all = self.entered.entry(regular.clone()).or_default();
                    all.entry(process.clone()).or_default().insert(m.clone());
                    self.promised
                        .entry((regular, conf.clone()))
                        .or_default()
                        .insert(m.clone());
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, _: Instant) -> Result<(), Violation> {
        for ((regular, conf), messages) in &self.promised {
            let Some(members) = self.lives.conf(conf).map(|conf| &conf.members) else {
                continue;
            };
            for process in members {
                if let Some(m) = messages.iter().find(|m| self.owes(regular, process, m)) {
                    return Err(Violation::new(
                        NAME,
                        format!(
                            "{m} was delivered safe in {conf}, but {process} moved on or stayed without it"
                        ),
                    ));
                }
            }
        }
        Ok(())
    }
}
