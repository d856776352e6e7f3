//! Goal: an event comes out of a journal as it went in, whatever it is, and no bytes make the codec panic.
//! Method: drawn events of every variant, encoded, decoded and compared by their debug text; then arbitrary bytes
//! and arbitrary cuts.

extern crate std;

use std::{boxed::Box, format, net::SocketAddr, string::String, time::Duration, vec::Vec};

use proptest::prelude::*;
use ringfort_config::{Environment, parse_str};
use ringfort_groups::{ClientName, GroupName};
use ringfort_machine::{Incarnation, Instant, NodeId};

use super::*;
use crate::{Config, ListenerId, journal::record::Record};

/// A configuration that has something in every part.
pub(crate) fn config(manager: bool) -> Config {
    let role = if manager { "manager" } else { "node" };
    let text = format!(
        "Role = {role}\nState_Dir = /var/lib/ringfort\nBus {{ Encryption = off }}\n\
         msgc_server {{ peers = [ n1 = \"10.0.0.1:4803\" n2 = \"[fe80::1]:4803\" ] }}\n\
         ECCluster_Listener {{ Listen \"*:4802\" {{ }} }}\n\
         cluster {{\n  nodename = n1\n  Topology \"10.1.0.0/16\" {{ interface = eth0 }}\n\
           Replicate inbound_cidr {{ class = inbound_cidr }}\n\
           Replicate domains {{ class = outbound_domains }}\n  {logs}\n}}\n{rest}",
        logs = if manager {
            ""
        } else {
            "logs = [ mainlog = \"/var/log/main\" ]"
        },
        rest = if manager {
            "Logs { Logfile = \"/srv/%%/%{l}/%{n}\" }\n"
        } else {
            "ec_logger ec_logger { mainlog = \"cluster:///var/log/main=>master\" }\n\
             ESMTP_Listener {\n  Listen \"10.1.0.9:25\" { Enable_Duravip = true Backend = \"10.0.0.7:2525\" }\n\
               Listen \"*:25\" { Banner = \"220 ready\" }\n}\n"
        },
    );
    let loaded = parse_str("test.conf", &text, &Environment::default());
    let settings = loaded.settings.as_ref();
    let settings = settings.unwrap_or_else(|| panic!("{}", loaded.render()));
    Config::from_settings(settings).expect("a good configuration")
}

fn socket() -> impl Strategy<Value = SocketAddr> {
    prop_oneof![
        (any::<[u8; 4]>(), any::<u16>()).prop_map(SocketAddr::from),
        (any::<[u8; 16]>(), any::<u16>(), any::<u32>(), any::<u32>()).prop_map(
            |(ip, port, flow, scope)| {
                std::net::SocketAddrV6::new(ip.into(), port, flow, scope).into()
            }
        ),
    ]
}

fn bytes() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..100).prop_map(Bytes::from)
}

fn seals() -> impl Strategy<Value = Event> {
    let node = any::<u64>().prop_map(NodeId);
    let trusted = (node.clone(), any::<[u8; 32]>()).prop_map(|(node, key)| Trusted {
        node,
        public: PublicKey::new(key),
    });
    let peer = (node, any::<Option<u64>>(), any::<Option<u64>>()).prop_map(
        |(node, incarnation, epoch)| SealPeer {
            node,
            incarnation: incarnation.map(Incarnation),
            epoch,
        },
    );
    let status = (
        any::<u64>(),
        any::<Option<u64>>(),
        prop::collection::vec(peer, 0..4),
        prop::collection::vec(any::<u64>(), 0..9),
    )
        .prop_map(|(epoch, rotating_to, peers, refused)| SealStatus {
            epoch,
            rotating_to,
            peers,
            refused,
        });
    prop_oneof![
        prop::collection::vec(trusted, 0..4).prop_map(SealEvent::Trust),
        status.prop_map(SealEvent::Status),
    ]
    .prop_map(Event::Seal)
}

fn streams() -> impl Strategy<Value = Event> {
    let reason = prop::sample::select(Vec::from([
        CloseReason::Finished,
        CloseReason::Unreachable,
        CloseReason::Reset,
        CloseReason::Idle,
        CloseReason::Overrun,
    ]));
    let id = any::<u64>().prop_map(StreamId);
    prop_oneof![
        (id.clone(), socket()).prop_map(|(stream, peer)| StreamEvent::Accepted { stream, peer }),
        id.clone()
            .prop_map(|stream| StreamEvent::Connected { stream }),
        (id.clone(), bytes()).prop_map(|(stream, bytes)| StreamEvent::Data { stream, bytes }),
        (id, reason).prop_map(|(stream, reason)| StreamEvent::Closed { stream, reason }),
    ]
    .prop_map(Event::Stream)
}

fn consoles() -> impl Strategy<Value = Event> {
    let peer = prop_oneof![
        any::<Option<u32>>().prop_map(|user| ConsolePeer::Local { user }),
        socket().prop_map(ConsolePeer::Remote),
    ];
    let id = any::<u64>().prop_map(SessionId);
    prop_oneof![
        (id.clone(), peer, any::<String>()).prop_map(|(session, peer, target)| {
            ConsoleEvent::Opened {
                session,
                peer,
                target,
            }
        }),
        (id.clone(), any::<String>())
            .prop_map(|(session, line)| ConsoleEvent::Line { session, line }),
        id.prop_map(|session| ConsoleEvent::Closed { session }),
    ]
    .prop_map(Event::Console)
}

fn services() -> impl Strategy<Value = Event> {
    let listener = any::<u64>().prop_map(ListenerId);
    let connection = any::<u64>().prop_map(ConnectionId);
    prop_oneof![
        listener
            .clone()
            .prop_map(|listener| Event::Listener(ListenerEvent::Opened { listener })),
        (listener.clone(), any::<String>()).prop_map(|(listener, reason)| {
            Event::Listener(ListenerEvent::Failed { listener, reason })
        }),
        (connection.clone(), listener, socket(), socket()).prop_map(
            |(connection, listener, peer, local)| {
                Event::Connection(ConnectionEvent::Accepted {
                    connection,
                    listener,
                    peer,
                    local,
                })
            }
        ),
        (connection.clone(), any::<u64>(), any::<u64>()).prop_map(
            |(connection, received, sent)| {
                Event::Connection(ConnectionEvent::Closed {
                    connection,
                    received,
                    sent,
                })
            }
        ),
        connection
            .prop_map(|connection| Event::Connection(ConnectionEvent::RelayFailed { connection })),
    ]
}

fn commands() -> impl Strategy<Value = Command> {
    let group = "[a-z]{1,20}".prop_map(|name| GroupName::new(&name).expect("a legal name"));
    let client = "[a-z]{1,20}".prop_map(|name| ClientName::new(&name).expect("a legal name"));
    let level = prop::sample::select(Vec::from(Level::ALL));
    prop_oneof![
        (client, any::<bool>()).prop_map(|(name, wants_membership)| Command::Connect {
            name,
            wants_membership
        }),
        group.clone().prop_map(|group| Command::Join { group }),
        group.clone().prop_map(|group| Command::Leave { group }),
        Just(Command::Disconnect),
        (
            prop::collection::vec(group, 0..4),
            level,
            any::<bool>(),
            any::<u64>(),
            bytes()
        )
            .prop_map(
                |(groups, level, self_discard, tag, payload)| Command::Send {
                    groups,
                    level,
                    self_discard,
                    tag,
                    payload
                }
            ),
    ]
}

fn locals() -> impl Strategy<Value = Event> {
    let class = prop::sample::select(Vec::from(Class::ALL));
    prop_oneof![
        (any::<u64>().prop_map(ClientId), commands())
            .prop_map(|(client, command)| LocalEvent::Group { client, command }),
        (any::<String>(), any::<String>(), any::<i64>())
            .prop_map(|(object, key, by)| LocalEvent::Count { object, key, by }),
        (any::<String>(), class, bytes()).prop_map(|(log, class, payload)| LocalEvent::Append {
            log,
            class,
            payload
        }),
    ]
    .prop_map(Event::Local)
}

fn clients() -> impl Strategy<Value = Event> {
    let id = any::<u64>().prop_map(BusSession);
    let peer = prop_oneof![
        Just(BusPeer::Unix),
        any::<[u8; 16]>().prop_map(|ip| BusPeer::Tcp(ip.into())),
    ];
    prop_oneof![
        (id.clone(), peer).prop_map(|(session, peer)| BusEvent::Accepted { session, peer }),
        (id.clone(), bytes()).prop_map(|(session, bytes)| BusEvent::Data { session, bytes }),
        id.clone().prop_map(|session| BusEvent::Drained { session }),
        id.prop_map(|session| BusEvent::Closed { session }),
    ]
    .prop_map(Event::Bus)
}

fn orders() -> impl Strategy<Value = Event> {
    let entry = (any::<String>(), any::<u64>()).prop_map(|(name, length)| Entry { name, length });
    let disk_kind = prop::sample::select(Vec::from([
        DiskErrorKind::Full,
        DiskErrorKind::Missing,
        DiskErrorKind::Denied,
        DiskErrorKind::Failed,
    ]));
    let disk = prop_oneof![
        Just(DiskOutcome::Done),
        prop::collection::vec(entry, 0..4).prop_map(DiskOutcome::Listing),
        bytes().prop_map(DiskOutcome::Data),
        (disk_kind, any::<String>()).prop_map(|(kind, detail)| {
            let detail = detail.into();
            DiskOutcome::Failed(DiskError { kind, detail })
        }),
    ];
    let net = (any::<[u8; 16]>(), 0..=128_u8)
        .prop_map(|(ip, prefix)| ipnet::IpNet::new(ip.into(), prefix).expect("a prefix of IPv6"));
    let address_kind = prop::sample::select(Vec::from([
        AddressErrorKind::Denied,
        AddressErrorKind::NoInterface,
        AddressErrorKind::Unsupported,
        AddressErrorKind::Failed,
    ]));
    let address = prop_oneof![
        Just(AddressOutcome::Done),
        prop::collection::vec((net, any::<String>()), 0..4).prop_map(AddressOutcome::Found),
        (address_kind, any::<String>())
            .prop_map(|(kind, detail)| AddressOutcome::Failed(AddressError { kind, detail })),
    ];
    let order = any::<u64>().prop_map(OrderId);
    prop_oneof![
        (order.clone(), disk).prop_map(|(order, outcome)| Event::Disk { order, outcome }),
        (order, address).prop_map(|(order, outcome)| Event::Address { order, outcome }),
    ]
}

fn reload() -> impl Strategy<Value = Event> {
    (any::<bool>(), any::<String>(), any::<u64>()).prop_map(|(manager, subcluster, nanos)| {
        let mut config = config(manager);
        config.subcluster = subcluster;
        config.control_timeout = Duration::from_nanos(nanos);
        Event::Reload(Box::new(config))
    })
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(()).prop_map(|()| Event::Wake),
        (socket(), bytes()).prop_map(|(from, bytes)| Event::Datagram { from, bytes }),
        prop_oneof![streams(), seals()],
        consoles(),
        services(),
        locals(),
        clients(),
        orders(),
        reload(),
        Just(()).prop_map(|()| Event::Leave),
    ]
}

proptest! {
    #[test]
    fn every_event_comes_out_as_it_went_in(event in events(), at in any::<u64>()) {
        let at = Instant::from_nanos(at);
        let mut encoded = Vec::new();
        Record::encode_event(at, &event, &mut encoded);
        let encoded = Bytes::from(encoded);
        let expected = format!("{:?}", Record::Event { at, event });
        let decoded = Record::decode(&encoded);
        prop_assert!(decoded.is_ok(), "{decoded:?}");
        let decoded = decoded.expect("just looked");
        prop_assert_eq!(format!("{decoded:?}"), expected);
        let mut again = Vec::new();
        decoded.encode(&mut again);
        prop_assert_eq!(Bytes::from(again), encoded.clone());
        for end in 0..encoded.len() {
            prop_assert!(Record::decode(&encoded.slice(..end)).is_err(), "cut at {}", end);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0..6_u8) {
        if let Some(first) = bytes.first_mut() {
            *first = kind;
        }
        let _ = Record::decode(&Bytes::from(bytes));
    }
}

#[test]
fn numbers_that_do_not_fit_are_refused() {
    for bytes in [&[0xff; 9][..], &[0xff; 10], &[0x80; 20]] {
        let mut input = Bytes::copy_from_slice(bytes);
        assert!(u64::take(&mut input).is_err(), "{bytes:?}");
    }
    for number in [0, 1, 127, 128, u64::from(u32::MAX), u64::MAX] {
        let mut encoded = Vec::new();
        number.put(&mut encoded);
        let mut input = Bytes::from(encoded);
        assert_eq!(u64::take(&mut input), Ok(number));
        assert!(input.is_empty());
    }
    for number in [i64::MIN, -1, 0, 1, i64::MAX] {
        let mut encoded = Vec::new();
        number.put(&mut encoded);
        assert_eq!(i64::take(&mut Bytes::from(encoded)), Ok(number));
    }
}
