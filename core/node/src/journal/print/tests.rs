//! Goal: two actions that differ in anything have different prints, and the same action has the same. Method: a
//! list of actions in which neighbours differ in one field.

extern crate std;

use std::{format, net::SocketAddr, string::String, sync::Arc, vec, vec::Vec};

use ringfort_machine::OrderId;

use super::*;
use crate::{
    ConnectionId, ConsoleAction, Halt, ListenerAction, ListenerId, Note, SessionId, StreamId,
};

fn address(last: u8) -> SocketAddr {
    ([10, 0, 0, last], 4803).into()
}

fn actions() -> Vec<Action> {
    let datagram = |to, bytes: &'static [u8]| {
        let bytes = Bytes::from_static(bytes);
        Action::Datagram { to, bytes }
    };
    let peers = |last: &[u8]| -> Target {
        let all: Vec<SocketAddr> = last.iter().copied().map(address).collect();
        Target::Peers(Arc::from(all))
    };
    let send = |stream, bytes: &'static [u8]| {
        let (stream, bytes) = (StreamId(stream), Bytes::from_static(bytes));
        Action::Stream(StreamAction::Send { stream, bytes })
    };
    let banner = Bytes::from_static(b"220 ready");
    let connection = ConnectionId(3);
    let write = |order, file: &str, offset, data: &'static [u8]| {
        let (file, data) = (file.into(), Bytes::from_static(data));
        Action::Disk(OrderId(order), DiskAction::Write { file, offset, data })
    };
    let print = |text: &str| {
        let (session, text) = (SessionId(1), String::from(text));
        Action::Console(ConsoleAction::Print { session, text })
    };
    vec![
        datagram(Target::Peer(address(1)), b"a"),
        datagram(Target::Peer(address(1)), b"b"),
        datagram(Target::Peer(address(2)), b"b"),
        datagram(Target::Multicast(address(2)), b"b"),
        datagram(peers(&[2]), b"b"),
        datagram(peers(&[2, 3]), b"b"),
        datagram(peers(&[3, 2]), b"b"),
        send(2, b"a"),
        send(4, b"a"),
        send(4, b""),
        Action::Stream(StreamAction::Close {
            stream: StreamId(4),
        }),
        print("a\n"),
        print("b\n"),
        Action::Listener(ListenerAction::Close {
            listener: ListenerId(1),
        }),
        Action::Connection(ConnectionAction::Greet {
            connection,
            banner: banner.clone(),
        }),
        Action::Connection(ConnectionAction::Refuse {
            connection,
            banner: banner.clone(),
        }),
        Action::Connection(ConnectionAction::Relay {
            connection,
            to: address(1),
            header: banner.clone(),
        }),
        Action::Connection(ConnectionAction::Relay {
            connection,
            to: address(2),
            header: banner,
        }),
        Action::Connection(ConnectionAction::Drop { connection }),
        write(1, "a", 0, b"x"),
        write(2, "a", 0, b"x"),
        write(2, "b", 0, b"x"),
        write(2, "b", 1, b"x"),
        write(2, "b", 1, b"y"),
        Action::Disk(OrderId(2), DiskAction::Sync { file: "b".into() }),
        Action::Disk(OrderId(2), DiskAction::Remove { file: "b".into() }),
        Action::Address(OrderId(2), ringfort_vip::AddressAction::Survey),
        Action::Note(Note::Reloaded),
        Action::Note(Note::StrangerHeard { from: address(1) }),
        Action::Note(Note::StrangerHeard { from: address(2) }),
        Action::Halt(Halt::Left),
        Action::Halt(Halt::Overloaded),
    ]
}

#[test]
fn different_actions_have_different_prints_and_equal_ones_equal() {
    let mut printer = Printer::default();
    let prints: Vec<Print> = actions()
        .iter()
        .map(|action| printer.print(action))
        .collect();
    let again: Vec<Print> = actions()
        .iter()
        .map(|action| Printer::default().print(action))
        .collect();
    assert_eq!(prints, again, "whatever was printed before");
    for (at, print) in prints.iter().enumerate() {
        for (other, earlier) in prints[..at].iter().enumerate() {
            assert_ne!(print.hash, earlier.hash, "actions {other} and {at}");
        }
    }
}

#[test]
fn a_print_says_what_it_is() {
    let print = Printer::default().print(&actions()[4]);
    assert_eq!((print.family, print.bytes), (Family::Datagram, 1));
    let text = format!("{print}");
    assert!(text.starts_with("Datagram of 1 bytes, hash "), "{text}");
}
