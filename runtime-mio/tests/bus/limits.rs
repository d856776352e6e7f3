//! What ends a session, and that it ends only that one (18, 19).

use crate::{
    client::{AGREED, BY_DISCONNECT, BY_JOIN, Client, JOIN, KILL, LEAVE, field},
    daemons::Cluster,
};

/// Changes a message's bytes.
fn with(mut bytes: Vec<u8>, at: usize, new: &[u8]) -> Vec<u8> {
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes
}

/// 18: each header that cannot be closes the session without a word; the others see it go, and nothing else.
#[test]
fn each_malformed_header_ends_one_session() {
    let cluster = Cluster::started(&["dmn1"]);
    let mut watcher = cluster.client(0, "watcher");
    watcher.enter("g1", &["#watcher#dmn1"]);
    let good = |al: &Client| al.message(AGREED, &["g1"], 1, b"data");
    type Wrong = fn(&Client, Vec<u8>) -> Vec<u8>;
    let wrong: &[(&str, Wrong)] = &[
        ("no service", |al, _| al.message(0, &["g1"], 0, b"")),
        ("two services", |al, _| al.message(0x30, &["g1"], 0, b"")),
        ("a service and a join", |al, _| {
            al.message(AGREED | JOIN, &["g1"], 0, b"")
        }),
        ("two requests", |al, _| {
            al.message(JOIN | LEAVE, &["g1"], 0, b"")
        }),
        ("three requests", |al, _| {
            al.message(JOIN | LEAVE | KILL, &["g1"], 0, b"")
        }),
        ("a view", |al, _| {
            al.message(AGREED | 0x1000, &["g1"], 0, b"")
        }),
        ("a transitional", |al, _| {
            al.message(AGREED | 0x2000, &["g1"], 0, b"")
        }),
        ("an internal bit", |al, _| {
            al.message(AGREED | 0x8000, &["g1"], 0, b"")
        }),
        ("a rejection", |al, _| {
            al.message(AGREED | 0x40_0000, &["g1"], 0, b"")
        }),
        ("another's name", |_, good| {
            with(good, 4, &field("#bo#dmn1"))
        }),
        ("another server", |_, good| {
            with(good, 4, &field("#al#dmn2"))
        }),
        ("no private name", |_, good| with(good, 4, &field("al"))),
        ("a name without end", |_, good| with(good, 4, &[b'x'; 32])),
        ("-1 groups", |_, good| {
            with(good, 36, &(-1_i32).to_le_bytes())
        }),
        ("101 groups", |_, good| {
            with(good, 36, &101_u32.to_le_bytes())
        }),
        ("a bit in the hint", |_, good| {
            with(good, 40, &0x8100_0080_u32.to_le_bytes())
        }),
        ("-1 bytes", |_, good| {
            with(good, 44, &(-1_i32).to_le_bytes())
        }),
        ("2^31-1 bytes", |_, good| {
            with(good, 44, &i32::MAX.to_le_bytes())
        }),
        ("a join of a private name", |al, _| {
            al.message(JOIN, &["#bo#dmn1"], 0, b"")
        }),
        ("a join of nothing", |al, _| al.message(JOIN, &[], 0, b"")),
        ("a join of an empty name", |al, _| {
            al.message(JOIN, &[""], 0, b"")
        }),
        ("a join of two words", |al, _| {
            al.message(JOIN, &["a b"], 0, b"")
        }),
        ("a leave of two words", |al, _| {
            al.message(LEAVE, &["a b"], 0, b"")
        }),
    ];
    for (what, wrong) in wrong {
        let mut al = cluster.client(0, "al");
        al.enter("g1", &["#al#dmn1", "#watcher#dmn1"]);
        watcher.view(BY_JOIN, "g1", &["#al#dmn1", "#watcher#dmn1"]);
        let bytes = wrong(&al, good(&al));
        al.stream.send(&bytes);
        assert_eq!(al.next(), None, "{what}");
        let gone = watcher.view(BY_DISCONNECT, "g1", &["#watcher#dmn1"]);
        assert_eq!(gone.sets, [["#al#dmn1"]], "{what}");
    }
    watcher.assert_quiet();
}

/// 18: the lengths that Spread dies of are served; one byte more than libspread sends ends the session.
#[test]
fn the_longest_messages() {
    let cluster = Cluster::started(&["dmn1"]);
    let mut al = cluster.client(0, "al");
    al.enter("g1", &["#al#dmn1"]);
    for length in [143_152, 143_153, 143_952, 143_953, 144_000] {
        let data = vec![7; length - 32];
        let sent = al.send(AGREED, &["g1"], 1, &data);
        assert!(al.expect("the echo").bytes == sent, "{length} bytes");
    }
    let groups: Vec<String> = (0..99).map(|number| format!("o{number}")).collect();
    let mut groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    groups.push("g1");
    let sent = al.send(AGREED, &groups, 1, &vec![8; 144_000 - 3200]);
    assert!(al.expect("the echo").bytes == sent);
    al.send(AGREED, &["g1"], 1, &vec![7; 144_001 - 32]);
    assert_eq!(al.next(), None);
}

/// 19: a client that does not read is disconnected once more waits for it than it may have; who reads beside it
/// hears everything and sees it go.
#[test]
fn a_client_that_does_not_read() {
    const MESSAGES: i16 = 12_000;
    let mut cluster = Cluster::new(&["d1", "d2"]);
    cluster.more = "Client_Queue = 100".into();
    cluster.start();
    for over_tcp in [false, true] {
        let door = if over_tcp {
            cluster.tcp(0)
        } else {
            cluster.unix(0)
        };
        let mut slow = Client::connect(&door, "slow");
        slow.enter("g1", &["#slow#d1"]);
        let mut fast = cluster.client(0, "fast");
        fast.enter("g1", &["#fast#d1", "#slow#d1"]);
        let mut sender = cluster.client(1, "sender");
        let mut gone = false;
        for number in 0..MESSAGES {
            // The sender is never more than fifty ahead of the fast reader, so that one is fast whatever else this
            // machine does.
            if number % 50 == 0 {
                for number in number..number + 50 {
                    sender.send(AGREED, &["g1"], number, &[number as u8; 2000]);
                }
            }
            let mut heard = fast.expect("a message");
            if heard.kind == BY_DISCONNECT {
                assert_eq!(heard.groups, ["#fast#d1"]);
                assert!(!std::mem::replace(&mut gone, true), "it went twice");
                heard = fast.expect("a message");
            }
            assert_eq!(heard.number(false), (number, false));
        }
        assert!(
            gone,
            "{MESSAGES} messages of 2000 bytes wait for the slow client"
        );
        fast.assert_quiet();
        sender.assert_quiet();
        // What is in its socket it may still read; then there is the end, and nothing is missing in between.
        assert_eq!(slow.expect("the view of the join").kind, BY_JOIN);
        let mut next = 0;
        while let Some(heard) = slow.next() {
            assert_eq!(heard.number(false), (next, false));
            next += 1;
        }
        assert!((1..MESSAGES).contains(&next), "{next} messages");
        assert!(cluster.said(0).contains("SlowReader"), "the log says why");
    }
}

/// A sender that is faster than the ring waits; nothing of what it sent is lost.
#[test]
fn a_client_that_sends_without_end() {
    const MESSAGES: usize = 40_000;
    let cluster = Cluster::started(&["d1", "d2"]);
    let mut ear = cluster.client(1, "ear");
    ear.enter("g1", &["#ear#d2"]);
    let mut mouth = cluster.client(0, "mouth");
    let sending = std::thread::spawn(move || {
        for batch in 0..MESSAGES / 100 {
            let bytes: Vec<u8> = (0..100)
                .flat_map(|place| {
                    let number = (batch * 100 + place) as u32;
                    mouth.message(AGREED, &["g1"], 0, &number.to_le_bytes().repeat(50))
                })
                .collect();
            mouth.stream.send(&bytes);
        }
        mouth
    });
    for number in 0..MESSAGES as u32 {
        let heard = ear.expect("a message");
        assert!(heard.data == number.to_le_bytes().repeat(50), "{number}");
    }
    sending.join().unwrap().assert_quiet();
}
