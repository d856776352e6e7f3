//! From the first byte to an open session, and how it ends (1 to 5).

use crate::{
    client::{AGREED, BY_DISCONNECT, Client, FIFO, Stream, greeting, methods},
    common::wait,
    daemons::Cluster,
};

const TAKEN: i8 = -6;

/// 1: the bytes of section 2.1, each answer in one piece, over TCP and over the socket in the file system.
#[test]
fn the_bytes_of_the_reference() {
    let cluster = Cluster::started(&["dmn1"]);
    for door in [cluster.tcp(0), cluster.unix(0)] {
        let mut stream = Stream::open(&door);
        stream.send(&[0x04, 0x04, 0x00, 0x01, 0x02, 0x61, 0x6c]);
        assert_eq!(stream.once(), [0x05, 0x4e, 0x55, 0x4c, 0x4c, 0x20]);
        stream.send(&methods(&["NULL"]));
        let welcome = b"\x01\x04\x04\x00\x08#al#dmn1";
        assert_eq!(stream.once(), welcome);
        drop(stream);
        wait("the name is free", || {
            Client::try_connect(&door, "al", true).ok()
        })
        .kill();
    }
}

/// The first byte that a client hears after saying `parts`, which must be followed by the end.
fn refusal(cluster: &Cluster, parts: &[&[u8]]) -> i8 {
    let mut stream = Stream::open(&cluster.tcp(0));
    for part in parts {
        stream.send(part);
    }
    let mut heard = stream.exactly(1).expect("a code before the end");
    if heard[0] == 5 {
        assert_eq!(stream.exactly(5).unwrap(), b"NULL ");
        heard = stream.exactly(1).expect("a code before the end");
    }
    stream.assert_closed();
    heard[0] as i8
}

/// 2: each code, in every way to get it; the byte comes before the end.
#[test]
fn every_code_of_refusal() {
    let mut cluster = Cluster::new(&["dmn1"]);
    cluster.more = "Client_Limit = 3".into();
    cluster.start();
    let too_long = greeting(b"elevenbytes", true);
    assert_eq!(refusal(&cluster, &[&too_long]), -5);
    assert_eq!(refusal(&cluster, &[&[4, 4, 0, 1, 0x80]]), -5);
    for name in [&b"a#"[..], b"a b", b"\"", b"\xe9", b"a\0"] {
        assert_eq!(refusal(&cluster, &[&greeting(name, true)]), -5, "{name:?}");
    }
    for version in [&[3, 0, 0, 1][..], &[0, 0, 1, b'a'], &[2, 99, 0, 0]] {
        assert_eq!(refusal(&cluster, &[version]), -7, "{version:?}");
    }
    let al = greeting(b"al", true);
    for choice in [&["IP"][..], &["NULL", "PWORD"], &[], &["null"], &["NULLX"]] {
        assert_eq!(
            refusal(&cluster, &[&al, &methods(choice)]),
            -9,
            "{choice:?}"
        );
    }
    let twice = methods(&["NULL", "NULL", "NULL"]);
    let mut stream = Stream::open(&cluster.tcp(0));
    stream.send(&[al.clone(), twice].concat());
    assert_eq!(stream.exactly(6).unwrap(), b"\x05NULL ");
    assert_eq!(stream.exactly(1).unwrap(), [1]);
    assert_eq!(refusal(&cluster, &[&al]), TAKEN);
    let others = [cluster.client(0, "bo"), cluster.client(0, "cy")];
    let mut full = Stream::open(&cluster.tcp(0));
    assert_eq!(
        full.exactly(1).unwrap()[0] as i8,
        -3,
        "before a word is said"
    );
    full.assert_closed();
    drop(others);
}

/// 2: only who comes from an allowed address is let in, whatever method it chooses.
#[test]
fn an_address_that_is_not_allowed() {
    let mut cluster = Cluster::new(&["dmn1"]);
    cluster.more = "Client_Allow = ( 127.0.0.0/8 )".into();
    cluster.start();
    for (door, verdict) in [(cluster.tcp(0), 1), (cluster.unix(0), 0xf7)] {
        for choice in [&["IP"][..], &["NULL"]] {
            let mut stream = Stream::open(&door);
            stream.send(&greeting(b"", true));
            assert_eq!(stream.exactly(9).unwrap(), b"\x08NULL IP ");
            stream.send(&methods(choice));
            assert_eq!(
                stream.exactly(1).unwrap(),
                [verdict],
                "{choice:?} at {door:?}"
            );
        }
    }
}

/// 3: an empty name gets one that nobody has.
#[test]
fn names_that_are_invented() {
    let cluster = Cluster::started(&["dmn1"]);
    let clients: Vec<Client> = (0..20).map(|_| cluster.client(0, "")).collect();
    let mut names: Vec<&str> = clients
        .iter()
        .map(|client| client.private.as_str())
        .collect();
    for name in &names {
        let own = name
            .strip_prefix("#r")
            .and_then(|rest| rest.strip_suffix("#dmn1"));
        let own = own.unwrap_or_else(|| panic!("{name}"));
        assert!(own.len() <= 8 && own.contains('-'), "{name}");
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), clients.len());
}

/// 4: 3.1 and 3.14 send two bytes of version and get two; 3.15 three and no list; 3.16 the whole; and any later
/// version is welcome.
#[test]
fn old_and_future_clients() {
    let cluster = Cluster::started(&["dmn1"]);
    for version in [[3, 1], [3, 14]] {
        let mut stream = Stream::open(&cluster.unix(0));
        stream.send(&[version[0], version[1], 1, 2, b'a', b'l']);
        let welcome = b"\x01\x04\x04\x08#al#dmn1";
        assert_eq!(stream.once(), welcome, "{version:?}");
        drop(stream);
        wait("the name is free", || {
            Client::try_connect(&cluster.unix(0), "al", true).ok()
        })
        .kill();
    }
    let mut stream = Stream::open(&cluster.unix(0));
    stream.send(&[3, 15, 0, 0, 2, b'b', b'o']);
    assert_eq!(stream.once(), b"\x01\x04\x04\x00\x08#bo#dmn1");
    for (version, name) in [([3, 16, 0], b"c1"), ([5, 1, 2], b"c2"), ([4, 9, 99], b"c3")] {
        let mut stream = Stream::open(&cluster.unix(0));
        stream.send(&[&version[..], &[0x11, 2], name].concat());
        assert_eq!(stream.once(), b"\x05NULL ");
        stream.send(&methods(&["NULL"]));
        let private = [b"#", &name[..], b"#dmn1"].concat();
        assert_eq!(
            stream.once(),
            [&b"\x01\x04\x04\x00\x08"[..], &private].concat()
        );
    }
}

/// The handshake may come in any fragments, or all at once with what follows it.
#[test]
fn any_fragments_of_the_handshake() {
    let cluster = Cluster::started(&["dmn1"]);
    let all = [greeting(b"al", false), methods(&["NULL"])].concat();
    for cut in 1..all.len() {
        let name = [b'a' + (cut / 26) as u8, b'a' + (cut % 26) as u8];
        let mut all = all.clone();
        all[5..7].copy_from_slice(&name);
        let mut stream = Stream::open(&cluster.unix(0));
        stream.send(&all[..cut]);
        stream.send(&all[cut..]);
        let told = stream.exactly(6 + 13).unwrap();
        assert_eq!(&told[12..14], &name, "cut at {cut}");
    }
}

/// 5: a name is free again after a kill, a plain close, and a close in the middle of the handshake.
#[test]
fn a_name_is_free_again() {
    let cluster = Cluster::started(&["dmn1"]);
    let door = cluster.tcp(0);
    let again = || wait("the name", || Client::try_connect(&door, "al", true).ok());
    cluster.client(0, "al").kill();
    drop(again());
    let mut half = wait("the name in the handshake", || {
        let mut stream = Stream::open(&door);
        stream.send(&greeting(b"al", true));
        (stream.exactly(1)? == [5]).then_some(stream)
    });
    assert_eq!(half.exactly(5).unwrap(), b"NULL ");
    assert_eq!(Client::try_connect(&door, "al", true).unwrap_err(), TAKEN);
    drop(half);
    again().kill();
    assert!(
        Client::try_connect(&door, "Al", true).is_ok(),
        "names have case"
    );
}

/// 8: what a client said before it went is heard, then one view for each of its groups, in the order of names.
#[test]
fn both_ways_to_go() {
    let cluster = Cluster::started(&["dmn1"]);
    let mut watcher = cluster.client(0, "bo");
    for kill in [true, false] {
        let mut al = wait("the name", || {
            Client::try_connect(&cluster.tcp(0), "al", true).ok()
        });
        for group in ["g2", "g10", "g1"] {
            if kill {
                watcher.enter(group, &["#bo#dmn1"]);
            }
            al.enter(group, &["#al#dmn1", "#bo#dmn1"]);
            watcher.view(0x1100, group, &["#al#dmn1", "#bo#dmn1"]);
        }
        for number in 0..50 {
            al.send(FIFO, &["g1"], number, b"last words");
        }
        al.send(AGREED | 0x40, &["g2"], 50, b"");
        // A plain close comes with nothing unread, so that TCP has no reason to take back what was sent.
        for number in 0..50 {
            assert_eq!(al.expect("the echo").number(false), (number, false));
        }
        if kill {
            al.kill();
        } else {
            drop(al);
        }
        for number in 0..51 {
            assert_eq!(watcher.expect("a message").number(false), (number, false));
        }
        for group in ["g1", "g10", "g2"] {
            let gone = watcher.view(BY_DISCONNECT, group, &["#bo#dmn1"]);
            assert_eq!(gone.sets, [["#al#dmn1"]]);
        }
    }
    watcher.assert_quiet();
}
