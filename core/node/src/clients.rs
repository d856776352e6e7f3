//! Clients of the bus: between the sessions, which speak their protocol, and the group layer, of which each of
//! them is a client.
//!
//! What differs between the two is translated here and nowhere else: a client of the group layer is a number and a
//! process, to a program it is a private name; a view has an id in the order, to a program three words. And here
//! it is decided when clients are to wait: while so much is queued for the ring that more would only get old, and
//! while the group layer has to hold everything back.

use alloc::{boxed::Box, sync::Arc};

use ringfort_groups::{self as groups, ClientId, Command, MemberId};
use ringfort_machine::{Digest, Machine, Sink};
use ringfort_session::{self as session, Cause, GroupId, Sessions};

use crate::{
    Action, BusAction, BusEvent, BusSession, Config, ConfigError, Node, Note, servers::Servers,
};

/// Clients of the group layer that are sessions of the bus have this number or a higher one.
pub const FIRST_SESSION: u64 = 1 << 48;

/// Messages that may wait for the ring's outbox before clients have to.
const WAITING: usize = 512;
/// The same in bytes.
const WAITING_BYTES: usize = 4 << 20;

/// The sessions, and what is remembered on their way to the group layer and back.
#[derive(Debug)]
pub(crate) struct Clients {
    pub(crate) sessions: Sessions,
    servers: Servers,
    congested: bool,
    /// The last view translated: the group layer gives the same one to every local member.
    shown: Option<(Arc<[MemberId]>, session::View)>,
}

impl Clients {
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self {
            sessions: Sessions::new(config.sessions.clone())?,
            servers: Servers::new(config),
            congested: false,
            shown: None,
        })
    }

    /// Takes a new configuration, which has been checked.
    pub(crate) fn reload(&mut self, config: &Config) {
        self.servers = Servers::new(config);
        self.shown = None;
        let taken = self.sessions.reconfigure(config.sessions.clone());
        assert!(taken.is_ok(), "the configuration was checked as a whole");
    }

    pub(crate) fn digest(&self, into: &mut Digest) {
        self.sessions.digest(into);
        into.flag(self.congested);
    }

    /// A view in the names of the protocol.
    fn view(&mut self, view: &groups::View) -> session::View {
        let id = GroupId::new(&view.id.configuration, view.id.ordinal, view.id.side);
        if let Some((members, shown)) = &self.shown
            && Arc::ptr_eq(members, &view.members)
            && (shown.id, &shown.group) == (id, &view.group)
        {
            return shown.clone();
        }
        let servers = &self.servers;
        let cause = match &view.cause {
            groups::Cause::Join(member) => Cause::Join(servers.private(member)),
            groups::Cause::Leave(member) => Cause::Leave(servers.private(member)),
            groups::Cause::Disconnect(member) => Cause::Disconnect(servers.private(member)),
            groups::Cause::Network { sets, .. } => Cause::Network {
                sets: sets.iter().map(|set| servers.ordered(set)).collect(),
            },
            groups::Cause::Transitional => Cause::Transitional,
        };
        let shown = session::View {
            group: view.group.clone(),
            id,
            members: servers.ordered(&view.members).into(),
            cause,
        };
        self.shown = Some((Arc::clone(&view.members), shown.clone()));
        shown
    }
}

const fn client_of(session: BusSession) -> ClientId {
    ClientId(FIRST_SESSION.saturating_add(session.0))
}

/// The session that is this client of the group layer, if one is.
pub(crate) const fn session_of(client: ClientId) -> Option<BusSession> {
    match client.0.checked_sub(FIRST_SESSION) {
        Some(number) => Some(BusSession(number)),
        None => None,
    }
}

/// Lets everything pass but a refusal.
struct Unless<'a, S> {
    pass: &'a mut S,
    refusal: Option<groups::Refusal>,
}

impl<S: Sink<groups::Action>> Sink<groups::Action> for Unless<'_, S> {
    fn push(&mut self, action: groups::Action) {
        if let groups::Action::Client {
            event: groups::ClientEvent::Refused(refusal),
            ..
        } = action
        {
            self.refusal = Some(refusal);
        } else {
            self.pass.push(action);
        }
    }
}

impl Node {
    pub(crate) fn on_bus(&mut self, event: BusEvent) {
        self.tell_sessions(match event {
            BusEvent::Accepted { session, peer } => session::Event::Opened { session, peer },
            BusEvent::Data { session, bytes } => session::Event::Bytes { session, bytes },
            BusEvent::Drained { session } => session::Event::Drained { session },
            BusEvent::Closed { session } => session::Event::Closed { session },
        });
    }

    pub(crate) fn on_sessions(&mut self, action: session::Action, out: &mut impl Sink<Action>) {
        let action = match action {
            session::Action::Send { session, bytes } => BusAction::Send { session, bytes },
            session::Action::Pause { session } => BusAction::Pause { session },
            session::Action::Resume { session } => BusAction::Resume { session },
            session::Action::Close { session, reason } => {
                let flush = reason.flushes();
                BusAction::Close { session, flush }
            }
            session::Action::Group { session, command } => return self.command(session, command),
            session::Action::Note(note) => return out.push(Action::Note(Note::Session(note))),
        };
        out.push(Action::Bus(action));
    }

    /// A session wants something of the group layer. An answer of it is told in this very pass.
    fn command(&mut self, session: BusSession, mut command: Command) {
        if let Command::Send { groups, .. } = &mut command {
            for group in groups.iter_mut().filter(|group| group.is_private()) {
                *group = self.clients.servers.in_full(group.clone());
            }
        }
        let connects = matches!(command, Command::Connect { .. });
        let client = client_of(session);
        let kept = command.clone(); // handles, not bytes
        let Some(refusal) = self.ask_groups(client, command) else {
            if connects {
                self.tell_session(session, session::ClientEvent::Connected);
            }
            return;
        };
        let refused = session::ClientEvent::Refused {
            command: Box::new(kept),
            refusal: refusal_of(refusal),
        };
        self.tell_session(session, refused);
    }

    /// Lets the group layer obey; its answer, if it refuses.
    fn ask_groups(&mut self, client: ClientId, command: Command) -> Option<groups::Refusal> {
        let mut answers = Unless {
            pass: &mut self.pass,
            refusal: None,
        };
        let event = groups::Event::Local { client, command };
        self.groups.handle(self.now, event, &mut answers);
        answers.refusal
    }

    /// The group layer has something for the client of a session.
    pub(crate) fn on_session_event(&mut self, session: BusSession, event: groups::ClientEvent) {
        let event = match event {
            groups::ClientEvent::View(view) => session::ClientEvent::View(self.clients.view(&view)),
            groups::ClientEvent::Message {
                from,
                groups,
                level,
                self_discard,
                tag,
                payload,
                ..
            } => session::ClientEvent::Message(session::Message {
                from: self.clients.servers.private(&from),
                groups: self.clients.servers.as_written(&groups),
                level,
                self_discard,
                tag,
                payload,
            }),
            groups::ClientEvent::Refused(refusal) => {
                unreachable!("a refusal is told where the command was given: {refusal}")
            }
        };
        self.tell_session(session, event);
    }

    fn tell_session(&mut self, session: BusSession, event: session::ClientEvent) {
        self.tell_sessions(session::Event::Deliver { session, event });
    }

    /// Tells the sessions if clients have to wait from here on, or no longer. In between a little has to drain,
    /// so that this does not flap with every message.
    pub(crate) fn weigh(&mut self) {
        let (waiting, bytes) = self.bus.waiting();
        let (messages, limit) = if self.clients.congested {
            (WAITING / 2, WAITING_BYTES / 2)
        } else {
            (WAITING, WAITING_BYTES)
        };
        let full = waiting >= messages || bytes >= limit || self.groups.must_wait();
        if full != core::mem::replace(&mut self.clients.congested, full) {
            self.tell_sessions(session::Event::Congestion { full });
        }
    }
}

/// Why, in the words that a client can be told.
const fn refusal_of(refusal: groups::Refusal) -> session::Refusal {
    match refusal {
        groups::Refusal::NameInUse => session::Refusal::NameInUse,
        groups::Refusal::IllegalName(_) => session::Refusal::IllegalName,
        groups::Refusal::Limit { .. } => session::Refusal::Limit,
        groups::Refusal::Busy => session::Refusal::Busy,
        groups::Refusal::NotConnected
        | groups::Refusal::AlreadyConnected
        | groups::Refusal::PrivateGroup
        | groups::Refusal::Destinations { .. }
        | groups::Refusal::TooLong { .. } => session::Refusal::Other,
    }
}
