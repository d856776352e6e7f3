//! A listening endpoint with a backlog. smoltcp has none: one listening socket becomes one connection. So a few
//! sockets listen at once, and each that takes a connection is replaced.

use smoltcp::{
    iface::{SocketHandle, SocketSet},
    socket::tcp,
    wire::IpListenEndpoint,
};

use super::new_socket;

/// How many connections may arrive between two polls.
const BACKLOG: usize = 4;
/// How many handshakes may be under way; beyond it the oldest waits for its timeout.
const HANDSHAKES: usize = 16;

/// One listening endpoint.
#[derive(Debug)]
pub(super) struct Listener {
    endpoint: IpListenEndpoint,
    waiting: Vec<SocketHandle>,
}

impl Listener {
    pub(super) const fn new(endpoint: IpListenEndpoint) -> Self {
        Self {
            endpoint,
            waiting: Vec::new(),
        }
    }

    /// Brings the number of idle sockets back to the backlog.
    pub(super) fn refill(&mut self, sockets: &mut SocketSet<'_>) {
        let idle = self
            .waiting
            .iter()
            .filter(|handle| sockets.get::<tcp::Socket<'_>>(**handle).is_listening())
            .count();
        for _ in idle..BACKLOG {
            if self.waiting.len() >= BACKLOG + HANDSHAKES {
                break;
            }
            let mut socket = new_socket();
            socket
                .listen(self.endpoint)
                .expect("a new socket can listen at a port that is not 0");
            self.waiting.push(sockets.add(socket));
        }
    }

    /// Hands out the sockets that have a connection now, and replaces them.
    pub(super) fn take_established(
        &mut self,
        sockets: &mut SocketSet<'_>,
        mut take: impl FnMut(SocketHandle),
    ) {
        let mut changed = false;
        self.waiting.retain(|handle| {
            let state = sockets.get::<tcp::Socket<'_>>(*handle).state();
            match state {
                tcp::State::Listen => true,
                tcp::State::SynReceived => {
                    changed = true;
                    true
                }
                tcp::State::Closed => {
                    changed = true;
                    sockets.remove(*handle);
                    false
                }
                tcp::State::SynSent
                | tcp::State::Established
                | tcp::State::FinWait1
                | tcp::State::FinWait2
                | tcp::State::CloseWait
                | tcp::State::Closing
                | tcp::State::LastAck
                | tcp::State::TimeWait => {
                    changed = true;
                    take(*handle);
                    false
                }
            }
        });
        if changed {
            self.refill(sockets);
        }
    }

    /// Stops listening; connections that are not taken yet are dropped.
    pub(super) fn close(self, sockets: &mut SocketSet<'_>) {
        for handle in self.waiting {
            sockets.remove(handle);
        }
    }
}
