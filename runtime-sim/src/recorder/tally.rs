//! What happened in a run, in numbers: counted from the events that pass, so a run and its trace give the same.

use std::collections::BTreeMap;

use crate::trace::{ConfKind, CrashKind, Event, Kind};

/// How often things happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages that got their place in the order.
    pub sent: u64,
    /// Messages delivered, once for each process that got them.
    pub delivered: u64,
    /// Regular configurations delivered, once for each process that got them.
    pub configurations: u64,
    /// Faults that struck, by kind: `cut`, `kill`, `power`, `pause`, `stop`, and `disk-` with its fault.
    pub faults: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts `event`.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what is not counted is the rest, and there will be more of it"
    )]
    pub fn on(&mut self, event: &Event) {
        match &event.kind {
            Kind::Send { .. } => self.sent += 1,
            Kind::Deliver { .. } => self.delivered += 1,
            Kind::Conf {
                kind: ConfKind::Regular,
                ..
            } => self.configurations += 1,
            Kind::Cut { .. } => self.fault("cut"),
            Kind::Crash { how } => self.fault(match how {
                CrashKind::Kill => "kill",
                CrashKind::Power => "power",
            }),
            Kind::Pause => self.fault("pause"),
            Kind::Stop => self.fault("stop"),
            Kind::Disk { fault } => self.fault(&format!("disk-{fault}")),
            _ => {}
        }
    }

    /// Adds what happened in another run.
    pub fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.delivered += other.delivered;
        self.configurations += other.configurations;
        for (kind, count) in &other.faults {
            *self.faults.entry(kind.clone()).or_default() += count;
        }
    }

    fn fault(&mut self, kind: &str) {
        if let Some(count) = self.faults.get_mut(kind) {
            *count += 1;
        } else {
            self.faults.insert(kind.to_owned(), 1);
        }
    }
}
