//! From the first byte to an open session (reference: Spread client protocol, section 2). Laxer than Spread
//! where no client can tell: any fragments do, nobody waits for anybody, and the whole has one time limit.

use alloc::format;

use bytes::Bytes;
use ringfort_machine::Sink;
use ringfort_wire::{
    group::ClientName,
    session::{
        Greeting, Name, Reject,
        greeting::{METHODS, choices, encode_offer, encode_welcome},
    },
};

use crate::{
    Action, CloseReason, Command, Note, Refusal, SessionId, Sessions,
    machine::Names,
    state::{Caller, Open, Stage},
};

/// The most bytes of a greeting: three of version, flags, length, name.
const GREETING: usize = 15;
/// Invented names go around after so many.
const INVENTED: u64 = 10_000_000;

impl Names {
    /// Takes `name`, or one that nobody has if it is empty; nothing if it is taken.
    fn take(&mut self, name: &Name) -> Result<ClientName, Reject> {
        if name.as_str().is_empty() {
            return Ok(self.invent());
        }
        let name = ClientName::new(name.as_str()).map_err(|_| Reject::IllegalName)?;
        if self.taken.insert(name.clone()) {
            Ok(name)
        } else {
            Err(Reject::NotUnique)
        }
    }

    /// Fewer sessions than names are possible, so this ends.
    fn invent(&mut self) -> ClientName {
        loop {
            self.invented = (self.invented + 1) % INVENTED;
            let (high, low) = (self.invented / 10_000, self.invented % 10_000);
            let name = ClientName::new(&format!("r{high}-{low}"));
            if let Ok(name) = name
                && self.taken.insert(name.clone())
            {
                return name;
            }
        }
    }
}

impl Sessions {
    /// Reads the greeting, if it is here. `true`: there is more to read.
    pub(crate) fn on_greeting(&mut self, id: SessionId, out: &mut impl Sink<Action>) -> bool {
        let Some(session) = self.sessions.get_mut(&id) else {
            return false;
        };
        let parsed = match Greeting::parse(session.input.peek(GREETING)) {
            Ok(None) => return false,
            Ok(Some((greeting, used))) => {
                session.input.take(used);
                let name = self.names.take(&greeting.name);
                name.map(|name| Caller { greeting, name })
            }
            Err(reject) => Err(reject),
        };
        match parsed {
            Err(reject) => self.reject(id, reject, out),
            Ok(caller) if caller.greeting.version.has_methods() => {
                session.stage = Stage::Methods(caller);
                let offer = encode_offer(&self.config.authentication.methods());
                self.send(id, offer, Bytes::new(), out);
            }
            Ok(caller) => {
                let peer = session.peer;
                session.stage = Stage::Methods(caller.clone());
                if self.config.authentication.run_for_old_client(peer) {
                    self.connect(id, caller, out);
                } else {
                    self.reject(id, Reject::Authentication, out);
                }
            }
        }
        true
    }

    /// Reads the choice of methods, if it is here. `true`: there is more to read.
    pub(crate) fn on_methods(&mut self, id: SessionId, out: &mut impl Sink<Action>) -> bool {
        let Some(session) = self.sessions.get_mut(&id) else {
            return false;
        };
        let Stage::Methods(caller) = &session.stage else {
            return false;
        };
        let caller = caller.clone();
        let Some(choice) = session.input.take(METHODS) else {
            return false;
        };
        let (peer, authentication) = (session.peer, &self.config.authentication);
        let mut chosen = choices(&choice).filter(|slot| !slot.is_empty()).peekable();
        let any = chosen.peek().is_some();
        let passed = chosen.all(|method| authentication.run(method, peer) == Some(true));
        if any && passed && authentication.run_required(peer) {
            self.connect(id, caller, out);
        } else {
            self.reject(id, Reject::Authentication, out);
        }
        true
    }

    /// Asks the group layer for the name.
    fn connect(&mut self, id: SessionId, caller: Caller, out: &mut impl Sink<Action>) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        self.handshakes.remove(&(session.handshake_until, id));
        out.push(Action::Group {
            session: id,
            command: Command::Connect {
                name: caller.name.clone(),
                wants_membership: caller.greeting.wants_membership,
            },
        });
        session.stage = Stage::Connecting(caller);
    }

    /// The group layer has accepted the name.
    pub(crate) fn on_connected(&mut self, id: SessionId, out: &mut impl Sink<Action>) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let Stage::Connecting(caller) = &session.stage else {
            return;
        };
        let caller = caller.clone();
        let private = Name::new(&format!("#{}#{}", caller.name, self.config.server));
        assert!(
            private.is_some(),
            "both parts of a private name are bounded"
        );
        let private = private.unwrap_or(Name::EMPTY);
        session.stage = Stage::Open(Open {
            name: caller.name.clone(),
            private,
            wants_membership: caller.greeting.wants_membership,
            reading: None,
            views: alloc::collections::BTreeMap::new(),
        });
        let welcome = encode_welcome(caller.greeting.version, &private);
        self.send(id, welcome, Bytes::new(), out);
        out.push(Action::Note(Note::Connected {
            session: id,
            name: caller.name,
        }));
        self.advance(id, out);
    }

    /// The group layer has refused the name.
    pub(crate) fn on_connect_refused(
        &mut self,
        id: SessionId,
        refusal: Refusal,
        out: &mut impl Sink<Action>,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let Stage::Connecting(caller) = &session.stage else {
            return;
        };
        let mut caller = caller.clone();
        let reject = match refusal {
            Refusal::NameInUse if caller.greeting.name == Name::EMPTY => {
                self.names.taken.remove(&caller.name);
                caller.name = self.names.invent();
                return self.connect(id, caller, out);
            }
            Refusal::NameInUse => Reject::NotUnique,
            Refusal::IllegalName => Reject::IllegalName,
            Refusal::Limit | Refusal::Busy | Refusal::Other => Reject::Quota,
        };
        // The group layer does not know the session: nothing to be told of its end.
        session.stage = Stage::Methods(caller);
        self.reject(id, reject, out);
    }

    /// Says the code and closes.
    fn reject(&mut self, id: SessionId, reject: Reject, out: &mut impl Sink<Action>) {
        say(id, reject, out);
        self.end(id, Some(CloseReason::Rejected(reject)), out);
    }
}

/// Sends the one byte that refuses a session.
pub(crate) fn say(session: SessionId, reject: Reject, out: &mut impl Sink<Action>) {
    let bytes = Bytes::copy_from_slice(&[reject.byte()]);
    out.push(Action::Send { session, bytes });
    out.push(Action::Note(Note::Rejected { session, reject }));
}
