//! The disk of one node: its orders, done by one worker in the order given.
//!
//! Writes take effect in issue order and reach the page cache; only a sync makes them durable. What waits at
//! the same time is done together: neighbouring writes become one, and the syncs of a run of writes become one
//! for each file, so that the cost of durability is shared by everything that waits for it (group commit). An
//! order never completes before what it promises is true.
//!
//! What it deliberately does not: retry. A failed sync says nothing about what is on the disk, so the core is
//! told and decides.

mod files;
mod place;

use std::{io, sync::Arc};

use bytes::{Bytes, BytesMut};
use mio::Waker;
use ringfort_logs::{DiskAction, DiskOutcome, Path};
use ringfort_machine::OrderId;

pub(crate) use files::{Files, create_directories, replace};
pub(crate) use place::{Area, Places};

use crate::worker::Worker;

/// One order and its completion.
type Order = (OrderId, DiskAction);
type Completion = (OrderId, DiskOutcome);

/// The loop's end of the disk worker.
#[derive(Debug)]
pub(crate) struct Disk {
    worker: Worker<Order, Completion>,
}

impl Disk {
    /// Starts the worker; it works only within `places`.
    pub(crate) fn start(places: Places, waker: Arc<Waker>) -> io::Result<Self> {
        let mut files = Files::new(places);
        let worker = Worker::start("disk", waker, move |orders: &mut Vec<Order>, done| {
            execute(&mut files, orders, done);
        })?;
        Ok(Self { worker })
    }

    /// Gives an order.
    pub(crate) fn order(&mut self, order: OrderId, action: DiskAction) {
        self.worker.order((order, action));
    }

    /// The next completion.
    pub(crate) fn completed(&mut self) -> Option<Completion> {
        self.worker.completed()
    }

    /// Waits until every order is done.
    pub(crate) fn finish(&mut self) {
        self.worker.finish();
    }
}

/// Does all `orders`, in order, and pushes one completion for each.
pub(crate) fn execute(files: &mut Files, orders: &mut Vec<Order>, done: &mut Vec<Completion>) {
    let mut orders = orders.drain(..).peekable();
    while let Some((order, action)) = orders.next() {
        match action {
            DiskAction::Write { .. } | DiskAction::Sync { .. } => {
                let mut run = vec![(order, action)];
                while let Some(next) = orders.next_if(|(_, action)| joins_run(action)) {
                    run.push(next);
                }
                execute_run(files, run, done);
            }
            DiskAction::List { directory } => done.push((order, files.list(&directory))),
            DiskAction::Read {
                file,
                offset,
                length,
            } => done.push((order, files.read(&file, offset, length))),
            DiskAction::Truncate { file, length } => {
                done.push((order, files.truncate(&file, length)));
            }
            DiskAction::Replace { file, data } => done.push((order, files.replace(&file, &data))),
            DiskAction::Remove { file } => done.push((order, files.remove(&file))),
        }
    }
}

const fn joins_run(action: &DiskAction) -> bool {
    match action {
        DiskAction::Write { .. } | DiskAction::Sync { .. } => true,
        DiskAction::List { .. }
        | DiskAction::Read { .. }
        | DiskAction::Truncate { .. }
        | DiskAction::Replace { .. }
        | DiskAction::Remove { .. } => false,
    }
}

/// A run of writes and syncs: first all writes in order, neighbours joined, then one sync for each file that
/// asks for it. A sync that covers more than was asked keeps its promise all the same.
fn execute_run(files: &mut Files, run: Vec<Order>, done: &mut Vec<Completion>) {
    let first = done.len();
    let mut syncs: Vec<(Path, Vec<usize>)> = Vec::new();
    let mut run = run.into_iter().peekable();
    while let Some((order, action)) = run.next() {
        match action {
            DiskAction::Write { file, offset, data } => {
                let mut joined = Joined::new(data);
                let mut together = vec![order];
                while let Some((next, data)) = take_neighbour(&mut run, &file, offset, &joined) {
                    joined.push(&data);
                    together.push(next);
                }
                let outcome = files.write(&file, offset, joined.bytes());
                done.extend(together.into_iter().map(|order| (order, outcome.clone())));
            }
            DiskAction::Sync { file } => {
                // Its place among the completions is kept; its outcome is known after the last write.
                match syncs.iter_mut().find(|(known, _)| *known == file) {
                    Some((_, places)) => places.push(done.len()),
                    None => syncs.push((file, vec![done.len()])),
                }
                done.push((order, DiskOutcome::Done));
            }
            DiskAction::List { .. }
            | DiskAction::Read { .. }
            | DiskAction::Truncate { .. }
            | DiskAction::Replace { .. }
            | DiskAction::Remove { .. } => unreachable!("joins_run lets only writes and syncs in"),
        }
    }
    assert!(done.len() >= first);
    for (file, places) in syncs {
        let outcome = files.sync(&file);
        for place in places {
            done[place].1 = outcome.clone();
        }
    }
}

/// The next order of the run, if it continues the write at `offset` of `file` where `joined` ends.
fn take_neighbour(
    run: &mut std::iter::Peekable<std::vec::IntoIter<Order>>,
    file: &Path,
    offset: u64,
    joined: &Joined,
) -> Option<(OrderId, Bytes)> {
    let (order, action) = run.next_if(|(_, action)| match action {
        DiskAction::Write {
            file: next,
            offset: at,
            ..
        } => next == file && *at == offset + joined.len() as u64,
        DiskAction::List { .. }
        | DiskAction::Read { .. }
        | DiskAction::Sync { .. }
        | DiskAction::Truncate { .. }
        | DiskAction::Replace { .. }
        | DiskAction::Remove { .. } => false,
    })?;
    match action {
        DiskAction::Write { data, .. } => Some((order, data)),
        DiskAction::List { .. }
        | DiskAction::Read { .. }
        | DiskAction::Sync { .. }
        | DiskAction::Truncate { .. }
        | DiskAction::Replace { .. }
        | DiskAction::Remove { .. } => None,
    }
}

/// Data of one write: as it came while it is alone, copied once there are several.
enum Joined {
    One(Bytes),
    Many(BytesMut),
}

impl Joined {
    const fn new(data: Bytes) -> Self {
        Self::One(data)
    }

    fn push(&mut self, data: &[u8]) {
        if let Self::One(first) = self {
            *self = Self::Many(BytesMut::from(&first[..]));
        }
        if let Self::Many(bytes) = self {
            bytes.extend_from_slice(data);
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::One(bytes) => bytes,
            Self::Many(bytes) => bytes,
        }
    }

    fn len(&self) -> usize {
        self.bytes().len()
    }
}

#[cfg(test)]
mod tests;
