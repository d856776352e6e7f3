//! The system calls that the live tests need besides those of the crate, and nothing else.
#![allow(unsafe_code)]

use std::{
    ffi::CString,
    io, mem,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    os::unix::process::CommandExt,
    process::Command,
};

/// Makes `command` run in network namespace of its own: as root, or as the root of a user namespace of its own.
pub(crate) fn isolate(command: &mut Command) {
    // Prepared before the fork: nothing may be allocated after it.
    let paths = ["setgroups", "uid_map", "gid_map"]
        .map(|name| CString::new(format!("/proc/self/{name}")).expect("no zero byte"));
    // SAFETY: both calls only read the caller's identity.
    let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
    let values = [
        "deny".to_owned(),
        format!("0 {user} 1"),
        format!("0 {group} 1"),
    ];
    let enter = move || {
        // SAFETY: takes no pointer; the process has one thread here.
        if unsafe { libc::unshare(libc::CLONE_NEWNET) } == 0 {
            return Ok(());
        }
        // SAFETY: as above.
        if unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET) } != 0 {
            return Err(io::Error::last_os_error());
        }
        for (path, value) in paths.iter().zip(&values) {
            // SAFETY: the path ends with a zero byte.
            let fd = unsafe { libc::open(path.as_ptr(), libc::O_WRONLY) };
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            // SAFETY: the value is live, with its length; the descriptor is ours.
            let written = unsafe { libc::write(fd, value.as_ptr().cast(), value.len()) };
            // SAFETY: nobody else has the descriptor.
            unsafe { libc::close(fd) };
            if written < 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: the closure makes system calls only and allocates nothing.
    unsafe { command.pre_exec(enter) };
}

/// Makes `command` run without any privilege, as the user nobody if it would be root.
pub(crate) fn unprivileged(command: &mut Command) {
    // SAFETY: only reads the caller's identity.
    if unsafe { libc::geteuid() } == 0 {
        command.uid(65_534).gid(65_534);
    }
}

/// One request to the kernel over route netlink; the number of the error it answers with, 0 for none.
pub(crate) fn ask(message: &[u8]) -> io::Result<i32> {
    let socket = open(libc::AF_NETLINK, libc::NETLINK_ROUTE)?;
    // SAFETY: the buffer is live for the call, with its length. An unconnected netlink socket sends to the kernel.
    let sent = unsafe {
        libc::send(
            socket.as_raw_fd(),
            message.as_ptr().cast(),
            message.len(),
            0,
        )
    };
    if sent < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut answer = [0u8; 1024];
    let length = receive(&socket, &mut answer)?;
    assert!(length >= 20, "a verdict has a header and a number");
    let number: [u8; 4] = answer[16..20].try_into().expect("four bytes");
    Ok(-i32::from_ne_bytes(number))
}

/// The number of the interface called `name`.
pub(crate) fn index_of(name: &str) -> u32 {
    let name = CString::new(name).expect("no zero byte");
    // SAFETY: the name ends with a zero byte.
    unsafe { libc::if_nametoindex(name.as_ptr()) }
}

/// Receives what arrives on one interface.
pub(crate) struct Capture(OwnedFd);

impl Capture {
    pub(crate) fn on(name: &str) -> io::Result<Self> {
        let all = (libc::ETH_P_ALL as u16).to_be();
        let socket = open(libc::AF_PACKET, i32::from(all))?;
        // SAFETY: an all-zero `sockaddr_ll` is valid.
        let mut place: libc::sockaddr_ll = unsafe { mem::zeroed() };
        place.sll_family = libc::AF_PACKET as libc::sa_family_t;
        place.sll_protocol = all;
        place.sll_ifindex = index_of(name) as i32;
        // SAFETY: the address is live for the call, with its length.
        let bound = unsafe {
            libc::bind(
                socket.as_raw_fd(),
                (&raw const place).cast(),
                size_of::<libc::sockaddr_ll>() as libc::socklen_t,
            )
        };
        if bound != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self(socket))
    }

    /// The next frame; an error when none comes for a while.
    pub(crate) fn next(&self) -> io::Result<Vec<u8>> {
        let mut frame = vec![0; 2048];
        let length = receive(&self.0, &mut frame)?;
        frame.truncate(length);
        Ok(frame)
    }
}

fn open(family: i32, protocol: i32) -> io::Result<OwnedFd> {
    // SAFETY: takes no pointer.
    let fd = unsafe { libc::socket(family, libc::SOCK_RAW | libc::SOCK_CLOEXEC, protocol) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has just made this descriptor, and nobody else knows it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    let limit = libc::timeval {
        tv_sec: 5,
        tv_usec: 0,
    };
    // SAFETY: the option's value is live for the call, with its size.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVTIMEO,
            (&raw const limit).cast(),
            size_of::<libc::timeval>() as libc::socklen_t,
        )
    };
    if set != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(socket)
}

fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the buffer is live for the call, with its length.
    let length = unsafe {
        libc::recv(
            socket.as_raw_fd(),
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            0,
        )
    };
    usize::try_from(length).map_err(|_| io::Error::last_os_error())
}
