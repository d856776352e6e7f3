//! Clients of the bus at these nodes: they greet, join, send, talk nonsense, stop reading and go. What the node does
//! with their sockets is held against what it may do.

use ringfort_node::{BusAction, BusEvent, BusPeer, BusSession, Event, server_name};
use ringfort_wire::session::{ByteOrder, Header, Hint, Name, bits};

use super::{Cluster, NAMES};
use crate::{Cursor, story::Story};

/// Names that clients ask for; nobody asks for the last one twice, since it is none.
const CLIENTS: [&str; 4] = ["al", "bo", "console", ""];

/// A client as its socket sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attached {
    session: BusSession,
    name: &'static str,
    paused: bool,
}

impl Cluster {
    pub(super) fn client(&mut self, host: usize, script: &mut Cursor<'_>, story: &mut Story) {
        let clients = &self.hosts[host].clients;
        let index = script.below(clients.len() + 1);
        let Some(client) = clients.get(index).copied() else {
            return self.accept(host, script, story);
        };
        let session = client.session;
        let event = match script.byte() % 8 {
            0 => {
                self.hosts[host].clients.remove(index);
                BusEvent::Closed { session }
            }
            1 => BusEvent::Drained { session },
            2 => BusEvent::Data {
                session,
                bytes: bytes::Bytes::copy_from_slice(script.block()),
            },
            _ => BusEvent::Data {
                session,
                bytes: request(client.name, NAMES[host], script),
            },
        };
        self.feed(host, Event::Bus(event), story);
    }

    fn accept(&mut self, host: usize, script: &mut Cursor<'_>, story: &mut Story) {
        self.next += 1;
        let session = BusSession(self.next);
        let name = script.pick(&CLIENTS);
        self.hosts[host].clients.push(Attached {
            session,
            name,
            paused: false,
        });
        let peer = BusPeer::Unix;
        self.feed(
            host,
            Event::Bus(BusEvent::Accepted { session, peer }),
            story,
        );
        let mut bytes = vec![4, 4, 0, script.byte() & 1, name.len() as u8];
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b"NULL");
        bytes.resize(5 + name.len() + 90, 0);
        let bytes = bytes.into();
        self.feed(host, Event::Bus(BusEvent::Data { session, bytes }), story);
    }

    pub(super) fn on_client(&mut self, host: usize, action: &BusAction) {
        let clients = &mut self.hosts[host].clients;
        let (BusAction::Send { session, .. }
        | BusAction::Pause { session }
        | BusAction::Resume { session }
        | BusAction::Close { session, .. }) = action;
        let Some(index) = clients.iter().position(|client| client.session == *session) else {
            panic!("{action:?}, but it is gone");
        };
        match action {
            BusAction::Send { bytes, .. } => assert!(!bytes.is_empty(), "nothing to send"),
            BusAction::Pause { .. } => {
                assert!(
                    !std::mem::replace(&mut clients[index].paused, true),
                    "twice"
                );
            }
            BusAction::Resume { .. } => {
                assert!(
                    std::mem::replace(&mut clients[index].paused, false),
                    "not paused"
                );
            }
            BusAction::Close { .. } => {
                clients.remove(index);
            }
        }
    }
}

/// A request as a well-behaved client sends it, mostly.
fn request(name: &str, node: &str, script: &mut Cursor<'_>) -> bytes::Bytes {
    let kind = script.pick(&[
        bits::JOIN,
        bits::LEAVE,
        bits::KILL,
        bits::AGREED,
        bits::SAFE,
        bits::FIFO | bits::SELF_DISCARD,
        bits::JOIN | bits::LEAVE,
    ]);
    let groups: Vec<&str> = (0..1 + script.below(2))
        .map(|_| script.pick(&["g", "h", "ec_cluster", "ec_console", "#al#n1", "#bo#n2"]))
        .collect();
    let data = script.block();
    let order = if script.flag() {
        ByteOrder::Big
    } else {
        ByteOrder::Little
    };
    let header = Header {
        kind,
        name: Name::private(name, &server_name(node)),
        groups: groups.len(),
        hint: Hint::new(script.short(), order),
        data_bytes: data.len(),
    };
    let mut out = bytes::BytesMut::new();
    header.encode(order, &mut out);
    for group in groups {
        out.extend_from_slice(Name::new(group).expect("a short name").field());
    }
    out.extend_from_slice(data);
    out.freeze()
}
