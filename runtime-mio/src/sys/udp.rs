//! Datagrams in batches: many a system call (`recvmmsg`, `sendmmsg`), and many in one buffer (UDP GRO and GSO,
//! Linux 5.0 and 4.18).
//!
//! What a packet costs is nearly all in the kernel, once for each buffer that goes through it. With segmentation
//! offload a buffer is up to 64 datagrams of equal size that are cut apart as late as possible, and put together
//! again as early as possible: reference bus-peers measures a factor of 20. Like everything in [`super`], these
//! wrappers keep no state and decide nothing.

use std::{
    io, mem,
    net::SocketAddr,
    os::fd::{AsRawFd, BorrowedFd},
};

use socket2::SockAddr;

use super::check;

/// The most buffers that one system call moves.
pub(crate) const BATCH: usize = 64;
/// The most datagrams in one buffer (`UDP_MAX_SEGMENTS` of older kernels).
pub(crate) const SEGMENTS: usize = 64;
/// The most bytes in one buffer: what an IPv4 packet holds.
pub(crate) const BUFFER_BYTES: usize = 65_507;
/// The most pieces of memory that one system call gathers.
const PIECES: usize = 1024;
/// Room for one control message with an integer.
const CONTROL_WORDS: usize = 4;

/// What one call of [`receive`] learned of one buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// Who sent it.
    pub(crate) from: SocketAddr,
    /// Bytes in the buffer.
    pub(crate) length: usize,
    /// Every datagram in it has this many bytes, the last may have fewer. At least 1.
    pub(crate) segment: usize,
    /// It was longer than its buffer and has lost its end.
    pub(crate) truncated: bool,
}

/// Datagrams to one destination, all of one size but the last, which may be smaller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) to: SocketAddr,
    /// How many of the pieces are its datagrams.
    pub(crate) count: usize,
    /// Bytes of each but the last.
    pub(crate) segment: usize,
}

/// Lets the kernel put datagrams that came together into one buffer.
///
/// # Errors
/// That it does not know how to.
pub(crate) fn set_receive_offload(socket: BorrowedFd<'_>) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the kernel reads the integer that is pointed to, of the size given.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_UDP,
            libc::UDP_GRO,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    })?;
    Ok(())
}

/// Receives up to [`BATCH`] buffers at once, the first into the first of `buffers` and so on.
///
/// # Errors
/// What `recvmmsg` says; `WouldBlock` when there is none.
pub(crate) fn receive(
    socket: BorrowedFd<'_>,
    buffers: &mut [Box<[u8]>],
    arrivals: &mut Vec<Arrival>,
) -> io::Result<()> {
    arrivals.clear();
    let count = buffers.len().min(BATCH);
    // SAFETY: plain C structs for which all-zero bytes are a valid value.
    let mut headers: [libc::mmsghdr; BATCH] = unsafe { mem::zeroed() };
    // SAFETY: as above.
    let mut vectors: [libc::iovec; BATCH] = unsafe { mem::zeroed() };
    // SAFETY: as above.
    let mut names: [libc::sockaddr_storage; BATCH] = unsafe { mem::zeroed() };
    let mut controls = [[0_usize; CONTROL_WORDS]; BATCH];
    for (index, buffer) in buffers.iter_mut().take(count).enumerate() {
        vectors[index] = libc::iovec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: buffer.len(),
        };
        let header = &mut headers[index].msg_hdr;
        header.msg_iov = &raw mut vectors[index];
        header.msg_iovlen = 1;
        header.msg_name = (&raw mut names[index]).cast();
        header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        header.msg_control = controls[index].as_mut_ptr().cast();
        header.msg_controllen = size_of_val(&controls[index]) as _;
    }
    // SAFETY: every header points to a vector, a name and a control buffer of this frame and to a buffer that is
    // borrowed mutably; the kernel writes no more than the lengths given.
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
        let length = (header.msg_len as usize).min(buffers[index].len());
        // SAFETY: the kernel has written `msg_namelen` bytes of an address into the storage.
        let from = unsafe { SockAddr::new(storage(names[index]), header.msg_hdr.msg_namelen) };
        arrivals.push(Arrival {
            from: from
                .as_socket()
                .unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0))),
            length,
            segment: segment_size(&header.msg_hdr).unwrap_or(length).max(1),
            truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
        });
    }
    Ok(())
}

/// What the kernel says about the size of the datagrams in a buffer; nothing if it is one.
fn segment_size(header: &libc::msghdr) -> Option<usize> {
    // SAFETY: the control buffer is alive and as long as the header says.
    let mut message = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !message.is_null() {
        // SAFETY: not null, so it points to a whole control message in the buffer.
        let (level, kind) = unsafe { ((*message).cmsg_level, (*message).cmsg_type) };
        if (level, kind) == (libc::SOL_UDP, libc::UDP_GRO) {
            // SAFETY: the content of this message is an integer, not necessarily aligned.
            let size = unsafe {
                libc::CMSG_DATA(message)
                    .cast::<libc::c_int>()
                    .read_unaligned()
            };
            return usize::try_from(size).ok();
        }
        // SAFETY: both belong to the same buffer.
        message = unsafe { libc::CMSG_NXTHDR(header, message) };
    }
    None
}

fn storage(name: libc::sockaddr_storage) -> socket2::SockAddrStorage {
    let mut storage = socket2::SockAddrStorage::zeroed();
    // SAFETY: `sockaddr_storage` is what socket2 wraps; `view_as` checks that it fits.
    unsafe { *storage.view_as::<libc::sockaddr_storage>() = name };
    storage
}

/// Sends up to [`BATCH`] runs at once. Their datagrams are `pieces`, in the same order. Returns how many runs
/// the kernel took, at least one.
///
/// # Errors
/// What `sendmmsg` says of the first one.
pub(crate) fn send<'a>(
    socket: BorrowedFd<'_>,
    runs: &[Run],
    pieces: impl Iterator<Item = &'a [u8]>,
) -> io::Result<usize> {
    // SAFETY: plain C structs for which all-zero bytes are a valid value.
    let mut headers: [libc::mmsghdr; BATCH] = unsafe { mem::zeroed() };
    let mut vectors: [mem::MaybeUninit<libc::iovec>; PIECES] =
        [const { mem::MaybeUninit::uninit() }; PIECES];
    let mut names: [mem::MaybeUninit<SockAddr>; BATCH] =
        [const { mem::MaybeUninit::uninit() }; BATCH];
    let mut controls = [[0_usize; CONTROL_WORDS]; BATCH];
    let mut filled = 0;
    for piece in pieces.take(PIECES) {
        vectors[filled].write(libc::iovec {
            iov_base: piece.as_ptr().cast_mut().cast(),
            iov_len: piece.len(),
        });
        filled += 1;
    }
    let (mut count, mut first) = (0, 0);
    for run in runs.iter().take(BATCH) {
        if run.count == 0 || first + run.count > filled {
            break;
        }
        let name = names[count].write(SockAddr::from(run.to));
        let header = &mut headers[count].msg_hdr;
        header.msg_name = name.as_ptr().cast_mut().cast();
        header.msg_namelen = name.len();
        header.msg_iov = vectors[first].as_mut_ptr();
        header.msg_iovlen = run.count as _;
        if run.count > 1 {
            control(header, &mut controls[count], run.segment);
        }
        first += run.count;
        count += 1;
    }
    if count == 0 {
        return Ok(0);
    }
    // SAFETY: every header points to a name, vectors and a control message of this frame and to bytes that are
    // borrowed for the call; the kernel only reads them.
    let sent = check(unsafe {
        libc::sendmmsg(
            socket.as_raw_fd(),
            headers.as_mut_ptr(),
            count as libc::c_uint,
            libc::MSG_DONTWAIT,
        )
    })?;
    Ok(sent as usize)
}

/// Says in `header` that its bytes are datagrams of `segment` bytes.
fn control(header: &mut libc::msghdr, room: &mut [usize; CONTROL_WORDS], segment: usize) {
    const SIZE: u32 = size_of::<u16>() as u32;
    header.msg_control = room.as_mut_ptr().cast();
    // SAFETY: no memory is touched.
    header.msg_controllen = unsafe { libc::CMSG_SPACE(SIZE) } as _;
    // SAFETY: the header has a control buffer, aligned and large enough for one control message of this size.
    unsafe {
        let message = libc::CMSG_FIRSTHDR(header);
        (*message).cmsg_level = libc::SOL_UDP;
        (*message).cmsg_type = libc::UDP_SEGMENT;
        (*message).cmsg_len = libc::CMSG_LEN(SIZE) as _;
        libc::CMSG_DATA(message)
            .cast::<u16>()
            .write_unaligned(segment as u16);
    }
}

/// How many pieces of memory [`send`] takes at most.
pub(crate) const fn pieces_limit() -> usize {
    PIECES
}
