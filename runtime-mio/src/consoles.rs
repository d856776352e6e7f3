//! Control listeners: console sessions over Unix sockets and TCP.
//!
//! The protocol is text that a person with `nc` can use: lines in, text out. The end of an answer is marked by
//! a NUL byte before the prompt, which terminals do not show and a program can wait for. Nobody gets in
//! unless the configuration lets him: a Unix socket is guarded by its permissions, TCP by the access list, and
//! without a list only the host itself is let in.
//!
//! What it deliberately does not: know a command, a prompt or a banner; those are the node's.

mod access;
mod session;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::fd::AsFd,
    time::Instant,
};

use mio::{
    Interest, Registry,
    net::{TcpListener, UnixListener},
};
use ringfort_config::settings::{ControlListener, Endpoint};
use ringfort_node::{ConsoleAction, ConsoleEvent, ConsolePeer, SessionId};

use self::{
    access::{Access, Verdict},
    session::{Session, Socket},
};
use crate::{
    BootError,
    listen::{Accept, accept_error, listen, listen_unix},
    sys,
    token::Source,
};

/// Sessions at most; more are turned away. Consoles are for people and a few programs.
const SESSIONS: usize = 256;

/// Clients admitted in one turn: fewer than sessions, so that those who have gone again make room first.
const ACCEPTS: usize = 32;

/// Ends the answer to a line; what follows it is the prompt.
pub(crate) const END_OF_ANSWER: u8 = 0;

#[derive(Debug)]
enum Socketed {
    Unix(UnixListener, String),
    Tcp(TcpListener),
}

#[derive(Debug)]
struct Listener {
    socket: Socketed,
    settings: ControlListener,
}

/// All control listeners and their sessions.
#[derive(Debug)]
pub(crate) struct Consoles {
    registry: Registry,
    listeners: Vec<Listener>,
    acceptable: BTreeSet<usize>,
    sessions: BTreeMap<u64, Session>,
    ready: BTreeSet<u64>,
    opened: u64,
}

impl Listener {
    /// Whether it has not been closed by a reload. Closed ones keep their place, since places are tokens.
    const fn is_open(&self) -> bool {
        self.settings.listen_backlog != 0
    }
}

impl Consoles {
    /// Opens the listeners.
    ///
    /// # Errors
    /// [`BootError::Listen`]; for a Unix socket also when somebody listens on it.
    pub(crate) fn open(
        registry: Registry,
        settings: &[ControlListener],
    ) -> Result<Self, BootError> {
        let mut consoles = Self {
            registry,
            listeners: Vec::new(),
            acceptable: BTreeSet::new(),
            sessions: BTreeMap::new(),
            ready: BTreeSet::new(),
            opened: 0,
        };
        for listener in settings {
            consoles.listen(listener)?;
        }
        Ok(consoles)
    }

    /// Applies a new configuration as a whole or not at all: who gets in changes at once; listeners that are new are opened, those that
    /// are gone are closed, sessions go on.
    pub(crate) fn reload(&mut self, settings: &[ControlListener]) -> Result<(), BootError> {
        let before = self.listeners.len();
        let fresh = |new: &&ControlListener| {
            let same = |old: &Listener| old.is_open() && old.settings.endpoint == new.endpoint;
            !self.listeners.iter().any(same)
        };
        let fresh: Vec<ControlListener> = settings.iter().filter(fresh).cloned().collect();
        for new in &fresh {
            if let Err(error) = self.listen(new) {
                for number in before..self.listeners.len() {
                    self.close(number);
                }
                return Err(error);
            }
        }
        for old in self.listeners.iter_mut().filter(|old| old.is_open()) {
            let same = |new: &&ControlListener| new.endpoint == old.settings.endpoint;
            if let Some(new) = settings.iter().find(same) {
                old.settings = new.clone();
            }
        }
        for number in 0..self.listeners.len() {
            let old = &self.listeners[number];
            let named = settings
                .iter()
                .any(|new| new.endpoint == old.settings.endpoint);
            let gone = old.is_open() && !named;
            if gone {
                self.close(number);
            }
        }
        Ok(())
    }

    fn listen(&mut self, settings: &ControlListener) -> Result<(), BootError> {
        let number = self.listeners.len() as u64;
        let token = Source::ConsoleListener(number).token();
        let failed = |source| BootError::listen("control", &settings.endpoint, source);
        let socket = match &settings.endpoint {
            Endpoint::Unix(path) => {
                let mut socket = listen_unix(path, settings.file_mode).map_err(failed)?;
                self.registry
                    .register(&mut socket, token, Interest::READABLE)
                    .map_err(failed)?;
                Socketed::Unix(socket, path.clone())
            }
            Endpoint::Tcp(address) => {
                let mut socket = listen(*address, settings.listen_backlog).map_err(failed)?;
                self.registry
                    .register(&mut socket, token, Interest::READABLE)
                    .map_err(failed)?;
                Socketed::Tcp(socket)
            }
        };
        self.listeners.push(Listener {
            socket,
            settings: settings.clone(),
        });
        Ok(())
    }

    /// Closes a listener; its place stays, so that tokens keep their meaning.
    fn close(&mut self, number: usize) {
        match &mut self.listeners[number].socket {
            Socketed::Unix(socket, path) => {
                let _ = self.registry.deregister(socket);
                let _ = fs::remove_file(&*path);
            }
            Socketed::Tcp(socket) => {
                let _ = self.registry.deregister(socket);
            }
        }
        self.acceptable.remove(&number);
        self.listeners[number].settings.listen_backlog = 0;
    }

    /// A listener has somebody waiting.
    pub(crate) fn listener_ready(&mut self, number: u64) {
        self.acceptable.insert(number as usize);
    }

    /// A session became readable or writable, or failed.
    pub(crate) fn session_ready(
        &mut self,
        number: u64,
        readable: bool,
        writable: bool,
        out: &mut impl FnMut(ConsoleEvent),
    ) {
        let Some(session) = self.sessions.get_mut(&number) else {
            return;
        };
        if readable {
            session.readable = true;
            self.ready.insert(number);
        }
        if writable && session.flush().is_err() {
            self.end(number, out);
        }
    }

    /// Does what the node wants.
    pub(crate) fn perform(&mut self, action: ConsoleAction, out: &mut impl FnMut(ConsoleEvent)) {
        let (number, outcome) = match action {
            ConsoleAction::Print { session, text } => (session.0, self.print(session.0, &text)),
            ConsoleAction::Prompt { session, text } => {
                let mut bytes = String::from(char::from(END_OF_ANSWER));
                bytes.push_str(&text);
                self.ready.insert(session.0); // the next line may already be there
                (session.0, self.print(session.0, &bytes))
            }
            ConsoleAction::Close { session } => match self.sessions.get_mut(&session.0) {
                None => return,
                Some(open) => (session.0, open.close()),
            },
        };
        if outcome.is_err() {
            self.end(number, out);
        }
    }

    fn print(&mut self, number: u64, text: &str) -> io::Result<()> {
        match self.sessions.get_mut(&number) {
            None => Ok(()),
            Some(session) => session.print(text),
        }
    }

    /// One turn: accepts and reads. Returns whether something is left to do at once.
    pub(crate) fn turn(&mut self, out: &mut impl FnMut(ConsoleEvent)) -> bool {
        self.accept(out);
        for number in std::mem::take(&mut self.ready) {
            let Some(session) = self.sessions.get_mut(&number) else {
                continue;
            };
            let alive = session.read(|line| {
                out(ConsoleEvent::Line {
                    session: SessionId(number),
                    line,
                });
            });
            match alive {
                Ok(true) => {
                    self.ready.insert(number);
                }
                Ok(false) => {}
                Err(_) => self.end(number, out),
            }
        }
        !self.ready.is_empty() || !self.acceptable.is_empty()
    }

    /// Ends sessions that have been silent for too long. Called about once a second.
    pub(crate) fn sweep(&mut self, now: Instant, out: &mut impl FnMut(ConsoleEvent)) {
        let expired: Vec<u64> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.expired(now))
            .map(|(number, _)| *number)
            .collect();
        for number in expired {
            self.end(number, out);
        }
        self.acceptable.extend(
            (0..self.listeners.len())
                .filter(|number| self.listeners[*number].settings.listen_backlog > 0),
        );
    }

    /// Whether every answer has left.
    pub(crate) fn is_flushed(&self) -> bool {
        self.sessions.values().all(Session::is_flushed)
    }

    /// Closes everything and removes the sockets from the file system.
    pub(crate) fn finish(&mut self) {
        for number in 0..self.listeners.len() {
            if self.listeners[number].settings.listen_backlog > 0 {
                self.close(number);
            }
        }
        self.sessions.clear();
    }

    fn accept(&mut self, out: &mut impl FnMut(ConsoleEvent)) {
        let mut budget = ACCEPTS;
        for number in std::mem::take(&mut self.acceptable) {
            loop {
                if budget == 0 {
                    self.acceptable.insert(number);
                    break;
                }
                let accepted = match &self.listeners[number].socket {
                    Socketed::Unix(socket, _) => socket.accept().map(|(socket, _)| {
                        let user = sys::peer_user(socket.as_fd()).ok();
                        (Socket::Unix(socket), ConsolePeer::Local { user })
                    }),
                    Socketed::Tcp(socket) => socket.accept().map(|(socket, peer)| {
                        let _ = socket.set_nodelay(true);
                        (Socket::Tcp(socket), ConsolePeer::Remote(peer))
                    }),
                };
                match accepted {
                    Ok((socket, peer)) => {
                        budget -= 1;
                        self.admit(number, socket, peer, out);
                    }
                    Err(error) => match accept_error(&error) {
                        Accept::Skip => {}
                        Accept::Drained | Accept::Later => break,
                    },
                }
            }
        }
    }

    fn admit(
        &mut self,
        listener: usize,
        mut socket: Socket,
        peer: ConsolePeer,
        out: &mut impl FnMut(ConsoleEvent),
    ) {
        let settings = &self.listeners[listener].settings;
        let verdict = match &peer {
            ConsolePeer::Local { .. } => Verdict::Admitted, // by the permissions of the socket
            ConsolePeer::Remote(peer) => Access(&settings.access).judge(peer.ip()),
        };
        let refusal = match verdict {
            Verdict::Refused(why) => Some(why),
            Verdict::Admitted if self.sessions.len() >= SESSIONS => {
                Some("too many consoles are open: close one first")
            }
            Verdict::Admitted => None,
        };
        if let Some(why) = refusal {
            socket.say(why); // best effort; the drop closes it
            return;
        }
        let number = self.opened;
        self.opened += 1;
        if socket
            .register(&self.registry, Source::Console(number).token())
            .is_err()
        {
            return;
        }
        let target = settings.endpoint.to_string();
        self.sessions
            .insert(number, Session::new(socket, settings.timeout));
        self.ready.insert(number); // its first line, or its end, may already be there
        out(ConsoleEvent::Opened {
            session: SessionId(number),
            peer,
            target,
        });
    }

    fn end(&mut self, number: u64, out: &mut impl FnMut(ConsoleEvent)) {
        self.ready.remove(&number);
        if let Some(mut session) = self.sessions.remove(&number) {
            session.deregister(&self.registry);
            if !session.closed_by_node() {
                out(ConsoleEvent::Closed {
                    session: SessionId(number),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
