//! Failure atomicity, or virtual synchrony (services-anchors 4): two processes that go from one configuration
//! to the same next one have delivered the same messages in it and in the transitional one between.

use std::collections::{BTreeMap, BTreeSet};

use ringfort_machine::Instant;

use crate::{
    checker::{Checker, Violation},
    trace::{ConfKind, Event, Kind, MessageName, Process, Text},
};

const NAME: &str = "virtual-synchrony";

#[derive(Default)]
struct Here {
    regular: Option<Text>,
    delivered: BTreeSet<MessageName>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Synchrony {
    here: BTreeMap<Process, Here>,
    moves: BTreeMap<(Text, Text), (Process, BTreeSet<MessageName>)>,
}

impl Checker for Synchrony {
    fn on(&mut self, event: &Event) -> Result<(), Violation> {
        let Some(process) = &event.p else {
            return Ok(());
        };
        match &event.kind {
            Kind::Deliver { m, .. } => {
                self.here
                    .entry(process.clone())
                    .or_default()
                    .delivered
                    .insert(m.clone());
            }
            Kind::Conf {
                conf,
                kind: ConfKind::Regular,
                ..
            } => {
                let fresh = Here {
                    regular: Some(conf.clone()),
                    delivered: BTreeSet::new(),
                };
                let old = self.here.insert(process.clone(), fresh).unwrap_or_default();
                let Some(from) = old.regular else {
                    return Ok(());
                };
                match self.moves.get(&(from.clone(), conf.clone())) {
                    None => {
                        self.moves
                            .insert((from, conf.clone()), (process.clone(), old.delivered));
                    }
                    Some((first, delivered)) if *delivered != old.delivered => {
                        let odd = delivered.symmetric_difference(&old.delivered).next();
                        return Err(Violation::new(
                            NAME,
                            format!(
                                "{first} and {process} went from {from} to {conf}; only one delivered {odd:?}"
                            ),
                        ));
                    }
                    Some(_) => {}
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, _: Instant) -> Result<(), Violation> {
        Ok(())
    }
}
