//! One logical total order (services-anchors 6.1, 6.3): within a regular configuration and the transitional
//! ones after it, an ordinal names one message everywhere; agreed and safe messages are delivered in ascending
//! order of it; and whoever delivers one has delivered every earlier one of a sender that is still a member.

use std::collections::BTreeMap;

use ringfort_machine::Instant;

use super::lives::Lives;
use crate::{
    checker::{Checker, Violation},
    trace::{Event, Kind, Level, MessageName, Process, Text},
};

const NAME: &str = "order";

/// The total order of one regular configuration, as far as anybody has shown it.
#[derive(Default)]
struct Order {
    messages: BTreeMap<u64, (MessageName, Level)>,
}

/// What one process delivered in one regular configuration, at agreed or safe, by ordinal: in which
/// configuration (the regular one or the transitional one after it).
type Delivered = BTreeMap<u64, Text>;

/// See the module.
#[derive(Default)]
pub(super) struct TotalOrder {
    lives: Lives,
    orders: BTreeMap<Text, Order>,
    delivered: BTreeMap<(Text, Process), Delivered>,
}

impl TotalOrder {
    fn on_deliver(
        &mut self,
        process: &Process,
        m: &MessageName,
        level: Level,
        conf: &Text,
        n: u64,
    ) -> Result<(), Violation> {
        let regular = self
            .lives
            .get(process)
            .and_then(|life| life.regular.clone());
        let Some(regular) = regular else {
            return Err(Violation::new(
                NAME,
                format!("{m} at {process} outside of any configuration"),
            ));
        };
        let order = self.orders.entry(regular.clone()).or_default();
        match order.messages.get(&n) {
            Some((known, _)) if known != m => {
                return Err(Violation::new(
                    NAME,
                    format!("ordinal {n} of {regular} is {known} and, at {process}, {m}"),
                ));
            }
            Some(_) => {}
            None => {
                order.messages.insert(n, (m.clone(), level));
            }
        }
        if level < Level::Agreed {
            return Ok(());
        }
        let mine = self
            .delivered
            .entry((regular, process.clone()))
            .or_default();
        if let Some((last, _)) = mine.last_key_value()
            && *last >= n
        {
            return Err(Violation::new(
                NAME,
                format!("{m} at {process} has ordinal {n}, after {last}"),
            ));
        }
        mine.insert(n, conf.clone());
        Ok(())
    }

    /// Holes can only be told when it is known which ordinals there are, so at the end.
    fn check_holes(
        &self,
        regular: &Text,
        process: &Process,
        mine: &Delivered,
    ) -> Result<(), Violation> {
        let Some(order) = self.orders.get(regular) else {
            return Ok(());
        };
        let Some((last, _)) = mine.last_key_value() else {
            return Ok(());
        };
        // For each ordinal the configuration of the next delivery here: the one that had to wait for it.
        let mut next = mine.iter().peekable();
        for (n, (m, level)) in order.messages.range(..=last) {
            while next.next_if(|(mine, _)| *mine < n).is_some() {}
            let Some((_, conf)) = next.peek() else { break };
            let member = self
                .lives
                .conf(conf)
                .is_some_and(|conf| conf.members.contains(&m.process));
            if *level >= Level::Agreed && member && !mine.contains_key(n) {
                return Err(Violation::new(
                    NAME,
                    format!(
                        "{process} delivered beyond {m} (ordinal {n} of {regular}) in {conf} without it"
                    ),
                ));
            }
        }
        Ok(())
    }
}

impl Checker for TotalOrder {
    fn on(&mut self, event: &Event) -> Result<(), Violation> {
        if let (
            Some(process),
            Kind::Deliver {
                m, level, conf, n, ..
            },
        ) = (&event.p, &event.kind)
        {
            self.on_deliver(process, m, *level, conf, *n)?;
        }
        self.lives.follow(event);
        Ok(())
    }

    fn finish(&mut self, _: Instant) -> Result<(), Violation> {
        self.delivered
            .iter()
            .try_for_each(|((regular, process), mine)| self.check_holes(regular, process, mine))
    }
}

/// A message has one ordinal, wherever it is delivered.
#[derive(Default)]
pub(super) struct OneOrdinal {
    ordinals: BTreeMap<MessageName, u64>,
}

impl Checker for OneOrdinal {
    fn on(&mut self, event: &Event) -> Result<(), Violation> {
        if let Kind::Deliver { m, n, .. } = &event.kind {
            let known = *self.ordinals.entry(m.clone()).or_insert(*n);
            if known != *n {
                return Err(Violation::new(
                    "one-ordinal",
                    format!("{m} has ordinals {known} and {n}"),
                ));
            }
        }
        Ok(())
    }

    fn finish(&mut self, _: Instant) -> Result<(), Violation> {
        Ok(())
    }
}
