//! A connection that waits.

use std::{
    collections::VecDeque,
    os::fd::{AsFd, BorrowedFd},
    time::{Duration, Instant},
};

use ringfort_client_core::{
    Address, Event, Multicast, Name, Options, Received, RequestError, Version,
};

use crate::{
    Error, NonBlocking, Receiver, Sender, Socket,
    wait::{For, wait},
};

/// Bytes that are read ahead while a request waits to be sent. Beyond this, reading waits for the program.
const AHEAD: usize = 16 << 20;
/// Bytes that are sent at most before something is read: a daemon that answers each request with a message keeps few of
/// them for us meanwhile.
const TURN: usize = 64 << 10;
/// How long a daemon may take to see the end of a session.
const FAREWELL: Duration = Duration::from_secs(5);

/// A connection whose calls wait until they are done.
///
/// While requests are sent, whatever the daemon sends is read and kept, up to 16 MiB, so that a client that sends much
/// and receives much neither waits for itself nor is too slow. A program with a thread for each direction calls
/// [`Connection::split`].
#[derive(Debug)]
pub struct Connection {
    inner: NonBlocking,
    private: Name,
    server: Version,
    ahead: VecDeque<Received>,
    ahead_bytes: usize,
    /// Bytes sent since something was read.
    sent: usize,
}

impl Connection {
    /// Connects and waits, as long as it takes, until the daemon has let us in.
    ///
    /// # Errors
    /// [`Error::Connect`] if nobody is there, [`Error::Handshake`] if we are not wanted.
    pub fn connect(address: &Address, options: &Options) -> Result<Self, Error> {
        Self::begin(Socket::connect(address, None)?, options, None)
    }

    /// Connects and waits no longer than `limit`.
    ///
    /// # Errors
    /// As [`Connection::connect`], and [`Error::TimedOut`].
    pub fn connect_within(
        address: &Address,
        options: &Options,
        limit: Duration,
    ) -> Result<Self, Error> {
        let until = Instant::now().checked_add(limit);
        Self::begin(Socket::connect(address, until)?, options, until)
    }

    /// Opens a session on a stream that is connected.
    ///
    /// # Errors
    /// As [`Connection::connect_within`].
    pub fn over(
        socket: impl Into<Socket>,
        options: &Options,
        limit: Option<Duration>,
    ) -> Result<Self, Error> {
        let until = limit.and_then(|limit| Instant::now().checked_add(limit));
        Self::begin(socket.into(), options, until)
    }

    fn begin(socket: Socket, options: &Options, until: Option<Instant>) -> Result<Self, Error> {
        let mut inner = NonBlocking::over(socket, options)?;
        loop {
            match inner.next()? {
                Some(Event::Open(welcome)) => {
                    return Ok(Self {
                        inner,
                        private: welcome.private,
                        server: welcome.server,
                        ahead: VecDeque::new(),
                        ahead_bytes: 0,
                        sent: 0,
                    });
                }
                Some(Event::Received(_)) | None => {}
            }
            let what = if inner.on_writable()? {
                For::Reading
            } else {
                For::Either
            };
            if wait(inner.socket(), what, until)?.reading {
                inner.on_readable()?;
            }
        }
    }

    /// Our private name: unique on the bus, and a destination for others.
    pub const fn private(&self) -> &Name {
        &self.private
    }

    /// The version that the daemon claims.
    pub const fn server(&self) -> Version {
        self.server
    }

    /// Joins a group. With membership wanted, its first view says that we are in, and comes before everything that is
    /// ordered after it.
    ///
    /// # Errors
    /// [`Error::Request`] if the name cannot be a group's; otherwise the connection is over.
    pub fn join(&mut self, group: &str) -> Result<(), Error> {
        self.request(|inner| inner.join(group))?;
        self.flush()
    }

    /// Leaves a group. What comes from it ends with [`Received::Left`].
    ///
    /// # Errors
    /// As for [`Connection::join`].
    pub fn leave(&mut self, group: &str) -> Result<(), Error> {
        self.request(|inner| inner.leave(group))?;
        self.flush()
    }

    /// Sends a message; returns when the system has it. Daemons that cannot keep up make this wait.
    ///
    /// # Errors
    /// [`Error::Request`] if there cannot be such a message; otherwise the connection is over.
    pub fn multicast(&mut self, message: &Multicast<'_>) -> Result<(), Error> {
        self.queue(message)?;
        self.flush()
    }

    /// Queues a message, to be sent with others in one write: by [`Connection::flush`], by the next request that is not
    /// only queued, or when the queue is full.
    ///
    /// # Errors
    /// As for [`Connection::multicast`].
    pub fn queue(&mut self, message: &Multicast<'_>) -> Result<(), Error> {
        self.request(|inner| inner.multicast(message))
    }

    /// Sends what is queued.
    ///
    /// # Errors
    /// The connection is over.
    pub fn flush(&mut self) -> Result<(), Error> {
        while !self.write()? {
            self.wait_for_room()?;
        }
        Ok(())
    }

    /// The next thing that the daemon says; waits for it. Nothing is sent meanwhile: flush first.
    ///
    /// # Errors
    /// The connection is over.
    pub fn receive(&mut self) -> Result<Received, Error> {
        self.receive_until(None)
    }

    /// The same, waiting no longer than `limit`; with [`Duration::ZERO`], not at all.
    ///
    /// # Errors
    /// [`Error::TimedOut`], which changes nothing; otherwise the connection is over.
    pub fn receive_within(&mut self, limit: Duration) -> Result<Received, Error> {
        self.receive_until(Instant::now().checked_add(limit))
    }

    /// Ends the session: everything sent before is still done. Returns when the daemon has closed, so that a new session
    /// may have the name; what it said meanwhile is lost.
    ///
    /// # Errors
    /// [`Error::TimedOut`] if the daemon does not close within 5 s; the session ends all the same.
    pub fn disconnect(mut self) -> Result<(), Error> {
        let until = Instant::now().checked_add(FAREWELL);
        self.inner.disconnect()?;
        loop {
            let what = match self.inner.on_writable() {
                Ok(true) => For::Reading,
                Ok(false) => For::Either,
                Err(Error::Closed) => return Ok(()),
                Err(error) => return Err(error),
            };
            if wait(self.inner.socket(), what, until)?.reading {
                match self.inner.on_readable() {
                    Err(Error::Closed) => return Ok(()),
                    Err(error) => return Err(error),
                    Ok(_) => while self.inner.next()?.is_some() {},
                }
            }
        }
    }

    /// The same session for a loop of one's own, and what was read ahead.
    pub fn into_nonblocking(self) -> (NonBlocking, Vec<Received>) {
        (self.inner, self.ahead.into())
    }

    /// Both directions, for a thread each. What was read already goes with the receiver, what is queued with the sender.
    ///
    /// # Errors
    /// The system has no second descriptor for the socket; the connection is over.
    pub fn split(self) -> Result<(Sender, Receiver), Error> {
        let (socket, session) = self.inner.into_parts();
        let other = socket
            .try_clone()
            .map_err(|error| Error::system("duplicate a socket", error))?;
        // A connection exists only once its session is open.
        let (requests, deliveries) = session.split().ok_or(Error::Closed)?;
        let receiver = Receiver::new(other, deliveries, self.ahead);
        Ok((Sender::new(socket, requests), receiver))
    }

    fn request(
        &mut self,
        ask: impl Fn(&mut NonBlocking) -> Result<(), RequestError>,
    ) -> Result<(), Error> {
        loop {
            match ask(&mut self.inner) {
                Err(RequestError::Full { .. }) => {
                    if !self.write()? {
                        self.wait_for_room()?;
                    }
                }
                Err(error) => return Err(error.into()),
                Ok(()) => return Ok(()),
            }
        }
    }

    /// Writes what the socket takes, and reads when it is its turn. `true`: nothing is left.
    fn write(&mut self) -> Result<bool, Error> {
        while self.inner.wants_write() {
            let before = self.inner.queued_bytes();
            if !self.inner.write_once(TURN)? {
                return Ok(false);
            }
            self.sent += before - self.inner.queued_bytes();
            if self.sent >= TURN {
                self.read_ahead()?;
            }
        }
        Ok(true)
    }

    fn read_ahead(&mut self) -> Result<(), Error> {
        self.sent = 0;
        while self.ahead_bytes < AHEAD && self.inner.on_readable()? {
            while let Some(event) = self.inner.next()? {
                if let Event::Received(received) = event {
                    self.ahead_bytes += weight(&received);
                    self.ahead.push_back(received);
                }
            }
        }
        Ok(())
    }

    /// Waits until the socket takes something, and reads meanwhile.
    fn wait_for_room(&mut self) -> Result<(), Error> {
        let what = if self.ahead_bytes < AHEAD {
            For::Either
        } else {
            For::Writing
        };
        let ready = wait(self.inner.socket(), what, None)?;
        if ready.reading && what == For::Either {
            self.read_ahead()?;
        }
        Ok(())
    }

    fn receive_until(&mut self, until: Option<Instant>) -> Result<Received, Error> {
        if let Some(received) = self.ahead.pop_front() {
            self.ahead_bytes -= weight(&received);
            return Ok(received);
        }
        loop {
            if let Some(Event::Received(received)) = self.inner.next()? {
                return Ok(received);
            }
            if !self.inner.on_readable()? {
                wait(self.inner.socket(), For::Reading, until)?;
            }
        }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

/// About what something costs in memory, in bytes.
fn weight(received: &Received) -> usize {
    let fixed = size_of::<Received>();
    let name = size_of::<Name>();
    fixed
        + match received {
            Received::Message(message) => message.data.len() + name * message.groups.len(),
            Received::View(view) => name * 2 * view.members.len(),
            Received::Rejected(rejected) => rejected.data.len() + name * rejected.groups.len(),
            Received::Transitional { .. } | Received::Left { .. } => 0,
        }
}
