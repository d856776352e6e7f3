//! Waiting for a deadline to the microsecond.
//!
//! The poll's own timeout is rounded up to whole milliseconds, more than a round of the token takes on a quiet
//! ring. Deadlines nearer than [`COARSE`] are therefore set on a timer descriptor that wakes the poll like any
//! socket; farther ones use the poll's timeout, which costs no system call.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    time::Duration,
};

use mio::{Interest, Registry, Token, event::Source, unix::SourceFd};

use crate::sys;

/// From here on a millisecond more or less does not matter.
const COARSE: Duration = Duration::from_millis(2);

/// A timer descriptor.
#[derive(Debug)]
pub(crate) struct Timer {
    descriptor: OwnedFd,
}

impl Timer {
    /// A timer that is not set, registered under `token`.
    pub(crate) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let descriptor = sys::timer()?;
        SourceFd(&descriptor.as_raw_fd()).register(registry, token, Interest::READABLE)?;
        Ok(Self { descriptor })
    }

    /// What to give the poll so that it returns after `wait`, setting the descriptor if that has to be exact.
    /// Edge-triggered: a descriptor that has fired needs no reading, setting it again re-arms it.
    pub(crate) fn arm(&self, wait: Option<Duration>) -> Option<Duration> {
        match wait {
            None => None,
            Some(wait) if wait.is_zero() => Some(Duration::ZERO),
            Some(wait) if wait >= COARSE => Some(wait),
            Some(wait) => match sys::set_timer(self.descriptor.as_fd(), wait) {
                Ok(()) => None,
                Err(_) => Some(wait), // late by up to a millisecond, but not lost
            },
        }
    }
}
