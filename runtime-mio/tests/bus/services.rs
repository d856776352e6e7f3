//! What a session may ask for, at one daemon (6, 7, 9 to 16).

use crate::{
    client::{
        AGREED, BY_JOIN, BY_LEAVE, CAUSAL, Client, FIFO, RELIABLE, SAFE, SELF_DISCARD, SELF_LEAVE,
        UNRELIABLE, field,
    },
    daemons::Cluster,
};

/// 6: one view to each member, of exactly 56 bytes, each with an id of its own; a second join is nothing. And the
/// bytes of section 6.2.
#[test]
fn a_join_is_one_view_for_each_member() {
    let cluster = Cluster::started(&["dmn1"]);
    let (mut al, mut bo) = (cluster.client(0, "al"), cluster.client(0, "bo"));
    al.join("g1");
    let first = al.expect("the first view");
    let mut golden = vec![0x80, 0x11, 0x00, 0x80];
    golden.extend_from_slice(&field("g1"));
    golden.extend_from_slice(&[1, 0, 0, 0, 0x80, 0, 0, 0x80, 0x38, 0, 0, 0]);
    golden.extend_from_slice(&field("#al#dmn1"));
    assert_eq!(first.bytes[..80], golden);
    assert_eq!(first.data[12..24], [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
    assert_eq!(first.data[24..], field("#al#dmn1"));
    let one = bo.enter("g1", &["#al#dmn1", "#bo#dmn1"]);
    let other = al.view(BY_JOIN, "g1", &["#al#dmn1", "#bo#dmn1"]);
    assert_eq!(one, other);
    assert_eq!(
        (&one.sets[..], one.own),
        (&[vec!["#bo#dmn1".to_owned()]][..], 0)
    );
    assert_ne!(one.id, first.sets().id);
    bo.join("g1");
    bo.assert_quiet();
    al.assert_quiet();
}

/// 7: the leaver gets the self-leave of section 6.4, the others a view; a leave of a non-member is nothing.
#[test]
fn a_leave_tells_the_leaver_apart() {
    let cluster = Cluster::started(&["dmn1"]);
    let (mut al, mut bo) = (cluster.client(0, "al"), cluster.client(0, "bo"));
    al.enter("g1", &["#al#dmn1"]);
    bo.enter("g1", &["#al#dmn1", "#bo#dmn1"]);
    al.expect("the view of the join");
    bo.send(AGREED, &["g1"], 1, b"before");
    bo.expect("the echo");
    al.leave("g1");
    al.leave("g1");
    assert_eq!(al.expect("what came before").data, b"before");
    let mut golden = vec![0x80, 0x02, 0x00, 0x80];
    golden.extend_from_slice(&field("g1"));
    golden.extend_from_slice(&[0, 0, 0, 0, 0x80, 0, 0, 0x80, 0, 0, 0, 0]);
    let last = al.expect("the self-leave");
    assert_eq!((last.kind, &last.bytes), (SELF_LEAVE, &golden));
    let view = bo.view(BY_LEAVE, "g1", &["#bo#dmn1"]);
    assert_eq!(view.sets, [["#al#dmn1"]]);
    bo.send(AGREED, &["g1"], 1, b"after");
    al.assert_quiet();
}

/// 9: the order of members is by the bytes of the name, whoever came first.
#[test]
fn members_stand_by_name() {
    let cluster = Cluster::started(&["dmn1"]);
    let names = ["zz", "al", "Bb", "b$", "alb"];
    let mut all: Vec<Client> = names.iter().map(|name| cluster.client(0, name)).collect();
    for client in &mut all {
        client.join("g1");
        client.expect("its own view");
    }
    all[0].leave("g1");
    let sorted = ["#Bb#dmn1", "#al#dmn1", "#alb#dmn1", "#b$#dmn1"];
    let last = all.last_mut().unwrap();
    last.view(BY_LEAVE, "g1", &sorted);
}

/// 10: without the membership bit no views and no self-leave, but messages; others list the member.
#[test]
fn a_client_that_wants_no_views() {
    let cluster = Cluster::started(&["dmn1"]);
    let mut deaf = Client::deaf(&cluster.unix(0), "deaf");
    let mut al = cluster.client(0, "al");
    deaf.join("g1");
    deaf.assert_quiet();
    al.enter("g1", &["#al#dmn1", "#deaf#dmn1"]);
    al.send(FIFO, &["g1"], 5, b"hello");
    al.send(AGREED, &["#deaf#dmn1"], 6, b"you");
    assert_eq!(deaf.expect("a message").data, b"hello");
    assert_eq!(deaf.expect("a message").data, b"you");
    deaf.leave("g1");
    deaf.assert_quiet();
    assert_eq!(al.expect("the echo").data, b"hello");
    al.view(BY_LEAVE, "g1", &["#al#dmn1"]);
}

/// 11: the echo of a message is the message, byte for byte; every service, any number, any length, and the bit of
/// the Flush library.
#[test]
fn an_echo_is_what_was_sent() {
    let cluster = Cluster::started(&["dmn1"]);
    let mut al = cluster.client(0, "al");
    al.enter("g1", &["#al#dmn1"]);
    for kind in [UNRELIABLE, RELIABLE, FIFO, CAUSAL, AGREED, SAFE] {
        for number in [i16::MIN, -1, 0, 0x1234, i16::MAX] {
            let sent = al.send(kind, &["g1"], number, b"hello");
            let heard = al.expect("the echo");
            assert_eq!(heard.bytes, sent, "{kind:#x} {number}");
            assert_eq!(heard.number(false), (number, false));
        }
        for length in [0, 1, 1400, 8192, 100_000, 143_900] {
            let data: Vec<u8> = (0..length)
                .map(|index| (index * 7 + index / 251) as u8)
                .collect();
            let sent = al.send(kind | 0x4000_0000, &["g1"], 1, &data);
            assert!(
                al.expect("the echo").bytes == sent,
                "{kind:#x}, {length} bytes"
            );
        }
    }
}

/// 12: self discard takes the sender's own copy away and nobody else's, and the bit is seen.
#[test]
fn self_discard() {
    let cluster = Cluster::started(&["dmn1"]);
    let (mut al, mut bo) = (cluster.client(0, "al"), cluster.client(0, "bo"));
    al.enter("g1", &["#al#dmn1"]);
    bo.enter("g1", &["#al#dmn1", "#bo#dmn1"]);
    al.expect("the view of the join");
    let sent = al.send(AGREED | SELF_DISCARD, &["g1"], 1, b"others");
    al.send(FIFO | SELF_DISCARD, &["#al#dmn1"], 1, b"nobody");
    assert_eq!(bo.expect("the message").bytes, sent);
    al.assert_quiet();
    bo.assert_quiet();
}

/// 13: one copy for each session, with the whole list as it was sent; also with more groups than Spread managed.
#[test]
fn many_destinations_and_one_copy() {
    let cluster = Cluster::started(&["dmn1"]);
    let (mut al, mut bo) = (cluster.client(0, "al"), cluster.client(0, "bo"));
    for group in ["g1", "g2"] {
        al.enter(group, &["#al#dmn1"]);
    }
    let list = [
        "g2", "nobody", "#no#dmn1", "g1", "#al#dmn1", "#bo#dmn1", "#al#none", "g2",
    ];
    let sent = bo.send(SAFE, &list, 3, b"to many");
    assert_eq!(al.expect("one copy").bytes, sent);
    assert_eq!(bo.expect("one copy").bytes, sent);
    for count in [43, 44, 100] {
        let mut list: Vec<String> = (1..count).map(|number| format!("other{number}")).collect();
        list.push("g1".into());
        let list: Vec<&str> = list.iter().map(String::as_str).collect();
        let sent = bo.send(AGREED, &list, 3, b"to many");
        assert_eq!(al.expect("one copy").bytes, sent, "{count} groups");
    }
    al.assert_quiet();
    bo.assert_quiet();
}

/// 14, 15: groups are open; unknown destinations reach nobody and harm nobody; no destination at all is nothing.
#[test]
fn open_groups_and_unknown_names() {
    let cluster = Cluster::started(&["dmn1"]);
    let (mut al, mut bo) = (cluster.client(0, "al"), cluster.client(0, "bo"));
    al.enter("g1", &["#al#dmn1"]);
    bo.send(AGREED, &["g1"], 1, b"from outside");
    assert_eq!(al.expect("the message").name, "#bo#dmn1");
    bo.send(AGREED, &["nobody"], 1, b"");
    bo.send(AGREED, &["#no#dmn1"], 1, b"");
    bo.send(AGREED, &["#al#elsewhere"], 1, b"");
    bo.send(AGREED, &[], 1, b"to nobody");
    bo.assert_quiet();
    let sent = bo.send(AGREED, &["#al#dmn1"], 1, b"to you");
    assert_eq!(al.expect("the private message").bytes, sent);
    al.assert_quiet();
}

/// 16: a big-endian client is understood; what it hears is in the server's order, but for the hint, which stays as
/// its sender wrote it.
#[test]
fn the_other_byte_order() {
    let cluster = Cluster::started(&["dmn1"]);
    let (mut al, mut bo) = (cluster.client(0, "al"), cluster.client(0, "bo"));
    bo.big = true;
    bo.enter("g1", &["#bo#dmn1"]);
    al.enter("g1", &["#al#dmn1", "#bo#dmn1"]);
    bo.view(BY_JOIN, "g1", &["#al#dmn1", "#bo#dmn1"]);
    for number in [i16::MIN, -2, 0, 258, i16::MAX] {
        let sent = bo.send(CAUSAL, &["g1", "g2"], number, b"big");
        for (client, foreign) in [(&mut al, true), (&mut bo, false)] {
            let heard = client.expect("the message");
            assert_eq!(heard.kind, CAUSAL);
            assert_eq!(heard.hint[..], sent[40..44]);
            assert_eq!(heard.number(client.big), (number, foreign));
            assert_eq!(heard.groups, ["g1", "g2"]);
            assert_eq!(heard.data, b"big");
        }
        al.send(FIFO, &["g1"], number, b"little");
        assert_eq!(bo.expect("the message").number(true), (number, true));
        assert_eq!(al.expect("the echo").number(false), (number, false));
    }
    bo.leave("g1");
    assert_eq!(bo.expect("the self-leave").kind, SELF_LEAVE);
    al.view(BY_LEAVE, "g1", &["#al#dmn1"]);
}

/// A client speaks for itself and not for the node: what it says in a group of the node's own services is a message
/// like any other there, and the services do not take it for one of theirs.
#[test]
fn a_client_is_no_service() {
    let mut cluster = Cluster::started(&["dmn1"]);
    let mut al = cluster.client(0, "al");
    al.join("ec_cluster");
    assert_eq!(al.expect("a view of the services' group").kind, BY_JOIN);
    for data in [&b""[..], b"garbage", &[0; 64], &[1; 64], &[2; 64], &[3; 64]] {
        let sent = al.send(AGREED, &["ec_cluster"], 0, data);
        assert_eq!(al.expect("the echo").bytes, sent);
    }
    al.kill();
    cluster.stop(0);
    assert!(
        !cluster.said(0).contains("MessageRefused"),
        "{}",
        cluster.said(0)
    );
}
