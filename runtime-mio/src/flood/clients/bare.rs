//! What a message's way costs without a bus: from a client to its daemon over a Unix socket, to another daemon in a
//! datagram, to a client over a Unix socket; four threads, three hops, and nobody who orders anything. A latency of the
//! bus is shown beside this one, of the same run.

use std::{
    io::{self, Read, Write},
    net::UdpSocket,
    os::unix::net::UnixStream,
    thread,
    time::{Duration, Instant},
};

use crate::{BootError, flood::histogram::Histogram};

/// Bytes of the time of sending, at the front of a message.
const STAMP: usize = 8;
/// Messages a second at most: beyond, the pause between two is shorter than a thread can wait.
const RATE: f64 = 1000.0;

/// Times over the three hops, of messages of `size` bytes at `rate` a second.
pub(super) fn measure(size: usize, rate: f64, time: Duration) -> Result<Histogram, BootError> {
    hops(size, rate, time).map_err(|source| BootError::system("measure sockets", source))
}

fn hops(size: usize, rate: f64, time: Duration) -> io::Result<Histogram> {
    let (mut client, mut first) = UnixStream::pair()?;
    let (mut second, mut receiver) = UnixStream::pair()?;
    let (near, far) = (
        UdpSocket::bind("127.0.0.1:0")?,
        UdpSocket::bind("127.0.0.1:0")?,
    );
    near.connect(far.local_addr()?)?;
    far.connect(near.local_addr()?)?;
    let origin = Instant::now();
    let now = move || u64::try_from(origin.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let mut buffer = vec![0; size];
    let relays = [
        {
            let mut buffer = buffer.clone();
            thread::spawn(move || {
                while first.read_exact(&mut buffer).is_ok() {
                    near.send(&buffer)?;
                }
                near.send(&[]).map(drop) // tells the other to end
            })
        },
        {
            let mut buffer = buffer.clone();
            thread::spawn(move || {
                while far.recv(&mut buffer)? > 0 {
                    second.write_all(&buffer)?;
                }
                Ok(())
            })
        },
    ];
    let receiving = {
        let mut buffer = buffer.clone();
        thread::spawn(move || {
            let mut times = Histogram::default();
            while receiver.read_exact(&mut buffer).is_ok() {
                let sent = buffer.first_chunk().copied().unwrap_or_default();
                times.add(now().saturating_sub(u64::from_le_bytes(sent)));
            }
            times
        })
    };
    let rate = rate.min(RATE);
    let interval = Duration::from_secs_f64(1.0 / rate);
    let count = (time.as_secs_f64() * rate).ceil() as u64;
    for _ in 0..count {
        thread::sleep(interval);
        buffer[..STAMP].copy_from_slice(&now().to_le_bytes());
        client.write_all(&buffer)?;
    }
    drop(client);
    let failed = || io::Error::other("a thread failed; see above");
    for relay in relays {
        relay.join().map_err(|_| failed())??;
    }
    receiving.join().map_err(|_| failed())
}

#[cfg(test)]
mod tests;
