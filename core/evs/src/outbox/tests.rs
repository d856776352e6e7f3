//! What goes into the outbox comes out once, whole and in order, however it is packed and cut.

extern crate std;

use std::{vec, vec::Vec};

use bytes::Bytes;
use proptest::prelude::*;
use ringfort_machine::{Incarnation, Level, Member, NodeId, ProcessId, RingId, SubclusterId};
use ringfort_wire::{
    ClusterId, limits,
    ring::{Content, Data},
};

use super::Outbox;
use crate::{Config, Refusal, assemble::Assembler, store::Packet};

fn me() -> ProcessId {
    ProcessId::new(NodeId(1), Incarnation(1))
}

fn ring() -> RingId {
    RingId {
        sequence: 3,
        representative: me(),
    }
}

fn outbox(datagram: usize) -> Outbox {
    let me = Member {
        process: me(),
        subcluster: SubclusterId(1),
    };
    let mut config = Config::new(me, ClusterId(1));
    config.datagram_limit = datagram;
    config.outbox_limit_messages = 50;
    Outbox::new(&config)
}

/// Everything that one packet after the other brings, as a receiver puts it together, and what was said to be
/// sent.
fn drain(outbox: &mut Outbox, limit: usize) -> (Vec<(u64, Level, Bytes)>, Vec<u64>) {
    let mut received = Vec::new();
    let mut sent = Vec::new();
    let mut assembler = Assembler::default();
    for seq in 1.. {
        let Some(frame) = outbox.next_packet(ring(), seq, |number, _| sent.push(number)) else {
            break;
        };
        assert!(frame.len() + 52 <= limit, "wrapped, it still fits");
        let Data { content, .. } = Packet::own(frame).data;
        match content {
            Content::Messages(messages) => {
                for item in messages.iter() {
                    let whole = match item.cut {
                        Some(cut) => assembler.feed(me(), cut, &item),
                        None => Some(item.payload),
                    };
                    received.extend(whole.map(|whole| (item.number, item.level, whole)));
                }
            }
            Content::Recovered(_) => panic!("nothing is wrapped here"),
        }
    }
    (received, sent)
}

#[test]
fn limits_are_refusals() {
    let mut outbox = outbox(1472);
    let too_long = Bytes::from(vec![0; limits::MESSAGE + 1]);
    assert_eq!(
        outbox.submit(Level::Agreed, too_long),
        Err(Refusal::TooLong)
    );
    let largest = Bytes::from(vec![0; limits::MESSAGE]);
    for number in 1..=4 {
        assert_eq!(outbox.submit(Level::Agreed, largest.clone()), Ok(number));
    }
    assert_eq!(
        outbox.submit(Level::Agreed, Bytes::from_static(b"x")),
        Err(Refusal::Busy)
    );
    for number in 5..=50 {
        assert_eq!(outbox.submit(Level::Agreed, Bytes::new()), Ok(number));
    }
    assert_eq!(
        outbox.submit(Level::Agreed, Bytes::new()),
        Err(Refusal::Busy)
    );
    assert_eq!(outbox.numbered(), 50, "a refusal takes no number");
}

#[test]
fn a_cut_message_starts_over() {
    let mut outbox = outbox(300);
    outbox
        .submit(Level::Agreed, Bytes::from(vec![5; 1000]))
        .unwrap();
    for seq in 1..=3 {
        let _ = outbox.next_packet(ring(), seq, |_, _| panic!("it is not placed yet"));
    }
    outbox.restart();
    let (received, sent) = drain(&mut outbox, 300);
    assert_eq!(received, [(1, Level::Agreed, Bytes::from(vec![5; 1000]))]);
    assert_eq!(sent, [1]);
    assert_eq!((outbox.bytes(), outbox.len()), (0, 0));
}

/// Messages that need not wait for the whole ring do not share a packet with one that must.
#[test]
fn safe_messages_travel_apart() {
    let mut outbox = outbox(1472);
    for level in [
        Level::Agreed,
        Level::Reliable,
        Level::Safe,
        Level::Safe,
        Level::Fifo,
    ] {
        outbox.submit(level, Bytes::from_static(b"x")).unwrap();
    }
    let mut counts = Vec::new();
    for seq in 1..=3 {
        let mut count = 0;
        outbox.next_packet(ring(), seq, |_, _| count += 1).unwrap();
        counts.push(count);
    }
    assert_eq!(counts, [2, 2, 1]);
    assert!(outbox.is_empty());
}

/// Whoever has much to send fills every packet to the last bytes.
#[test]
fn packets_are_full() {
    let mut outbox = outbox(1472);
    for _ in 0..20 {
        outbox
            .submit(Level::Agreed, Bytes::from(vec![7; 1350]))
            .unwrap();
    }
    let mut lengths = Vec::new();
    while let Some(frame) = outbox.next_packet(ring(), lengths.len() as u64 + 1, |_, _| {}) {
        lengths.push(frame.len());
    }
    let (_, full) = lengths.split_last().unwrap();
    assert!(
        full.iter()
            .all(|length| (1472 - 52 - 16..=1472 - 52).contains(length)),
        "{lengths:?}"
    );
}

proptest! {
    #[test]
    fn everything_comes_out_once_and_in_order(
        messages in prop::collection::vec((prop::sample::select(Level::ALL.to_vec()), 0..900_usize), 0..50),
        datagram in 256..600_usize,
    ) {
        let mut outbox = outbox(datagram);
        let mut expected = Vec::new();
        for (level, length) in messages {
            let payload = Bytes::from(vec![length as u8; length]);
            let number = outbox.submit(level, payload.clone()).unwrap();
            expected.push((number, level, payload));
        }
        prop_assert_eq!(outbox.backlog() > 0, !expected.is_empty());
        let (received, sent) = drain(&mut outbox, datagram);
        prop_assert_eq!(&received, &expected);
        prop_assert_eq!(sent, (1..=expected.len() as u64).collect::<Vec<_>>());
        prop_assert_eq!(outbox.backlog(), 0);
    }
}
