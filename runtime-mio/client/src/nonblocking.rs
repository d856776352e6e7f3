//! A connection for programs with a loop of their own.

use std::{
    io::IoSlice,
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
    time::{Duration, Instant},
};

use ringfort_client_core::{Address, Event, Multicast, Options, RequestError, Session, Welcome};

use crate::{Error, Socket, error::is_gone};

/// Pieces of one vectored write.
const PIECES: usize = 32;

/// A connection that never waits.
///
/// Requests go into a bounded queue; [`NonBlocking::on_writable`] writes what the socket takes. Reading brings many
/// messages at a time into one buffer, from where [`NonBlocking::next`] takes them one by one.
///
/// With mio, in the form that readiness of either trigger allows:
///
/// ```no_run
/// use mio::{Events, Interest, Poll, Token, unix::SourceFd};
/// use ringfort_client::{Event, NonBlocking, Options};
/// use std::{os::fd::AsRawFd, time::Duration};
///
/// let mut bus = NonBlocking::connect(&"4803".parse()?, &Options::named("al"), Duration::from_secs(5))?;
/// let mut poll = Poll::new()?;
/// let both = Interest::READABLE | Interest::WRITABLE;
/// poll.registry().register(&mut SourceFd(&bus.as_raw_fd()), Token(0), both)?;
/// let mut events = Events::with_capacity(8);
/// loop {
///     poll.poll(&mut events, None)?;
///     loop {
///         let more = bus.on_readable()?;
///         while let Some(event) = bus.next()? {
///             match event {
///                 Event::Open(_) => bus.join("news")?,
///                 Event::Received(received) => println!("{received:?}"),
///             }
///         }
///         if !more {
///             break;
///         }
///     }
///     bus.on_writable()?; // also what was asked for just now
/// }
/// # #[allow(unreachable_code)]
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct NonBlocking {
    socket: Socket,
    session: Session,
}

impl NonBlocking {
    /// Connects. The connection to a host is waited for, at most `limit`; the handshake is not.
    ///
    /// # Errors
    /// [`Error::Options`], [`Error::Connect`].
    pub fn connect(address: &Address, options: &Options, limit: Duration) -> Result<Self, Error> {
        let until = Instant::now().checked_add(limit);
        Self::over(Socket::connect(address, until)?, options)
    }

    /// Begins a session on a stream that the program connected itself.
    ///
    /// # Errors
    /// [`Error::Options`], [`Error::System`].
    pub fn over(socket: impl Into<Socket>, options: &Options) -> Result<Self, Error> {
        let session = Session::new(options)?;
        let socket = socket.into();
        socket.prepare()?;
        let mut connection = Self { socket, session };
        connection.on_writable()?;
        Ok(connection)
    }

    /// How the daemon received us; nothing while the session is not open.
    pub const fn welcome(&self) -> Option<&Welcome> {
        self.session.welcome()
    }

    /// Reads once, if something is here. `true`: there may be more, which matters to those whose readiness is
    /// edge-triggered. Take all events between two reads: what is not taken is kept.
    ///
    /// # Errors
    /// [`Error::Closed`] at the end; what came before it was given by [`NonBlocking::next`].
    pub fn on_readable(&mut self) -> Result<bool, Error> {
        match self.socket.read(self.session.space()) {
            Ok(None) => Ok(false),
            Ok(Some(0)) => Err(Error::Closed),
            Ok(Some(count)) => {
                self.session.filled(count);
                Ok(true)
            }
            Err(error) => Err(Error::of_socket("read from the bus daemon", error)),
        }
    }

    /// The next event; nothing until more is read.
    ///
    /// # Errors
    /// [`Error::Handshake`] or [`Error::Stream`]: the connection is over.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator ends where this waits"
    )]
    pub fn next(&mut self) -> Result<Option<Event>, Error> {
        Ok(self.session.next()?)
    }

    /// Writes what waits, as far as the socket takes it. `true`: nothing is left.
    ///
    /// # Errors
    /// [`Error::Closed`] if the daemon is gone, but not before the session is open: a daemon that refuses says why and
    /// closes, and what it said is still to be read.
    pub fn on_writable(&mut self) -> Result<bool, Error> {
        while self.session.queued_bytes() > 0 {
            if !self.write_once(usize::MAX)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// One write of about `bytes` of what waits. `false`: the socket took nothing.
    pub(crate) fn write_once(&mut self, bytes: usize) -> Result<bool, Error> {
        match write(&mut self.socket, self.session.outgoing(), bytes) {
            Ok(None) => return Ok(false),
            Ok(Some(count)) => self.session.sent(count),
            Err(error) if is_gone(&error) && self.session.welcome().is_none() => {
                self.session.discard();
            }
            Err(error) => return Err(Error::of_socket("write to the bus daemon", error)),
        }
        Ok(true)
    }

    /// Whether something waits to be written.
    pub const fn wants_write(&self) -> bool {
        self.session.queued_bytes() > 0
    }

    /// Bytes that wait to be written, at most [`Options::queue_bytes`].
    pub const fn queued_bytes(&self) -> usize {
        self.session.queued_bytes()
    }

    /// Asks to join a group.
    ///
    /// # Errors
    /// A [`RequestError`]; nothing was queued.
    pub fn join(&mut self, group: &str) -> Result<(), RequestError> {
        self.session.join(group)
    }

    /// Asks to leave a group.
    ///
    /// # Errors
    /// A [`RequestError`]; nothing was queued.
    pub fn leave(&mut self, group: &str) -> Result<(), RequestError> {
        self.session.leave(group)
    }

    /// Queues a message.
    ///
    /// # Errors
    /// A [`RequestError`]; nothing was queued. After [`RequestError::Full`], wait until the socket can be written.
    pub fn multicast(&mut self, message: &Multicast<'_>) -> Result<(), RequestError> {
        self.session.multicast(message)
    }

    /// Asks for the end of the session; the daemon closes when it has done all that was asked before.
    ///
    /// # Errors
    /// A [`RequestError`]; nothing was queued.
    pub fn disconnect(&mut self) -> Result<(), RequestError> {
        self.session.disconnect()
    }

    pub(crate) const fn socket(&self) -> &Socket {
        &self.socket
    }

    pub(crate) fn into_parts(self) -> (Socket, Session) {
        (self.socket, self.session)
    }
}

impl AsFd for NonBlocking {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for NonBlocking {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_fd().as_raw_fd()
    }
}

/// One vectored write of `pieces`, which are not empty, until it has `bytes` or more.
pub(crate) fn write<'a>(
    socket: &mut Socket,
    pieces: impl Iterator<Item = &'a [u8]>,
    bytes: usize,
) -> std::io::Result<Option<usize>> {
    let mut slices = [IoSlice::new(&[]); PIECES];
    let (mut used, mut length) = (0, 0);
    for (slice, piece) in slices.iter_mut().zip(pieces) {
        if length >= bytes {
            break;
        }
        *slice = IoSlice::new(piece);
        used += 1;
        length += piece.len();
    }
    socket.write(&slices[..used])
}
