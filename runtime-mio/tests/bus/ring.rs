//! Several daemons: the same everywhere, what comes and goes with a daemon, and what comes together again (9, 15,
//! 20).

use crate::{
    client::{AGREED, BY_DISCONNECT, BY_JOIN, BY_NETWORK, Client, SAFE, TRANSITIONAL},
    daemons::Cluster,
};

/// 9: daemons stand in the order of the configuration, not in that of their names.
#[test]
fn members_stand_by_daemon_then_by_name() {
    let cluster = Cluster::started(&["zoe", "bob", "amy"]);
    let places = [(2, "al"), (1, "zz"), (0, "mm"), (1, "al"), (0, "Zz")];
    let mut all: Vec<Client> = places
        .iter()
        .map(|(index, name)| cluster.client(*index, name))
        .collect();
    for client in &mut all {
        client.join("g1");
        client.expect("its own view");
    }
    all[0].leave("g1");
    let left = ["#Zz#zoe", "#mm#zoe", "#al#bob", "#zz#bob"];
    for client in &mut all[1..] {
        let last = loop {
            let view = client.expect("a view");
            if view.kind != BY_JOIN {
                break view;
            }
        };
        assert_eq!(
            (last.kind, &last.groups[..]),
            (0x1200, &left.map(String::from)[..])
        );
    }
}

/// 15: a private name reaches its owner wherever it is, also at a daemon whose name does not fit Spread's fields.
#[test]
fn private_names_at_other_daemons() {
    let long = "a-very-long-name.example.com";
    let cluster = Cluster::started(&["d1", long]);
    let mut near = cluster.client(0, "al");
    let mut far = cluster.client(1, "al");
    assert!(far.private.len() <= 31, "{}", far.private);
    let (one, other) = (near.private.clone(), far.private.clone());
    near.enter("g1", &[&one]);
    far.enter("g1", &[&one, &other]);
    near.view(BY_JOIN, "g1", &[&one, &other]);
    let sent = near.send(SAFE, &[&other, "nobody", &one], 3, b"to both");
    assert_eq!(near.expect("the echo").bytes, sent);
    assert_eq!(far.expect("the message").bytes, sent);
    let sent = far.send(AGREED, &[&one], 4, b"back");
    let heard = near.expect("the answer");
    assert_eq!((heard.name.as_str(), heard.bytes), (other.as_str(), sent));
    far.kill();
    let gone = near.view(BY_DISCONNECT, "g1", &[&one]);
    assert_eq!(gone.sets, [[other]]);
}

/// 20: a daemon dies. Its groups hear a transitional mark with the id of the view before, then one view, with all
/// survivors in one set and the same id everywhere. A group that had nobody there hears nothing.
#[test]
fn a_daemon_dies() {
    let mut cluster = Cluster::started(&["d1", "d2", "d3"]);
    let mut all: Vec<Client> = (0..3).map(|index| cluster.client(index, "me")).collect();
    let mut quiet = cluster.client(0, "quiet");
    quiet.enter("g2", &["#quiet#d1"]);
    let before = gather(&mut all, "g1");
    let mut lost = all.pop().unwrap();
    cluster.crash(2);
    assert_eq!(lost.next(), None);
    let ids: Vec<[u32; 3]> = all
        .iter_mut()
        .map(|client| {
            let mark = client.expect("the transitional mark");
            assert_eq!((mark.kind, mark.name.as_str()), (TRANSITIONAL, "g1"));
            assert_eq!(mark.groups.len(), 0);
            assert_eq!(words(&mark.data), before);
            let view = client.view(BY_NETWORK, "g1", &["#me#d1", "#me#d2"]);
            assert_eq!(view.sets, [["#me#d1", "#me#d2"]]);
            assert_eq!(view.own, 0);
            view.id
        })
        .collect();
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], before);
    quiet.assert_quiet();
    for client in &mut all {
        client.assert_quiet();
    }
}

/// 20: a daemon is cut off, both sides go on by themselves, and come together: one view, two sets, each side finds
/// its own, the same id everywhere. A group that lives on one side only and did not change hears nothing.
#[test]
fn two_sides_come_together() {
    let mut cluster = Cluster::started(&["d1", "d2", "d3"]);
    let mut all: Vec<Client> = (0..3).map(|index| cluster.client(index, "me")).collect();
    let mut quiet = cluster.client(1, "quiet");
    quiet.enter("g2", &["#quiet#d2"]);
    gather(&mut all, "g1");
    cluster.signal(2, "-STOP");
    cluster.wait_members(&[0, 1]);
    for client in &mut all[..2] {
        assert_eq!(client.expect("the transitional mark").kind, TRANSITIONAL);
        client.view(BY_NETWORK, "g1", &["#me#d1", "#me#d2"]);
    }
    all[0].send(AGREED, &["g1"], 1, b"on one side");
    for client in &mut all[..2] {
        assert_eq!(client.expect("the message").data, b"on one side");
    }
    cluster.signal(2, "-CONT");
    cluster.wait_members(&[0, 1, 2]);
    // The one that was stopped finds itself alone first, and says so as to any who lose a daemon.
    let mark = all[2].expect("the transitional mark");
    assert_eq!((mark.kind, mark.name.as_str()), (TRANSITIONAL, "g1"));
    all[2].view(BY_NETWORK, "g1", &["#me#d3"]);
    let members = ["#me#d1", "#me#d2", "#me#d3"];
    let views: Vec<_> = all
        .iter_mut()
        .map(|client| client.view(BY_NETWORK, "g1", &members))
        .collect();
    for view in &views {
        let mut sets = view.sets.clone();
        sets.sort();
        assert_eq!(sets, [vec!["#me#d1", "#me#d2"], vec!["#me#d3"]]);
        assert_eq!((view.id, &view.sets), (views[0].id, &views[0].sets));
    }
    for (view, own) in views.iter().zip(members) {
        assert!(
            view.sets[view.own].contains(&own.to_owned()),
            "{own}: {view:?}"
        );
    }
    quiet.assert_quiet();
    all[2].send(SAFE, &["g1"], 2, b"together");
    for client in &mut all {
        assert_eq!(client.expect("the message").data, b"together");
    }
}

/// A daemon that is asked to leave takes its clients along: the others see them go with the network.
#[test]
fn a_daemon_leaves_in_good_order() {
    let mut cluster = Cluster::started(&["d1", "d2"]);
    let mut all: Vec<Client> = (0..2).map(|index| cluster.client(index, "me")).collect();
    gather(&mut all, "g1");
    cluster.stop(1);
    assert_eq!(all[1].next(), None);
    assert_eq!(all[0].expect("the transitional mark").kind, TRANSITIONAL);
    all[0].view(BY_NETWORK, "g1", &["#me#d1"]);
    cluster.start_one(1);
    cluster.wait_members(&[0, 1]);
    let mut back = cluster.client(1, "me");
    back.enter("g1", &["#me#d1", "#me#d2"]);
    all[0].view(BY_JOIN, "g1", &["#me#d1", "#me#d2"]);
}

/// All of `clients` join `group` and have seen each other; the id of the last view, which is the same for all.
fn gather(clients: &mut [Client], group: &str) -> [u32; 3] {
    for client in clients.iter_mut() {
        client.join(group);
    }
    let all = clients.len();
    let ids: Vec<[u32; 3]> = clients
        .iter_mut()
        .map(|client| {
            loop {
                let view = client.expect("a view");
                assert_eq!((view.kind, view.name.as_str()), (BY_JOIN, group));
                if view.groups.len() == all {
                    return view.sets().id;
                }
            }
        })
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    ids[0]
}

fn words(data: &[u8]) -> [u32; 3] {
    assert_eq!(data.len(), 12);
    [0, 4, 8].map(|at| u32::from_le_bytes(data[at..at + 4].try_into().unwrap()))
}
