//! Disk orders of a process, carried out by the disk of its host.

use std::sync::Arc;

use ringfort_logs::{DiskAction, DiskError, DiskErrorKind, DiskOutcome, Entry};
use ringfort_machine::OrderId;

use super::{Planned, World};
use crate::{
    disk::{Order, Outcome},
    trace::Kind,
};

impl World {
    pub(super) fn disk_order(&mut self, index: usize, order: OrderId, action: DiskAction) {
        let host = &mut self.hosts[index];
        let (number, at) = host.disk.order(self.now, translate(action));
        let Some(life) = &mut host.life else { return };
        life.disk_orders.insert(number, order);
        self.queue.plan(
            at,
            Planned::Disk {
                host: index,
                number,
            },
        );
        let struck = host.disk.take_struck();
        for (yes, fault) in [(struck.full, "full"), (struck.sync_fails, "sync-failed")] {
            if yes {
                self.recorder.of(
                    self.now,
                    &life.name,
                    Kind::Disk {
                        fault: fault.into(),
                    },
                );
            }
        }
    }
}

fn translate(action: DiskAction) -> Order {
    match action {
        DiskAction::List { directory } => Order::List(directory),
        DiskAction::Read {
            file,
            offset,
            length,
        } => Order::Read(file, offset, length),
        DiskAction::Write { file, offset, data } => Order::Write(file, offset, data),
        DiskAction::Sync { file } => Order::Sync(file),
        DiskAction::Truncate { file, length } => Order::Truncate(file, length),
        DiskAction::Replace { file, data } => Order::Replace(file, data),
        DiskAction::Remove { file } => Order::Remove(file),
    }
}

pub(super) fn outcome(outcome: Outcome) -> DiskOutcome {
    let failed = |kind, detail: &str| {
        let mut error = DiskError::new(kind);
        error.detail = Arc::from(detail);
        DiskOutcome::Failed(error)
    };
    match outcome {
        Outcome::Done => DiskOutcome::Done,
        Outcome::Listing(files) => DiskOutcome::Listing(
            files
                .into_iter()
                .map(|(name, length)| Entry { name, length })
                .collect(),
        ),
        Outcome::Data(bytes) => DiskOutcome::Data(bytes),
        Outcome::Full => failed(DiskErrorKind::Full, "simulated"),
        Outcome::Missing => failed(DiskErrorKind::Missing, ""),
        Outcome::Failed => failed(DiskErrorKind::Failed, "simulated"),
    }
}
