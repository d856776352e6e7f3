//! What happens to the sockets of a process: service listeners and their connections, greeted or relayed, and
//! the responder that tells a probe which process it has reached.

use bytes::Bytes;
use ringfort_node::{
    ConnectionAction, ConnectionEvent, ConnectionId, ConsoleAction, Event, ListenerAction,
    ListenerEvent, StreamEvent,
};

use super::World;
use crate::{
    host::{Door, Service, Use},
    stack::{Connection, Ending, Happening, Listening},
};

impl World {
    pub(super) fn listener(&mut self, index: usize, action: ListenerAction) {
        let host = &mut self.hosts[index];
        let (Some(stack), Some(life)) = (&mut host.stack, &mut host.life) else {
            return;
        };
        match action {
            ListenerAction::Open { listener, address } => {
                let known = address.ip().is_unspecified() || stack.has(address.ip());
                let event = if known {
                    let listening = stack.listen(address);
                    life.doors.insert(listening, Door::Service(listener));
                    if let Some(old) = life.listeners.insert(listener, listening) {
                        life.doors.remove(&old);
                        stack.stop_listening(old);
                    }
                    ListenerEvent::Opened { listener }
                } else {
                    let reason = format!("{address}: no such address on this host");
                    ListenerEvent::Failed { listener, reason }
                };
                self.later(index, Event::Listener(event));
            }
            ListenerAction::Close { listener } => {
                if let Some(listening) = life.listeners.remove(&listener) {
                    life.doors.remove(&listening);
                    stack.stop_listening(listening);
                }
            }
        }
    }

    pub(super) fn connection(&mut self, index: usize, action: ConnectionAction) {
        let host = &mut self.hosts[index];
        let (Some(stack), Some(life)) = (&mut host.stack, &mut host.life) else {
            return;
        };
        match action {
            ConnectionAction::Greet { connection, banner }
            | ConnectionAction::Refuse { connection, banner } => {
                if let Some(service) = life.services.get_mut(&connection) {
                    service.sent += banner.len() as u64;
                    stack.send(service.front, banner);
                    stack.close(service.front);
                }
            }
            ConnectionAction::Relay {
                connection,
                to,
                header,
            } => {
                if let Some(service) = life.services.get_mut(&connection) {
                    let back = stack.connect(to);
                    stack.send(back, header);
                    for bytes in service.early.drain(..) {
                        stack.send(back, bytes);
                    }
                    if service.client_finished {
                        stack.close(back);
                    }
                    service.back = Some(back);
                    life.uses.insert(back, Use::Back(connection));
                }
            }
            ConnectionAction::Drop { connection } => {
                if let Some(service) = life.services.get(&connection) {
                    stack.abort(service.front);
                }
            }
        }
    }

    /// Consoles are driven by the tests of the console; nobody reads what is printed in a run.
    pub(super) fn console(&mut self, index: usize, action: ConsoleAction) {
        self.hosts[index].printed.push(action);
    }

    pub(super) fn socket_happening(&mut self, index: usize, happening: Happening) {
        match happening {
            Happening::Accepted {
                listening,
                connection,
                peer,
                local,
            } => {
                self.accepted(index, listening, connection, (peer, local));
            }
            Happening::Connected(connection) => {
                if let Some(Use::Stream(stream)) = self.use_of(index, connection) {
                    self.give(index, Event::Stream(StreamEvent::Connected { stream }));
                }
            }
            Happening::Data(connection, bytes) => match self.use_of(index, connection) {
                Some(Use::Stream(stream)) => {
                    self.give(index, Event::Stream(StreamEvent::Data { stream, bytes }));
                }
                Some(Use::Front(id)) => self.client_said(index, id, bytes),
                Some(Use::Back(id)) => self.backend_said(index, id, bytes),
                Some(Use::Probe) | None => {}
            },
            Happening::PeerFinished(connection) => match self.use_of(index, connection) {
                Some(Use::Stream(stream)) => self.stream_over(index, stream, Ending::Finished),
                Some(Use::Front(id)) => self.client_finished(index, id),
                Some(Use::Back(id)) => self.backend_over(index, id),
                Some(Use::Probe) | None => {}
            },
            Happening::Closed(connection, ending) => {
                let used = self.use_of(index, connection);
                if let Some(life) = &mut self.hosts[index].life {
                    life.uses.remove(&connection);
                }
                match used {
                    Some(Use::Stream(stream)) => self.stream_over(index, stream, ending),
                    Some(Use::Front(id)) => self.front_closed(index, id),
                    Some(Use::Back(id)) => {
                        if ending == Ending::Unreachable {
                            let event = ConnectionEvent::RelayFailed { connection: id };
                            self.give(index, Event::Connection(event));
                        }
                        self.backend_over(index, id);
                    }
                    Some(Use::Probe) | None => {}
                }
            }
        }
    }

    fn use_of(&self, index: usize, connection: Connection) -> Option<Use> {
        self.hosts[index]
            .life
            .as_ref()?
            .uses
            .get(&connection)
            .copied()
    }

    fn accepted(
        &mut self,
        index: usize,
        listening: Listening,
        connection: Connection,
        (peer, local): (std::net::SocketAddr, std::net::SocketAddr),
    ) {
        let host = &mut self.hosts[index];
        let (Some(stack), Some(life)) = (&mut host.stack, &mut host.life) else {
            return;
        };
        match life.doors.get(&listening) {
            None => stack.abort(connection),
            Some(Door::Cluster) => self.stream_accepted(index, connection, peer),
            Some(Door::Probe) => {
                life.uses.insert(connection, Use::Probe);
                stack.send(connection, Bytes::from(life.name.to_string()));
                stack.close(connection);
            }
            Some(Door::Service(listener)) => {
                let listener = *listener;
                life.accepted_connections += 1;
                let id = ConnectionId(life.accepted_connections);
                life.uses.insert(connection, Use::Front(id));
                life.services.insert(id, Service::new(connection));
                let event = ConnectionEvent::Accepted {
                    connection: id,
                    listener,
                    peer,
                    local,
                };
                self.give(index, Event::Connection(event));
            }
        }
    }

    fn client_said(&mut self, index: usize, id: ConnectionId, bytes: Bytes) {
        let host = &mut self.hosts[index];
        let (Some(stack), Some(life)) = (&mut host.stack, &mut host.life) else {
            return;
        };
        if let Some(service) = life.services.get_mut(&id) {
            service.received += bytes.len() as u64;
            match service.back {
                Some(back) => stack.send(back, bytes),
                None => service.early.push_back(bytes),
            }
        }
    }

    fn backend_said(&mut self, index: usize, id: ConnectionId, bytes: Bytes) {
        let host = &mut self.hosts[index];
        let (Some(stack), Some(life)) = (&mut host.stack, &mut host.life) else {
            return;
        };
        if let Some(service) = life.services.get_mut(&id) {
            service.sent += bytes.len() as u64;
            stack.send(service.front, bytes);
        }
    }

    fn client_finished(&mut self, index: usize, id: ConnectionId) {
        let host = &mut self.hosts[index];
        let (Some(stack), Some(life)) = (&mut host.stack, &mut host.life) else {
            return;
        };
        if let Some(service) = life.services.get_mut(&id) {
            service.client_finished = true;
            if let Some(back) = service.back {
                stack.close(back);
            }
        }
    }

    /// The backend sends no more: the client gets what is left, then the end.
    fn backend_over(&mut self, index: usize, id: ConnectionId) {
        let host = &mut self.hosts[index];
        let (Some(stack), Some(life)) = (&mut host.stack, &mut host.life) else {
            return;
        };
        if let Some(service) = life.services.get(&id) {
            if let Some(back) = service.back {
                stack.close(back);
            }
            stack.close(service.front);
        }
    }

    fn front_closed(&mut self, index: usize, id: ConnectionId) {
        let host = &mut self.hosts[index];
        let (Some(stack), Some(life)) = (&mut host.stack, &mut host.life) else {
            return;
        };
        if let Some(service) = life.services.remove(&id) {
            if let Some(back) = service.back {
                life.uses.remove(&back);
                stack.close(back);
            }
            let (received, sent) = (service.received, service.sent);
            let event = ConnectionEvent::Closed {
                connection: id,
                received,
                sent,
            };
            self.give(index, Event::Connection(event));
        }
    }
}

impl Service {
    fn new(front: Connection) -> Self {
        Self {
            front,
            back: None,
            early: std::collections::VecDeque::new(),
            client_finished: false,
            received: 0,
            sent: 0,
        }
    }
}
