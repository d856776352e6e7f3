//! Putting addresses on interfaces, by the platform of this system.
//!
//! The platform's calls are short exchanges with the kernel, but a busy kernel may take its time, so a worker
//! makes them, in the order given. In loopback mode (clusters on one machine, without any privilege) every
//! address is taken to exist already, as all of 127.0.0.0/8 does, and nothing is touched.

use std::sync::Arc;

use mio::Waker;
use ringfort_config::settings::AddressMode;
use ringfort_machine::OrderId;
use ringfort_platform_linux::{LoopbackMode, Platform, PlatformError};
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
    /// When the system refuses a thread or, outside of loopback mode, the platform's socket.
    pub(crate) fn start(mode: AddressMode, waker: Arc<Waker>) -> Result<Self, BootError> {
        let mut executor = match mode {
            AddressMode::Loopback => Executor::Loopback(LoopbackMode::new()),
            AddressMode::Netlink => Executor::Netlink(
                Platform::new().map_err(|error| BootError::Ended(error.to_string()))?,
            ),
        };
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

#[derive(Debug)]
enum Executor {
    Loopback(LoopbackMode),
    Netlink(Platform),
}

impl Executor {
    fn execute(&mut self, action: AddressAction) -> AddressOutcome {
        let outcome = match (self, action) {
            (Self::Loopback(mode), AddressAction::Survey) => return found(mode.survey()),
            (Self::Netlink(platform), AddressAction::Survey) => return found(platform.survey()),
            (Self::Loopback(mode), AddressAction::Acquire { address, interface }) => {
                mode.acquire(address, &interface)
            }
            (Self::Netlink(platform), AddressAction::Acquire { address, interface }) => {
                platform.acquire(address, &interface)
            }
            (Self::Loopback(mode), AddressAction::Release { address, interface }) => {
                mode.release(address, &interface)
            }
            (Self::Netlink(platform), AddressAction::Release { address, interface }) => {
                platform.release(address, &interface)
            }
            (Self::Loopback(mode), AddressAction::Announce { address, interface }) => {
                mode.announce(address, &interface)
            }
            (Self::Netlink(platform), AddressAction::Announce { address, interface }) => {
                platform.announce(address, &interface)
            }
        };
        match outcome {
            Ok(()) => AddressOutcome::Done,
            Err(error) => failed(&error),
        }
    }
}

fn found(outcome: Result<Vec<(ipnet::IpNet, String)>, PlatformError>) -> AddressOutcome {
    match outcome {
        Ok(addresses) => AddressOutcome::Found(addresses),
        Err(error) => failed(&error),
    }
}

fn failed(error: &PlatformError) -> AddressOutcome {
    let kind = match error {
        PlatformError::Denied { .. } => AddressErrorKind::Denied,
        PlatformError::NoInterface { .. } => AddressErrorKind::NoInterface,
        PlatformError::NotEthernet { .. } | PlatformError::NotLoopback { .. } => {
            AddressErrorKind::Unsupported
        }
        PlatformError::Malformed { .. } | PlatformError::System { .. } => AddressErrorKind::Failed,
    };
    AddressOutcome::Failed(AddressError {
        kind,
        detail: error.to_string(),
    })
}
