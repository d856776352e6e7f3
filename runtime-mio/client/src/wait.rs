//! Waiting for a socket: `poll` with a point in time.

use std::{os::fd::AsFd, time::Instant};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use crate::Error;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    Reading,
    Writing,
    Either,
}

/// What there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ready {
    /// Something can be read, the end included.
    pub(crate) reading: bool,
    /// Something can be written.
    pub(crate) writing: bool,
}

/// Waits until `socket` is ready; without `until`, as long as it takes.
///
/// # Errors
/// [`Error::TimedOut`], or what the system says.
pub(crate) fn wait(socket: &impl AsFd, what: For, until: Option<Instant>) -> Result<Ready, Error> {
    let flags = match what {
        For::Reading => PollFlags::IN,
        For::Writing => PollFlags::OUT,
        For::Either => PollFlags::IN | PollFlags::OUT,
    };
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        let mut fds = [PollFd::new(socket, flags)];
        match poll(&mut fds, timeout.as_ref()) {
            Ok(0) => return Err(Error::TimedOut),
            Ok(_) => {
                let ready = fds[0].revents();
                let over = ready.intersects(PollFlags::HUP | PollFlags::ERR);
                return Ok(Ready {
                    reading: over || ready.contains(PollFlags::IN),
                    writing: over || ready.contains(PollFlags::OUT),
                });
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(Error::system("wait for the bus daemon", error.into())),
        }
    }
}
