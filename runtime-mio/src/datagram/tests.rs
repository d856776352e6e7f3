//! Goal: datagrams pass unchanged between two sockets, to one peer and to many, and too long ones are marked,
//! not mixed up. Method: real sockets on the loopback, polled until the datagrams are there.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use ringfort_node::Target;

use super::{Datagrams, Options};
use crate::sys::udp::BATCH;

fn open() -> Datagrams {
    let options = Options {
        bind: "127.0.0.1:0".parse().unwrap(),
        group: None,
        datagram_limit: 1472,
    };
    Datagrams::open(&options).unwrap()
}

fn receive(socket: &mut Datagrams, count: usize) -> Vec<Bytes> {
    let mut seen = Vec::new();
    let end = Instant::now() + Duration::from_secs(10);
    while seen.len() < count && Instant::now() < end {
        socket.receive(false, |_, bytes| seen.push(bytes));
    }
    seen
}

#[test]
fn a_fan_out_reaches_every_peer_in_order() {
    let (mut sender, mut one, mut two) = (open(), open(), open());
    let peers: Arc<[_]> = Arc::new([one.local().unwrap(), two.local().unwrap()]);
    let count = BATCH + 7;
    for number in 0..count {
        sender.send(
            &Target::Peers(peers.clone()),
            &Bytes::from(format!("message {number}")),
        );
    }
    sender.flush();
    for receiver in [&mut one, &mut two] {
        let seen = receive(receiver, count);
        let expected: Vec<_> = (0..count)
            .map(|number| Bytes::from(format!("message {number}")))
            .collect();
        assert_eq!(seen, expected);
    }
    assert_eq!(sender.counters().sent, 2 * count as u64);
}

#[test]
fn a_datagram_that_is_no_frame_is_counted_and_the_next_one_is_whole() {
    let (mut sender, mut receiver) = (open(), open());
    let to = Target::Peer(receiver.local().unwrap());
    sender.send(&to, &Bytes::from(vec![7; 9000]));
    sender.send(&to, &Bytes::from_static(b"whole"));
    sender.flush();
    assert_eq!(receive(&mut receiver, 1), [Bytes::from_static(b"whole")]);
    assert_eq!(receiver.counters().too_long, 1);
}

#[test]
fn datagrams_of_all_sizes_keep_their_bounds() {
    let (mut sender, mut receiver) = (open(), open());
    let to = Target::Peer(receiver.local().unwrap());
    let sizes = [1472, 1472, 1472, 900, 900, 1, 1, 2, 1472, 64, 64, 64, 65];
    let sent: Vec<_> = sizes
        .iter()
        .cycle()
        .take(300)
        .enumerate()
        .map(|(number, size)| Bytes::from(vec![number as u8; *size]))
        .collect();
    for bytes in &sent {
        sender.send(&to, bytes);
    }
    sender.flush();
    assert_eq!(receive(&mut receiver, sent.len()), sent);
    assert_eq!(receiver.counters().received, sent.len() as u64);
}

#[test]
fn a_datagram_that_the_system_refuses_does_not_stop_the_next() {
    let (mut sender, mut receiver) = (open(), open());
    let to = Target::Peer(receiver.local().unwrap());
    sender.send(&to, &Bytes::from(vec![7; 70_000])); // longer than any UDP datagram
    sender.send(&to, &Bytes::from_static(b"fits"));
    sender.flush();
    assert_eq!(receive(&mut receiver, 1), [Bytes::from_static(b"fits")]);
    assert_eq!(sender.counters().refused, 1);
}
