//! Goal: nobody gets in who should not, nobody takes more than a share, and nothing that was sent is lost by
//! that. Method: handshakes of every kind, clients that do not read, and a ring that takes nothing.

use std::time::Duration;

use crate::daemon::{Daemon, choice, greeting, request};
use ringfort_session::{
    Authentication, CloseReason, Command, Config, ConfigError, Event, Peer, Refusal, Reject,
    SessionId, Sessions,
};
use ringfort_wire::session::{ByteOrder, bits};

const LITTLE: ByteOrder = ByteOrder::Little;

fn daemon() -> Daemon {
    Daemon::new(Config::new("dmn1"))
}

/// 1: the bytes of the handshake, one piece for each step.
#[test]
fn the_handshake_of_the_reference() {
    let mut daemon = daemon();
    let al = daemon.open();
    daemon.bytes(al, &[4, 4, 0, 1, 2, b'a', b'l']);
    assert_eq!(daemon.sent.remove(&al).unwrap(), [&b"\x05NULL "[..]]);
    daemon.bytes(al, &choice(&["NULL"]));
    let welcome = [&b"\x01\x04\x04\x00\x08#al#dmn1"[..]];
    assert_eq!(daemon.sent.remove(&al).unwrap(), welcome);
}

/// 4: 3.14 sends two version bytes and gets no list and no patch byte, 3.15 no list, 3.16 everything.
#[test]
fn old_clients_are_served_in_their_way() {
    let cases = [
        (&[3, 1, 0, 1, b'a'][..], &b"\x01\x04\x04\x07#a#dmn1"[..]),
        (&[3, 14, 0, 1, b'a'], b"\x01\x04\x04\x07#a#dmn1"),
        (&[3, 15, 0, 0, 1, b'a'], b"\x01\x04\x04\x00\x07#a#dmn1"),
        (&[3, 16, 0, 0, 1, b'a'], b"\x05NULL "),
        (&[5, 1, 2, 0, 1, b'a'], b"\x05NULL "),
    ];
    for (said, answer) in cases {
        let mut daemon = daemon();
        let session = daemon.open();
        daemon.bytes(session, said);
        assert_eq!(daemon.take(session), answer);
    }
}

/// What `said` is answered with, and that the code comes before the end.
fn rejected(daemon: &mut Daemon, said: &[u8]) -> u8 {
    let session = daemon.open();
    daemon.bytes(session, said);
    let sent = daemon.take(session);
    let code = *sent.last().unwrap();
    let reason = daemon.closed[&session];
    assert!(reason.flushes());
    let CloseReason::Rejected(reject) = reason else {
        panic!("{reason:?}")
    };
    assert_eq!(reject.byte(), code);
    code
}

/// 2: each code for each of its reasons. The name is not taken by a session that was refused.
#[test]
fn reject_codes() {
    let mut daemon = daemon();
    daemon.attach("al", true);
    let waiting = daemon.open();
    daemon.bytes(waiting, &[4, 4, 0, 0, 2, b'b', b'o']);
    for name in ["al", "bo"] {
        assert_eq!(rejected(&mut daemon, &greeting(name, true)), 0xfa);
    }
    for said in [
        &[4, 4, 0, 0, 11][..],
        &[4, 4, 0, 0, 0x80],
        &[4, 4, 0, 0, 1, b'#'],
        &[4, 4, 0, 0, 1, 0xe9],
    ] {
        assert_eq!(rejected(&mut daemon, said), 0xfb);
    }
    assert_eq!(rejected(&mut daemon, &[3, 0, 0, 0]), 0xf9);
    for methods in [&[][..], &["IP"], &["NULL", "PWORD"]] {
        let mut said = vec![4, 4, 0, 0, 1, b'c'];
        said.extend(choice(methods));
        assert_eq!(rejected(&mut daemon, &said), 0xf7);
    }
    let mut said = vec![4, 4, 0, 0, 1, b'c'];
    said.extend(choice(&["NULL", "NULL"]));
    let session = daemon.open();
    daemon.bytes(session, &said);
    assert!(daemon.take(session).ends_with(b"#c#dmn1"));
}

/// The group layer has the last word on a name; one that was invented is invented again.
#[test]
fn the_group_layer_may_refuse_a_name() {
    for (refusal, code) in [
        (Refusal::NameInUse, 0xfa),
        (Refusal::IllegalName, 0xfb),
        (Refusal::Limit, 0xfd),
        (Refusal::Busy, 0xfd),
        (Refusal::Other, 0xfd),
    ] {
        let mut daemon = daemon();
        daemon.refuse = Some(refusal);
        assert_eq!(rejected(&mut daemon, &greeting("al", true)), code);
        daemon.refuse = None;
        let again = daemon.attach("al", true);
        assert!(!daemon.closed.contains_key(&again));
        let disconnects = daemon.commands.iter();
        assert_eq!(
            disconnects
                .filter(|(_, c)| *c == Command::Disconnect)
                .count(),
            0,
            "the group layer never knew it"
        );
    }
}

/// 3: an unnamed client gets a legal name that nobody else has.
#[test]
fn unnamed_clients_get_names() {
    let mut daemon = daemon();
    let mut names: Vec<Vec<u8>> = (0..50)
        .map(|_| {
            let session = daemon.open();
            daemon.bytes(session, &greeting("", true));
            let sent = daemon.sent.remove(&session).unwrap();
            sent.last().unwrap()[5..].to_vec()
        })
        .collect();
    assert!(
        names
            .iter()
            .all(|name| name.starts_with(b"#r") && name.len() <= 16)
    );
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 50);
}

#[test]
fn method_ip_asks_the_address() {
    let mut config = Config::new("dmn1");
    config.authentication = Authentication {
        null: true,
        ip: Some(vec!["192.0.2.0/24".parse().unwrap()]),
        ip_required: true,
    };
    let mut daemon = Daemon::new(config);
    let mut number = 100;
    let mut attempt = |peer: Peer, said: &[u8]| {
        number += 1;
        let session = SessionId(number);
        daemon.event(Event::Opened { session, peer });
        daemon.bytes(session, said);
        (!daemon.closed.contains_key(&session), daemon.take(session))
    };
    let inside = Peer::Tcp("::ffff:192.0.2.9".parse().unwrap());
    let outside = Peer::Tcp("198.51.100.1".parse().unwrap());
    for (peer, name, passes) in [
        (inside, "a", true),
        (outside, "b", false),
        (Peer::Unix, "c", false),
    ] {
        let (passed, sent) = attempt(peer, &greeting(name, true));
        assert_eq!(passed, passes, "{peer:?}");
        assert!(sent.starts_with(b"\x08NULL IP "));
        let old = [3, 14, 0, 2, b'o', name.as_bytes()[0]];
        assert_eq!(attempt(peer, &old).0, passes, "{peer:?}");
    }
}

#[test]
fn sessions_and_their_handshakes_are_limited() {
    let mut config = Config::new("dmn1");
    config.sessions = 2;
    let mut daemon = Daemon::new(config);
    let al = daemon.attach("al", true);
    let slow = daemon.open();
    daemon.bytes(slow, &[4, 4, 0, 0, 2, b'b', b'o']);
    let third = daemon.open();
    assert_eq!(daemon.take(third), [Reject::Quota.byte()]);
    daemon.pass(Duration::from_millis(9_999));
    assert_eq!(daemon.closed.len(), 1);
    daemon.pass(Duration::from_millis(1));
    assert_eq!(daemon.closed[&slow], CloseReason::HandshakeTimeout);
    assert!(!daemon.closed.contains_key(&al), "an open session has time");
    let again = daemon.open();
    daemon.bytes(again, &greeting("bo", true));
    assert!(daemon.take(again).ends_with(b"#bo#dmn1"));
}

/// 19: the slow one is dropped at the limit, the fast one beside it gets everything.
#[test]
pub(crate) fn a_slow_reader_is_dropped_alone() {
    let mut config = Config::new("dmn1");
    config.queue_messages = 20;
    let mut daemon = Daemon::new(config);
    let (slow, fast) = (daemon.attach("slow", true), daemon.attach("fast", false));
    for (session, name) in [(slow, "slow"), (fast, "fast")] {
        daemon.bytes(session, &request(LITTLE, name, bits::JOIN, &["g1"], 0, b""));
    }
    daemon.stuck.insert(slow);
    daemon.take(slow);
    daemon.take(fast);
    let message = request(LITTLE, "fast", bits::AGREED, &["g1"], 0, &[7; 10_000]);
    let mut sent = 0;
    while !daemon.closed.contains_key(&slow) {
        daemon.bytes(fast, &message);
        sent += 1;
        assert!(sent <= 28, "64 KiB in the socket and 20 messages behind it");
    }
    assert_eq!(daemon.closed[&slow], CloseReason::SlowReader);
    assert!(!CloseReason::SlowReader.flushes());
    assert!(sent >= 27);
    assert_eq!(daemon.received(fast).len(), sent);
    let last = daemon.commands.last().unwrap();
    assert_eq!(last, &(slow, Command::Disconnect));
}

/// A reader that pauses and goes on gets everything in order.
#[test]
fn a_reader_that_catches_up_loses_nothing() {
    let mut daemon = daemon();
    let al = daemon.attach("al", false);
    daemon.stuck.insert(al);
    let mut sent = Vec::new();
    for number in 0..200u16 {
        let bytes = request(LITTLE, "al", bits::FIFO, &["#al#dmn1"], number, &[7; 3000]);
        daemon.bytes(al, &bytes);
        sent.extend(bytes);
    }
    assert!(daemon.sent[&al].concat().len() < 70_000);
    daemon.stuck.clear();
    daemon.event(Event::Drained { session: al });
    assert_eq!(daemon.take(al), sent);
}

/// While the ring takes nothing, nobody is read and nothing is lost, not even of one who has gone meanwhile.
#[test]
pub(crate) fn congestion_stops_reading_and_loses_nothing() {
    let mut daemon = daemon();
    let (al, bo, silent) = (
        daemon.attach("al", false),
        daemon.attach("bo", false),
        daemon.attach("silent", false),
    );
    daemon.commands.clear();
    daemon.event(Event::Congestion { full: true });
    for (session, name) in [(al, "al"), (bo, "bo")] {
        for _ in 0..3 {
            daemon.bytes(session, &request(LITTLE, name, bits::FIFO, &["g"], 0, b"x"));
        }
    }
    daemon.close(bo);
    assert!(daemon.commands.is_empty());
    assert!(daemon.paused.contains(&al) && !daemon.paused.contains(&silent));
    daemon.event(Event::Congestion { full: false });
    let whose = |session| {
        daemon
            .commands
            .iter()
            .filter(|(s, _)| *s == session)
            .count()
    };
    assert_eq!((whose(al), whose(bo)), (3, 4));
    assert_eq!(daemon.commands.last().unwrap(), &(bo, Command::Disconnect));
    assert!(!daemon.paused.contains(&al));
}

/// One event brings a bounded number of commands; clients take turns for the rest.
#[test]
fn a_burst_is_cut_and_clients_take_turns() {
    let mut sessions = Sessions::new(Config::new("dmn1")).unwrap();
    let mut whole = daemon();
    let (al, bo) = (whole.attach("al", false), whole.attach("bo", false));
    std::mem::swap(&mut sessions, &mut whole.sessions);
    let burst = |name| request(LITTLE, name, bits::FIFO, &["g"], 0, b"").repeat(600);
    let mut out: Vec<ringfort_session::Action> = Vec::new();
    let mut turns = Vec::new();
    let now = ringfort_machine::Instant::ORIGIN;
    let mut handle = |event, out: &mut Vec<_>| {
        ringfort_machine::Machine::handle(&mut sessions, now, event, out);
        let mut groups = Vec::new();
        for action in out.drain(..) {
            if let ringfort_session::Action::Group { session, .. } = action {
                groups.push(session);
            }
        }
        assert!(groups.len() <= Sessions::BURST);
        turns.push(groups);
        ringfort_machine::Machine::deadline(&sessions).is_some_and(|due| due.at <= now)
    };
    for (session, name) in [(al, "al"), (bo, "bo")] {
        let bytes = burst(name).into();
        assert!(handle(Event::Bytes { session, bytes }, &mut out));
    }
    while handle(Event::Wake, &mut out) {}
    let all = turns.concat();
    assert_eq!(all.iter().filter(|session| **session == al).count(), 600);
    assert_eq!(all.len(), 1200);
    assert!(turns[2].iter().all(|session| *session == al));
    assert!(turns[3].iter().all(|session| *session == bo));
}

#[test]
fn a_flood_of_an_unread_client_ends_it() {
    let mut daemon = daemon();
    let al = daemon.attach("al", false);
    daemon.event(Event::Congestion { full: true });
    let bytes = request(LITTLE, "al", bits::FIFO, &["g"], 0, &[0; 100_000]);
    for _ in 0..11 {
        daemon.bytes(al, &bytes);
    }
    assert_eq!(daemon.closed[&al], CloseReason::Flooded);
}

#[test]
fn a_bad_configuration_is_refused() {
    let refused = |change: fn(&mut Config)| {
        let mut config = Config::new("dmn1");
        change(&mut config);
        Sessions::new(config).map(|_| ()).unwrap_err()
    };
    for server in ["", "a#b", "twenty-letters-or-so"] {
        let config = Config::new(server);
        assert_eq!(config.validate(), Err(ConfigError::Server(server.into())));
    }
    assert_eq!(
        refused(|c| c.authentication.null = false),
        ConfigError::NoMethod
    );
    assert_eq!(
        refused(|c| c.authentication.ip_required = true),
        ConfigError::RequiredMethod
    );
    assert_eq!(refused(|c| c.sessions = 0), ConfigError::Zero("sessions"));
}
