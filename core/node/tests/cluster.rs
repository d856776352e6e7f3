//! Three nodes and a manager put together: they form one ring, own every address once, count together, answer on
//! their consoles, gather every record exactly once, and carry on when an owner dies or leaves.

#[path = "common/clients.rs"]
mod clients;
mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{Cluster, VIPS, address};
use ringfort_config::settings::NetblockLimit;
use ringfort_machine::{Digest, Incarnation, Instant, Machine, Seed};
use ringfort_node::{Action, Boot, ConnectionEvent, Event, ListenerEvent, Node};

const MANAGER: usize = 3;

fn formed() -> Cluster {
    let mut cluster = Cluster::new(4);
    cluster.run(Duration::from_secs(4));
    cluster
}

#[test]
fn every_address_has_one_owner_and_a_listener() {
    let cluster = formed();
    for vip in VIPS {
        let owners = cluster.owners(vip);
        assert_eq!(owners.len(), 1, "{vip}: {owners:?}");
        assert!(
            cluster.hosts[owners[0]]
                .listeners
                .values()
                .any(|at| at.ip().to_string() == vip)
        );
    }
}

#[test]
fn a_killed_owner_is_replaced_and_its_next_life_takes_nothing_by_force() {
    let mut cluster = formed();
    let owner = cluster.owners(VIPS[0])[0];
    cluster.kill(owner);
    cluster.run(Duration::from_secs(2));
    let next = cluster.owners(VIPS[0]);
    assert_eq!(next.len(), 1);
    cluster.start(owner);
    cluster.run(Duration::from_secs(4));
    for vip in VIPS {
        assert_eq!(cluster.owners(vip).len(), 1, "{vip}");
    }
}

#[test]
fn leaving_hands_the_addresses_over() {
    let mut cluster = formed();
    let owner = cluster.owners(VIPS[0])[0];
    cluster.post(Duration::ZERO, owner, Event::Leave);
    cluster.run(Duration::from_secs(3));
    assert!(cluster.hosts[owner].halted);
    assert!(cluster.hosts[owner].addresses.is_empty());
    for vip in VIPS {
        assert_eq!(cluster.owners(vip).len(), 1, "{vip}");
    }
}

#[test]
pub(crate) fn connections_are_counted_everywhere_and_gathered_once() {
    let mut cluster = formed();
    let mut standing = Vec::new();
    for number in 0..30 {
        let vip = VIPS[number as usize % VIPS.len()];
        standing.push(cluster.connect(vip, number).expect("somebody listens"));
    }
    cluster.run(Duration::from_secs(2));
    for index in 0..3 {
        let shown = cluster.type_line(index, "cluster shared show inbound_cidr");
        assert!(shown.contains("     30"), "node {index}: {shown}");
    }
    for (index, connection) in &standing {
        assert!(cluster.hosts[*index].banners[connection].starts_with("220 "));
        let closed = ConnectionEvent::Closed {
            connection: *connection,
            received: 0,
            sent: 0,
        };
        cluster.post(Duration::ZERO, *index, Event::Connection(closed));
    }
    cluster.run(Duration::from_secs(2));
    let shown = cluster.type_line(0, "cluster shared show inbound_cidr");
    assert!(!shown.contains("192.0.2"), "{shown}");
    let gathered = cluster.gathered();
    for (index, connection) in &standing {
        let banner = &cluster.hosts[*index].banners[connection];
        let id = banner.split_whitespace().last().expect("the id");
        assert_eq!(
            gathered.matches(&format!("@{id}@")).count(),
            1,
            "{id} in {gathered}"
        );
    }
}

#[test]
fn the_manager_reaches_every_console() {
    let mut cluster = formed();
    let shown = cluster.type_line(MANAGER, "broadcast cluster nodename");
    for name in ["n1", "n2", "n3"] {
        assert!(shown.contains(name), "{shown}");
    }
    let shown = cluster.type_line(MANAGER, "show cluster membership");
    assert!(shown.contains("manager") && shown.contains("n3"), "{shown}");
    let refused = cluster.type_line(MANAGER, "cluster duravip show");
    assert!(refused.contains("only be issued from a node"), "{refused}");
}

#[test]
fn an_address_moves_on_command_from_any_node() {
    let mut cluster = formed();
    let owner = cluster.owners(VIPS[0])[0];
    let target = (owner + 1) % 3;
    let asked = (owner + 2) % 3;
    let name = format!("n{}", target + 1);
    let shown = cluster.type_line(
        asked,
        &format!("cluster duravip move {} to {name}", VIPS[0]),
    );
    assert!(shown.contains(&name), "{shown}");
    cluster.run(Duration::from_secs(1));
    assert_eq!(cluster.owners(VIPS[0]), [target]);
    let unknown = cluster.type_line(
        asked,
        &format!("cluster duravip move {} to nobody", VIPS[0]),
    );
    assert!(unknown.contains("There is no node 'nobody'"), "{unknown}");
}

/// What comes from strangers or is damaged changes nothing.
#[test]
fn refused_datagrams_leave_the_node_as_it_was() {
    let mut cluster = formed();
    let digest = |cluster: &Cluster| {
        let mut digest = Digest::new();
        cluster.hosts[0]
            .node
            .as_ref()
            .expect("running")
            .digest(&mut digest);
        digest.finish()
    };
    let now = cluster.now;
    let before = digest(&cluster);
    let foreign = ringfort_wire::frame::encode(
        ringfort_wire::ClusterId(1),
        ringfort_wire::Kind::Join,
        b"anything",
    );
    let node = cluster.hosts[0].node.as_mut().expect("running");
    for bytes in [
        Bytes::new(),
        Bytes::from_static(b"garbage of some length, longer than a header"),
        foreign,
    ] {
        let mut out: Vec<Action> = Vec::new();
        node.handle(
            now,
            Event::Datagram {
                from: address(1),
                bytes,
            },
            &mut out,
        );
        assert!(
            out.iter().all(|action| matches!(action, Action::Note(_))),
            "{out:?}"
        );
    }
    assert_eq!(before, digest(&cluster));
}

/// A reload that changes the port of a listener on an owned address, and adds one, opens both at once.
#[test]
fn a_reload_moves_listeners_without_losing_the_address() {
    let mut cluster = formed();
    let owner = cluster.owners(VIPS[0])[0];
    let mut config = cluster.hosts[owner].config.clone();
    for listener in &mut config.listeners {
        listener.address.set_port(2626);
    }
    let mut added = config.listeners[0].clone();
    added.address.set_port(2727);
    config.listeners.push(added);
    cluster.post(Duration::ZERO, owner, Event::Reload(Box::new(config)));
    cluster.run(Duration::from_secs(1));
    let open = |port: u16| {
        let at = |at: &std::net::SocketAddr| at.ip().to_string() == VIPS[0] && at.port() == port;
        cluster.hosts[owner].listeners.values().any(at)
    };
    assert!(open(2626) && open(2727) && !open(2525));
    assert_eq!(cluster.owners(VIPS[0]), [owner]);
}

/// A listener that could not be opened is tried again until it can.
#[test]
fn a_listener_that_failed_is_opened_again() {
    let mut cluster = formed();
    let owner = cluster.owners(VIPS[0])[0];
    let host = &mut cluster.hosts[owner];
    let at = |at: &&std::net::SocketAddr| at.ip().to_string() == VIPS[0];
    let (listener, _) = host.listeners.iter().find(|(_, a)| at(a)).expect("open");
    let listener = *listener;
    host.listeners.remove(&listener);
    let failed = ListenerEvent::Failed {
        listener,
        reason: "in use".into(),
    };
    cluster.post(Duration::ZERO, owner, Event::Listener(failed));
    cluster.run(Duration::from_secs(2));
    assert!(cluster.hosts[owner].listeners.contains_key(&listener));
}

/// The limit of a netblock counts the connections at all members; a refused client is told and recorded.
#[test]
pub(crate) fn a_netblock_has_no_more_connections_than_allowed_in_the_whole_cluster() {
    let mut cluster = Cluster::with(4, |config| {
        for listener in &mut config.listeners {
            listener.limit = Some(NetblockLimit {
                limit: 5,
                v4_bits: 24,
                v6_bits: 64,
            });
        }
    });
    cluster.run(Duration::from_secs(4));
    let mut told = Vec::new();
    for number in 0..9 {
        let vip = VIPS[number as usize % VIPS.len()];
        let (index, connection) = cluster.connect(vip, number).expect("somebody listens");
        cluster.run(Duration::from_secs(1));
        told.push(cluster.hosts[index].banners[&connection].clone());
    }
    let refused = told.iter().filter(|banner| banner.starts_with("421 "));
    assert_eq!(refused.count(), 4, "{told:?}");
    assert_eq!(cluster.gathered().matches("@refused").count(), 4);
}

/// When an address moves, its listener at the old place goes with it.
#[test]
pub(crate) fn an_address_that_moves_takes_its_listener_along() {
    let mut cluster = formed();
    let owner = cluster.owners(VIPS[0])[0];
    let target = (owner + 1) % 3;
    let line = format!("cluster duravip move {} to n{}", VIPS[0], target + 1);
    cluster.type_line(owner, &line);
    cluster.run(Duration::from_secs(1));
    let listens = |index: usize| {
        let mut listeners = cluster.hosts[index].listeners.values();
        listeners.any(|at| at.ip().to_string() == VIPS[0])
    };
    assert!(listens(target) && !listens(owner));
}

/// Whoever saw a banner finds the record of the connection in the log, so the record comes first.
#[test]
pub(crate) fn nobody_is_served_before_the_record_is_written() {
    let mut cluster = formed();
    let (index, connection) = cluster.connect(VIPS[0], 1).expect("somebody listens");
    // The node learns of the connection after one delay, and of the written record after two.
    cluster.run(common::DELAY * 3 / 2);
    assert!(!cluster.hosts[index].banners.contains_key(&connection));
    cluster.run(Duration::from_secs(1));
    assert!(cluster.hosts[index].banners[&connection].starts_with("220 "));
}

/// A stream between living nodes ends: the manager opens another one, long before silence would tell it.
#[test]
pub(crate) fn a_stream_that_ends_is_opened_again_at_once() {
    let mut cluster = formed();
    cluster.cut_streams();
    let (index, connection) = cluster.connect(VIPS[0], 1).expect("somebody listens");
    cluster.run(Duration::from_secs(3));
    let banner = &cluster.hosts[index].banners[&connection];
    let id = banner.split_whitespace().last().expect("the id");
    assert!(cluster.gathered().contains(id));
}

/// A broadcast waits for the living only.
#[test]
pub(crate) fn who_has_gone_is_not_asked() {
    let mut cluster = formed();
    cluster.kill(0);
    cluster.run(Duration::from_secs(2));
    let shown = cluster.type_line(MANAGER, "broadcast cluster nodename");
    assert!(shown.contains("2 of 2 nodes answered"), "{shown}");
}

/// Until what an earlier life left on the interfaces is gone, nobody hears of the node.
#[test]
pub(crate) fn a_node_is_mute_until_its_leftovers_are_gone() {
    let boot = Boot {
        seed: Seed::from_number(1),
        incarnation: Incarnation(1),
        wall_origin_ns: 0,
        system_boot: None,
    };
    let mut out: Vec<Action> = Vec::new();
    let node = Node::new(common::config(0, 4), boot, Instant::ORIGIN, &mut out);
    let mut node = node.expect("a good configuration");
    // No order is answered; only time passes.
    let end = Instant::ORIGIN + Duration::from_secs(1);
    while let Some(at) = node.deadline().map(|due| due.at).filter(|at| *at <= end) {
        node.handle(at, Event::Wake, &mut out);
    }
    let loud = |action: &&Action| matches!(action, Action::Datagram { .. });
    assert_eq!(out.iter().filter(loud).count(), 0);
}
