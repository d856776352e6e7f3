//! How a client introduces itself, and what it allows itself and the daemon.

use alloc::{borrow::ToOwned, string::String, vec, vec::Vec};

use ringfort_wire::session::{self, ByteOrder};

/// A method of authentication. Neither exchanges bytes; the daemon decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// No questions asked.
    Null,
    /// By the address that the client comes from.
    Ip,
}

impl Method {
    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Ip => "IP",
        }
    }
}

/// The options of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The name, 1 to 10 bytes from 0x24 to 0x7e, unique at the daemon; empty: the daemon invents one.
    pub name: String,
    /// Whether views, transitional marks and self-leaves are wanted. Messages arrive either way.
    pub membership: bool,
    /// Methods of authentication to choose, one to three of those that the daemon offers; all must let us in.
    pub methods: Vec<Method>,
    /// The byte order that we write in. Daemons and other clients read both.
    pub order: ByteOrder,
    /// Bytes of requests that may wait to be sent. A longer message is taken if nothing else waits.
    pub queue_bytes: usize,
    /// Bytes of names and data in one message that we send. The default is what a Spread 4.4 daemon survives.
    pub message_bytes: usize,
    /// Bytes of names and data in one message from the daemon, views of large groups included.
    pub receive_bytes: usize,
}

impl Options {
    /// The most bytes of names and data that a Spread 4.4 daemon survives: with a few hundred more it aborts.
    pub const MESSAGE: usize = 143_152;

    /// The defaults for a client called `name`: membership wanted, method NULL, 1 MiB of requests, 16 MiB for a message
    /// from the daemon.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            membership: true,
            methods: vec![Method::Null],
            order: ByteOrder::Little,
            queue_bytes: 1 << 20,
            message_bytes: Self::MESSAGE,
            receive_bytes: 16 << 20,
        }
    }

    /// Whether the rules stated on the fields are kept.
    ///
    /// # Errors
    /// The first [`OptionsError`] found.
    pub fn validate(&self) -> Result<(), OptionsError> {
        let name = self.name.as_bytes();
        if name.len() > session::CLIENT_NAME || !session::is_name(name) {
            return Err(OptionsError::Name(self.name.clone()));
        }
        if !(1..=3).contains(&self.methods.len()) {
            return Err(OptionsError::Methods(self.methods.len()));
        }
        for (what, limit) in [
            ("queue_bytes", self.queue_bytes),
            ("message_bytes", self.message_bytes),
            ("receive_bytes", self.receive_bytes),
        ] {
            if limit > i32::MAX as usize {
                return Err(OptionsError::Limit(what));
            }
        }
        Ok(())
    }
}

impl Default for Options {
    /// [`Options::named`] with a name that the daemon invents.
    fn default() -> Self {
        Self::named("")
    }
}

/// Options that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// The name cannot be a client's.
    #[error(
        "{0:?} cannot be the name of a bus client: use up to {max} ASCII characters without space, '!', '\"' or '#'; or none, for a name that the daemon invents",
        max = session::CLIENT_NAME
    )]
    Name(String),
    /// No method, or more than the handshake has room for.
    #[error("{0} methods of authentication; choose one to three")]
    Methods(usize),
    /// A limit that no header can express.
    #[error("the limit `{0}` is 2 GiB or more; the protocol counts in 31 bits")]
    Limit(&'static str),
}
