//! Counters: a contribution never goes below zero; the aggregate is the same at the same place in the order; and
//! in its last configuration every living process has the sum of what its members contribute, no more and no less.

use std::collections::{BTreeMap, BTreeSet};

use ringfort_machine::Instant;

use super::{lives::Lives, progress::BOUND_NS};
use crate::{
    checker::{Checker, Violation},
    trace::{CountKind, Event, Kind, Process, Sum, Text},
};

const NAME: &str = "counters";

/// See the module.
#[derive(Default)]
pub(super) struct Counters {
    lives: Lives,
    exercised: bool,
    quiet_since: Option<u64>,
    last_change: u64,
    objects: BTreeSet<Text>,
    contributions: BTreeMap<(Text, Process), BTreeMap<Text, i64>>,
    trees: BTreeMap<(Text, Text, u64), (Process, Sum, i64)>,
    latest: BTreeMap<(Text, Process), (Text, Sum, i64)>,
}

impl Counters {
    fn on_count(
        &mut self,
        process: &Process,
        object: &Text,
        key: &Text,
        kind: CountKind,
        by: i64,
    ) -> Result<(), Violation> {
        self.objects.insert(object.clone());
        let mine = self
            .contributions
            .entry((object.clone(), process.clone()))
            .or_default();
        let value = mine.entry(key.clone()).or_default();
        *value += by;
        if *value < 0 && kind == CountKind::Gauge {
            return Err(Violation::new(
                NAME,
                format!("{object} {key} of {process} is {value}"),
            ));
        }
        if *value == 0 {
            mine.remove(key);
        }
        Ok(())
    }

    fn on_tree(
        &mut self,
        process: &Process,
        object: &Text,
        conf: &Text,
        place: u64,
        hash: Sum,
        total: i64,
    ) -> Result<(), Violation> {
        let here = self.lives.get(process).and_then(|life| life.conf.as_ref());
        if here != Some(conf) {
            return Err(Violation::new(
                NAME,
                format!("tree of {process} in {conf}, but it is in {here:?}"),
            ));
        }
        self.objects.insert(object.clone());
        let key = (object.clone(), conf.clone(), place);
        let first = self
            .trees
            .entry(key)
            .or_insert_with(|| (process.clone(), hash, total));
        if (first.1, first.2) != (hash, total) {
            return Err(Violation::new(
                NAME,
                format!(
                    "{object} at {place} of {conf}: {} has {}, {process} has {total}, hashes {} and {hash}",
                    first.0, first.2, first.1
                ),
            ));
        }
        self.latest.insert(
            (object.clone(), process.clone()),
            (conf.clone(), hash, total),
        );
        Ok(())
    }

    fn check_end(&self, process: &Process, object: &Text) -> Result<(), Violation> {
        let Some((id, conf)) = self.lives.conf_of(process) else {
            return Ok(());
        };
        let Some((tree_conf, hash, total)) = self.latest.get(&(object.clone(), process.clone()))
        else {
            return Err(Violation::new(
                NAME,
                format!("{process} never wrote a tree of {object}"),
            ));
        };
        if tree_conf != id {
            return Err(Violation::new(
                NAME,
                format!("{process} wrote no tree of {object} in its last configuration {id}"),
            ));
        }
        let expected: i64 = conf
            .members
            .iter()
            .filter_map(|member| self.contributions.get(&(object.clone(), member.clone())))
            .flat_map(BTreeMap::values)
            .sum();
        if *total != expected {
            return Err(Violation::new(
                NAME,
                format!(
                    "{object} at {process} ended with {total}; its members contribute {expected}"
                ),
            ));
        }
        let other = conf
            .members
            .iter()
            .filter_map(|member| self.latest.get(&(object.clone(), member.clone())))
            .find(|(_, other, _)| other != hash);
        match other {
            Some(_) => Err(Violation::new(
                NAME,
                format!("{object} ended the run with different trees in {id}"),
            )),
            None => Ok(()),
        }
    }
}

impl Checker for Counters {
    fn on(&mut self, event: &Event) -> Result<(), Violation> {
        self.lives.follow(event);
        match (&event.kind, &event.p) {
            (Kind::Run(run), _) => {
                self.exercised = run
                    .options
                    .services
                    .iter()
                    .any(|family| *family == "counters");
            }
            (
                Kind::Calm { .. } | Kind::Start | Kind::Stop | Kind::Resume | Kind::Heal { .. },
                _,
            ) => {
                self.quiet_since = Some(event.t);
            }
            (
                Kind::Count {
                    object,
                    key,
                    kind,
                    by,
                },
                Some(process),
            ) => {
                self.last_change = event.t;
                self.on_count(process, object, key, *kind, *by)?;
            }
            (
                Kind::Tree {
                    object,
                    conf,
                    n,
                    hash,
                    total,
                },
                Some(process),
            ) => {
                self.on_tree(process, object, conf, *n, *hash, *total)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, end: Instant) -> Result<(), Violation> {
        let quiet = self.quiet_since.unwrap_or(0).max(self.last_change);
        if !self.exercised || end.as_nanos() < quiet + BOUND_NS {
            return Ok(());
        }
        for (process, _) in self.lives.living() {
            for object in &self.objects {
                self.check_end(process, object)?;
            }
        }
        Ok(())
    }
}
