//! Goal: the switch fans out, learns and obeys its links. Method: single frames, and counts over many.

use std::net::Ipv4Addr;

use super::*;

const FROM: Port = Port(0);

fn datagram(destination: Mac, tag: u8) -> Frame {
    let socket = SocketAddr::from(([10, 0, 0, 1], 4800));
    Frame {
        source: Mac::of_port(FROM),
        destination,
        body: Body::Datagram {
            from: socket,
            to: socket,
            bytes: Bytes::copy_from_slice(&[tag]),
        },
    }
}

fn fabric(weather: Weather) -> Fabric {
    Fabric::new(4, weather, Seed::from_number(1))
}

fn ports(out: &[Arrival]) -> Vec<u16> {
    out.iter().map(|arrival| arrival.port.0).collect()
}

#[test]
fn floods_what_it_has_not_learned() {
    let mut fabric = fabric(Weather::CALM);
    let mut out = Vec::new();
    fabric.send(
        Instant::ORIGIN,
        FROM,
        datagram(Mac::of_port(Port(2)), 0),
        &mut out,
    );
    assert_eq!(ports(&out), [1, 2, 3]);

    let back = Frame {
        source: Mac::of_port(Port(2)),
        ..datagram(Mac::of_port(FROM), 0)
    };
    out.clear();
    fabric.send(Instant::ORIGIN, Port(2), back, &mut out);
    assert_eq!(ports(&out), [0], "the sender of the first frame is known");

    out.clear();
    fabric.send(
        Instant::ORIGIN,
        FROM,
        datagram(Mac::of_port(Port(2)), 0),
        &mut out,
    );
    assert_eq!(ports(&out), [2], "and now the receiver");
}

#[test]
fn groups_reach_everybody_else() {
    let group = Mac::of_group(Ipv4Addr::new(239, 129, 2, 3));
    assert_eq!(group, Mac([1, 0, 0x5e, 1, 2, 3]));
    for destination in [group, Mac::BROADCAST] {
        let mut out = Vec::new();
        fabric(Weather::CALM).send(Instant::ORIGIN, FROM, datagram(destination, 0), &mut out);
        assert_eq!(ports(&out), [1, 2, 3]);
    }
}

#[test]
fn a_cut_has_one_direction() {
    let mut fabric = fabric(Weather::CALM);
    let link = Link {
        from: FROM,
        to: Port(1),
    };
    assert!(fabric.set_cut(link, true));
    assert!(!fabric.set_cut(link, true), "it was cut already");
    let mut out = Vec::new();
    fabric.send(Instant::ORIGIN, FROM, datagram(Mac::BROADCAST, 0), &mut out);
    assert_eq!(ports(&out), [2, 3]);
    out.clear();
    let back = Frame {
        source: Mac::of_port(Port(1)),
        ..datagram(Mac::of_port(FROM), 0)
    };
    fabric.send(Instant::ORIGIN, Port(1), back, &mut out);
    assert_eq!(ports(&out), [0]);
}

#[test]
fn rules_come_before_the_link_in_order() {
    let mut fabric = fabric(Weather::CALM);
    let drop_to_one = fabric.install(|_: Instant, link: Link, _: &Frame| {
        if link.to == Port(1) {
            Verdict::Drop
        } else {
            Verdict::Pass
        }
    });
    fabric.install(|_: Instant, _: Link, _: &Frame| Verdict::Deliver(Duration::from_secs(1)));
    let mut out = Vec::new();
    fabric.send(Instant::ORIGIN, FROM, datagram(Mac::BROADCAST, 0), &mut out);
    assert_eq!(ports(&out), [2, 3]);
    assert!(
        out.iter()
            .all(|arrival| arrival.at == Instant::from_nanos(1_000_000_000))
    );
    fabric.remove(drop_to_one);
    out.clear();
    fabric.send(Instant::ORIGIN, FROM, datagram(Mac::BROADCAST, 0), &mut out);
    assert_eq!(ports(&out), [1, 2, 3]);
}

#[test]
fn loses_and_repeats_as_often_as_told() {
    let weather = Weather {
        loss_millionths: 300_000,
        duplicate_millionths: 100_000,
        overtake_ns: 1000,
        ..Weather::CALM
    };
    let mut fabric = fabric(weather);
    let mut out = Vec::new();
    for _ in 0..10_000 {
        fabric.send(Instant::ORIGIN, FROM, datagram(Mac::BROADCAST, 0), &mut out);
    }
    let carried = fabric.carried();
    assert!((8_700..9_300).contains(&carried.lost), "{carried:?}");
    assert!((1_900..2_300).contains(&carried.duplicated), "{carried:?}");
    assert_eq!(
        carried.delivered,
        30_000 - carried.lost + carried.duplicated
    );
    assert_eq!(carried.delivered, out.len() as u64);
}

#[test]
fn only_overtaking_weather_reorders_and_never_tcp() {
    let stormy = Weather {
        overtake_millionths: 500_000,
        overtake_ns: 10_000_000,
        jitter_ns: 5_000_000,
        ..Weather::CALM
    };
    let tcp = |_| Frame {
        body: Body::Ethernet(Bytes::from_static(b"frame")),
        ..datagram(Mac::BROADCAST, 0)
    };
    let plain = |tag| datagram(Mac::BROADCAST, tag);
    let steady = Weather {
        overtake_millionths: 0,
        ..stormy
    };
    let in_order = |weather: Weather, make: &dyn Fn(u8) -> Frame| {
        let mut fabric = fabric(weather);
        let mut out = Vec::new();
        for tag in 0..200 {
            fabric.send(
                Instant::from_nanos(u64::from(tag) * 1000),
                FROM,
                make(tag),
                &mut out,
            );
        }
        let to_one: Vec<Instant> = out
            .iter()
            .filter(|a| a.port == Port(1))
            .map(|a| a.at)
            .collect();
        to_one.is_sorted()
    };
    assert!(!in_order(stormy, &plain));
    assert!(in_order(steady, &plain));
    assert!(in_order(stormy, &tcp));
}

#[test]
fn a_datagram_over_the_limit_is_dropped_and_counted() {
    let mut fabric = fabric(Weather::CALM);
    let mut frame = datagram(Mac::BROADCAST, 0);
    if let Body::Datagram { bytes, .. } = &mut frame.body {
        *bytes = Bytes::from(vec![0; DATAGRAM_LIMIT + 1]);
    }
    let mut out = Vec::new();
    fabric.send(Instant::ORIGIN, FROM, frame, &mut out);
    assert!(out.is_empty());
    assert_eq!(fabric.carried().oversized, 1);
}
