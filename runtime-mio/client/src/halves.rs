//! The two directions of a connection, for a thread each.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use ringfort_client_core::{Deliveries, Multicast, Name, Received, RequestError, Requests};

use crate::{
    Error, Socket, nonblocking,
    wait::{For, wait},
};

/// The direction to the daemon. When it is dropped the connection stays open for the receiver.
#[derive(Debug)]
pub struct Sender {
    socket: Socket,
    requests: Requests,
}

/// The direction from the daemon. Read all the time: the daemon ends the session of those who do not.
#[derive(Debug)]
pub struct Receiver {
    socket: Socket,
    deliveries: Deliveries,
    ahead: VecDeque<Received>,
}

impl Sender {
    pub(crate) const fn new(socket: Socket, requests: Requests) -> Self {
        Self { socket, requests }
    }

    /// Our private name.
    pub const fn private(&self) -> &Name {
        self.requests.private()
    }

    /// Joins a group.
    ///
    /// # Errors
    /// [`Error::Request`] if the name cannot be a group's; otherwise the connection is over.
    pub fn join(&mut self, group: &str) -> Result<(), Error> {
        self.request(|requests| requests.join(group))?;
        self.flush()
    }

    /// Leaves a group.
    ///
    /// # Errors
    /// As for [`Sender::join`].
    pub fn leave(&mut self, group: &str) -> Result<(), Error> {
        self.request(|requests| requests.leave(group))?;
        self.flush()
    }

    /// Sends a message; returns when the system has it.
    ///
    /// # Errors
    /// [`Error::Request`] if there cannot be such a message; otherwise the connection is over.
    pub fn multicast(&mut self, message: &Multicast<'_>) -> Result<(), Error> {
        self.queue(message)?;
        self.flush()
    }

    /// Queues a message, to be sent with others in one write.
    ///
    /// # Errors
    /// As for [`Sender::multicast`].
    pub fn queue(&mut self, message: &Multicast<'_>) -> Result<(), Error> {
        self.request(|requests| requests.multicast(message))
    }

    /// Asks for the end of the session. The receiver gets [`Error::Closed`] when the daemon has done all that was asked.
    ///
    /// # Errors
    /// The connection is over.
    pub fn disconnect(mut self) -> Result<(), Error> {
        self.requests.disconnect()?;
        self.flush()
    }

    /// Sends what is queued.
    ///
    /// # Errors
    /// The connection is over.
    pub fn flush(&mut self) -> Result<(), Error> {
        while self.requests.queued_bytes() > 0 {
            match nonblocking::write(&mut self.socket, self.requests.outgoing(), usize::MAX) {
                Ok(None) => {
                    wait(&self.socket, For::Writing, None)?;
                }
                Ok(Some(count)) => self.requests.sent(count),
                Err(error) => return Err(Error::of_socket("write to the bus daemon", error)),
            }
        }
        Ok(())
    }

    fn request(
        &mut self,
        ask: impl Fn(&mut Requests) -> Result<(), RequestError>,
    ) -> Result<(), Error> {
        match ask(&mut self.requests) {
            Err(RequestError::Full { .. }) => {
                self.flush()?;
                Ok(ask(&mut self.requests)?)
            }
            done => Ok(done?),
        }
    }
}

impl Receiver {
    pub(crate) const fn new(
        socket: Socket,
        deliveries: Deliveries,
        ahead: VecDeque<Received>,
    ) -> Self {
        Self {
            socket,
            deliveries,
            ahead,
        }
    }

    /// Our private name.
    pub const fn private(&self) -> &Name {
        self.deliveries.private()
    }

    /// The next thing that the daemon says; waits for it.
    ///
    /// # Errors
    /// The connection is over.
    pub fn receive(&mut self) -> Result<Received, Error> {
        self.receive_until(None)
    }

    /// The same, waiting no longer than `limit`.
    ///
    /// # Errors
    /// [`Error::TimedOut`], which changes nothing; otherwise the connection is over.
    pub fn receive_within(&mut self, limit: Duration) -> Result<Received, Error> {
        self.receive_until(Instant::now().checked_add(limit))
    }

    fn receive_until(&mut self, until: Option<Instant>) -> Result<Received, Error> {
        if let Some(received) = self.ahead.pop_front() {
            return Ok(received);
        }
        loop {
            if let Some(received) = self.deliveries.next()? {
                return Ok(received);
            }
            match self.socket.read(self.deliveries.space()) {
                Ok(None) => {
                    wait(&self.socket, For::Reading, until)?;
                }
                Ok(Some(0)) => return Err(Error::Closed),
                Ok(Some(count)) => self.deliveries.filled(count),
                Err(error) => return Err(Error::of_socket("read from the bus daemon", error)),
            }
        }
    }
}
