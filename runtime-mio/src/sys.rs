//! The system calls that neither std nor mio offers: batches of datagrams, a precise timer, locks, the death
//! of a parent. This file and those below it are the only ones of the crate with `unsafe`.
//!
//! Each function is a thin, safe wrapper: it checks what the kernel returns, keeps no state, and decides
//! nothing. Linux only where marked; the callers do without on other systems.
#![allow(unsafe_code)]

use std::{
    fs::File,
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    time::Duration,
};

pub(crate) mod udp;

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
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

/// Raises the number of descriptors that this process may have as far as it may without privileges: each client is
/// one, and the usual limit is that of a shell. Where it fails, the limit stays.
pub(crate) fn raise_descriptor_limit() {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the kernel writes one `rlimit`.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    if known == 0 && limit.rlim_cur < limit.rlim_max {
        limit.rlim_cur = limit.rlim_max;
        // SAFETY: the kernel reads one `rlimit`.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    }
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
