//! Goal: how the bytes of either direction are cut changes nothing, and what a session keeps is bounded by what it was
//! given. Method: random conversations, random cuts; the whole against the pieces.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use ringfort_client_core::{Event, Multicast, Options, Service, Session, SessionError};

/// Every byte of a conversation of the daemon, with `count` messages of random sizes, the handshake included.
fn conversation(sizes: &[usize]) -> Vec<u8> {
    let mut echo = open();
    let mut bytes = b"\x05NULL \x01\x04\x04\x00\x08#al#dmn1".to_vec();
    for (index, size) in sizes.iter().enumerate() {
        let data: Vec<u8> = (0..*size).map(|at| (at * 7 + index) as u8).collect();
        let message = Multicast::new(Service::Agreed, &["g1", "g2"], data).tag(index as i16);
        echo.multicast(&message).unwrap();
        // A message comes back as it was sent.
        bytes.extend(echo.outgoing().flatten());
        let queued = echo.queued_bytes();
        echo.sent(queued);
    }
    bytes
}

fn open() -> Session {
    let mut session = Session::new(&Options::named("al")).unwrap();
    session.feed(b"\x05NULL \x01\x04\x04\x00\x08#al#dmn1");
    assert!(session.next().unwrap().is_some());
    let queued = session.queued_bytes();
    session.sent(queued);
    session
}

fn events(bytes: &[u8], cuts: impl IntoIterator<Item = usize>) -> Vec<Event> {
    let mut session = Session::new(&Options::named("al")).unwrap();
    let mut events = Vec::new();
    let mut rest = bytes;
    for cut in cuts {
        let (now, later) = rest.split_at(cut.min(rest.len()));
        rest = later;
        session.feed(now);
        while let Some(event) = session.next().unwrap() {
            events.push(event);
        }
    }
    session.feed(rest);
    while let Some(event) = session.next().unwrap() {
        events.push(event);
    }
    events
}

#[test]
fn a_conversation_cut_at_every_byte_is_the_same() {
    let bytes = conversation(&[0, 1, 31, 300]);
    let whole = events(&bytes, []);
    assert_eq!(whole.len(), 5);
    for cut in 0..bytes.len() {
        assert_eq!(events(&bytes, [cut]), whole, "cut at {cut}");
    }
    assert_eq!(events(&bytes, vec![1; bytes.len()]), whole);
}

/// A message that is announced and does not come costs what has come of it, not what was announced.
#[test]
fn an_announced_length_is_a_claim() {
    let mut session = open();
    let mut header = conversation(&[0]);
    let header = header.split_off(header.len() - 112);
    session.feed(&header[..44]);
    session.feed(&(15_u32 << 20).to_le_bytes());
    assert_eq!(session.next(), Ok(None));
    let mut fed = 48;
    let mut largest = 0;
    while fed < 1 << 20 {
        let room = session.space().len();
        largest = largest.max(room);
        assert!(room <= 4 * fed + (256 << 10), "{room} bytes for {fed}");
        let count = room.min(5000);
        session.filled(count);
        fed += count;
        assert_eq!(session.next(), Ok(None));
    }
    assert!(largest > 512 << 10, "a long message gets long reads");
}

/// What the program keeps of messages does not change when more is read.
#[test]
fn kept_messages_stay() {
    let sizes: Vec<usize> = (0..400).map(|index| index * 13 % 3000).collect();
    let bytes = conversation(&sizes);
    let kept = events(&bytes, vec![60_000; bytes.len() / 60_000]);
    assert_eq!(kept, events(&bytes, []));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_cuts_change_nothing(
        sizes in prop::collection::vec(prop_oneof![0_usize..200, 3000_usize..9000, Just(140_000)], 0..12),
        cuts in prop::collection::vec(prop_oneof![1_usize..100, 1000_usize..70_000], 0..60),
    ) {
        let bytes = conversation(&sizes);
        let whole = events(&bytes, []);
        prop_assert_eq!(whole.len(), sizes.len() + 1);
        prop_assert_eq!(events(&bytes, cuts), whole);
    }

    /// Writes that take any part of the queue, between requests, send the same bytes; long data are not copied.
    #[test]
    fn partial_writes_change_nothing(
        steps in prop::collection::vec((prop_oneof![0_usize..200, 4000_usize..9000], any::<bool>(), 0_usize..20_000), 1..40),
    ) {
        let (mut whole, mut pieces) = (open(), open());
        let (mut expected, mut sent) = (Vec::<u8>::new(), Vec::<u8>::new());
        for (size, shared, taken) in steps {
            let data = vec![size as u8; size];
            for session in [&mut whole, &mut pieces] {
                if shared {
                    session.multicast(&Multicast::new(Service::Fifo, &["g1"], data.clone())).unwrap();
                } else {
                    session.multicast(&Multicast::new(Service::Fifo, &["g1"], &data[..])).unwrap();
                }
            }
            expected.extend(whole.outgoing().flatten());
            let all = whole.queued_bytes();
            whole.sent(all);
            prop_assert!(pieces.outgoing().all(|piece| !piece.is_empty()));
            let taken = taken.min(pieces.queued_bytes());
            sent.extend(pieces.outgoing().flatten().take(taken));
            pieces.sent(taken);
        }
        sent.extend(pieces.outgoing().flatten());
        prop_assert_eq!(sent.len(), expected.len());
        prop_assert!(sent == expected);
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400), opened in any::<bool>()) {
        let mut session = if opened { open() } else { Session::new(&Options::default()).unwrap() };
        session.feed(&bytes);
        let mut last: Option<SessionError> = None;
        for _ in 0..20 {
            match session.next() {
                Ok(_) => prop_assert!(last.is_none(), "after an error there is only the error"),
                Err(error) => {
                    prop_assert!(last.is_none_or(|last| last == error));
                    last = Some(error);
                }
            }
        }
    }
}
