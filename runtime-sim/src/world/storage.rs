//! Disk orders of a process, carried out by the disk of its host.

use std::sync::Arc;

use ringfort_logs::{DiskAction, DiskError, DiskErrorKind, DiskOutcome, Entry};
use ringfort_machine::OrderId;
use ringfort_node::Event;

use super::{Planned, World};
use crate::{
    disk::{Disk, Order, Outcome},
    faults::Ailing,
    trace::Kind,
};

impl World {
    /// Gives a host a new, empty disk: an operator replaced the machine. Its process should have ended a second
    /// or more before, so that nothing it ordered is still on its way.
    pub fn replace_disk(&mut self, index: usize) {
        let host = &mut self.hosts[index];
        host.disk = Disk::new(self.options.disk, host.seed.fork("another disk"));
    }

    /// Hands an order to the process's disk worker, a thread that carries out one order after the other. What an
    /// order does, it does when it completes, and its process learns of it at the same instant: so a process that
    /// is killed knows exactly what of its work is in the page cache. The thread stands still with its process.
    pub(super) fn disk_order(&mut self, index: usize, order: OrderId, action: DiskAction) {
        let Some(life) = &mut self.hosts[index].life else {
            return;
        };
        life.worker.push_back((order, action));
        self.disk_begin(index);
    }

    /// The worker begins its next order, if it has one and is free.
    fn disk_begin(&mut self, index: usize) {
        let host = &mut self.hosts[index];
        let Some(life) = host.life.as_mut().filter(|life| life.working.is_none()) else {
            return;
        };
        let Some((_, action)) = life.worker.front() else {
            return;
        };
        let (number, at) = host.disk.begin(self.now, &translate(action.clone()));
        life.working = Some(number);
        self.queue.plan(
            at,
            Planned::Disk {
                host: index,
                number,
            },
        );
        self.tempt(index, at.since(self.now));
    }

    /// The order begun as `number` completes.
    pub(super) fn disk_completed(&mut self, index: usize, number: u64) {
        let host = &mut self.hosts[index];
        let Some(life) = host
            .life
            .as_mut()
            .filter(|life| life.working == Some(number))
        else {
            return; // the process that gave it has ended
        };
        if life.paused {
            life.work_done = true;
            return;
        }
        life.working = None;
        let Some((order, action)) = life.worker.pop_front() else {
            return;
        };
        let outcome = outcome(host.disk.perform(translate(action)));
        let struck = host.disk.take_struck();
        for (yes, fault) in [
            (struck.full, Ailing::Full),
            (struck.sync_fails, Ailing::SyncFails),
            (struck.misdirects, Ailing::Misdirects),
        ] {
            if yes {
                let fault = Kind::Disk {
                    fault: fault.name().into(),
                };
                self.recorder.of(self.now, &life.name, fault);
            }
        }
        self.disk_begin(index);
        self.give(index, Event::Disk { order, outcome });
    }

    /// The process runs again: an order that completed meanwhile is done now.
    pub(super) fn disk_resumed(&mut self, index: usize) {
        let Some(life) = &mut self.hosts[index].life else {
            return;
        };
        if std::mem::take(&mut life.work_done)
            && let Some(number) = life.working
        {
            self.disk_completed(index, number);
        }
    }

    /// The power goes while the worker is at work: a removal or a sync may have begun to act. Data that the
    /// process has not been told is written must not turn up, since the trace knows nothing of it.
    pub(super) fn disk_interrupted(&mut self, index: usize) {
        let host = &mut self.hosts[index];
        if let Some(life) = &mut host.life
            && life.working.is_some()
            && let Some((_, action)) = life.worker.pop_front()
            && matches!(action, DiskAction::Remove { .. } | DiskAction::Sync { .. })
        {
            host.disk.order(self.now, translate(action));
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

fn outcome(outcome: Outcome) -> DiskOutcome {
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
