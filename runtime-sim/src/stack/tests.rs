//! Goal: connections, resets and address moves behave as on real hosts. Method: stacks on one perfect wire
//! with a fixed delay, stepped by their own deadlines.

use std::time::Duration;

use crate::fabric::Port;

use super::*;

const WIRE: Duration = Duration::from_micros(100);

struct Wire {
    now: Instant,
    stacks: Vec<Stack>,
    flying: Vec<(Instant, usize, Frame)>,
    seen: Vec<(usize, Happening)>,
}

impl Wire {
    fn new(count: u16) -> Self {
        let stacks = (0..count).map(|number| {
            let seed = Seed::from_number(u64::from(number));
            Stack::new(
                Mac::of_port(Port(number)),
                base(number),
                seed,
                Instant::ORIGIN,
            )
        });
        Self {
            now: Instant::ORIGIN,
            stacks: stacks.collect(),
            flying: vec![],
            seen: vec![],
        }
    }

    fn put(&mut self, frames: Vec<Frame>) {
        for frame in frames {
            for (number, stack) in self.stacks.iter().enumerate() {
                let wanted = frame.destination.is_group() || frame.destination == stack.mac();
                if wanted && frame.source != stack.mac() {
                    self.flying.push((self.now + WIRE, number, frame.clone()));
                }
            }
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now <= end {
            let (due, rest) = std::mem::take(&mut self.flying)
                .into_iter()
                .partition(|(at, _, _)| *at <= self.now);
            self.flying = rest;
            for (_, number, frame) in due {
                let Body::Ethernet(bytes) = frame.body else {
                    panic!("no datagrams here")
                };
                self.stacks[number].receive(bytes);
            }
            for number in 0..self.stacks.len() {
                if self.stacks[number]
                    .due(self.now)
                    .is_some_and(|at| at <= self.now)
                {
                    let (mut frames, mut happenings) = (vec![], vec![]);
                    self.stacks[number].poll(self.now, true, &mut frames, &mut happenings);
                    self.put(frames);
                    self.seen
                        .extend(happenings.into_iter().map(|what| (number, what)));
                }
            }
            let next = self.flying.iter().map(|(at, _, _)| *at);
            let next = next.chain(self.stacks.iter().filter_map(|stack| stack.due(self.now)));
            match next.min() {
                Some(at) if at > self.now => self.now = at,
                Some(_) => {}
                None => break,
            }
        }
        self.now = end;
    }
}

fn base(number: u16) -> IpNet {
    format!("10.0.0.{}/16", number + 1).parse().unwrap()
}

fn vip() -> IpNet {
    "10.0.2.1/32".parse().unwrap()
}

fn at(net: IpNet, port: u16) -> SocketAddr {
    SocketAddr::new(net.addr(), port)
}

#[test]
fn bytes_arrive_whole_and_in_order_and_both_sides_close() {
    let mut wire = Wire::new(2);
    wire.stacks[1].listen(at("0.0.0.0/0".parse().unwrap(), 25));
    let near = wire.stacks[0].connect(at(base(1), 25));
    let payload: Vec<u8> = (0..100_000_u32).map(|number| number as u8).collect();
    wire.stacks[0].send(near, Bytes::from(payload.clone()));
    wire.stacks[0].close(near);
    wire.run(Duration::from_secs(2));
    let mut got = Vec::new();
    let mut far = None;
    for (number, what) in &wire.seen {
        match what {
            Happening::Accepted {
                connection, local, ..
            } => {
                assert_eq!(*local, at(base(1), 25));
                far = Some(*connection);
            }
            Happening::Data(_, bytes) => got.extend_from_slice(bytes),
            Happening::Connected(connection) => assert_eq!((*number, *connection), (0, near)),
            Happening::PeerFinished(connection) => assert_eq!(Some(*connection), far),
            Happening::Closed(..) => panic!("the far end has not closed"),
        }
    }
    assert_eq!(got.len(), payload.len());
    assert!(got == payload);
    wire.stacks[1].close(far.unwrap());
    wire.seen.clear();
    wire.run(Duration::from_secs(2));
    assert!(
        wire.seen
            .contains(&(1, Happening::Closed(far.unwrap(), Ending::Finished)))
    );
    assert!(
        wire.seen
            .contains(&(0, Happening::Closed(near, Ending::Finished)))
    );
}

#[test]
fn a_burst_larger_than_the_backlog_is_served_in_the_end() {
    let mut wire = Wire::new(2);
    wire.stacks[1].listen(at(base(1), 25));
    for _ in 0..4 {
        wire.stacks[0].connect(at(base(1), 25));
    }
    wire.run(Duration::from_millis(10));
    for _ in 0..4 {
        wire.stacks[0].connect(at(base(1), 25));
    }
    wire.run(Duration::from_millis(10));
    let accepted = wire
        .seen
        .iter()
        .filter(|(_, what)| matches!(what, Happening::Accepted { .. }));
    assert_eq!(accepted.count(), 8);
}

#[test]
fn a_closed_port_resets_and_a_missing_host_times_out() {
    let mut wire = Wire::new(2);
    let refused = wire.stacks[0].connect(at(base(1), 25));
    let lost = wire.stacks[0].connect(at(base(7), 25));
    wire.run(Duration::from_secs(1));
    assert_eq!(
        wire.seen,
        [(0, Happening::Closed(refused, Ending::Unreachable))]
    );
    wire.run(Duration::from_secs(20));
    assert_eq!(
        wire.seen[1..],
        [(0, Happening::Closed(lost, Ending::Unreachable))]
    );
}

#[test]
fn an_abandoned_host_resets_its_connections() {
    let mut wire = Wire::new(2);
    wire.stacks[1].listen(at(base(1), 25));
    let near = wire.stacks[0].connect(at(base(1), 25));
    wire.run(Duration::from_millis(10));
    let mut frames = Vec::new();
    wire.stacks[1].abandon(wire.now, &mut frames);
    wire.put(frames);
    wire.seen.clear();
    wire.run(Duration::from_millis(10));
    assert_eq!(wire.seen, [(0, Happening::Closed(near, Ending::Reset))]);
}

#[test]
fn an_announcement_moves_an_address_that_a_neighbour_had_elsewhere() {
    let accepted_by = |wire: &Wire| {
        wire.seen
            .iter()
            .find(|(_, what)| matches!(what, Happening::Accepted { .. }))
            .map(|(number, _)| *number)
    };
    for announced in [true, false] {
        let mut wire = Wire::new(3);
        for number in 1..3 {
            wire.stacks[number].listen(at("0.0.0.0/0".parse().unwrap(), 25));
        }
        assert!(wire.stacks[1].add_address(vip()));
        wire.stacks[0].connect(at(vip(), 25));
        wire.run(Duration::from_millis(10));
        assert_eq!(accepted_by(&wire), Some(1));

        assert!(wire.stacks[1].remove_address(vip()));
        assert!(!wire.stacks[1].remove_address(vip()));
        assert!(wire.stacks[2].add_address(vip()));
        if announced {
            let mut frames = Vec::new();
            let client = (wire.stacks[0].mac(), Ipv4Addr::new(10, 0, 0, 1));
            wire.stacks[2].announce(Ipv4Addr::new(10, 0, 2, 1), [client], &mut frames);
            wire.put(frames);
        }
        wire.run(Duration::from_millis(10));
        wire.seen.clear();
        wire.stacks[0].connect(at(vip(), 25));
        wire.run(Duration::from_millis(500));
        assert_eq!(
            accepted_by(&wire),
            announced.then_some(2),
            "announced: {announced}"
        );

        let mut frames = Vec::new();
        wire.stacks[0].ask(Ipv4Addr::new(10, 0, 2, 1), &mut frames);
        wire.put(frames);
        wire.run(Duration::from_millis(1));
        wire.stacks[0].connect(at(vip(), 25));
        wire.run(Duration::from_millis(500));
        assert_eq!(accepted_by(&wire), Some(2), "asked again");
    }
}

#[test]
fn an_idle_stack_wants_nothing() {
    let mut wire = Wire::new(2);
    wire.stacks[1].listen(at(base(1), 25));
    wire.run(Duration::from_millis(1));
    assert_eq!(wire.stacks[1].due(wire.now), None);
}
