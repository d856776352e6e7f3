//! From connecting to an open session (reference: Spread client protocol, section 2.1).
//!
//! ```text
//! greeting ─►   offer of methods | code   ─► choice ─►   1 | code, then version and private name
//! ```
//! A code may come at any place where the daemon speaks; each text may come in any pieces.

use alloc::{string::String, vec::Vec};
use core::str;

use bytes::Bytes;
use ringfort_wire::session::{
    Greeting, NAME, Name, Version,
    greeting::{ACCEPT, METHOD, METHODS},
};

use crate::{HandshakeError, Options, Rejection, Welcome};

/// Where the handshake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The daemon is to offer its methods.
    Offer,
    /// The daemon is to say yes.
    Verdict,
}

/// A handshake after the greeting.
#[derive(Clone, Debug)]
pub(crate) struct Handshake {
    stage: Stage,
    methods: Vec<&'static str>,
}

/// How far a handshake came.
#[derive(Debug)]
pub(crate) enum Step {
    /// More bytes are needed.
    Wait,
    /// So many bytes were read, and these are to be sent.
    Send(usize, Bytes),
    /// So many bytes were read, and the session is open.
    Open(usize, Welcome),
}

/// What a client with `options` says first.
pub(crate) fn greeting(options: &Options) -> Option<Bytes> {
    let greeting = Greeting {
        version: Version::SERVER,
        wants_membership: options.membership,
        name: Name::new(&options.name)?,
    };
    Some(greeting.encode())
}

impl Handshake {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            stage: Stage::Offer,
            methods: options.methods.iter().map(|method| method.name()).collect(),
        }
    }

    /// Reads the next text of the daemon, if it is here whole.
    pub(crate) fn step(&mut self, bytes: &[u8]) -> Result<Step, HandshakeError> {
        let Some((first, rest)) = bytes.split_first() else {
            return Ok(Step::Wait);
        };
        match self.stage {
            Stage::Offer => self.on_offer(*first, rest),
            Stage::Verdict => verdict(*first, rest),
        }
    }

    fn on_offer(&mut self, first: u8, rest: &[u8]) -> Result<Step, HandshakeError> {
        let length = usize::try_from(first.cast_signed())
            .map_err(|_| Rejection::from_code(first.cast_signed()))?;
        if length > METHODS {
            return Err(HandshakeError::Malformed("its list of methods is too long"));
        }
        let Some(list) = rest.get(..length) else {
            return Ok(Step::Wait);
        };
        let offered = String::from_utf8_lossy(list);
        let missing = |wanted: &&&str| !offered.split(' ').any(|method| method == **wanted);
        if let Some(wanted) = self.methods.iter().find(missing) {
            return Err(HandshakeError::Method {
                wanted,
                offered: offered.trim_end().into(),
            });
        }
        let mut choice = [0; METHODS];
        for (slot, method) in choice.chunks_mut(METHOD).zip(&self.methods) {
            for (byte, letter) in slot.iter_mut().zip(method.bytes()) {
                *byte = letter;
            }
        }
        self.stage = Stage::Verdict;
        Ok(Step::Send(1 + length, Bytes::copy_from_slice(&choice)))
    }
}

fn verdict(first: u8, rest: &[u8]) -> Result<Step, HandshakeError> {
    if first != ACCEPT {
        return Err(Rejection::from_code(first.cast_signed()).into());
    }
    let [major, minor, patch, length, rest @ ..] = rest else {
        return Ok(Step::Wait);
    };
    let server = Version::new(*major, *minor, *patch);
    if !server.is_served() {
        return Err(HandshakeError::OldServer(server));
    }
    let length = usize::from(*length);
    if !(1..NAME).contains(&length) {
        return Err(HandshakeError::Malformed(
            "the private name that it gave is empty or too long",
        ));
    }
    let Some(private) = rest.get(..length) else {
        return Ok(Step::Wait);
    };
    let private = str::from_utf8(private).ok().and_then(Name::new);
    let private = private.ok_or(HandshakeError::Malformed(
        "the private name that it gave is no text",
    ))?;
    Ok(Step::Open(5 + length, Welcome { private, server }))
}
