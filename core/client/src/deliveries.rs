//! The daemon's bytes after the handshake, cut into messages.

use ringfort_wire::session::{Header, NAME, Name, header::HEADER};

use crate::{Received, StreamError, inbox::Inbox, received};

/// The receiving half of an open session.
#[derive(Debug)]
pub struct Deliveries {
    pub(crate) inbox: Inbox,
    private: Name,
    limit: usize,
    /// Bytes that the message in front has, as far as is known.
    wanted: usize,
    failed: Option<StreamError>,
}

impl Deliveries {
    pub(crate) const fn new(inbox: Inbox, private: Name, limit: usize) -> Self {
        Self {
            inbox,
            private,
            limit,
            wanted: HEADER,
            failed: None,
        }
    }

    /// The session is open, under this name.
    pub(crate) const fn open(&mut self, private: Name) {
        self.private = private;
    }

    /// Our private name.
    pub const fn private(&self) -> &Name {
        &self.private
    }

    /// Room to read into, never empty. Take everything that is here ([`Deliveries::next`]) before reading more: what
    /// is not taken is kept.
    pub fn space(&mut self) -> &mut [u8] {
        self.inbox.space(self.wanted)
    }

    /// `count` bytes of the [`Deliveries::space`] were read into.
    ///
    /// # Panics
    /// If there was not so much space.
    pub fn filled(&mut self, count: usize) {
        self.inbox.filled(count);
    }

    /// The next thing that the daemon said; nothing until more is read.
    ///
    /// # Errors
    /// The daemon broke the protocol: nothing can be read any more, and the same error is returned from here on.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator ends where this waits"
    )]
    pub fn next(&mut self) -> Result<Option<Received>, StreamError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        self.read().inspect_err(|error| {
            self.failed = Some(error.clone());
        })
    }

    fn read(&mut self) -> Result<Option<Received>, StreamError> {
        let held = self.inbox.bytes();
        if held.len() < self.wanted {
            return Ok(None);
        }
        let Some(head) = held.first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let names = self.limit / NAME;
        let (header, order) = Header::decode(head, names).map_err(StreamError::Header)?;
        let found = header.rest_bytes();
        if found > self.limit {
            let limit = self.limit;
            return Err(StreamError::TooLong { found, limit });
        }
        self.wanted = HEADER + received::extra_bytes(header.kind) + found;
        if held.len() < self.wanted {
            return Ok(None);
        }
        let whole = self.inbox.take(self.wanted);
        self.wanted = HEADER;
        received::decode(&header, order, &whole).map(Some)
    }
}
