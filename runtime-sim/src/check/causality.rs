//! The orders of senders and of causes (services-anchors 5 and F): a message at fifo or above comes after all
//! earlier ones of its sender at fifo or above; one at causal or above after every one at causal or above that
//! its sender had delivered or sent.
//!
//! Since the messages of one sender come in order, what a process has seen of a sender is a number, and a cause
//! is a vector of numbers.

use std::collections::BTreeMap;

use ringfort_machine::Instant;

use crate::{
    checker::{Checker, Violation},
    trace::{ConfKind, Event, Kind, Level, MessageName, Process},
};

/// How many messages of each sender.
type Vector = BTreeMap<Process, u64>;

/// A message's place: its number among those of its sender in its regular configuration at fifo or above and at
/// causal or above, and what its sender had seen by then.
struct Place {
    fifo: u64,
    causal: u64,
    causes: Vector,
}

/// What a process has seen in its regular configuration.
#[derive(Default)]
struct Seen {
    sent_fifo: u64,
    sent_causal: u64,
    fifo: Vector,
    causal: Vector,
}

/// See the module.
#[derive(Default)]
pub(super) struct Causality {
    places: BTreeMap<MessageName, Place>,
    seen: BTreeMap<Process, Seen>,
}

impl Causality {
    fn on_send(&mut self, process: &Process, m: &MessageName, level: Level) {
        let seen = self.seen.entry(process.clone()).or_default();
        if level < Level::Fifo {
            return;
        }
        seen.sent_fifo += 1;
        let mut place = Place {
            fifo: seen.sent_fifo,
            causal: 0,
            causes: Vector::new(),
        };
        if level >= Level::Causal {
            place.causes = seen.causal.clone();
            place.causes.insert(process.clone(), seen.sent_causal);
            seen.sent_causal += 1;
            place.causal = seen.sent_causal;
        }
        self.places.insert(m.clone(), place);
    }

    fn on_deliver(
        &mut self,
        process: &Process,
        m: &MessageName,
        level: Level,
    ) -> Result<(), Violation> {
        let Some(place) = self.places.get(m) else {
            return Ok(());
        };
        let seen = self.seen.entry(process.clone()).or_default();
        let last = seen.fifo.entry(m.process.clone()).or_default();
        if place.fifo != *last + 1 {
            return Err(Violation::new(
                "fifo",
                format!(
                    "{m} at {process} is number {} of its sender, after number {last}",
                    place.fifo
                ),
            ));
        }
        *last = place.fifo;
        if level < Level::Causal {
            return Ok(());
        }
        for (sender, count) in &place.causes {
            let here = seen.causal.get(sender).copied().unwrap_or(0);
            if here < *count {
                return Err(Violation::new(
                    "causal",
                    format!(
                        "{m} at {process} before number {count} of {sender}, which its sender knew; {here} here"
                    ),
                ));
            }
        }
        seen.causal.insert(m.process.clone(), place.causal);
        Ok(())
    }
}

impl Checker for Causality {
    fn on(&mut self, event: &Event) -> Result<(), Violation> {
        if let Some(process) = &event.p {
            match &event.kind {
                Kind::Conf {
                    kind: ConfKind::Regular,
                    ..
                } => {
                    self.seen.insert(process.clone(), Seen::default());
                }
                Kind::Send { m, level, .. } => self.on_send(process, m, *level),
                Kind::Deliver { m, level, .. } if *level >= Level::Fifo => {
                    self.on_deliver(process, m, *level)?
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn finish(&mut self, _: Instant) -> Result<(), Violation> {
        Ok(())
    }
}
