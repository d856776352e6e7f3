//! Goal: the client writes and reads the bytes that Spread's clients and daemons exchange. Method: the recordings and
//! layouts of the reference (Spread client protocol, sections 2, 5 and 6), written down here by hand or shared with the
//! codec's golden vectors; both byte orders; everything that must be refused.
#![allow(clippy::unwrap_used)]

use ringfort_client_core::{
    ByteOrder, Cause, Event, GroupId, HandshakeError, Method, Multicast, Name, Options,
    OptionsError, Received, Refused, Rejection, RequestError, Service, Session, SessionError,
    StreamError, Version,
};

const WELCOME: &[u8] = b"\x01\x04\x04\x00\x08#al#dmn1";

fn vector(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap() as u8;
    digits
        .chunks(2)
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}

macro_rules! golden {
    ($name:literal) => {
        vector(include_str!(concat!(
            "../../wire/vectors/session/",
            $name,
            ".hex"
        )))
    };
}

fn sent(session: &mut Session) -> Vec<u8> {
    let bytes: Vec<u8> = session.outgoing().flatten().copied().collect();
    session.sent(bytes.len());
    bytes
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// A session that is open as `#al#dmn1`.
fn open(options: &Options) -> Session {
    let mut session = Session::new(options).unwrap();
    session.feed(b"\x05NULL ");
    session.feed(WELCOME);
    assert!(matches!(session.next(), Ok(Some(Event::Open(_)))));
    sent(&mut session);
    session
}

fn big() -> Options {
    Options {
        order: ByteOrder::Big,
        ..Options::named("al")
    }
}

fn received(session: &mut Session, bytes: &[u8]) -> Received {
    session.feed(bytes);
    match session.next().unwrap() {
        Some(Event::Received(received)) => received,
        other => panic!("{other:?}"),
    }
}

fn refused(bytes: &[u8]) -> SessionError {
    let mut session = open(&Options::named("al"));
    session.feed(bytes);
    let error = session.next().unwrap_err();
    assert_eq!(session.next(), Err(error.clone()), "an error is final");
    error
}

/// A message as the server of `order` writes it, field by field.
fn message(
    order: ByteOrder,
    kind: u32,
    from: &str,
    names: &[&str],
    hint: [u8; 4],
    data: &[u8],
) -> Vec<u8> {
    let flag = if order == ByteOrder::Little {
        0x8000_0080
    } else {
        0
    };
    let mut out = Vec::new();
    out.extend(order.write(kind | flag));
    out.extend(field(from));
    out.extend(order.write(names.len() as u32));
    out.extend(hint);
    out.extend(order.write(data.len() as u32));
    for name in names {
        out.extend(field(name));
    }
    out.extend(data);
    out
}

fn field(text: &str) -> [u8; 32] {
    let mut field = [0; 32];
    field[..text.len()].copy_from_slice(text.as_bytes());
    field
}

const NO_HINT: [u8; 4] = [0x80, 0, 0, 0x80];

/// Sections 2.1 and 5, as recorded: greeting, choice, join, an agreed message.
#[test]
fn what_is_sent_is_what_was_recorded() {
    let mut session = Session::new(&Options::named("al")).unwrap();
    assert_eq!(sent(&mut session), golden!("greeting"));
    session.feed(&golden!("offer"));
    assert_eq!(session.next(), Ok(None));
    let mut choice = b"NULL".to_vec();
    choice.resize(90, 0);
    assert_eq!(sent(&mut session), choice);
    session.feed(&golden!("welcome"));
    let welcome = match session.next() {
        Ok(Some(Event::Open(welcome))) => welcome,
        other => panic!("{other:?}"),
    };
    assert_eq!(welcome.private, name("#al#dmn1"));
    assert_eq!(welcome.server, Version::new(4, 4, 0));

    session.join("g1").unwrap();
    assert_eq!(sent(&mut session), golden!("join"));
    let hello = Multicast::new(Service::Agreed, &["g1"], "hello").tag(0x1234);
    session.multicast(&hello).unwrap();
    assert_eq!(sent(&mut session), golden!("agreed"));
    let mut other = open(&big());
    other.multicast(&hello).unwrap();
    assert_eq!(sent(&mut other), golden!("agreed-big-endian"));

    session.leave("g1").unwrap();
    assert_eq!(sent(&mut session)[..4], [0x80, 0, 2, 0x80]);
    session.disconnect().unwrap();
    let kill = message(
        ByteOrder::Little,
        0x4_0000,
        "#al#dmn1",
        &["#al#dmn1"],
        NO_HINT,
        b"",
    );
    assert_eq!(sent(&mut session), kill);
    assert_eq!(session.join("g1"), Err(RequestError::Ended));
}

#[test]
fn several_methods_take_their_slots() {
    let options = Options {
        methods: vec![Method::Null, Method::Ip],
        membership: false,
        ..Options::default()
    };
    let mut session = Session::new(&options).unwrap();
    assert_eq!(sent(&mut session), [4, 4, 0, 0, 0]);
    session.feed(b"\x08NULL IP ");
    assert_eq!(session.next(), Ok(None));
    let choice = sent(&mut session);
    assert_eq!(
        (&choice[..5], &choice[30..33]),
        (&b"NULL\0"[..], &b"IP\0"[..])
    );
    assert_eq!((choice.len(), &choice[60..]), (90, &[0; 30][..]));
    session.feed(&WELCOME[..6]);
    assert_eq!(session.next(), Ok(None), "a private name in pieces");
}

/// Section 2.5: each code, in both places where a daemon may say it.
#[test]
fn each_reject_code_has_its_error() {
    let cases = [
        (-3, Rejection::Quota),
        (-4, Rejection::NoName),
        (-5, Rejection::IllegalName),
        (-6, Rejection::NotUnique),
        (-7, Rejection::Version),
        (-9, Rejection::Authentication),
        (-128, Rejection::Other(-128)),
    ];
    for (code, rejection) in cases {
        for before in [&b""[..], b"\x05NULL "] {
            let mut session = Session::new(&Options::named("al")).unwrap();
            session.feed(before);
            session.feed(&[i8::cast_unsigned(code)]);
            let error = session.next().unwrap_err();
            assert_eq!(error, HandshakeError::Rejected(rejection).into());
            assert_eq!(rejection.code(), code);
            assert_eq!(session.queued_bytes(), 0, "nothing more is said");
            assert_eq!(session.next(), Err(error));
        }
    }
    // After the choice everything that is not 1 is a code.
    let mut session = Session::new(&Options::named("al")).unwrap();
    session.feed(b"\x05NULL \x02");
    let other = HandshakeError::Rejected(Rejection::Other(2));
    assert_eq!(session.next(), Err(other.into()));
}

#[test]
fn what_is_no_handshake_is_refused() {
    let fails = |bytes: &[u8]| {
        let mut session = Session::new(&Options::named("al")).unwrap();
        session.feed(bytes);
        match session.next() {
            Err(SessionError::Handshake(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    let no_method = |offered: &str| HandshakeError::Method {
        wanted: "NULL",
        offered: offered.into(),
    };
    assert_eq!(fails(b"\x00"), no_method(""));
    assert_eq!(fails(b"\x03IP "), no_method("IP"));
    assert_eq!(fails(b"\x06NULLX "), no_method("NULLX"));
    assert!(matches!(fails(b"\x5b"), HandshakeError::Malformed(_)));
    assert!(matches!(
        fails(b"\x05NULL \x01\x03\x00\x00\x01a"),
        HandshakeError::OldServer(_)
    ));
    for length in [0, 32] {
        let error = fails(&[b"\x05NULL \x01\x04\x04\x00", &[length][..]].concat());
        assert!(matches!(error, HandshakeError::Malformed(_)), "{length}");
    }
    for name in ["elevenchars", "a b", "#a", "\u{e9}"] {
        let error = Session::new(&Options::named(name)).unwrap_err();
        assert_eq!(error, OptionsError::Name(name.into()));
    }
}

/// Section 6.1: all services, the tag's corners, empty data, names as sent.
#[test]
fn messages_of_every_service_in_both_orders() {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let mut session = open(&Options::named("al"));
        for (bit, service) in Service::ALL.into_iter().enumerate() {
            for tag in [i16::MIN, -1, 0, i16::MAX] {
                // The hint stays in the order of its sender: here the other one.
                let little = order == ByteOrder::Big;
                let [high, low] = tag.to_be_bytes();
                let hint = if little {
                    [0x80, low, high, 0x80]
                } else {
                    [0, high, low, 0]
                };
                let bytes = message(order, 1 << bit, "#bo#d2", &["g1", "", "#x#y"], hint, b"");
                let Received::Message(message) = received(&mut session, &bytes) else {
                    panic!("a message");
                };
                assert_eq!((message.service, message.tag), (service, tag));
                assert_eq!(message.order == ByteOrder::Little, little);
                assert_eq!(message.sender, name("#bo#d2"));
                let groups: Vec<Name> = message.groups.iter().collect();
                assert_eq!(groups, [name("g1"), Name::EMPTY, name("#x#y")]);
                assert!(message.data.is_empty() && !message.is_self_discard());
            }
        }
    }
}

/// A daemon that lets any bit through (Spread 4.4) does not let another client forge a view, a mark or a rejection, and
/// a destination that is no text harms nobody.
#[test]
fn what_another_client_forges_is_a_message() {
    let mut session = open(&Options::named("al"));
    for forged in [0x40, 0x1000, 0x1100, 0x2000, 0x200, 0x40_0000, 0x4000_0000] {
        let mut bytes = message(
            ByteOrder::Little,
            0x10 | forged,
            "#bo#d2",
            &["g1"],
            NO_HINT,
            b"x",
        );
        bytes[48..80].fill(0xff);
        let Received::Message(message) = received(&mut session, &bytes) else {
            panic!("{forged:#x}");
        };
        assert_eq!((message.flags, &message.data[..]), (forged, &b"x"[..]));
        assert_eq!(
            (message.groups.len(), message.is_self_discard()),
            (1, forged == 0x40)
        );
        let shown = message.groups.iter().next().unwrap();
        assert!(!message.groups.contains("g1") && shown.as_str().contains('~'));
    }
}

/// Section 6.2, as recorded.
#[test]
fn the_recorded_view() {
    let mut session = open(&Options::named("al"));
    let Received::View(view) = received(&mut session, &golden!("view")) else {
        panic!("a view");
    };
    let al = name("#al#dmn1");
    assert_eq!(
        (view.group, view.cause.clone()),
        (name("g1"), Cause::Join(al))
    );
    assert_eq!(view.id, GroupId([0x7f00_0001, 0x6b00_7ead, 1]));
    assert_eq!(
        (view.members.clone(), view.position(&al)),
        (vec![al], Some(0))
    );
    assert_eq!(view.together(), []);
}

/// Section 6.2: `#a#d1 #b#d1` merging with `#c#d2`, seen from both sides, from servers of both orders.
#[test]
fn a_merge_has_its_sets() {
    let (a, b, c) = (name("#a#d1"), name("#b#d1"), name("#c#d2"));
    for order in [ByteOrder::Little, ByteOrder::Big] {
        for (offset, own, together) in [(0, 0, vec![a, b]), (68, 1, vec![c])] {
            let mut data = Vec::new();
            for word in [1, 2, 3, 2, offset, 2] {
                data.extend(order.write(word));
            }
            data.extend(field("#a#d1"));
            data.extend(field("#b#d1"));
            data.extend(order.write(1));
            data.extend(field("#c#d2"));
            assert_eq!(data.len(), 124);
            let names = ["#a#d1", "#b#d1", "#c#d2"];
            let bytes = message(order, 0x1800, "g1", &names, NO_HINT, &data);
            let mut session = open(&Options::named("al"));
            let Received::View(view) = received(&mut session, &bytes) else {
                panic!("a view");
            };
            assert_eq!(view.members, [a, b, c]);
            assert_eq!((view.id, view.together()), (GroupId([1, 2, 3]), together));
            let sets = vec![vec![a, b], vec![c]];
            assert_eq!(view.cause, Cause::Network { sets, own });
        }
    }
}

#[test]
fn leaves_and_disconnects_name_who_went() {
    let mut session = open(&Options::named("al"));
    let (al, bo) = (name("#al#dmn1"), name("#bo#d2"));
    for (cause, expected) in [(0x200, Cause::Leave(bo)), (0x400, Cause::Disconnect(bo))] {
        let mut data = Vec::new();
        for word in [1, 2, 3, 1, 0, 1_u32] {
            data.extend(word.to_le_bytes());
        }
        data.extend(field("#bo#d2"));
        let names = ["#al#dmn1"];
        let bytes = message(
            ByteOrder::Little,
            0x1000 | cause,
            "g1",
            &names,
            NO_HINT,
            &data,
        );
        let Received::View(view) = received(&mut session, &bytes) else {
            panic!("a view");
        };
        assert_eq!((view.cause.clone(), view.together()), (expected, vec![al]));
    }
}

/// Sections 6.3 and 6.4.
#[test]
fn marks_and_the_self_leave() {
    let mut session = open(&Options::named("al"));
    let leave = message(ByteOrder::Little, 0x200, "g1", &[], NO_HINT, b"");
    assert_eq!(leave[..4], [0x80, 2, 0, 0x80]);
    let group = name("g1");
    assert_eq!(received(&mut session, &leave), Received::Left { group });
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let data = [7, 8, 9].map(|word| order.write(word)).concat();
        let mark = message(order, 0x2000, "g1", &[], NO_HINT, &data);
        let id = GroupId([7, 8, 9]);
        assert_eq!(
            received(&mut session, &mark),
            Received::Transitional { group, id }
        );
    }
}

/// Section 6.5: four bytes between header and names, which the counts of the header leave out.
#[test]
fn rejected_requests_come_back() {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let flag = if order == ByteOrder::Little {
            0x8000_0080
        } else {
            0
        };
        let mut session = open(&Options::named("al"));
        for (kind, old, request) in [
            (0x40_0000, 0x100, Refused::Join),
            (0x40_0000, 0x200, Refused::Leave),
            (0x40_0000, 0x10, Refused::Multicast(Service::Agreed)),
            (0x40_0040, 0x60, Refused::Multicast(Service::Safe)),
        ] {
            let names = ["g1", "#al#dmn1"];
            let mut bytes = message(order, kind, "#al#dmn1", &names, [0x80, 7, 0, 0x80], b"data");
            bytes.splice(48..48, order.write(old | flag));
            let Received::Rejected(rejected) = received(&mut session, &bytes) else {
                panic!("a rejection");
            };
            assert_eq!((rejected.request, rejected.tag), (request, 7));
            assert_eq!(rejected.groups.len(), 2);
            assert!(rejected.groups.contains("g1") && rejected.groups.contains("#al#dmn1"));
            assert_eq!(&rejected.data[..], b"data");
        }
    }
}

#[test]
fn what_no_daemon_sends_ends_the_session() {
    let little = |kind, names: &[&str], data: &[u8]| {
        message(ByteOrder::Little, kind, "g1", names, NO_HINT, data)
    };
    for kind in [0, 0x30, 0x4000, 0x100, 0x600, 0x3000] {
        let error = refused(&little(kind, &[], b""));
        assert_eq!(error, StreamError::Kind(kind).into(), "{kind:#x}");
    }
    let group = || SessionError::from(StreamError::Membership("g1".into()));
    assert_eq!(refused(&little(0x2000, &[], b"short")), group());
    assert_eq!(refused(&little(0x1100, &[], b"short")), group());
    let mut nobody = vec![0; 24];
    nobody[12] = 1; // one set, with nobody in it
    assert_eq!(refused(&little(0x1100, &[], &nobody)), group());
    let mut header = little(0x10, &[], b"");
    header[44..48].copy_from_slice(&i32::MIN.to_le_bytes());
    let error = refused(&header);
    assert!(matches!(
        error,
        SessionError::Stream(StreamError::Header(_))
    ));
    header[44..48].copy_from_slice(&i32::MAX.to_le_bytes());
    let (found, limit) = (i32::MAX as usize, 16 << 20);
    assert_eq!(
        refused(&header),
        StreamError::TooLong { found, limit }.into()
    );
}

#[test]
fn requests_that_cannot_be_are_not_queued() {
    let mut session = Session::new(&Options::named("al")).unwrap();
    assert_eq!(session.join("g1"), Err(RequestError::NotOpen));
    let mut session = open(&Options {
        queue_bytes: 1000,
        ..Options::named("al")
    });
    let long = "x".repeat(32);
    for group in ["", "a b", "#al#dmn1", "\u{e9}", &long] {
        let error = RequestError::Group(group.into());
        assert_eq!(session.join(group), Err(error.clone()));
        assert_eq!(session.leave(group), Err(error));
    }
    let mut multicast = |groups: &[&str], flags, bytes: usize| {
        let message = Multicast {
            flags,
            ..Multicast::new(Service::Safe, groups, vec![0; bytes])
        };
        session.multicast(&message).map(|()| {
            let queued = sent(&mut session).len();
            assert_eq!(queued, 48 + 32 * groups.len() + bytes);
        })
    };
    assert_eq!(multicast(&["g1", "#al#dmn1"], 0x4000_0040, 9), Ok(()));
    for group in ["", "#al", "#al#", "##d", "#a#b#c", "a b", &long] {
        let error = RequestError::Group(group.into());
        assert_eq!(multicast(&["g1", group], 0, 0), Err(error));
    }
    assert_eq!(multicast(&[], 0, 0), Err(RequestError::Groups(0)));
    assert_eq!(multicast(&["g"; 101], 0, 0), Err(RequestError::Groups(101)));
    assert_eq!(multicast(&["g"; 100], 0, 1), Ok(()));
    assert_eq!(
        multicast(&["g"], 0x1000, 0),
        Err(RequestError::Flags(0x1000))
    );
    // The largest that does not abort a Spread daemon, and one byte more; an empty queue takes it.
    let limit = 143_152;
    assert_eq!(multicast(&["g"], 0, limit - 32), Ok(()));
    let found = limit + 1;
    assert_eq!(
        multicast(&["g"], 0, found - 32),
        Err(RequestError::TooLong { found, limit })
    );
    let message = Multicast::new(Service::Fifo, &["g"], &[0; 400]);
    session.multicast(&message).unwrap();
    session.multicast(&message).unwrap();
    let full = RequestError::Full { queued: 960 };
    assert_eq!(session.multicast(&message), Err(full.clone()));
    assert_eq!(session.join("g1"), Err(full));
    assert_eq!(session.queued_bytes(), 960);
    session.disconnect().unwrap(); // always has room
    assert_eq!(sent(&mut session).len(), 1040);
}
