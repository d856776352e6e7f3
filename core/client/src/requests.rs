//! What a client asks of the daemon, as bytes (reference: Spread client protocol, section 5). Nothing is answered; what
//! a request does is seen in what is received.

use alloc::{string::String, vec::Vec};

use bytes::{BufMut, Bytes, BytesMut};
use ringfort_wire::session::{
    ByteOrder, GROUPS, Header, Hint, NAME, Name, bits, header::HEADER, is_name,
};

use crate::{Options, RequestError, Service, outbox::Outbox};

/// Data of this many bytes and more are written from where they are, if they may be.
const COPIED: usize = 4096;

/// A message to send.
#[derive(Clone, Debug)]
pub struct Multicast<'a> {
    /// What is asked of the delivery.
    pub service: Service,
    /// Groups and private names, 1 to 100. Nobody needs to be a member of a group to send to it. A Spread 4.4 daemon
    /// loses messages to more than 43.
    pub groups: &'a [&'a str],
    /// 16 bits for the receivers (Spread: `mess_type`).
    pub tag: i16,
    /// Bits beside the service: 0x40 (see [`Multicast::self_discard`]) and those of 0x7f000000, which receivers see.
    pub flags: u32,
    /// The data.
    pub data: Payload<'a>,
}

/// Data of a message: borrowed and copied into the queue, or shared and, if long, written from where they are.
#[derive(Clone, Debug)]
pub enum Payload<'a> {
    /// To be copied.
    Borrowed(&'a [u8]),
    /// Kept until sent.
    Shared(Bytes),
}

impl<'a> Multicast<'a> {
    /// A message with tag 0.
    pub fn new(service: Service, groups: &'a [&'a str], data: impl Into<Payload<'a>>) -> Self {
        Self {
            service,
            groups,
            tag: 0,
            flags: 0,
            data: data.into(),
        }
    }

    /// With these 16 bits for the receivers.
    #[must_use]
    pub const fn tag(mut self, tag: i16) -> Self {
        self.tag = tag;
        self
    }

    /// Without a copy for the sender.
    #[must_use]
    pub const fn self_discard(mut self) -> Self {
        self.flags |= bits::SELF_DISCARD;
        self
    }
}

impl Payload<'_> {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

impl<'a> From<&'a [u8]> for Payload<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Borrowed(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Payload<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::Borrowed(bytes)
    }
}

impl<'a> From<&'a str> for Payload<'a> {
    fn from(text: &'a str) -> Self {
        Self::Borrowed(text.as_bytes())
    }
}

impl From<Bytes> for Payload<'_> {
    fn from(bytes: Bytes) -> Self {
        Self::Shared(bytes)
    }
}

impl From<Vec<u8>> for Payload<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Shared(bytes.into())
    }
}

/// The sending half of an open session: requests become bytes in a bounded queue.
#[derive(Debug)]
pub struct Requests {
    outbox: Outbox,
    private: Name,
    order: ByteOrder,
    limit: usize,
    ended: bool,
}

impl Requests {
    /// Of a session that is not open: nothing but `greeting` can be sent.
    pub(crate) fn new(options: &Options, greeting: &[u8]) -> Self {
        let mut outbox = Outbox::new(options.queue_bytes, BytesMut::new());
        outbox.append(|out| out.put_slice(greeting), None);
        Self {
            outbox,
            private: Name::EMPTY,
            order: options.order,
            limit: options.message_bytes,
            ended: false,
        }
    }

    /// The session is open, under this name.
    pub(crate) const fn open(&mut self, private: Name) {
        self.private = private;
    }

    /// Bytes of the handshake.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.outbox.append(|out| out.put_slice(bytes), None);
    }

    /// Our private name.
    pub const fn private(&self) -> &Name {
        &self.private
    }

    /// Joins a group. If we want membership messages, its first view says that we are in.
    ///
    /// # Errors
    /// [`RequestError::Group`] and what says that nothing can be sent.
    pub fn join(&mut self, group: &str) -> Result<(), RequestError> {
        self.control(bits::JOIN, joinable(group)?)
    }

    /// Leaves a group.
    ///
    /// # Errors
    /// As for [`Requests::join`].
    pub fn leave(&mut self, group: &str) -> Result<(), RequestError> {
        self.control(bits::LEAVE, joinable(group)?)
    }

    /// Ends the session: the daemon does all that was asked before, and closes.
    ///
    /// # Errors
    /// What says that nothing can be sent. A full queue takes this request.
    pub fn disconnect(&mut self) -> Result<(), RequestError> {
        self.check(0)?;
        self.put(bits::KILL, self.private);
        self.ended = true;
        Ok(())
    }

    /// Sends a message.
    ///
    /// # Errors
    /// A [`RequestError`]; nothing of it was queued.
    pub fn multicast(&mut self, message: &Multicast<'_>) -> Result<(), RequestError> {
        let groups = message.groups;
        if !(1..=GROUPS).contains(&groups.len()) {
            return Err(RequestError::Groups(groups.len()));
        }
        if message.flags & !bits::PASSED != 0 {
            return Err(RequestError::Flags(message.flags));
        }
        let data = message.data.as_slice();
        let found = groups.len() * NAME + data.len();
        if found > self.limit {
            let limit = self.limit;
            return Err(RequestError::TooLong { found, limit });
        }
        for group in groups {
            if !is_destination(group) {
                return Err(RequestError::Group(String::from(*group)));
            }
        }
        self.check(HEADER + found)?;
        let header = Header {
            kind: message.service.bit() | message.flags,
            name: self.private,
            groups: groups.len(),
            hint: Hint::new(message.tag.cast_unsigned(), self.order),
            data_bytes: data.len(),
        };
        let shared = match &message.data {
            Payload::Shared(data) if data.len() >= COPIED => Some(data.clone()),
            Payload::Shared(_) | Payload::Borrowed(_) => None,
        };
        let copied = if shared.is_some() { &[][..] } else { data };
        let order = self.order;
        let write = |out: &mut BytesMut| {
            out.reserve(HEADER + groups.len() * NAME + copied.len());
            header.encode(order, out);
            for group in groups {
                out.put_slice(group.as_bytes());
                out.put_bytes(0, NAME - group.len());
            }
            out.put_slice(copied);
        };
        self.outbox.append(write, shared);
        Ok(())
    }

    /// What is to be sent, in order; no piece is empty. Write as many at once as the system takes.
    pub fn outgoing(&self) -> impl Iterator<Item = &[u8]> {
        self.outbox.pieces()
    }

    /// The first `count` bytes of what is to be sent were sent.
    ///
    /// # Panics
    /// If there was not so much.
    pub fn sent(&mut self, count: usize) {
        self.outbox.sent(count);
    }

    /// Bytes that are to be sent.
    pub const fn queued_bytes(&self) -> usize {
        self.outbox.len()
    }

    /// Forgets what is to be sent, because the connection takes nothing any more.
    pub fn discard(&mut self) {
        self.outbox.clear();
        self.ended = true;
    }

    fn control(&mut self, kind: u32, group: Name) -> Result<(), RequestError> {
        self.check(HEADER + NAME)?;
        self.put(kind, group);
        Ok(())
    }

    fn put(&mut self, kind: u32, group: Name) {
        let order = self.order;
        let header = Header {
            kind,
            name: self.private,
            groups: 1,
            hint: Hint::new(0, order),
            data_bytes: 0,
        };
        let write = |out: &mut BytesMut| {
            header.encode(order, out);
            out.put_slice(group.field());
        };
        self.outbox.append(write, None);
    }

    fn check(&self, bytes: usize) -> Result<(), RequestError> {
        if self.private == Name::EMPTY {
            return Err(RequestError::NotOpen);
        }
        if self.ended {
            return Err(RequestError::Ended);
        }
        if bytes > 0 && !self.outbox.fits(bytes) {
            let queued = self.outbox.len();
            return Err(RequestError::Full { queued });
        }
        Ok(())
    }
}

fn joinable(group: &str) -> Result<Name, RequestError> {
    let name = Name::new(group).filter(|_| !group.is_empty() && is_name(group.as_bytes()));
    name.ok_or_else(|| RequestError::Group(String::from(group)))
}

/// A group, or a private name: `#`, a client, `#`, a daemon.
fn is_destination(text: &str) -> bool {
    let name = |part: &str| !part.is_empty() && is_name(part.as_bytes());
    let length = text.len() < NAME;
    match text.strip_prefix('#').map(|rest| rest.split_once('#')) {
        None => length && name(text),
        Some(Some((client, server))) => length && name(client) && name(server),
        Some(None) => false,
    }
}
