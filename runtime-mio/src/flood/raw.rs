//! The raw figure: every member sends datagrams to all others and receives theirs, with nothing in between.
//!
//! Each thread takes turns between a batch to everybody and reading all there is, so that no receiver starves
//! on a host with few processors; what is lost all the same is lost, and only what arrives is counted.

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

/// Datagrams a second that the slowest of `nodes` members receives from all others together.
pub(super) fn measure(nodes: usize, size: usize, time: Duration) -> Result<f64, BootError> {
    let sockets = open(nodes, size)?;
    let addresses = addresses(&sockets)?;
    let counts: Arc<[AtomicU64]> = (0..nodes).map(|_| AtomicU64::new(0)).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = sockets
        .into_iter()
        .enumerate()
        .map(|(index, socket)| {
            let (counts, stop) = (counts.clone(), stop.clone());
            let peers = others(&addresses, index);
            thread::spawn(move || blast(socket, &peers, size, &counts[index], &stop))
        })
        .collect();
    thread::sleep(time / 10); // warm: caches, buffers, the scheduler
    let start = Instant::now();
    let before = snapshot(&counts);
    thread::sleep(time);
    let after = snapshot(&counts);
    let seconds = start.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
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
    peers: &Arc<[SocketAddr]>,
    size: usize,
    count: &AtomicU64,
    stop: &AtomicBool,
) {
    let payload = Bytes::from(vec![0x5a; size]);
    let to = Target::Peers(peers.clone());
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..BURST {
            socket.send(&to, &payload);
        }
        socket.flush();
        let mut arrived = 0;
        while socket.receive(false, |_, _| arrived += 1) {}
        count.fetch_add(arrived, Ordering::Relaxed);
    }
}

fn snapshot(counts: &[AtomicU64]) -> Vec<u64> {
    counts
        .iter()
        .map(|count| count.load(Ordering::Relaxed))
        .collect()
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
