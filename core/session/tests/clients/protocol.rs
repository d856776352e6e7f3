//! Goal: what a program written for Spread can observe is what the reference says (Spread client protocol,
//! section 13; the numbers below are its test ideas). Method: bytes in, bytes out, against a group layer for one
//! node that orders everything at once.

use crate::daemon::{Daemon, greeting, group_id, request};
use proptest::prelude::*;
use ringfort_session::{
    Cause, ClientEvent, CloseReason, Command, Config, Event, GroupName, Name, Refusal, SessionId,
    View,
};
use ringfort_wire::session::{ByteOrder, Membership, bits};

const LITTLE: ByteOrder = ByteOrder::Little;
const JOIN_VIEW: u32 = bits::VIEW | bits::BY_JOIN;

fn daemon() -> Daemon {
    Daemon::new(Config::new("dmn1"))
}

fn join(daemon: &mut Daemon, session: SessionId, name: &str, group: &str) {
    let bytes = request(LITTLE, name, bits::JOIN, &[group], 0, b"");
    daemon.bytes(session, &bytes);
}

fn send(daemon: &mut Daemon, session: SessionId, name: &str, kind: u32, groups: &[&str]) {
    let bytes = request(LITTLE, name, kind, groups, 1, b"data");
    daemon.bytes(session, &bytes);
}

/// 6: one view to each member, 56 bytes of data, a new id; a double join gives nothing. The order of members is
/// the group layer's.
#[test]
fn join_gives_one_view_to_each_member() {
    let mut daemon = daemon();
    let (al, bo) = (daemon.attach("al", true), daemon.attach("bo", true));
    join(&mut daemon, al, "al", "g1");
    let first = daemon.received(al);
    assert_eq!(first.len(), 1);
    assert_eq!((first[0].header.kind, first[0].data.len()), (JOIN_VIEW, 56));
    assert_eq!(first[0].names, ["#al#dmn1"]);
    join(&mut daemon, bo, "bo", "g1");
    join(&mut daemon, bo, "bo", "g1");
    for session in [al, bo] {
        let views = daemon.received(session);
        assert_eq!(views.len(), 1);
        assert_eq!(views[0].header.name, Name::new("g1").unwrap());
        assert_eq!(views[0].names, ["#al#dmn1", "#bo#dmn1"]);
        let membership = views[0].membership();
        assert_ne!(membership.id, first[0].membership().id);
        assert_eq!(membership.sets, [vec![Name::new("#bo#dmn1").unwrap()]]);
        assert_eq!(membership.own, 0);
    }
}

/// 7: the leaver gets a self-leave, the others a view; a leave of a non-member gives nothing.
#[test]
fn leave_tells_the_leaver_apart() {
    let mut daemon = daemon();
    let (al, bo) = (daemon.attach("al", true), daemon.attach("bo", true));
    join(&mut daemon, al, "al", "g1");
    join(&mut daemon, bo, "bo", "g1");
    daemon.take(al);
    daemon.take(bo);
    for _ in 0..2 {
        let bytes = request(LITTLE, "al", bits::LEAVE, &["g1"], 0, b"");
        daemon.bytes(al, &bytes);
    }
    let mut golden = vec![0x80, 0x02, 0x00, 0x80];
    golden.extend_from_slice(Name::new("g1").unwrap().field());
    golden.extend_from_slice(&[0, 0, 0, 0, 0x80, 0, 0, 0x80, 0, 0, 0, 0]);
    assert_eq!(daemon.take(al), golden);
    let views = daemon.received(bo);
    assert_eq!(views.len(), 1);
    assert_eq!(views[0].header.kind, bits::VIEW | bits::BY_LEAVE);
    assert_eq!(views[0].names, ["#bo#dmn1"]);
}

/// 8 and 5: a kill and a plain close look the same to the others; earlier messages come first; the name is free.
#[test]
fn both_ends_of_a_session_look_the_same() {
    for kill in [true, false] {
        let mut daemon = daemon();
        let (al, bo) = (daemon.attach("al", true), daemon.attach("bo", true));
        for group in ["g2", "g1"] {
            join(&mut daemon, al, "al", group);
            join(&mut daemon, bo, "bo", group);
        }
        daemon.take(al);
        daemon.take(bo);
        let mut bytes = request(LITTLE, "al", bits::FIFO, &["g1"], 0, b"last words");
        if kill {
            bytes.extend(request(LITTLE, "al", bits::KILL, &["#al#dmn1"], 0, b""));
            bytes.extend(request(LITTLE, "al", bits::FIFO, &["g1"], 0, b"too late"));
        }
        daemon.bytes(al, &bytes);
        if !kill {
            daemon.close(al);
        }
        let told = daemon.received(bo);
        let summary: Vec<(u32, &str)> = told
            .iter()
            .map(|message| (message.header.kind, message.header.name.as_str()))
            .collect();
        let gone = bits::VIEW | bits::BY_DISCONNECT;
        assert_eq!(
            summary,
            [(bits::FIFO, "#al#dmn1"), (gone, "g1"), (gone, "g2")]
        );
        assert_eq!(daemon.closed.get(&al), kill.then_some(&CloseReason::Killed));
        let again = daemon.open();
        daemon.bytes(again, &greeting("al", true));
        assert!(daemon.take(again).ends_with(b"#al#dmn1"));
    }
}

/// 10: without the membership bit no views and no self-leave, but messages; the others list the member.
#[test]
fn a_session_without_membership_hears_messages_only() {
    let mut daemon = daemon();
    let (al, bo) = (daemon.attach("al", false), daemon.attach("bo", true));
    join(&mut daemon, al, "al", "g1");
    join(&mut daemon, bo, "bo", "g1");
    send(&mut daemon, bo, "bo", bits::SAFE, &["g1"]);
    let leave = request(LITTLE, "al", bits::LEAVE, &["g1"], 0, b"");
    daemon.bytes(al, &leave);
    let heard = daemon.received(al);
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].header.kind, bits::SAFE);
    assert_eq!(daemon.received(bo)[0].names, ["#al#dmn1", "#bo#dmn1"]);
}

/// 11 and 16: an echo is byte-identical to a little-endian client, for all services, hints and empty data; a
/// big-endian one gets our words and its own hint.
#[test]
fn echoes() {
    let mut daemon = daemon();
    let al = daemon.attach("al", false);
    join(&mut daemon, al, "al", "g1");
    for service in 0..6 {
        for hint in [0x8000, 0xffff, 0, 0x7fff] {
            for data in [&b""[..], b"hello"] {
                for extra in [0, 0x4000_0000, 0x0100_0000] {
                    let kind = 1 << service | extra;
                    let sent = request(LITTLE, "al", kind, &["g1"], hint, data);
                    daemon.bytes(al, &sent);
                    assert_eq!(daemon.take(al), sent);
                    let big = request(ByteOrder::Big, "al", kind, &["g1"], hint, data);
                    daemon.bytes(al, &big);
                    let echo = daemon.take(al);
                    assert_eq!(echo[..40], sent[..40]);
                    assert_eq!(echo[40..44], big[40..44]);
                    assert_eq!(echo[44..], sent[44..]);
                }
            }
        }
    }
    assert!(daemon.closed.is_empty());
}

/// 12: only the sender's copy is missing; also for a message to itself.
#[test]
fn self_discard_is_for_the_sender_only() {
    let mut daemon = daemon();
    let (al, bo) = (daemon.attach("al", false), daemon.attach("bo", false));
    join(&mut daemon, al, "al", "g1");
    join(&mut daemon, bo, "bo", "g1");
    let kind = bits::AGREED | bits::SELF_DISCARD;
    send(&mut daemon, al, "al", kind, &["g1"]);
    send(&mut daemon, al, "al", kind, &["#al#dmn1"]);
    assert_eq!(daemon.received(al), []);
    let heard = daemon.received(bo);
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].header.kind, kind);
}

/// 13, 14 and 15: one copy, the whole list in order with unknown and private names, also of 43, 44 and 100.
#[test]
fn many_destinations_give_one_copy() {
    let mut daemon = daemon();
    let (al, bo) = (daemon.attach("al", true), daemon.attach("bo", true));
    join(&mut daemon, bo, "bo", "g1");
    daemon.take(bo);
    let list = ["nobody", "#bo#dmn1", "g1", "#who#dmn1", "#al2#mars", "g1"];
    send(&mut daemon, al, "al", bits::CAUSAL, &list);
    let heard = daemon.received(bo);
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].names, list);
    assert_eq!(heard[0].header.name.as_str(), "#al#dmn1");
    for count in [43, 44, 100] {
        let mut names = vec!["x"; count - 1];
        names.push("g1");
        send(&mut daemon, al, "al", bits::AGREED, &names);
        assert_eq!(daemon.received(bo)[0].names, names);
    }
    assert_eq!(daemon.received(al), [], "the sender is no member");
    // What is no name reaches nobody and is not passed on; a message to nobody is nothing.
    send(&mut daemon, al, "al", bits::AGREED, &["a b", "g1", ""]);
    assert_eq!(daemon.received(bo)[0].names, ["g1"]);
    send(&mut daemon, al, "al", bits::AGREED, &[]);
    send(&mut daemon, al, "al", bits::AGREED, &["#odd"]);
    assert_eq!((daemon.received(bo), daemon.closed.len()), (vec![], 0));
}

/// 17: everything in one write, cut at every byte position, gives the same bytes.
#[test]
fn cuts_change_nothing() {
    let mut bytes = greeting("al", true);
    for (kind, data) in [
        (bits::JOIN, &b""[..]),
        (bits::FIFO, b"one"),
        (bits::LEAVE, b""),
        (bits::SAFE, b"two"),
        (bits::JOIN, b""),
    ] {
        bytes.extend(request(LITTLE, "al", kind, &["g1"], 7, data));
    }
    let run = |cut: usize| {
        let mut daemon = daemon();
        let al = daemon.open();
        daemon.bytes(al, &bytes[..cut]);
        daemon.bytes(al, &bytes[cut..]);
        daemon.take(al)
    };
    let whole = run(0);
    let kinds = |bytes: &[u8]| {
        let mut daemon = daemon();
        daemon
            .sent
            .insert(SessionId(1), vec![bytes.to_vec().into()]);
        let received = daemon.received(SessionId(1));
        received.iter().map(|m| m.header.kind).collect::<Vec<_>>()
    };
    let handshake = 6 + 5 + 8;
    assert_eq!(
        kinds(&whole[handshake..]),
        [JOIN_VIEW, bits::FIFO, bits::BY_LEAVE, JOIN_VIEW]
    );
    for cut in 1..bytes.len() {
        assert_eq!(run(cut), whole, "cut at {cut}");
    }
}

/// 18: each malformed header closes only that session, and the others see it leave.
#[test]
pub(crate) fn malformed_headers_close_one_session() {
    let good = request(LITTLE, "al", bits::AGREED, &["g1"], 0, b"data");
    let with = |at: usize, patch: &[u8]| {
        let mut bytes = good.clone();
        bytes[at..at + patch.len()].copy_from_slice(patch);
        bytes
    };
    let kind = |kind: u32| with(0, &(kind | bits::LITTLE).to_le_bytes());
    let cases = [
        kind(0),
        kind(bits::AGREED | bits::SAFE),
        kind(bits::AGREED | bits::JOIN),
        kind(bits::JOIN | bits::LEAVE),
        kind(bits::AGREED | bits::VIEW),
        kind(bits::AGREED | 0x4000),
        kind(bits::AGREED | bits::REJECTED),
        kind(bits::AGREED | 0x20_0000),
        with(4, b"#bo#dmn1"),
        with(4, b"#al#dmn2"),
        with(4, b"al"),
        with(36, &101u32.to_le_bytes()),
        with(36, &[0xff; 4]),
        with(40, &[0x81]),
        with(44, &[0xff; 4]),
        with(44, &(144_000u32 - 31).to_le_bytes()),
        request(LITTLE, "al", bits::JOIN, &[], 0, b""),
        request(LITTLE, "al", bits::JOIN, &["#bo#dmn1"], 0, b""),
        request(LITTLE, "al", bits::JOIN, &["a b"], 0, b""),
        request(LITTLE, "al", bits::LEAVE, &[""], 0, b""),
    ];
    for bytes in cases {
        let mut daemon = daemon();
        let (al, bo) = (daemon.attach("al", true), daemon.attach("bo", true));
        join(&mut daemon, al, "al", "g1");
        join(&mut daemon, bo, "bo", "g1");
        daemon.take(bo);
        daemon.bytes(al, &bytes);
        let closed = daemon.closed.get(&al);
        assert!(
            matches!(closed, Some(CloseReason::Violation(_))),
            "{closed:?}"
        );
        let told = daemon.received(bo);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].header.kind, bits::VIEW | bits::BY_DISCONNECT);
    }
}

/// 18: the largest message that libspread sends arrives, also where Spread itself closes or crashes.
#[test]
fn sizes_up_to_the_limit_arrive() {
    let mut daemon = daemon();
    let al = daemon.attach("al", false);
    join(&mut daemon, al, "al", "g1");
    for size in [143_152, 143_153, 143_952, 143_953, 144_000] {
        let sent = request(LITTLE, "al", bits::FIFO, &["g1"], 0, &vec![5; size - 32]);
        daemon.bytes(al, &sent);
        assert_eq!(daemon.take(al), sent);
    }
}

/// 20: what the network does to a group, told in the forms of the reference, 6.2 and 6.3.
#[test]
fn network_views_and_transitional_marks() {
    let mut daemon = daemon();
    let al = daemon.attach("al", true);
    join(&mut daemon, al, "al", "g1");
    let last = daemon.received(al)[0].membership().id;
    let name = |text| Name::new(text).unwrap();
    let mut view = View {
        group: GroupName::new("g1").unwrap(),
        id: group_id(99),
        members: vec![name("#al#dmn1"), name("#c#d2")].into(),
        cause: Cause::Transitional,
    };
    let deliver = |view: &View| Event::Deliver {
        session: al,
        event: ClientEvent::View(view.clone()),
    };
    daemon.event(deliver(&view));
    let marks = daemon.received(al);
    assert_eq!(marks[0].header.kind, bits::TRANSITIONAL);
    assert_eq!((marks[0].names.len(), marks[0].data.len()), (0, 12));
    let words: Vec<u8> = last.0.iter().flat_map(|word| word.to_le_bytes()).collect();
    assert_eq!(marks[0].data, words, "the id of the last view");
    let sets = vec![vec![name("#c#d2")], vec![name("#al#dmn1")]];
    view.cause = Cause::Network {
        sets: sets.clone().into(),
    };
    daemon.event(deliver(&view));
    let views = daemon.received(al);
    assert_eq!(views[0].header.kind, bits::VIEW | bits::BY_NETWORK);
    assert_eq!(views[0].names, ["#al#dmn1", "#c#d2"]);
    let id = group_id(99);
    assert_eq!(views[0].membership(), Membership { id, sets, own: 1 });
}

/// What the group layer refuses comes back in the form of the reference, 6.5; not to a sender that discards.
#[test]
fn refused_requests_come_back() {
    let mut daemon = daemon();
    let al = daemon.attach("al", true);
    daemon.refuse = Some(Refusal::Limit);
    join(&mut daemon, al, "al", "g1");
    send(&mut daemon, al, "al", bits::UNRELIABLE, &["g1", "g2"]);
    send(
        &mut daemon,
        al,
        "al",
        bits::SAFE | bits::SELF_DISCARD,
        &["g1"],
    );
    send(&mut daemon, al, "al", bits::SAFE, &["g"; 100]);
    let back = daemon.received(al);
    let old = |index: usize| u32::from_le_bytes(back[index].bytes[48..52].try_into().unwrap());
    assert_eq!(back.len(), 3);
    assert!(back.iter().all(|m| m.header.kind == bits::REJECTED));
    assert_eq!(old(0), bits::BY_JOIN | bits::LITTLE);
    assert_eq!(back[0].names, ["g1", "#al#dmn1"]);
    assert_eq!(old(1), bits::UNRELIABLE | bits::LITTLE);
    assert_eq!(back[1].names, ["g1", "g2", "#al#dmn1"]);
    assert_eq!(
        (&back[1].data[..], back[1].header.hint.value()),
        (&b"data"[..], 1)
    );
    assert_eq!(
        (back[2].names.len(), &*back[2].names[99]),
        (100, "#al#dmn1")
    );
    assert!(daemon.closed.is_empty());
}

fn any_chunk() -> impl Strategy<Value = Vec<u8>> {
    let group = prop::sample::select(vec!["g1", "g2", "#al#dmn1", "", "a b"]);
    let kind = prop_oneof![
        8 => (0u32..6).prop_map(|service| 1 << service),
        4 => prop::sample::select(vec![bits::JOIN, bits::LEAVE]),
        1 => any::<u32>(),
    ];
    let order = prop::sample::select(vec![ByteOrder::Little, ByteOrder::Big]);
    let legal = (
        order,
        kind,
        group,
        any::<u16>(),
        prop::collection::vec(any::<u8>(), 0..40),
    )
        .prop_map(|(order, kind, group, hint, data)| {
            request(order, "al", kind & !bits::LITTLE, &[group], hint, &data)
        });
    prop_oneof![
        10 => legal,
        1 => prop::collection::vec(any::<u8>(), 0..60),
    ]
}

proptest! {
    /// Whatever a client sends, in whatever pieces: no panic, the same result, and a bounded remainder.
    #[test]
    fn pieces_and_garbage(
        chunks in prop::collection::vec(any_chunk(), 0..12),
        sizes in prop::collection::vec(1usize..80, 1..40),
        named in any::<bool>(),
    ) {
        let mut bytes = if named { greeting("al", true) } else { Vec::new() };
        bytes.extend(chunks.concat());
        let mut whole = daemon();
        let one = whole.open();
        whole.bytes(one, &bytes);
        let mut pieces = daemon();
        let other = pieces.open();
        let mut rest = &bytes[..];
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at(rest.len().min(*size));
            pieces.bytes(other, piece);
            rest = after;
        }
        prop_assert_eq!(&whole.closed, &pieces.closed);
        prop_assert_eq!(&whole.commands, &pieces.commands);
        // A session that ends hears no answers any more to what came in the same piece as its end.
        let (all, some) = (pieces.take(other), whole.take(one));
        prop_assert!(all.starts_with(&some));
        prop_assert!(all.len() == some.len() || whole.closed.contains_key(&one));
    }
}

/// A session is one client of the group layer: connected once, gone once, whatever happens between.
#[test]
fn every_connect_has_one_disconnect() {
    let mut daemon = daemon();
    let al = daemon.attach("al", true);
    daemon.close(al);
    daemon.close(al);
    daemon.bytes(al, b"late");
    let commands: Vec<Command> = daemon.commands.into_iter().map(|(_, c)| c).collect();
    assert!(matches!(
        commands[..],
        [Command::Connect { .. }, Command::Disconnect]
    ));
}
