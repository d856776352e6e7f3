//! Goal: the bytes of the ring never change by accident, decode to one value, and garbage is refused without a
//! panic. Method: golden vectors in `vectors/ring` (`UPDATE=1` writes new ones), round trips, and random and
//! mutated input.

extern crate std;

use std::{env, format, fs, path::PathBuf, string::String, vec, vec::Vec};

use bytes::Bytes;
use proptest::prelude::*;
use ringfort_machine::{Incarnation, Level, Member, NodeId, ProcessId, RingId, SubclusterId};

use super::{
    Beacon, CEILING, Candidate, Commit, CommitLine, Content, Cut, Data, DataBuilder, Hurry, Item,
    Join, Neighbour, OldRing, REQUESTS, Request, RingBody, Token, data,
};
use crate::{ClusterId, DecodeError, Frame, limits};

const CLUSTER: ClusterId = ClusterId(0x0102_0304_0506_0708);

fn process(node: u64) -> ProcessId {
    ProcessId::new(NodeId(node), Incarnation(node + 100))
}

fn member(node: u64) -> Member {
    Member {
        process: process(node),
        subcluster: SubclusterId(9),
    }
}

fn ring(sequence: u64) -> RingId {
    RingId {
        sequence,
        representative: process(1),
    }
}

fn asked(seq: u64, by: Option<u8>) -> Request {
    Request { seq, by }
}

fn token() -> Token {
    Token {
        ring: ring(300),
        hop: 77,
        seq: 1000,
        aru: 990,
        setter: Some(process(2)),
        sent: 12,
        backlog: 3,
        requests: vec![asked(991, None), asked(995, Some(2))],
    }
}

fn join() -> Join {
    let candidate = |node, proposed, failed, heard| Candidate {
        process: process(node),
        proposed,
        failed,
        heard,
    };
    Join {
        sender: member(2),
        stamp: 5,
        ring: ring(300),
        sequence: 301,
        leaving: false,
        candidates: vec![
            candidate(1, true, true, false),
            candidate(2, true, false, false),
            candidate(3, true, false, true),
            candidate(4, false, false, true),
        ],
    }
}

fn commit() -> Commit {
    let old = OldRing {
        ring: ring(300),
        aru: 990,
        high: 1000,
        stable: 980,
        obligations: 0b101,
    };
    let line = |node, old| CommitLine {
        member: member(node),
        old,
    };
    Commit {
        ring: ring(301),
        round: 1,
        lines: vec![line(1, Some(old)), line(3, None)],
    }
}

fn beacon() -> Beacon {
    let neighbour = |node, heard, accused, shunned| Neighbour {
        process: process(node),
        heard,
        accused,
        shunned,
    };
    Beacon {
        sender: member(1),
        stamp: 6,
        ring: ring(301),
        neighbours: vec![
            neighbour(7, true, false, false),
            neighbour(8, false, true, true),
        ],
    }
}

fn packed() -> Bytes {
    let mut builder = DataBuilder::new(ring(300), 991, process(2), 1472);
    builder.push(40, Level::Agreed, b"hello");
    builder.push(41, Level::Safe, b"");
    body(&builder.finish(CLUSTER))
}

/// The end of one message, a whole one, and the beginning of a third.
fn cut() -> Bytes {
    let mut builder = DataBuilder::new(ring(300), 992, process(2), 1472);
    let (end, begin) = (
        Cut {
            offset: 1000,
            total: 1004,
        },
        Cut {
            offset: 0,
            total: 9,
        },
    );
    builder.push_piece(42, Level::Causal, end, b"tail");
    builder.push(43, Level::Agreed, b"whole");
    builder.push_piece(44, Level::Fifo, begin, b"head");
    body(&builder.finish(CLUSTER))
}

fn whole(number: u64, level: Level, payload: &'static [u8]) -> Item {
    Item {
        number,
        level,
        cut: None,
        payload: Bytes::from_static(payload),
    }
}

fn items(body: &Bytes) -> Vec<Item> {
    match Data::decode(body).unwrap().content {
        Content::Messages(messages) => {
            let all: Vec<_> = messages.iter().collect();
            assert_eq!(all.len(), messages.len());
            all
        }
        Content::Recovered(_) => panic!("messages were packed"),
    }
}

fn recovered() -> Bytes {
    let builder = DataBuilder::new(ring(301), 1, process(3), 1472);
    body(&builder.recovered(&packed(), CLUSTER))
}

fn body(frame: &Bytes) -> Bytes {
    Frame::decode(CLUSTER, frame).unwrap().body
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let lines: Vec<String> = digits.chunks(32).map(|line| line.concat()).collect();
    lines.join("\n") + "\n"
}

fn golden(case: &str, bytes: &[u8]) {
    let path: PathBuf = [
        env!("CARGO_MANIFEST_DIR"),
        "vectors/ring",
        &format!("{case}.hex"),
    ]
    .iter()
    .collect();
    if env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::write(&path, hex(bytes)).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    assert_eq!(
        hex(bytes),
        expected,
        "{case}: the bytes on the wire have changed"
    );
}

fn round_trip<T: RingBody + PartialEq + core::fmt::Debug>(case: &str, value: &T) {
    let bytes = value.encode();
    golden(case, &bytes);
    assert_eq!(T::decode(&bytes).as_ref(), Ok(value));
}

#[test]
fn golden_vectors() {
    round_trip("token", &token());
    round_trip("join", &join());
    round_trip("commit", &commit());
    round_trip("beacon", &beacon());
    let hurry = Hurry {
        ring: ring(300),
        sender: process(2),
    };
    round_trip("hurry", &hurry);
    golden("data-messages", &packed());
    golden("data-pieces", &cut());
    golden("data-recovered", &recovered());
}

#[test]
fn data_decodes_to_what_was_built() {
    let data = Data::decode(&packed()).unwrap();
    assert_eq!(
        (data.ring, data.seq, data.sender),
        (ring(300), 991, process(2))
    );
    assert_eq!(
        items(&packed()),
        [
            whole(40, Level::Agreed, b"hello"),
            whole(41, Level::Safe, b"")
        ]
    );
    let pieces = items(&cut());
    assert_eq!(pieces[1], whole(43, Level::Agreed, b"whole"));
    assert_eq!(
        pieces[0].cut,
        Some(Cut {
            offset: 1000,
            total: 1004
        })
    );
    assert!(pieces[0].cut.unwrap().ends_with(pieces[0].payload.len()));
    assert!(!pieces[2].cut.unwrap().ends_with(pieces[2].payload.len()));
    assert_eq!(
        Data::decode(&recovered()).unwrap().content,
        Content::Recovered(packed())
    );
}

/// A wrapped packet that is as long as may be still fits the datagram.
#[test]
fn wrapping_costs_what_it_says() {
    assert_eq!(recovered().len(), packed().len() + data::WRAP);
}

#[test]
fn the_limits_of_a_packet_are_exact() {
    let limit = 300;
    let mut builder = DataBuilder::new(ring(1), 1, process(1), limit);
    let longest = builder.room().unwrap();
    assert!(builder.fits(longest) && !builder.fits(longest + 1));
    builder.push(1, Level::Fifo, &vec![7; longest]);
    assert!(!builder.fits(0));
    assert_eq!(builder.room_for_piece(), 0);
    assert_eq!(builder.finish(CLUSTER).len(), limit);
    let mut builder = DataBuilder::new(ring(1), 1, process(1), limit);
    let piece = vec![1; builder.room_for_piece()];
    let cut = Cut {
        offset: 0,
        total: piece.len() as u32 + 1,
    };
    builder.push_piece(1, Level::Agreed, cut, &piece);
    assert_eq!(builder.finish(CLUSTER).len(), limit);
}

/// A message to be packed: the place of a piece, if it is one, and its bytes.
type Packed = (Option<(u32, u32)>, &'static [u8]);

/// A piece goes on with a message only at the front, leaves one unfinished only at the end, and is a piece.
#[test]
fn pieces_stand_where_they_must() {
    let packet = |pieces: &[Packed]| {
        let mut builder = DataBuilder::new(ring(1), 1, process(1), 300);
        for (number, (cut, payload)) in (1..).zip(pieces) {
            match cut {
                Some((offset, total)) => {
                    let cut = Cut {
                        offset: *offset,
                        total: *total,
                    };
                    builder.push_piece(number, Level::Agreed, cut, payload);
                }
                None => builder.push(number, Level::Agreed, payload),
            }
        }
        Data::decode(&body(&builder.finish(CLUSTER))).map(|_| ())
    };
    assert_eq!(
        packet(&[(Some((2, 4)), b"cd"), (None, b""), (Some((0, 9)), b"ab")]),
        Ok(())
    );
    assert_eq!(packet(&[(Some((2, 9)), b"middle")]), Ok(()));
    let wrong: [&[Packed]; 6] = [
        &[(None, b""), (Some((2, 4)), b"cd")],
        &[(Some((0, 4)), b"ab"), (None, b"")],
        &[(Some((0, 4)), b"abcd")],
        &[(Some((0, 4)), b"")],
        &[(Some((3, 4)), b"ab")],
        &[(Some((u32::MAX, 4)), b"ab")],
    ];
    for pieces in wrong {
        assert_eq!(packet(pieces), Err(DecodeError::NotCanonical), "{pieces:?}");
    }
    let too_long = limits::MESSAGE as u32 + 1;
    assert!(matches!(
        packet(&[(Some((0, too_long)), b"ab")]),
        Err(DecodeError::TooLong { .. })
    ));
}

#[test]
fn a_packet_is_wrapped_once() {
    let builder = DataBuilder::new(ring(302), 1, process(3), 1472);
    let twice = body(&builder.recovered(&recovered(), CLUSTER));
    assert_eq!(Data::decode(&twice), Err(DecodeError::NotCanonical));
}

#[test]
fn contradictions_are_refused() {
    let refused = |token: Token| Token::decode(&token.encode()).unwrap_err();
    let not_canonical = DecodeError::NotCanonical;
    assert_eq!(
        refused(Token {
            aru: 1001,
            ..token()
        }),
        not_canonical
    );
    assert_eq!(
        refused(Token {
            setter: None,
            ..token()
        }),
        not_canonical
    );
    assert_eq!(
        refused(Token {
            requests: vec![asked(995, None), asked(991, None)],
            ..token()
        }),
        not_canonical
    );
    assert_eq!(
        refused(Token {
            requests: vec![asked(0, None)],
            ..token()
        }),
        not_canonical
    );
    assert_eq!(
        refused(Token {
            requests: vec![asked(1001, None)],
            ..token()
        }),
        not_canonical
    );
    assert_eq!(
        refused(Token {
            requests: vec![asked(991, Some(limits::MEMBERS as u8))],
            ..token()
        }),
        not_canonical
    );
    assert_eq!(
        refused(Token {
            hop: CEILING,
            ..token()
        }),
        not_canonical
    );
    let many = (1..=REQUESTS as u64 + 1)
        .map(|seq| asked(seq, None))
        .collect();
    let too_long = DecodeError::TooLong {
        found: REQUESTS + 1,
        limit: REQUESTS,
    };
    assert_eq!(
        refused(Token {
            requests: many,
            ..token()
        }),
        too_long
    );
}

#[test]
fn contradictory_memberships_are_refused() {
    let mut without_sender = join();
    without_sender.candidates.remove(1);
    assert!(Join::decode(&without_sender.encode()).is_err());
    let leaving = Join {
        leaving: true,
        ..join()
    };
    assert!(
        Join::decode(&leaving.encode()).is_err(),
        "who leaves holds itself for failed"
    );
    let mut unsorted = join();
    unsorted.candidates.swap(0, 3);
    assert!(Join::decode(&unsorted.encode()).is_err());

    let mut gap = commit();
    gap.lines.swap(0, 1);
    assert!(Commit::decode(&gap.encode()).is_err());
    let second = Commit {
        round: 2,
        ..commit()
    };
    assert!(
        Commit::decode(&second.encode()).is_err(),
        "the second round is full"
    );
    let mut accused = beacon();
    accused.neighbours[1].shunned = false;
    assert!(Beacon::decode(&accused.encode()).is_err());
}

#[test]
fn lists_are_capped() {
    let candidate = |node| Candidate {
        process: process(node),
        proposed: true,
        failed: false,
        heard: false,
    };
    let long = Join {
        candidates: (0..=2 * limits::MEMBERS as u64).map(candidate).collect(),
        ..join()
    };
    assert!(matches!(
        Join::decode(&long.encode()),
        Err(DecodeError::TooLong { .. })
    ));
}

/// The largest ring's frames fit a datagram.
#[test]
fn a_large_ring_fits() {
    let far = |node: u64| Member {
        process: ProcessId::new(NodeId(u64::MAX - node), Incarnation(u64::MAX)),
        subcluster: SubclusterId(u64::MAX),
    };
    let old = OldRing {
        ring: ring(CEILING - 2),
        aru: CEILING - 1,
        high: CEILING - 1,
        stable: CEILING - 1,
        obligations: u128::MAX,
    };
    let mut lines: Vec<CommitLine> = (0..limits::MEMBERS as u64)
        .map(|node| CommitLine {
            member: far(node),
            old: Some(old),
        })
        .collect();
    lines.sort_by_key(|line| line.member.process);
    let commit = Commit {
        ring: RingId {
            sequence: CEILING - 1,
            representative: lines[0].member.process,
        },
        round: 2,
        lines,
    };
    assert_eq!(commit.check(), Ok(()));
    assert!(commit.encode().len() < limits::DATAGRAM - limits::HEADER);
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    let known = prop_oneof![
        Just(token().encode()),
        Just(join().encode()),
        Just(commit().encode()),
        Just(beacon().encode()),
        Just(packed()),
        Just(cut()),
        Just(recovered()),
    ];
    let mutated = (
        known,
        any::<prop::sample::Index>(),
        any::<u8>(),
        any::<bool>(),
    )
        .prop_map(|(bytes, index, value, truncate)| {
            let mut bytes = bytes.to_vec();
            let at = index.index(bytes.len());
            bytes[at] = value;
            if truncate {
                bytes.truncate(at);
            }
            bytes
        });
    prop_oneof![mutated, prop::collection::vec(any::<u8>(), 0..200)]
}

fn level() -> impl Strategy<Value = Level> {
    prop::sample::select(Level::ALL.to_vec())
}

proptest! {
    /// Whatever decodes is the one encoding of its value; nothing panics.
    #[test]
    fn garbage_is_refused_or_canonical(bytes in any_body()) {
        if let Ok(token) = Token::decode(&bytes) {
            prop_assert_eq!(token.encode(), bytes.clone());
        }
        if let Ok(join) = Join::decode(&bytes) {
            prop_assert_eq!(join.encode(), bytes.clone());
        }
        if let Ok(commit) = Commit::decode(&bytes) {
            prop_assert_eq!(commit.encode(), bytes.clone());
        }
        if let Ok(beacon) = Beacon::decode(&bytes) {
            prop_assert_eq!(beacon.encode(), bytes.clone());
        }
        let body = Bytes::from(bytes);
        if let Ok(data) = Data::decode(&body) {
            prop_assert_eq!(rebuild(&data), body);
        }
    }

    #[test]
    fn messages_survive(
        payloads in prop::collection::vec((level(), prop::collection::vec(any::<u8>(), 0..60)), 1..20),
        first in 1..u64::MAX / 2,
    ) {
        let mut builder = DataBuilder::new(ring(4), 9, process(2), 2000);
        let mut pushed = Vec::new();
        for (number, (level, payload)) in (first..).zip(&payloads) {
            prop_assume!(builder.fits(payload.len()));
            builder.push(number, *level, payload);
            let payload = Bytes::from(payload.clone());
            pushed.push(Item { number, level: *level, cut: None, payload });
        }
        prop_assert_eq!(items(&body(&builder.finish(CLUSTER))), pushed);
    }
}

/// Encodes a decoded packet again.
fn rebuild(data: &Data) -> Bytes {
    let mut builder = DataBuilder::new(data.ring, data.seq, data.sender, limits::DATAGRAM);
    let frame = match &data.content {
        Content::Messages(messages) => {
            for item in messages.iter() {
                match item.cut {
                    Some(cut) => builder.push_piece(item.number, item.level, cut, &item.payload),
                    None => builder.push(item.number, item.level, &item.payload),
                }
            }
            builder.finish(CLUSTER)
        }
        Content::Recovered(inner) => builder.recovered(inner, CLUSTER),
    };
    body(&frame)
}
