//! Opening listeners, the same way for every service.

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::Path,
};

use mio::net::{TcpListener, TcpStream, UnixListener};
use socket2::{Domain, Protocol, Socket, Type};

/// A nonblocking listener on `address`. The address may be reused at once after a restart; a port that
/// another process listens on is still refused.
pub(crate) fn listen(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?; // an IPv4 listener on the same port is another listener
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog.max(1)).unwrap_or(i32::MAX))?;
    Ok(TcpListener::from_std(socket.into()))
}

/// Listens on a socket in the file system. A socket that is left over from an earlier process is removed, but
/// only if nobody answers on it, and never anything that is not a socket.
pub(crate) fn listen_unix(path: &str, mode: u32) -> io::Result<UnixListener> {
    let listener = match UnixListener::bind(path) {
        Ok(listener) => listener,
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            if !is_stale(Path::new(path)) {
                return Err(error);
            }
            fs::remove_file(path)?;
            UnixListener::bind(path)?
        }
        Err(error) => return Err(error),
    };
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(listener)
}

pub(crate) fn is_stale(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|status| status.file_type().is_socket());
    is_socket
        && std::os::unix::net::UnixStream::connect(path)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// What to do after a failed accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accept {
    /// There is nobody any more; readiness will tell.
    Drained,
    /// This client is gone again; the next one may be there.
    Skip,
    /// The process or the system is out of something: try again later, without a busy loop.
    Later,
}

/// Sorts the errors of `accept`.
pub(crate) fn accept_error(error: &io::Error) -> Accept {
    let kind = error.kind();
    if kind == io::ErrorKind::WouldBlock {
        Accept::Drained
    } else if kind == io::ErrorKind::Interrupted
        || kind == io::ErrorKind::ConnectionAborted
        || kind == io::ErrorKind::ConnectionReset
    {
        Accept::Skip
    } else {
        Accept::Later
    }
}

/// Whether a nonblocking connect has succeeded; `WouldBlock` while it is under way.
pub(crate) fn connected(stream: &TcpStream) -> io::Result<()> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => {
            Err(io::ErrorKind::WouldBlock.into())
        }
        Err(error) => Err(error),
    }
}
