//! Basic delivery (services-anchors 1.3, 1.4, 2.2, 3): what is delivered was sent before, in the regular
//! configuration that the receiver is in or has just left, unchanged and once; what is sent is sent in a regular
//! configuration and is delivered at least at its sender, unless that ends first; an accepted submission of a
//! process that lives to the end is sent.

use std::collections::{BTreeMap, BTreeSet};

use ringfort_machine::Instant;

use super::lives::Lives;
use crate::{
    checker::{Checker, Violation},
    trace::{ConfKind, Event, Kind, Level, MessageName, Process, Sum, Text},
};

const NAME: &str = "delivery";

struct Sent {
    level: Level,
    conf: Text,
    sum: Sum,
}

impl Sent {
    fn new(level: Level, conf: &Text, sum: Sum) -> Self {
        Self {
            level,
            conf: conf.clone(),
            sum,
        }
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Delivery {
    lives: Lives,
    sent: BTreeMap<MessageName, Sent>,
    delivered: BTreeMap<Process, BTreeSet<MessageName>>,
    open: BTreeSet<MessageName>,
    own_undelivered: BTreeMap<Process, BTreeSet<MessageName>>,
}

impl Delivery {
    fn on_send(&mut self, process: &Process, m: &MessageName, sent: Sent) -> Result<(), Violation> {
        let broken = |what: &str| Err(Violation::new(NAME, format!("{m}: {what}")));
        if m.process != *process {
            return broken("sent by another process than its own");
        }
        match self.lives.conf_of(process) {
            Some((id, conf)) if conf.kind == ConfKind::Regular && *id == sent.conf => {}
            here => {
                return broken(&format!(
                    "sent in {}, but {process} is in {here:?}",
                    sent.conf
                ));
            }
        }
        self.open.remove(m);
        self.own_undelivered
            .entry(process.clone())
            .or_default()
            .insert(m.clone());
        if self.sent.insert(m.clone(), sent).is_some() {
            return broken("sent twice");
        }
        Ok(())
    }

    fn on_deliver(
        &mut self,
        process: &Process,
        m: &MessageName,
        seen: &Sent,
    ) -> Result<(), Violation> {
        let broken = |what: String| Err(Violation::new(NAME, format!("{m} at {process}: {what}")));
        let Some(sent) = self.sent.get(m) else {
            return broken("delivered, but never sent".into());
        };
        if (sent.level, sent.sum) != (seen.level, seen.sum) {
            return broken("its level or its payload changed on the way".into());
        }
        let life = self.lives.get(process);
        let here = life.and_then(|life| life.conf.as_ref());
        if here != Some(&seen.conf) {
            return broken(format!(
                "said to be in {}, but the last one here is {here:?}",
                seen.conf
            ));
        }
        if life.and_then(|life| life.regular.as_ref()) != Some(&sent.conf) {
            return broken(format!("sent in {}, delivered in {}", sent.conf, seen.conf));
        }
        if m.process == *process
            && let Some(waiting) = self.own_undelivered.get_mut(process)
        {
            waiting.remove(m);
        }
        if !self
            .delivered
            .entry(process.clone())
            .or_default()
            .insert(m.clone())
        {
            return broken("delivered twice".into());
        }
        Ok(())
    }

    /// A process enters a regular configuration: what it sent in the one before must have come back to it.
    fn on_regular(&self, process: &Process) -> Result<(), Violation> {
        match self.own_undelivered.get(process).and_then(BTreeSet::first) {
            Some(m) => Err(Violation::new(
                NAME,
                format!("{m} was sent and never delivered at its sender"),
            )),
            None => Ok(()),
        }
    }
}

impl Checker for Delivery {
    fn on(&mut self, event: &Event) -> Result<(), Violation> {
        if let Some(process) = &event.p {
            match &event.kind {
                Kind::Submit { m } => {
                    self.open.insert(m.clone());
                }
                Kind::Refuse { m } => {
                    self.open.remove(m);
                }
                Kind::Send {
                    m,
                    level,
                    conf,
                    sum,
                } => {
                    let sent = Sent::new(*level, conf, *sum);
                    self.on_send(process, m, sent)?;
                }
                Kind::Deliver {
                    m,
                    level,
                    conf,
                    sum,
                    ..
                } => {
                    let seen = Sent::new(*level, conf, *sum);
                    self.on_deliver(process, m, &seen)?;
                }
                Kind::Conf {
                    kind: ConfKind::Regular,
                    ..
                } => self.on_regular(process)?,
                _ => {}
            }
        }
        self.lives.follow(event);
        Ok(())
    }

    fn finish(&mut self, _: Instant) -> Result<(), Violation> {
        for (process, _) in self.lives.living() {
            self.on_regular(process)?;
        }
        let lost = self
            .open
            .iter()
            .find(|m| self.lives.get(&m.process).is_some_and(|life| !life.ended));
        match lost {
            Some(m) => Err(Violation::new(
                NAME,
                format!("{m} was accepted and never sent"),
            )),
            None => Ok(()),
        }
    }
}
