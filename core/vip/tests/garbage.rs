//! Goal: what the machine refuses leaves its state as it was, and nothing that comes over the bus or from the
//! platform makes it panic. Method: drawn messages, orders and times against a settled machine; wherever it
//! notes a refusal, its fingerprint must be the one from before.

#![allow(clippy::unwrap_used)] // in helpers of tests, as in tests

use std::{net::IpAddr, time::Duration};

use proptest::prelude::*;
use ringfort_machine::{
    ConfigurationId, Digest, Incarnation, Instant, Machine, Member, NodeId, OrderId, Position,
    ProcessId, RingId, SubclusterId, Wake, step,
};
use ringfort_vip::{
    Action, AddressAction, AddressConfig, AddressError, AddressErrorKind, AddressOutcome, Body,
    Config, Event, Note, ServiceSet, Standing, Vip,
};
use ringfort_wire::vip::{Holding, Offer, Pin, Record, Table, Tenure};

fn process(number: u64) -> ProcessId {
    ProcessId::new(NodeId(number), Incarnation(1))
}

fn position(ring: u64, ordinal: u64) -> Position {
    let ring = RingId {
        sequence: ring,
        representative: process(1),
    };
    Position {
        configuration: ConfigurationId::regular(ring),
        ordinal,
    }
}

fn address(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, last])
}

fn digest(vip: &Vip) -> u64 {
    let mut digest = Digest::new();
    vip.digest(&mut digest);
    digest.finish()
}

fn offer() -> Offer {
    Offer {
        prefix: 32,
        interface: "eth0".into(),
        names: vec![],
        services: ServiceSet::default(),
        preference: vec![],
        follow: None,
        standing: Standing::Able,
    }
}

/// A machine and what answers it: its own messages come back, its orders are done.
struct Bench {
    vip: Vip,
    now: Instant,
    ordinal: u64,
    refusals: usize,
}

impl Bench {
    fn new() -> Self {
        let config = Config {
            addresses: (1..=4)
                .map(|last| AddressConfig {
                    address: address(last).into(),
                    interface: "eth0".into(),
                    names: vec![],
                    services: ServiceSet::default(),
                    preference: vec![],
                    follow: None,
                })
                .collect(),
            mature_time: Duration::ZERO,
            ..Config::default()
        };
        let mut out = Vec::new();
        let vip = Vip::new(process(1), config, Instant::ORIGIN, &mut out).unwrap();
        let mut bench = Self {
            vip,
            now: Instant::ORIGIN,
            ordinal: 0,
            refusals: 0,
        };
        bench.follow(out);
        bench
    }

    fn event(&mut self, event: Event) {
        let mut out = Vec::new();
        step(&mut self.vip, self.now, event, &mut out);
        self.follow(out);
    }

    fn follow(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Publish(body) => self.message(process(1), body),
                Action::Order(order, action) => {
                    let outcome = match action {
                        AddressAction::Survey => AddressOutcome::Found(vec![]),
                        AddressAction::Acquire { .. }
                        | AddressAction::Release { .. }
                        | AddressAction::Announce { .. } => AddressOutcome::Done,
                    };
                    self.event(Event::Done { order, outcome });
                }
                Action::Ready
                | Action::Owned { .. }
                | Action::Disowned { .. }
                | Action::Reply { .. }
                | Action::Left
                | Action::Note(_) => {}
            }
        }
    }

    fn message(&mut self, from: ProcessId, body: Body) {
        self.ordinal += 1;
        let event = Event::Message {
            position: position(1, self.ordinal),
            from,
            body,
        };
        // What is due first is no concern of the message.
        let mut out = Vec::new();
        self.vip.handle(self.now, Wake.into(), &mut out);
        let before = digest(&self.vip);
        let mut after = Vec::new();
        self.vip.handle(self.now, event, &mut after);
        let refused = after
            .iter()
            .any(|action| matches!(action, Action::Note(Note::Rejected { .. })));
        // An own report moves the own state on, even if the others have no use for it any more.
        if refused && from != process(1) {
            self.refusals += 1;
            assert_eq!(
                digest(&self.vip),
                before,
                "a refused message changed something"
            );
            assert_eq!(after.len(), 1, "a refused message had an effect");
        }
        out.extend(after);
        self.follow(out);
    }

    fn view(&mut self, ring: u64, members: &[u64], together: &[u64]) {
        let members = members
            .iter()
            .map(|member| Member {
                process: process(*member),
                subcluster: SubclusterId::of_name("default"),
            })
            .collect();
        let together = together.iter().map(|member| process(*member)).collect();
        self.event(Event::View {
            position: position(ring, 0),
            members,
            together,
        });
    }
}

/// Two members, both with four addresses, mature.
fn settled() -> Bench {
    let mut bench = Bench::new();
    bench.view(1, &[1, 2], &[1]);
    let records = (1..=4)
        .map(|last| Record {
            address: address(last),
            generation: 0,
            pin: Pin::default(),
            holding: None,
            offer: Some(offer()),
        })
        .collect();
    bench.message(
        process(2),
        Body::Table(Table {
            epoch: position(1, 0),
            version: 1,
            part: 0,
            parts: 1,
            capable: true,
            mature: true,
            balance_set_size: 1,
            records,
        }),
    );
    assert!(bench.vip.agreed_digest().is_some());
    bench
}

fn epochs() -> impl Strategy<Value = Position> {
    prop_oneof![4 => Just(position(1, 0)), 1 => Just(position(9, 9))]
}

fn addresses() -> impl Strategy<Value = IpAddr> {
    (1u8..8).prop_map(address)
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let one = (
        addresses(),
        0u64..4,
        prop::option::of((0u64..4, any::<bool>())),
        prop::option::of((0u8..40, "[a-z]{0,2}", prop::collection::vec("[a-b]", 0..3))),
        prop::option::of((0u64..3, prop::option::of(1u64..4))),
        prop::option::of(addresses()),
    );
    let record = one.prop_map(
        |(address, generation, holding, drawn, pin, follow)| Record {
            address,
            generation,
            pin: pin.map_or_else(Pin::default, |(version, node)| Pin {
                version,
                node: node.map(NodeId),
            }),
            holding: holding.map(|(generation, ending)| Holding { generation, ending }),
            offer: drawn.map(|(prefix, interface, names)| Offer {
                prefix,
                interface,
                names,
                follow,
                ..offer()
            }),
        },
    );
    (
        prop::collection::vec(record, 0..6),
        prop::bool::weighted(0.8),
    )
        .prop_map(|(mut all, sort)| {
            if sort {
                all.sort_by_key(|record| record.address);
                all.dedup_by_key(|record| record.address);
            }
            all
        })
}

fn bodies() -> impl Strategy<Value = Body> {
    let standing = prop_oneof![
        Just(Standing::Able),
        Just(Standing::Doubtful),
        Just(Standing::Unable)
    ];
    let tenure =
        (addresses(), 0u64..4, any::<bool>()).prop_map(|(address, generation, failed)| Tenure {
            address,
            generation,
            failed,
        });
    prop_oneof![
        (epochs(), 0u16..3, 0u16..3, any::<(bool, bool)>(), records()).prop_map(
            |(epoch, part, parts, (capable, mature), records)| Body::Table(Table {
                epoch,
                version: 1,
                part,
                parts,
                capable,
                mature,
                balance_set_size: 1,
                records,
            })
        ),
        prop::collection::vec(tenure, 0..4).prop_map(Body::Ended),
        (addresses(), standing)
            .prop_map(|(address, standing)| Body::Standing { address, standing }),
        epochs().prop_map(|epoch| Body::Mature { epoch }),
        (epochs(), any::<u32>()).prop_map(|(epoch, limit)| Body::Balance { epoch, limit }),
        (addresses(), 1u64..4).prop_map(|(address, to)| Body::Move {
            ticket: 0,
            address,
            to: NodeId(to)
        }),
        Just(Body::Leaving),
    ]
}

#[derive(Clone, Debug)]
enum Input {
    Message(u64, Body),
    View(bool, bool),
    Done(u64, bool),
    Time(u64),
    Transition,
}

fn inputs() -> impl Strategy<Value = Input> {
    prop_oneof![
        12 => (1u64..4, bodies()).prop_map(|(from, body)| Input::Message(from, body)),
        1 => any::<(bool, bool)>().prop_map(|(two, together)| Input::View(two, together)),
        1 => (0u64..40, any::<bool>()).prop_map(|(order, fails)| Input::Done(order, fails)),
        1 => (0u64..40_000).prop_map(Input::Time),
        1 => Just(Input::Transition),
    ]
}

proptest! {
    #[test]
    fn refused_input_changes_nothing(inputs in prop::collection::vec(inputs(), 1..60)) {
        let mut bench = settled();
        let mut ring = 1;
        for input in inputs {
            match input {
                Input::Message(from, body) => bench.message(process(from), body),
                Input::View(two, together) => {
                    ring += 1;
                    let members: &[u64] = if two { &[1, 2] } else { &[1] };
                    let along: &[u64] = if together { members } else { &[1] };
                    bench.view(ring, members, along);
                }
                Input::Done(order, fails) => {
                    let before = digest(&bench.vip);
                    let outcome = if fails {
                        AddressOutcome::Failed(AddressError {
                            kind: AddressErrorKind::Denied,
                            detail: "no".into(),
                        })
                    } else {
                        AddressOutcome::Done
                    };
                    // Every order has been answered already.
                    let mut out = Vec::new();
                    bench.vip.handle(bench.now, Event::Done { order: OrderId(order), outcome }, &mut out);
                    prop_assert_eq!(digest(&bench.vip), before);
                    prop_assert!(out.is_empty());
                }
                Input::Time(milliseconds) => {
                    bench.now = bench.now + Duration::from_millis(milliseconds);
                    bench.event(Event::Wake);
                }
                Input::Transition => bench.event(Event::Transition),
            }
        }
    }
}

/// The generator reaches refusals of every class that a stranger can cause, or the property above says little.
#[test]
fn typical_garbage_is_refused() {
    let mut bench = settled();
    let table = |epoch, part, parts, records| {
        Body::Table(Table {
            epoch,
            version: 1,
            part,
            parts,
            capable: true,
            mature: true,
            balance_set_size: 1,
            records,
        })
    };
    let record = |prefix| Record {
        address: address(1),
        generation: 0,
        pin: Pin::default(),
        holding: None,
        offer: Some(Offer { prefix, ..offer() }),
    };
    let here = position(1, 0);
    let garbage = [
        (3, Body::Leaving),
        (2, table(position(2, 0), 0, 1, vec![])),
        (2, table(here, 0, 0, vec![])),
        (2, table(here, 1, 2, vec![])),
        (2, table(here, 0, 1, vec![record(33)])),
        (2, table(here, 0, 1, vec![record(32), record(32)])),
        (
            2,
            Body::Balance {
                epoch: here,
                limit: 1,
            },
        ),
        (
            2,
            Body::Mature {
                epoch: position(2, 0),
            },
        ),
        (
            2,
            Body::Ended(vec![Tenure {
                address: address(1),
                generation: 77,
                failed: true,
            }]),
        ),
        (
            2,
            Body::Standing {
                address: address(99),
                standing: Standing::Able,
            },
        ),
        (
            2,
            Body::Move {
                ticket: 1,
                address: address(1),
                to: NodeId(99),
            },
        ),
    ];
    let count = garbage.len();
    for (from, body) in garbage {
        bench.message(process(from), body);
    }
    assert_eq!(bench.refusals, count);
}
