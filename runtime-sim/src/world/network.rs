//! Datagrams of the bus, and streams between nodes.

use bytes::Bytes;
use ringfort_node::{CloseReason, Event, StreamAction, StreamEvent, StreamId, Target};

use super::{BROADCAST, World};
use crate::{
    fabric::{Body, DATAGRAM_LIMIT, Frame, Mac},
    host::Use,
    stack::{Connection, Ending},
};

impl World {
    pub(super) fn send_datagram(&mut self, index: usize, to: &Target, bytes: Bytes) {
        if bytes.len() > DATAGRAM_LIMIT {
            let message = format!(
                "{} sent a datagram of {} bytes; {DATAGRAM_LIMIT} fit a frame",
                self.hosts[index].name,
                bytes.len()
            );
            self.object("datagram-limit", message);
            return;
        }
        if let Some(attackers) = &mut self.attackers {
            attackers.overhear(index, &bytes);
        }
        let source = Mac::of_port(self.hosts[index].port);
        let from = self.hosts[index].bus;
        let mut frames = std::mem::take(&mut self.frames);
        let mut push = |destination, to| {
            let body = Body::Datagram {
                from,
                to,
                bytes: bytes.clone(),
            };
            frames.push(Frame {
                source,
                destination,
                body,
            });
        };
        match to {
            Target::Multicast(group) => match group.ip() {
                std::net::IpAddr::V4(v4) if v4 == BROADCAST => push(Mac::BROADCAST, *group),
                std::net::IpAddr::V4(v4) => push(Mac::of_group(v4), *group),
                std::net::IpAddr::V6(_) => {} // the segment carries the bus over IPv4 only
            },
            Target::Peer(peer) => {
                if let Some(host) = self.host_at(peer.ip()) {
                    push(Mac::of_port(host.port), *peer);
                }
            }
            Target::Peers(peers) => {
                for peer in peers.iter() {
                    if let Some(host) = self.host_at(peer.ip()) {
                        push(Mac::of_port(host.port), *peer);
                    }
                }
            }
        }
        let port = self.hosts[index].port;
        self.send_frames(port, &mut frames);
        self.frames = frames;
    }

    pub(super) fn stream(&mut self, index: usize, action: StreamAction) {
        let host = &mut self.hosts[index];
        let (Some(stack), Some(life)) = (&mut host.stack, &mut host.life) else {
            return;
        };
        match action {
            StreamAction::Connect { stream, to, .. } => {
                let connection = stack.connect(to);
                life.streams.insert(stream, connection);
                life.uses.insert(connection, Use::Stream(stream));
            }
            StreamAction::Send { stream, bytes } => {
                if let Some(connection) = life.streams.get(&stream) {
                    stack.send(*connection, bytes);
                }
            }
            StreamAction::Close { stream } => {
                if let Some(connection) = life.streams.remove(&stream) {
                    life.uses.remove(&connection);
                    stack.close(connection);
                }
            }
        }
    }

    pub(super) fn stream_accepted(
        &mut self,
        index: usize,
        connection: Connection,
        peer: std::net::SocketAddr,
    ) {
        let Some(life) = &mut self.hosts[index].life else {
            return;
        };
        let stream = StreamId(2 * life.accepted_streams + 1);
        life.accepted_streams += 1;
        life.streams.insert(stream, connection);
        life.uses.insert(connection, Use::Stream(stream));
        self.give(index, Event::Stream(StreamEvent::Accepted { stream, peer }));
    }

    /// The stream is over, or the peer has finished: the node is told, and nothing more after it.
    pub(super) fn stream_over(&mut self, index: usize, stream: StreamId, ending: Ending) {
        let host = &mut self.hosts[index];
        if let (Some(stack), Some(life)) = (&mut host.stack, &mut host.life)
            && let Some(connection) = life.streams.remove(&stream)
        {
            life.uses.remove(&connection);
            stack.close(connection);
        }
        let reason = match ending {
            Ending::Finished => CloseReason::Finished,
            Ending::Unreachable => CloseReason::Unreachable,
            Ending::Reset => CloseReason::Reset,
            Ending::Overrun => CloseReason::Overrun,
        };
        self.give(index, Event::Stream(StreamEvent::Closed { stream, reason }));
    }
}
