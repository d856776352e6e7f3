//! The system calls that neither std nor mio offers: batches of datagrams, a precise timer, locks, the death
//! of a parent. The only file of this crate with `unsafe`.
//!
//! Each function is a thin, safe wrapper: it checks what the kernel returns, keeps no state, and decides
//! nothing. Linux only where marked; the callers do without on other systems.
#![allow(unsafe_code)]

use std::{
    fs::File,
    io, mem,
    net::SocketAddr,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    time::Duration,
};

use bytes::BytesMut;
use socket2::SockAddr;

/// The most datagrams that one system call moves.
pub(crate) const BATCH: usize = 64;

/// What one call of [`receive_batch`] learned of one datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// Who sent it.
    pub(crate) from: SocketAddr,
    /// It was longer than its buffer and has lost its end.
    pub(crate) truncated: bool,
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Receives up to [`BATCH`] datagrams at once, the first into `slots[0]` and so on; each slot must be empty and
/// gets the datagram as its content. Returns one [`Arrival`] for each in `arrivals`.
///
/// # Errors
/// What `recvmmsg` says; `WouldBlock` when there is none.
pub(crate) fn receive_batch(
    socket: BorrowedFd<'_>,
    slots: &mut [BytesMut],
    arrivals: &mut Vec<Arrival>,
) -> io::Result<()> {
    arrivals.clear();
    let count = slots.len().min(BATCH);
    // SAFETY: plain C structs for which all-zero bytes are a valid value.
    let mut headers: [libc::mmsghdr; BATCH] = unsafe { mem::zeroed() };
    // SAFETY: as above.
    let mut vectors: [libc::iovec; BATCH] = unsafe { mem::zeroed() };
    // SAFETY: as above.
    let mut names: [libc::sockaddr_storage; BATCH] = unsafe { mem::zeroed() };
    for (index, slot) in slots.iter_mut().take(count).enumerate() {
        let room = slot.spare_capacity_mut();
        vectors[index] = libc::iovec {
            iov_base: room.as_mut_ptr().cast(),
            iov_len: room.len(),
        };
        let header = &mut headers[index].msg_hdr;
        header.msg_iov = &raw mut vectors[index];
        header.msg_iovlen = 1;
        header.msg_name = (&raw mut names[index]).cast();
        header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    }
    // SAFETY: every header points to a vector and a name of this frame and to the spare room of a slot that
    // is borrowed mutably; the kernel writes no more than the lengths given.
    let received = check(unsafe {
        libc::recvmmsg(
            socket.as_raw_fd(),
            headers.as_mut_ptr(),
            count as libc::c_uint,
            libc::MSG_DONTWAIT,
            std::ptr::null_mut(),
        )
    })?;
    for index in 0..received as usize {
        let header = &headers[index];
        let length = (header.msg_len as usize).min(slots[index].capacity());
        // SAFETY: the kernel has written `msg_len` bytes into the spare room of this empty slot.
        unsafe { slots[index].set_len(length) };
        // SAFETY: the kernel has written `msg_namelen` bytes of an address into the storage.
        let from =
            unsafe { SockAddr::new(socket2_storage(names[index]), header.msg_hdr.msg_namelen) };
        arrivals.push(Arrival {
            from: from
                .as_socket()
                .unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0))),
            truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
        });
    }
    Ok(())
}

fn socket2_storage(name: libc::sockaddr_storage) -> socket2::SockAddrStorage {
    let mut storage = socket2::SockAddrStorage::zeroed();
    // SAFETY: `sockaddr_storage` is what socket2 wraps; `view_as` checks that it fits.
    unsafe { *storage.view_as::<libc::sockaddr_storage>() = name };
    storage
}

/// Sends up to [`BATCH`] datagrams at once; returns how many the kernel took, at least one.
///
/// # Errors
/// What `sendmmsg` says of the first one.
pub(crate) fn send_batch<'a>(
    socket: BorrowedFd<'_>,
    datagrams: impl Iterator<Item = (&'a SocketAddr, &'a [u8])>,
) -> io::Result<usize> {
    // SAFETY: plain C structs for which all-zero bytes are a valid value.
    let mut headers: [libc::mmsghdr; BATCH] = unsafe { mem::zeroed() };
    // SAFETY: as above.
    let mut vectors: [libc::iovec; BATCH] = unsafe { mem::zeroed() };
    let mut names: [mem::MaybeUninit<SockAddr>; BATCH] =
        [const { mem::MaybeUninit::uninit() }; BATCH];
    let mut count = 0;
    for (index, (to, bytes)) in datagrams.take(BATCH).enumerate() {
        let name = names[index].write(SockAddr::from(*to));
        vectors[index] = libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        };
        let header = &mut headers[index].msg_hdr;
        header.msg_name = name.as_ptr().cast_mut().cast();
        header.msg_namelen = name.len();
        header.msg_iov = &raw mut vectors[index];
        header.msg_iovlen = 1;
        count += 1;
    }
    if count == 0 {
        return Ok(0);
    }
    // SAFETY: every header points to a name and a vector of this frame and to bytes that are borrowed for the
    // call; the kernel only reads them.
    let sent = check(unsafe {
        libc::sendmmsg(
            socket.as_raw_fd(),
            headers.as_mut_ptr(),
            count,
            libc::MSG_DONTWAIT,
        )
    })?;
    Ok(sent as usize)
}

/// A timer that becomes readable at a chosen point, exact to microseconds (Linux).
///
/// # Errors
/// What `timerfd_create` says.
pub(crate) fn timer() -> io::Result<OwnedFd> {
    // SAFETY: no pointers; the descriptor returned is new and owned by nobody else.
    let descriptor = check(unsafe {
        libc::timerfd_create(
            libc::CLOCK_MONOTONIC,
            libc::TFD_NONBLOCK | libc::TFD_CLOEXEC,
        )
    })?;
    // SAFETY: see above.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Lets `timer` fire once after `delay`, which must not be zero; forgets what was set before.
///
/// # Errors
/// What `timerfd_settime` says.
pub(crate) fn set_timer(timer: BorrowedFd<'_>, delay: Duration) -> io::Result<()> {
    let value = libc::itimerspec {
        it_interval: libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        },
        it_value: libc::timespec {
            tv_sec: delay.as_secs() as libc::time_t,
            tv_nsec: libc::c_long::from(delay.subsec_nanos()),
        },
    };
    // SAFETY: `value` lives through the call, and no old value is asked for.
    check(unsafe {
        libc::timerfd_settime(timer.as_raw_fd(), 0, &raw const value, std::ptr::null_mut())
    })?;
    Ok(())
}

/// Takes an exclusive lock on an open file or directory without waiting; it ends with the last descriptor.
///
/// # Errors
/// `WouldBlock` if somebody else holds it.
pub(crate) fn lock(file: &File) -> io::Result<()> {
    // SAFETY: no pointers; the descriptor is open.
    check(unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) })?;
    Ok(())
}

/// Asks the kernel to end this process when its parent ends (Linux), and says whether the parent is still
/// `expected`, since it may have ended before the request.
pub(crate) fn die_with_parent(expected: u32) -> bool {
    // SAFETY: no pointers.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM, 0, 0, 0);
        libc::getppid() as u32 == expected
    }
}

/// Sends `signal` to the process `id`, which the caller has started and not yet waited for.
///
/// # Errors
/// What `kill` says.
pub(crate) fn signal(id: u32, signal: libc::c_int) -> io::Result<()> {
    let id = libc::pid_t::try_from(id).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: no pointers.
    check(unsafe { libc::kill(id, signal) })?;
    Ok(())
}

/// The user id of the process at the other end of a Unix socket.
///
/// # Errors
/// What `getsockopt` says.
pub(crate) fn peer_user(socket: BorrowedFd<'_>) -> io::Result<u32> {
    let mut credentials = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes into `credentials`.
    check(unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut credentials).cast(),
            &raw mut length,
        )
    })?;
    Ok(credentials.uid)
}

/// The host's name.
///
/// # Errors
/// What `gethostname` says, or that the name is not text.
pub(crate) fn host_name() -> io::Result<String> {
    let mut name = [0u8; 256];
    // SAFETY: the kernel writes at most the length of `name`, less one for the end.
    check(unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) })?;
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(0);
    String::from_utf8(name[..end].to_vec())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the host's name is not text"))
}
