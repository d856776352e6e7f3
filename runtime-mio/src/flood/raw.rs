//! The raw figure: every member sends datagrams to all others and receives theirs, with nothing in between.
//!
//! A plain blast would lose most of it in full socket buffers and measure the loss. So the senders see, by a
//! few shared counters that cost no datagram, how far behind the slowest receiver is, and pause: flow control
//! for nothing, as no real protocol has it. Only what arrives is counted.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use ringfort_node::Target;

use crate::{
    BootError,
    datagram::{Datagrams, Options},
};

/// Datagrams sent to everybody between two looks at what has arrived.
const BURST: usize = 16;
/// How many datagrams a receiver may be behind: fewer than any socket buffer holds.
const BEHIND: u64 = 128;
/// After so long without progress the counters are taken to be wrong by a lost datagram.
const STALLED: Duration = Duration::from_millis(20);

/// What the members know of each other.
#[derive(Debug)]
struct Shared {
    sent: Vec<AtomicU64>,
    received: Vec<AtomicU64>,
    /// Datagrams given up, so that they hold nobody back.
    lost: Vec<AtomicU64>,
    stop: AtomicBool,
}

impl Shared {
    /// How far the slowest receiver is behind.
    fn behind(&self) -> u64 {
        let all: u64 = self.sent.iter().map(read).sum();
        (0..self.sent.len())
            .map(|member| {
                let due = all - read(&self.sent[member]);
                due.saturating_sub(read(&self.received[member]) + read(&self.lost[member]))
            })
            .max()
            .unwrap_or(0)
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// Datagrams a second that the slowest of `nodes` members receives from all others together.
pub(super) fn measure(nodes: usize, size: usize, time: Duration) -> Result<f64, BootError> {
    let sockets = open(nodes, size)?;
    let addresses = addresses(&sockets)?;
    let counters = || (0..nodes).map(|_| AtomicU64::new(0)).collect();
    let shared = Arc::new(Shared {
        sent: counters(),
        received: counters(),
        lost: counters(),
        stop: AtomicBool::new(false),
    });
    let threads: Vec<_> = sockets
        .into_iter()
        .enumerate()
        .map(|(member, socket)| {
            let shared = shared.clone();
            let peers = others(&addresses, member);
            thread::spawn(move || blast(socket, member, &peers, size, &shared))
        })
        .collect();
    let count = || -> Vec<u64> { shared.received.iter().map(read).collect() };
    thread::sleep(time / 10); // warm: caches, buffers, the scheduler
    let (start, before) = (Instant::now(), count());
    thread::sleep(time);
    let (after, seconds) = (count(), start.elapsed().as_secs_f64());
    shared.stop.store(true, Ordering::Relaxed);
    for thread in threads {
        let _ = thread.join();
    }
    let slowest = after
        .iter()
        .zip(before)
        .map(|(after, before)| after - before)
        .min();
    Ok(slowest.unwrap_or(0) as f64 / seconds)
}

fn blast(
    mut socket: Datagrams,
    member: usize,
    peers: &Arc<[SocketAddr]>,
    size: usize,
    shared: &Shared,
) {
    let payload = Bytes::from(vec![0x5a; size]);
    let to = Target::Peers(peers.clone());
    let mut moved = Instant::now();
    while !shared.stop.load(Ordering::Relaxed) {
        let may_send = shared.behind() <= BEHIND;
        if may_send {
            for _ in 0..BURST {
                socket.send(&to, &payload);
            }
            socket.flush();
            shared.sent[member].fetch_add(BURST as u64, Ordering::Relaxed);
        }
        let mut arrived = 0;
        while socket.receive(false, |_, _| arrived += 1) {}
        shared.received[member].fetch_add(arrived, Ordering::Relaxed);
        if may_send || arrived > 0 {
            moved = Instant::now();
        } else if moved.elapsed() > STALLED {
            shared.lost[member].fetch_add(BEHIND, Ordering::Relaxed);
            moved = Instant::now();
        } else {
            thread::yield_now();
        }
    }
}

/// A socket on the loopback for each member.
pub(super) fn open(nodes: usize, size: usize) -> Result<Vec<Datagrams>, BootError> {
    let options = Options {
        bind: SocketAddr::from(([127, 0, 0, 1], 0)),
        group: None,
        datagram_limit: super::datagram_limit(size),
    };
    (0..nodes).map(|_| Datagrams::open(&options)).collect()
}

/// Their addresses.
pub(super) fn addresses(sockets: &[Datagrams]) -> Result<Vec<SocketAddr>, BootError> {
    sockets
        .iter()
        .map(|socket| {
            socket
                .local()
                .map_err(|source| BootError::system("read a socket's address", source))
        })
        .collect()
}

/// All addresses but the one at `index`.
pub(super) fn others(addresses: &[SocketAddr], index: usize) -> Arc<[SocketAddr]> {
    addresses
        .iter()
        .enumerate()
        .filter(|(other, _)| *other != index)
        .map(|(_, address)| *address)
        .collect()
}
