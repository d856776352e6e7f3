//! The system calls, and nothing else: the only file of this crate with unsafe code.
#![allow(unsafe_code)]

use std::{
    io, mem,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

/// The kernel's pieces of a list are at most 32 KiB (netlink(7)).
const BUFFER_BYTES: usize = 64 * 1024;
/// How long the kernel may take to answer. It answers within the call that asks, so this is never reached.
const ANSWER_LIMIT_S: libc::time_t = 2;

/// A socket for route netlink messages.
#[derive(Debug)]
pub(crate) struct RouteSocket {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

impl RouteSocket {
    pub(crate) fn open() -> io::Result<Self> {
        let socket = open(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)?;
        let limit = libc::timeval {
            tv_sec: ANSWER_LIMIT_S,
            tv_usec: 0,
        };
        // SAFETY: the option's value is a live `timeval` of the stated size.
        let result = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_RCVTIMEO,
                (&raw const limit).cast(),
                size_of::<libc::timeval>() as libc::socklen_t,
            )
        };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            socket,
            buffer: vec![0; BUFFER_BYTES],
        })
    }

    /// Sends one message to the kernel.
    pub(crate) fn send(&self, message: &[u8]) -> io::Result<()> {
        // SAFETY: an all-zero `sockaddr_nl` is valid; it names the kernel once its family is set.
        let mut kernel: libc::sockaddr_nl = unsafe { mem::zeroed() };
        kernel.nl_family = libc::AF_NETLINK as libc::sa_family_t;
        send_to(&self.socket, message, &kernel)
    }

    /// Receives one datagram, from the kernel alone.
    pub(crate) fn receive(&mut self) -> io::Result<&[u8]> {
        loop {
            // SAFETY: as above.
            let mut from: libc::sockaddr_nl = unsafe { mem::zeroed() };
            let mut from_bytes = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
            // SAFETY: the buffer and the address are live for the call, with their lengths.
            let length = unsafe {
                libc::recvfrom(
                    self.socket.as_raw_fd(),
                    self.buffer.as_mut_ptr().cast(),
                    self.buffer.len(),
                    libc::MSG_TRUNC,
                    (&raw mut from).cast(),
                    &raw mut from_bytes,
                )
            };
            let Ok(length) = usize::try_from(length) else {
                let error = io::Error::last_os_error();
                if error.kind() == io::ErrorKind::Interrupted {
                    continue;
                }
                return Err(error);
            };
            // Any process may send to a netlink socket; only the kernel has port 0.
            if from.nl_pid != 0 {
                continue;
            }
            return self.buffer.get(..length).ok_or_else(|| {
                io::Error::new(io::ErrorKind::InvalidData, "an answer over 64 KiB")
            });
        }
    }
}

/// A socket for whole Ethernet frames, which receives none.
#[derive(Debug)]
pub(crate) struct PacketSocket {
    socket: OwnedFd,
}

impl PacketSocket {
    pub(crate) fn open() -> io::Result<Self> {
        Ok(Self {
            socket: open(libc::AF_PACKET, libc::SOCK_RAW, 0)?,
        })
    }

    /// Sends one frame on the interface `index`.
    pub(crate) fn send(&self, index: u32, frame: &[u8]) -> io::Result<()> {
        // SAFETY: an all-zero `sockaddr_ll` is valid.
        let mut to: libc::sockaddr_ll = unsafe { mem::zeroed() };
        to.sll_family = libc::AF_PACKET as libc::sa_family_t;
        to.sll_ifindex = i32::try_from(index)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "an interface index"))?;
        send_to(&self.socket, frame, &to)
    }
}

fn open(family: i32, kind: i32, protocol: i32) -> io::Result<OwnedFd> {
    // SAFETY: takes no pointer.
    let fd = unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has just made this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Sends `bytes` to `address`, which is one of the `sockaddr_*` structs.
fn send_to<A>(socket: &OwnedFd, bytes: &[u8], address: &A) -> io::Result<()> {
    loop {
        // SAFETY: both pointers are live for the call, with their lengths.
        let sent = unsafe {
            libc::sendto(
                socket.as_raw_fd(),
                bytes.as_ptr().cast(),
                bytes.len(),
                0,
                (&raw const *address).cast(),
                size_of::<A>() as libc::socklen_t,
            )
        };
        if sent >= 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
