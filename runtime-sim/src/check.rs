//! The built-in checkers, one family of properties a file. They read the trace and nothing else.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a checker looks at the events of its property, and readers of a trace ignore what they do not know"
)]

use crate::checker::Checker;

mod addresses;
mod causality;
mod companions;
mod configurations;
mod counters;
mod delivery;
mod groups;
mod lives;
mod logs;
mod order;
mod progress;
mod safe;
mod synchrony;

/// A fresh set of all checkers.
pub fn all() -> Vec<Box<dyn Checker>> {
    vec![
        Box::new(configurations::Configurations::default()),
        Box::new(delivery::Delivery::default()),
        Box::new(causality::Causality::default()),
        Box::new(order::TotalOrder::default()),
        Box::new(order::OneOrdinal::default()),
        Box::new(synchrony::Synchrony::default()),
        Box::new(safe::Safe::default()),
        Box::new(progress::Progress::default()),
        Box::new(groups::Groups::default()),
        Box::new(companions::Companions::default()),
        Box::new(addresses::Addresses::default()),
        Box::new(logs::Logs::default()),
        Box::new(counters::Counters::default()),
    ]
}

#[cfg(test)]
mod tests;
