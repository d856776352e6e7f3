//! What surrounds the nodes: the network between them, their disks, interfaces, listeners and connections. It
//! does what the nodes want done, as far as the script lets it.

use bytes::Bytes;
use ringfort_node::{
    Action, CloseReason, ConnectionAction, ConnectionEvent, ConsoleAction, Event, ListenerAction,
    ListenerEvent, StreamAction, StreamEvent, StreamId, Target as To,
};
use ringfort_vip::{AddressAction, AddressError, AddressErrorKind, AddressOutcome};

use super::{Cluster, HOSTS, bus, services};
use crate::story::Story;

impl Cluster {
    pub(super) fn hang_up(&mut self, host: usize, stream: StreamId) {
        if let Some((other, far)) = self.streams.remove(&(host, stream))
            && self.streams.remove(&(other, far)).is_some()
        {
            let reason = CloseReason::Finished;
            let closed = StreamEvent::Closed {
                stream: far,
                reason,
            };
            self.post(other, Event::Stream(closed));
        }
    }

    pub(super) fn follow(&mut self, host: usize, said: Vec<Action>, story: &mut Story) {
        for action in said {
            match action {
                Action::Datagram { to, bytes } => self.datagram(host, &to, &bytes),
                Action::Stream(action) => self.on_stream(host, action),
                Action::Console(ConsoleAction::Close { session }) => {
                    self.hosts[host].sessions.retain(|other| *other != session);
                }
                Action::Listener(action) => self.on_listener(host, &action),
                Action::Connection(action) => self.on_connection(host, &action),
                Action::Bus(action) => self.on_client(host, &action),
                Action::Disk(order, action) => {
                    let outcome = self.hosts[host].disk.execute(&action);
                    self.post(host, Event::Disk { order, outcome });
                }
                Action::Address(order, action) => {
                    let outcome = self.platform(host, action);
                    self.post(host, Event::Address { order, outcome });
                }
                Action::Console(ConsoleAction::Print { .. } | ConsoleAction::Prompt { .. })
                | Action::Group { .. }
                | Action::Seal(_)
                | Action::Note(_) => {}
                Action::Halt(_) => return self.restart(host, story),
            }
        }
    }

    fn datagram(&mut self, host: usize, to: &To, bytes: &Bytes) {
        assert!(
            bytes.len() <= ringfort_wire::limits::DATAGRAM,
            "too long for UDP"
        );
        for other in (0..HOSTS).filter(|other| *other != host) {
            let meant = match to {
                To::Peer(peer) => *peer == bus(other),
                To::Peers(peers) => peers.contains(&bus(other)),
                To::Multicast(_) => true,
            };
            if meant && self.cut & (1 << (3 * host + other)) == 0 {
                let from = bus(host);
                let bytes = bytes.clone();
                self.post(other, Event::Datagram { from, bytes });
            }
        }
        if self.kept.len() >= 16 {
            self.kept.remove(self.steps % 16);
        }
        self.kept.push(bytes.clone());
    }

    fn on_stream(&mut self, host: usize, action: StreamAction) {
        match action {
            StreamAction::Connect { stream, to, .. } => {
                let other = (0..HOSTS).find(|other| services(*other) == to);
                let Some(other) = other.filter(|other| *other != host) else {
                    let reason = CloseReason::Unreachable;
                    return self.post(host, Event::Stream(StreamEvent::Closed { stream, reason }));
                };
                self.next += 1;
                let far = StreamId(2 * self.next + 1);
                self.streams.insert((host, stream), (other, far));
                self.streams.insert((other, far), (host, stream));
                let peer = bus(host);
                self.post(
                    other,
                    Event::Stream(StreamEvent::Accepted { stream: far, peer }),
                );
                self.post(host, Event::Stream(StreamEvent::Connected { stream }));
            }
            StreamAction::Send { stream, mut bytes } => {
                if let Some((other, stream)) = self.streams.get(&(host, stream)).copied()
                    && other < HOSTS
                {
                    let head = bytes.split_to(bytes.len() / 2);
                    for bytes in [head, bytes] {
                        self.post(other, Event::Stream(StreamEvent::Data { stream, bytes }));
                    }
                }
            }
            StreamAction::Close { stream } => self.hang_up(host, stream),
        }
    }

    fn on_listener(&mut self, host: usize, action: &ListenerAction) {
        match action {
            ListenerAction::Open { listener, .. } => {
                let listener = *listener;
                let event = if self.fails() {
                    let reason = "as the script says".into();
                    ListenerEvent::Failed { listener, reason }
                } else {
                    self.hosts[host].listeners.push(listener);
                    ListenerEvent::Opened { listener }
                };
                self.post(host, Event::Listener(event));
            }
            ListenerAction::Close { listener } => {
                self.hosts[host].listeners.retain(|other| other != listener);
            }
        }
    }

    fn on_connection(&mut self, host: usize, action: &ConnectionAction) {
        let connection = match action {
            ConnectionAction::Greet { connection, .. }
            | ConnectionAction::Refuse { connection, .. }
            | ConnectionAction::Drop { connection } => *connection,
            ConnectionAction::Relay { .. } => return,
        };
        let there = &mut self.hosts[host].connections;
        if there.contains(&connection) {
            there.retain(|other| *other != connection);
            let closed = ConnectionEvent::Closed {
                connection,
                received: 0,
                sent: 0,
            };
            self.post(host, Event::Connection(closed));
        }
    }

    fn platform(&mut self, host: usize, action: AddressAction) -> AddressOutcome {
        if self.fails() {
            return AddressOutcome::Failed(AddressError {
                kind: AddressErrorKind::Failed,
                detail: "as the script says".into(),
            });
        }
        let held = &mut self.hosts[host].interface;
        match action {
            AddressAction::Survey => {
                let found = held.iter().filter_map(|(address, interface)| {
                    Some((address.parse().ok()?, interface.clone()))
                });
                return AddressOutcome::Found(found.collect());
            }
            AddressAction::Acquire { address, interface } => {
                held.insert(address.to_string(), interface);
            }
            AddressAction::Release { address, .. } => {
                held.remove(&address.to_string());
            }
            AddressAction::Announce { .. } => {}
        }
        AddressOutcome::Done
    }

    pub(super) fn fails(&mut self) -> bool {
        let fails = self.failing > 0;
        self.failing = self.failing.saturating_sub(1);
        fails
    }
}
