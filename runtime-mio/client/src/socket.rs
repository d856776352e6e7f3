//! A stream of either kind.

use std::{
    io::{self, IoSlice, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    time::{Duration, Instant},
};

use ringfort_client_core::Address;
use socket2::SockRef;

use crate::Error;

/// What the kernel may hold of what is sent to us, in bytes: much, so that a client that stops for a moment has more time
/// before the daemon ends its session.
const RECEIVE: usize = 1 << 20;
/// What it may hold of what we send over a Unix socket: less than a daemon's socket holds for us. So a client that gets
/// its own messages back reads at least as many of them between two writes as it sends, and does not become too slow by
/// sending fast. TCP finds its own measure.
const SEND: usize = 64 << 10;

/// A connected stream.
#[derive(Debug)]
pub enum Socket {
    /// Over TCP.
    Tcp(TcpStream),
    /// On this host.
    Unix(UnixStream),
}

impl Socket {
    /// Connects to `address`, trying all addresses of a host's name. Names are resolved by the system, without a limit
    /// of time.
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub fn connect(address: &Address, until: Option<Instant>) -> Result<Self, Error> {
        let failed = |source| Error::Connect {
            address: address.clone(),
            source,
        };
        match address {
            Address::Unix(path) => UnixStream::connect(path).map(Self::Unix).map_err(failed),
            Address::Tcp { host, port } => {
                let stream = tcp(host, *port, until).map_err(failed)?;
                stream.set_nodelay(true).map_err(failed)?;
                SockRef::from(&stream).set_keepalive(true).map_err(failed)?;
                Ok(Self::Tcp(stream))
            }
        }
    }

    /// As both kinds of connection use it: never blocking, with room in the kernel.
    pub(crate) fn prepare(&self) -> Result<(), Error> {
        let nonblocking = match self {
            Self::Tcp(stream) => stream.set_nonblocking(true),
            Self::Unix(stream) => stream.set_nonblocking(true),
        };
        nonblocking.map_err(|error| Error::system("make a socket non-blocking", error))?;
        let socket = SockRef::from(self);
        // The kernel may give less; that is no reason not to go on.
        let _ = socket.set_recv_buffer_size(RECEIVE);
        if let Self::Unix(_) = self {
            let _ = socket.set_send_buffer_size(SEND);
        }
        Ok(())
    }

    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(stream) => stream.try_clone().map(Self::Tcp),
            Self::Unix(stream) => stream.try_clone().map(Self::Unix),
        }
    }

    /// Reads without waiting: nothing if nothing is here.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        again(|| match self {
            Self::Tcp(stream) => stream.read(into),
            Self::Unix(stream) => stream.read(into),
        })
    }

    /// Writes without waiting: nothing if nothing is taken.
    pub(crate) fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<Option<usize>> {
        again(|| match self {
            Self::Tcp(stream) => stream.write_vectored(slices),
            Self::Unix(stream) => stream.write_vectored(slices),
        })
    }
}

impl From<UnixStream> for Socket {
    fn from(stream: UnixStream) -> Self {
        Self::Unix(stream)
    }
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

fn tcp(host: &str, port: u16, until: Option<Instant>) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in (host, port).to_socket_addrs()? {
        let connected = match until {
            None => TcpStream::connect(address),
            Some(until) => match until.checked_duration_since(Instant::now()) {
                Some(left) if left > Duration::ZERO => TcpStream::connect_timeout(&address, left),
                Some(_) | None => return Err(io::ErrorKind::TimedOut.into()),
            },
        };
        match connected {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Tries again what a signal interrupted.
fn again(mut attempt: impl FnMut() -> io::Result<usize>) -> io::Result<Option<usize>> {
    loop {
        match attempt() {
            Ok(count) => return Ok(Some(count)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}
