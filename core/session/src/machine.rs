//! The machine: all sessions of a node, the names they have, and what is the same for each of them.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::{Bytes, BytesMut};
use ringfort_machine::{
    Deadline, Digest, Instant, Machine, Sink,
    defect::{Defect, active},
};
use ringfort_wire::{
    group::ClientName,
    session::{GROUPS, Reject, header::HEADER},
};

use crate::{
    Action, ClientEvent, CloseReason, Command, Config, ConfigError, Event, Message, Note, Peer,
    Refusal, SessionId, Violation,
    deliver::{self, Shared},
    handshake,
    input::Input,
    output::{Output, TooSlow},
    request::{self, Request},
    state::{Session, Stage},
};

/// Bytes that may wait of a client that is not read: what the runtime had read when it was told to stop.
const UNREAD: usize = 1 << 20;

/// The sessions of one node.
#[derive(Debug)]
pub struct Sessions {
    pub(crate) config: Config,
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    pub(crate) names: Names,
    /// When handshakes must be over.
    pub(crate) handshakes: BTreeSet<(Instant, SessionId)>,
    congested: bool,
    /// Sessions with bytes that are not looked at yet, in turn.
    backlog: VecDeque<SessionId>,
    /// Commands that may still be given during this event.
    budget: usize,
    /// When the last event was.
    last: Instant,
    shared: Option<Shared>,
    /// Where the next head is written.
    chunk: BytesMut,
}

/// The names of the sessions, those in the handshake included.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) taken: BTreeSet<ClientName>,
    pub(crate) invented: u64,
}

impl Sessions {
    /// The most commands of open sessions that one event brings. Whoever says [`Event::Congestion`] says it
    /// while there is still room for so many, so that no client's message is ever refused for lack of room.
    pub const BURST: usize = 256;

    /// No sessions yet.
    ///
    /// # Errors
    /// Those of [`Config::validate`].
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self {
            config,
            sessions: BTreeMap::new(),
            names: Names::default(),
            handshakes: BTreeSet::new(),
            congested: false,
            backlog: VecDeque::new(),
            budget: Self::BURST,
            last: Instant::ORIGIN,
            shared: None,
            chunk: BytesMut::new(),
        })
    }

    /// How many sessions there are, those in the handshake included.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Takes other limits and another authentication; both hold for what comes from here on. The server keeps its
    /// name, which its clients have been told.
    ///
    /// # Errors
    /// Those of [`Config::validate`]; then nothing has changed.
    pub fn reconfigure(&mut self, config: Config) -> Result<(), ConfigError> {
        config.validate()?;
        let server = core::mem::take(&mut self.config.server);
        self.config = Config { server, ..config };
        Ok(())
    }

    fn on_opened(&mut self, now: Instant, id: SessionId, peer: Peer, out: &mut impl Sink<Action>) {
        assert!(
            !self.sessions.contains_key(&id),
            "a session id is used once"
        );
        if self.sessions.len() >= self.config.sessions {
            handshake::say(id, Reject::Quota, out);
            let reason = CloseReason::Rejected(Reject::Quota);
            return out.push(Action::Close {
                session: id,
                reason,
            });
        }
        let handshake_until = now + self.config.handshake_timeout;
        self.handshakes.insert((handshake_until, id));
        let session = Session {
            peer,
            stage: Stage::Greeting,
            input: Input::default(),
            output: Output::default(),
            paused: false,
            waiting: false,
            closed: false,
            handshake_until,
        };
        self.sessions.insert(id, session);
    }

    fn on_bytes(&mut self, id: SessionId, bytes: Bytes, out: &mut impl Sink<Action>) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        session.input.push(bytes);
        if !session.waiting {
            self.advance(id, out);
        }
        if let Some(session) = self.sessions.get(&id) {
            let reading = matches!(session.stage, Stage::Open(_)) && !session.waiting;
            if !reading && session.input.len() > UNREAD {
                self.end(id, Some(CloseReason::Flooded), out);
            }
        }
    }

    /// What a client sent before it went is still done, even if it has to wait for its turn.
    fn on_closed(&mut self, id: SessionId, out: &mut impl Sink<Action>) {
        match self.sessions.get_mut(&id) {
            Some(session) if session.waiting => session.closed = true,
            Some(_) | None => self.end(id, None, out),
        }
    }

    /// Does what the bytes that are here allow.
    pub(crate) fn advance(&mut self, id: SessionId, out: &mut impl Sink<Action>) {
        while let Some(session) = self.sessions.get_mut(&id) {
            let more = match session.stage {
                Stage::Greeting => self.on_greeting(id, out),
                Stage::Methods(_) => self.on_methods(id, out),
                Stage::Connecting(_) => false,
                Stage::Open(_)
                    if (self.congested && !active(Defect::IgnoreCongestion))
                        || self.budget == 0 =>
                {
                    self.postpone(id, out);
                    false
                }
                Stage::Open(_) => match self.on_open(id, out) {
                    Ok(more) => more,
                    Err(violation) => {
                        self.end(id, Some(CloseReason::Violation(violation)), out);
                        false
                    }
                },
            };
            if !more {
                return;
            }
        }
    }

    /// Puts a session that has sent something into the backlog, and has it not read any further.
    fn postpone(&mut self, id: SessionId, out: &mut impl Sink<Action>) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        if session.input.len() == 0 {
            return;
        }
        if !core::mem::replace(&mut session.waiting, true) {
            self.backlog.push_back(id);
        }
        if !session.closed && !core::mem::replace(&mut session.paused, true) {
            out.push(Action::Pause { session: id });
        }
    }

    /// Goes on with the backlog as far as this event may.
    fn work_off(&mut self, out: &mut impl Sink<Action>) {
        while !self.congested
            && self.budget > 0
            && let Some(id) = self.backlog.pop_front()
        {
            if let Some(session) = self.sessions.get_mut(&id) {
                session.waiting = false;
            }
            self.advance(id, out);
            match self.sessions.get_mut(&id) {
                Some(session) if session.waiting => {}
                Some(session) if session.closed => self.end(id, None, out),
                Some(session) => {
                    session.paused = false;
                    out.push(Action::Resume { session: id });
                }
                None => {}
            }
        }
    }

    /// Reads one header, or what follows it, if it is here. `true`: there may be more.
    fn on_open(&mut self, id: SessionId, out: &mut impl Sink<Action>) -> Result<bool, Violation> {
        let Some(session) = self.sessions.get_mut(&id) else {
            return Ok(false);
        };
        let Stage::Open(open) = &mut session.stage else {
            return Ok(false);
        };
        let Some(header) = open.reading else {
            let Some(bytes) = session.input.take(HEADER) else {
                return Ok(false);
            };
            let limit = self.config.message_bytes;
            let header = request::header(&bytes, open.private, limit, GROUPS)?;
            open.reading = Some(header);
            if request::request(header.kind)? == Request::Kill {
                self.end(id, Some(CloseReason::Killed), out);
            }
            return Ok(true);
        };
        let Some(rest) = session.input.take(header.rest_bytes()) else {
            return Ok(false);
        };
        open.reading = None;
        let asked = request::command(&header, &rest)?;
        if asked.illegal > 0 {
            out.push(Action::Note(Note::IllegalDestinations {
                session: id,
                count: asked.illegal,
            }));
        }
        if let Some(command) = asked.command {
            self.budget -= 1;
            out.push(Action::Group {
                session: id,
                command,
            });
        }
        Ok(true)
    }

    fn on_deliver(&mut self, id: SessionId, event: ClientEvent, out: &mut impl Sink<Action>) {
        match event {
            ClientEvent::Connected => self.on_connected(id, out),
            ClientEvent::Refused { command, refusal } => {
                self.on_refused(id, *command, refusal, out);
            }
            ClientEvent::View(view) => {
                if let Some(session) = self.sessions.get_mut(&id)
                    && let Stage::Open(open) = &mut session.stage
                    && let Some(bytes) = deliver::view(open, &view)
                {
                    self.send(id, bytes, Bytes::new(), out);
                }
            }
            ClientEvent::Message(message) => {
                if let Some(session) = self.sessions.get(&id)
                    && let Stage::Open(_) = session.stage
                {
                    let (head, data) = self.bytes_of(message);
                    self.send(id, head, data, out);
                }
            }
        }
    }

    fn bytes_of(&mut self, message: Message) -> (Bytes, Bytes) {
        let shared = self.shared.as_ref().and_then(|last| last.of(&message));
        shared.unwrap_or_else(|| {
            let new = Shared::new(message, &mut self.chunk);
            self.shared.insert(new).bytes()
        })
    }

    fn on_refused(
        &mut self,
        id: SessionId,
        command: Command,
        refusal: Refusal,
        out: &mut impl Sink<Action>,
    ) {
        if let Command::Connect { .. } = command {
            return self.on_connect_refused(id, refusal, out);
        }
        if let Some(session) = self.sessions.get(&id)
            && let Stage::Open(open) = &session.stage
        {
            out.push(Action::Note(Note::RequestRefused { session: id }));
            if let Some((head, data)) = deliver::rejected(open.private, command) {
                self.send(id, head, data, out);
            }
        }
    }

    /// Sends or queues for the client; the session ends if it is too slow.
    pub(crate) fn send(
        &mut self,
        id: SessionId,
        head: Bytes,
        data: Bytes,
        out: &mut impl Sink<Action>,
    ) {
        if let Some(session) = self.sessions.get_mut(&id)
            && !session.closed
            && let Err(TooSlow) = session.output.push(id, head, data, &self.config, out)
        {
            self.end(id, Some(CloseReason::SlowReader), out);
        }
    }

    /// Ends a session: by the client, or for `reason`. Its name is free from here on, as far as we are concerned.
    pub(crate) fn end(
        &mut self,
        id: SessionId,
        reason: Option<CloseReason>,
        out: &mut impl Sink<Action>,
    ) {
        let Some(session) = self.sessions.remove(&id) else {
            return;
        };
        self.handshakes.remove(&(session.handshake_until, id));
        if session.waiting {
            self.backlog.retain(|waiting| *waiting != id);
        }
        let name = session.stage.name().cloned();
        if let Some(name) = &name {
            self.names.taken.remove(name);
        }
        if session.stage.is_attached() {
            out.push(Action::Group {
                session: id,
                command: Command::Disconnect,
            });
        }
        if let Some(reason) = reason
            && !session.closed
        {
            out.push(Action::Close {
                session: id,
                reason,
            });
        }
        out.push(Action::Note(Note::Ended {
            session: id,
            name,
            reason,
        }));
    }

    fn on_congestion(&mut self, full: bool, out: &mut impl Sink<Action>) {
        if full == self.congested {
            return;
        }
        self.congested = full;
        if full {
            return out.push(Action::Note(Note::Congested));
        }
        out.push(Action::Note(Note::Relieved));
        self.work_off(out);
    }

    fn on_wake(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        while let Some((until, id)) = self.handshakes.first().copied()
            && until <= now
        {
            self.end(id, Some(CloseReason::HandshakeTimeout), out);
        }
        self.work_off(out);
    }
}

impl Machine for Sessions {
    type Event = Event;
    type Action = Action;

    fn handle(&mut self, now: Instant, event: Event, out: &mut impl Sink<Action>) {
        self.budget = Self::BURST;
        self.last = now;
        match event {
            Event::Wake => self.on_wake(now, out),
            Event::Opened { session, peer } => self.on_opened(now, session, peer, out),
            Event::Bytes { session, bytes } => self.on_bytes(session, bytes, out),
            Event::Closed { session } => self.on_closed(session, out),
            Event::Drained { session } => {
                if let Some(open) = self.sessions.get_mut(&session) {
                    open.output.on_drained(session, out);
                }
            }
            Event::Deliver { session, event } => self.on_deliver(session, event, out),
            Event::Congestion { full } => self.on_congestion(full, out),
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        let backlog = !self.congested && !self.backlog.is_empty();
        let handshake = self.handshakes.first();
        Deadline::earliest([
            backlog.then(|| Deadline::new(self.last, "session: clients wait for their turn")),
            handshake
                .map(|(until, _)| Deadline::new(*until, "session: a handshake takes too long")),
        ])
    }

    fn digest(&self, into: &mut Digest) {
        into.flag(self.congested)
            .number(self.names.invented)
            .number(self.sessions.len() as u64);
        for (id, session) in &self.sessions {
            into.number(id.0);
            session.digest(into);
        }
    }
}
