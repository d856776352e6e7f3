//! One session from its first byte: the handshake, then both halves.

use ringfort_wire::session::{Name, Version};

use crate::{
    Deliveries, HandshakeError, Multicast, Options, OptionsError, Received, RequestError, Requests,
    SessionError,
    handshake::{self, Handshake, Step},
    inbox::Inbox,
};

/// The daemon took us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// What we are called: unique on the bus, and a destination for others.
    pub private: Name,
    /// The version that the daemon claims.
    pub server: Version,
}

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The session is open: requests are taken from here on. Happens once, first.
    Open(Welcome),
    /// The daemon said something.
    Received(Received),
}

/// A session.
#[derive(Debug)]
pub struct Session {
    stage: Stage,
    requests: Requests,
    deliveries: Deliveries,
}

#[derive(Debug)]
enum Stage {
    Handshake(Handshake),
    Open(Welcome),
    Failed(HandshakeError),
}

impl Session {
    /// The most bytes that a text of the daemon's handshake has.
    const TEXT: usize = 128;

    /// A session that is not open; its greeting is to be sent.
    ///
    /// # Errors
    /// Those of [`Options::validate`].
    pub fn new(options: &Options) -> Result<Self, OptionsError> {
        options.validate()?;
        let greeting =
            handshake::greeting(options).ok_or_else(|| OptionsError::Name(options.name.clone()))?;
        Ok(Self {
            stage: Stage::Handshake(Handshake::new(options)),
            requests: Requests::new(options, &greeting),
            deliveries: Deliveries::new(Inbox::default(), Name::EMPTY, options.receive_bytes),
        })
    }

    /// How the daemon received us; nothing while the session is not open.
    pub const fn welcome(&self) -> Option<&Welcome> {
        match &self.stage {
            Stage::Open(welcome) => Some(welcome),
            Stage::Handshake(_) | Stage::Failed(_) => None,
        }
    }

    /// Room to read into, never empty. Take all events before reading more: what is not taken is kept.
    pub fn space(&mut self) -> &mut [u8] {
        self.deliveries.space()
    }

    /// `count` bytes of the [`Session::space`] were read into.
    ///
    /// # Panics
    /// If there was not so much space.
    pub fn filled(&mut self, count: usize) {
        self.deliveries.filled(count);
    }

    /// Takes bytes of the daemon by copying them.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let space = self.space();
            let count = space.len().min(bytes.len());
            let (now, later) = bytes.split_at(count);
            for (to, from) in space.iter_mut().zip(now) {
                *to = *from;
            }
            self.filled(count);
            bytes = later;
        }
    }

    /// The next event; nothing until more is read. What is to be sent may have grown.
    ///
    /// # Errors
    /// There is no session or there is none any more; the same error is returned from here on.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator ends where this waits"
    )]
    pub fn next(&mut self) -> Result<Option<Event>, SessionError> {
        loop {
            let step = match &mut self.stage {
                Stage::Open(_) => {
                    let received = self.deliveries.next()?;
                    return Ok(received.map(Event::Received));
                }
                Stage::Failed(error) => return Err(error.clone().into()),
                Stage::Handshake(handshake) => {
                    let held = self.deliveries.inbox.bytes();
                    let held = held.get(..held.len().min(Self::TEXT)).unwrap_or_default();
                    handshake.step(held)
                }
            };
            match step {
                Ok(Step::Wait) => return Ok(None),
                Ok(Step::Send(used, bytes)) => {
                    self.deliveries.inbox.take(used);
                    self.requests.say(&bytes);
                }
                Ok(Step::Open(used, welcome)) => {
                    self.deliveries.inbox.take(used);
                    self.deliveries.open(welcome.private);
                    self.requests.open(welcome.private);
                    self.stage = Stage::Open(welcome);
                    return Ok(Some(Event::Open(welcome)));
                }
                Err(error) => {
                    self.requests.discard();
                    self.stage = Stage::Failed(error);
                }
            }
        }
    }

    /// [`Requests::join`].
    ///
    /// # Errors
    /// A [`RequestError`].
    pub fn join(&mut self, group: &str) -> Result<(), RequestError> {
        self.requests.join(group)
    }

    /// [`Requests::leave`].
    ///
    /// # Errors
    /// A [`RequestError`].
    pub fn leave(&mut self, group: &str) -> Result<(), RequestError> {
        self.requests.leave(group)
    }

    /// [`Requests::multicast`].
    ///
    /// # Errors
    /// A [`RequestError`].
    pub fn multicast(&mut self, message: &Multicast<'_>) -> Result<(), RequestError> {
        self.requests.multicast(message)
    }

    /// [`Requests::disconnect`].
    ///
    /// # Errors
    /// A [`RequestError`].
    pub fn disconnect(&mut self) -> Result<(), RequestError> {
        self.requests.disconnect()
    }

    /// [`Requests::outgoing`].
    pub fn outgoing(&self) -> impl Iterator<Item = &[u8]> {
        self.requests.outgoing()
    }

    /// [`Requests::sent`].
    ///
    /// # Panics
    /// If more is said to be sent than waited.
    pub fn sent(&mut self, count: usize) {
        self.requests.sent(count);
    }

    /// [`Requests::queued_bytes`].
    pub const fn queued_bytes(&self) -> usize {
        self.requests.queued_bytes()
    }

    /// [`Requests::discard`].
    pub fn discard(&mut self) {
        self.requests.discard();
    }

    /// Both halves, for a thread each; nothing if the session is not open.
    pub fn split(self) -> Option<(Requests, Deliveries)> {
        match self.stage {
            Stage::Open(_) => Some((self.requests, self.deliveries)),
            Stage::Handshake(_) | Stage::Failed(_) => None,
        }
    }
}
