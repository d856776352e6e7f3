//! Logs: ids grow and are never used again; what was promised durable is recovered, and after a mere kill
//! everything is; a subscriber gets every record once, unchanged and in order, again only what it had not
//! acknowledged when one side ended, and is told of what it will never get; in the end everything has arrived.

use std::collections::{BTreeMap, BTreeSet};

use ringfort_machine::Instant;

use super::{lives::Lives, progress::BOUND_NS};
use crate::{
    checker::{Checker, Violation},
    trace::{CrashKind, Durability, Event, Kind, Process, RecordId, Sum, Text},
};

const NAME: &str = "logs";

struct Appended {
    sum: Sum,
    at: u64,
    class: Durability,
    lost: bool,
}

/// One log of one node, over all its lives.
#[derive(Default)]
struct Log {
    records: BTreeMap<RecordId, Appended>,
    durable: Option<RecordId>,
    /// The node has ended since the last recovery; true if by power.
    ended: Option<bool>,
}

/// One subscriber of one log.
#[derive(Default)]
struct Subscriber {
    process: Option<Process>,
    from: Option<RecordId>,
    /// Everything up to here was received or declared lost.
    reached: Option<RecordId>,
    checkpoint: Option<RecordId>,
    gaps: Vec<(RecordId, RecordId)>,
    received: BTreeSet<RecordId>,
    /// Either side has ended since the last record, so that it may go back to the checkpoint.
    may_go_back: bool,
}

type LogKey = (Text, Text);

/// See the module.
#[derive(Default)]
pub(super) struct Logs {
    lives: Lives,
    exercised: bool,
    gaps_allowed: bool,
    quiet_since: u64,
    core: Option<BTreeSet<Text>>,
    /// Nodes whose disk has written to wrong places or only said that it had synced.
    betrayed: BTreeSet<Text>,
    logs: BTreeMap<LogKey, Log>,
    subscribers: BTreeMap<(LogKey, Text), Subscriber>,
}

fn broken(key: &LogKey, what: impl AsRef<str>) -> Violation {
    Violation::new(NAME, format!("{} of {}: {}", key.1, key.0, what.as_ref()))
}

impl Logs {
    fn on_append(
        &mut self,
        t: u64,
        key: &LogKey,
        id: RecordId,
        sum: Sum,
        class: Durability,
    ) -> Result<(), Violation> {
        let log = self.logs.entry(key.clone()).or_default();
        if log.ended.is_some() {
            return Err(broken(
                key,
                format!("{id} was appended before the recovery was reported"),
            ));
        }
        if let Some((last, _)) = log.records.last_key_value()
            && *last >= id
        {
            return Err(broken(key, format!("{id} was appended after {last}")));
        }
        log.records.insert(
            id,
            Appended {
                sum,
                at: t,
                class,
                lost: false,
            },
        );
        Ok(())
    }

    fn on_durable(&mut self, key: &LogKey, upto: RecordId) -> Result<(), Violation> {
        let log = self.logs.entry(key.clone()).or_default();
        let last = log.records.last_key_value().map(|(last, _)| *last);
        if upto.sequence != 0 && last.is_none_or(|last| upto > last) {
            return Err(broken(
                key,
                format!("durable up to {upto}, but the last record is {last:?}"),
            ));
        }
        // A disk that wrote to a wrong place can have taken anything; what it took is still to be told as a gap.
        let betrayed = self.betrayed.contains(&key.0);
        if log.durable.is_some_and(|durable| durable > upto) && !betrayed {
            return Err(broken(
                key,
                format!("durable up to {upto} after {:?} was promised", log.durable),
            ));
        }
        if let Some(power) = log.ended.take() {
            let next = RecordId {
                incarnation: upto.incarnation,
                sequence: upto.sequence + 1,
            };
            // What an earlier loss of power took is not lost again.
            let mut beyond = log
                .records
                .range_mut(next..)
                .filter(|(_, record)| !record.lost)
                .peekable();
            if let Some((id, _)) = beyond.peek()
                && !power
            {
                return Err(broken(key, format!("{id} was appended and a kill lost it")));
            }
            beyond.for_each(|(_, record)| record.lost = true);
        }
        log.durable = Some(upto);
        Ok(())
    }

    fn on_record(
        &mut self,
        process: &Process,
        key: &LogKey,
        sub: &Text,
        id: RecordId,
        sum: Sum,
    ) -> Result<(), Violation> {
        let log = self.logs.entry(key.clone()).or_default();
        let subscriber = self
            .subscribers
            .entry((key.clone(), sub.clone()))
            .or_default();
        match log.records.get(&id) {
            None => {
                return Err(broken(
                    key,
                    format!("{sub} got {id}, which was never appended"),
                ));
            }
            Some(record) if record.sum != sum => {
                return Err(broken(key, format!("{sub} got {id} changed")));
            }
            Some(_) => {}
        }
        if subscriber.process.as_ref() != Some(process) {
            subscriber.process = Some(process.clone());
            subscriber.may_go_back = true;
        }
        if subscriber
            .checkpoint
            .is_some_and(|checkpoint| id <= checkpoint)
        {
            return Err(broken(
                key,
                format!("{sub} got {id} again, below its checkpoint"),
            ));
        }
        if subscriber.reached.is_some_and(|reached| id <= reached) {
            if !subscriber.may_go_back {
                return Err(broken(
                    key,
                    format!("{sub} got {id} again, and neither side had ended"),
                ));
            }
            // It may keep more than it has acknowledged, and all before `id` has come already.
            subscriber.reached = Some(before(id));
        }
        let after = subscriber.reached.max(subscriber.from.map(before));
        let skipped = log
            .records
            .iter()
            .filter(|(other, _)| **other < id && after.is_none_or(|after| **other > after))
            .find(|(other, _)| {
                !subscriber
                    .gaps
                    .iter()
                    .any(|(first, last)| first <= other && *other <= last)
            });
        if let Some((skipped, _)) = skipped {
            return Err(broken(
                key,
                format!("{sub} got {id} without {skipped} before it"),
            ));
        }
        subscriber.may_go_back = false;
        subscriber.reached = Some(id);
        subscriber.received.insert(id);
        Ok(())
    }

    fn on_checkpoint(&mut self, key: &LogKey, sub: &Text, id: RecordId) -> Result<(), Violation> {
        let subscriber = self
            .subscribers
            .entry((key.clone(), sub.clone()))
            .or_default();
        if subscriber
            .checkpoint
            .is_some_and(|checkpoint| checkpoint > id)
        {
            return Err(broken(
                key,
                format!("the checkpoint of {sub} went back to {id}"),
            ));
        }
        let known = subscriber.received.contains(&id)
            || subscriber
                .gaps
                .iter()
                .any(|(first, last)| *first <= id && id <= *last);
        if !known {
            return Err(broken(
                key,
                format!("{sub} acknowledged {id}, which it never got"),
            ));
        }
        subscriber.checkpoint = Some(id);
        Ok(())
    }

    /// What an event says of the run as a whole.
    fn on_world(&mut self, event: &Event) {
        if let Kind::Run(run) = &event.kind {
            self.exercised = run.options.services.iter().any(|family| *family == "logs");
            self.gaps_allowed = run.options.gaps;
        }
        if let Kind::Calm { core } = &event.kind {
            self.core = core.as_ref().map(|core| core.iter().cloned().collect());
        }
        if matches!(
            event.kind,
            Kind::Calm { .. } | Kind::Start | Kind::Resume | Kind::Heal { .. }
        ) {
            self.quiet_since = event.t;
        }
    }

    fn on_end(&mut self, process: &Process, power: bool) {
        for (_, log) in self
            .logs
            .iter_mut()
            .filter(|((node, _), log)| node == process.node() && !log.records.is_empty())
        {
            // Two ends without a start between cannot be; two lives without an append keep the worse one.
            log.ended = Some(power || log.ended == Some(true));
        }
        for (((node, _), _), subscriber) in &mut self.subscribers {
            if node == process.node() || subscriber.process.as_ref() == Some(process) {
                subscriber.may_go_back = true;
            }
        }
    }

    fn reachable(&self, node: &Text) -> bool {
        self.core.as_ref().is_none_or(|core| core.contains(node))
    }

    /// Records that must be durable by now, or must have arrived.
    fn check_end(&self, end: u64) -> Result<(), Violation> {
        let living: BTreeMap<&Text, &Process> = self
            .lives
            .living()
            .map(|(process, _)| (process.node(), process))
            .collect();
        for (key, log) in self
            .logs
            .iter()
            .filter(|(key, _)| living.contains_key(&key.0))
        {
            let late = log.records.iter().find(|(id, record)| {
                record.class != Durability::None
                    && !record.lost
                    && record.at + BOUND_NS < end
                    && log.durable.is_none_or(|durable| **id > durable)
            });
            if let Some((id, _)) = late {
                return Err(broken(key, format!("{id} never became durable")));
            }
        }
        for ((key, sub), subscriber) in &self.subscribers {
            let connected = living.contains_key(&key.0)
                && self.reachable(&key.0)
                && subscriber.process.as_ref().is_some_and(|process| {
                    self.reachable(process.node()) && living.get(process.node()) == Some(&process)
                });
            let Some(log) = self.logs.get(key).filter(|_| connected) else {
                continue;
            };
            let missing = log.records.iter().find(|(id, record)| {
                !record.lost
                    && record.at + BOUND_NS < end
                    && log.durable.is_some_and(|durable| **id <= durable)
                    && subscriber.from.is_none_or(|from| **id >= from)
                    && !subscriber.received.contains(id)
                    && !subscriber
                        .gaps
                        .iter()
                        .any(|(first, last)| first <= *id && *id <= last)
            });
            if let Some((id, _)) = missing {
                return Err(broken(key, format!("{id} never reached {sub}")));
            }
        }
        Ok(())
    }
}

/// The greatest id below `id`, as far as an order of pairs has one.
const fn before(id: RecordId) -> RecordId {
    match id.sequence.checked_sub(1) {
        Some(sequence) => RecordId {
            incarnation: id.incarnation,
            sequence,
        },
        None => RecordId {
            incarnation: id.incarnation.saturating_sub(1),
            sequence: u64::MAX,
        },
    }
}

impl Checker for Logs {
    fn on(&mut self, event: &Event) -> Result<(), Violation> {
        self.lives.follow(event);
        self.on_world(event);
        let Some(process) = &event.p else {
            return Ok(());
        };
        match &event.kind {
            Kind::Crash { how } => self.on_end(process, *how == CrashKind::Power),
            Kind::Stop => self.on_end(process, false),
            Kind::Disk { fault } if matches!(&**fault, "misdirected" | "sync-lied") => {
                self.betrayed.insert(process.node().clone());
            }
            Kind::Append {
                log,
                id,
                sum,
                class,
            } => {
                self.on_append(
                    event.t,
                    &(process.node().clone(), log.clone()),
                    *id,
                    *sum,
                    *class,
                )?;
            }
            Kind::Durable { log, upto } => {
                self.on_durable(&(process.node().clone(), log.clone()), *upto)?
            }
            Kind::Subscribe {
                node,
                log,
                sub,
                from,
            } => {
                let key = (node.clone(), log.clone());
                let subscriber = self.subscribers.entry((key, sub.clone())).or_default();
                subscriber.process = Some(process.clone());
                if subscriber.received.is_empty() {
                    subscriber.from = *from;
                }
            }
            Kind::Record {
                node,
                log,
                sub,
                id,
                sum,
            } => {
                self.on_record(process, &(node.clone(), log.clone()), sub, *id, *sum)?;
            }
            Kind::Gap {
                node,
                log,
                sub,
                first,
                last,
                ..
            } => {
                let key = (node.clone(), log.clone());
                if !self.gaps_allowed {
                    return Err(broken(
                        &key,
                        format!("{sub} was told of a gap {first} to {last} in a run without"),
                    ));
                }
                let subscriber = self.subscribers.entry((key, sub.clone())).or_default();
                subscriber.gaps.push((*first, *last));
            }
            Kind::Checkpoint { node, log, sub, id } => {
                self.on_checkpoint(&(node.clone(), log.clone()), sub, *id)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, end: Instant) -> Result<(), Violation> {
        if !self.exercised || end.as_nanos() < self.quiet_since + BOUND_NS {
            return Ok(());
        }
        self.check_end(end.as_nanos())
    }
}

#[cfg(test)]
mod tests;
