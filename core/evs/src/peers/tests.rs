//! Both directions of a link are kept apart, and the later life of a node ends the earlier one.

extern crate std;

use std::vec::Vec;

use core::time::Duration;

use ringfort_machine::{Incarnation, Instant, NodeId, ProcessId};

use super::{Peers, Regard};

const HEARING: Duration = Duration::from_secs(1);
const HEARS: Regard = Regard {
    hears_us: true,
    shuns_us: false,
};
const DEAF: Regard = Regard {
    hears_us: false,
    shuns_us: false,
};

fn process(node: u64, life: u64) -> ProcessId {
    ProcessId::new(NodeId(node), Incarnation(life))
}

fn at(ms: u64) -> Instant {
    Instant::ORIGIN + Duration::from_millis(ms)
}

#[test]
fn a_link_has_two_directions() {
    let mut peers = Peers::default();
    peers.hear(process(1, 1), 1, DEAF, at(0));
    peers.hear(process(2, 1), 1, HEARS, at(0));
    let shuns = Regard {
        shuns_us: true,
        ..HEARS
    };
    peers.hear(process(3, 1), 1, shuns, at(0));
    let audible: Vec<_> = peers.audible(at(1000), HEARING).collect();
    assert_eq!(audible, [process(1, 1), process(2, 1), process(3, 1)]);
    assert_eq!(
        peers.willing(at(1000), HEARING).collect::<Vec<_>>(),
        [process(2, 1)]
    );
    assert_eq!(peers.audible(at(1001), HEARING).count(), 0);
    peers.hear(process(2, 1), 2, DEAF, at(1001));
    assert_eq!(
        peers.willing(at(1001), HEARING).count(),
        0,
        "its last word counts"
    );
}

#[test]
fn news_is_what_has_a_later_stamp() {
    let mut peers = Peers::default();
    assert!(peers.is_news(process(1, 1), 1));
    peers.hear(process(1, 1), 5, DEAF, at(0));
    assert!(!peers.is_news(process(1, 1), 5) && peers.is_news(process(1, 1), 6));
}

#[test]
fn a_later_life_ends_the_earlier() {
    let mut peers = Peers::default();
    assert!(peers.hear(process(1, 1), 5, DEAF, at(0)).ended.is_none());
    assert_eq!(
        peers.hear(process(1, 2), 1, DEAF, at(1)).ended,
        Some(process(1, 1))
    );
    assert!(peers.is_stale(process(1, 1)) && !peers.is_stale(process(1, 2)));
    assert!(peers.heard(process(1, 1)).is_none());
    assert!(peers.heard_since(process(1, 2), at(1)) && !peers.heard_since(process(1, 2), at(2)));
}

#[test]
fn the_table_is_bounded() {
    let mut peers = Peers::default();
    let forgot = (0..1000).filter(|node| peers.hear(process(*node, 1), 1, DEAF, at(*node)).forgot);
    assert_eq!(forgot.count(), 1000 - 512);
    assert!(peers.heard(process(0, 1)).is_none() && peers.heard(process(999, 1)).is_some());
    assert!(!peers.is_stale(process(0, 0)), "forgotten altogether");
}
