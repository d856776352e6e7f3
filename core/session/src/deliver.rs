//! What a client is told, as bytes (reference: Spread client protocol, section 6). We write little-endian words
//! whatever the client writes; the hint of a message goes through untouched.

use alloc::{sync::Arc, vec, vec::Vec};

use bytes::{BufMut, Bytes, BytesMut};
use ringfort_wire::{
    group::GroupName,
    session::{
        ByteOrder, GROUPS, GroupId, Header, Hint, Membership, NAME, Name, bits, header::HEADER,
    },
};

use crate::{Cause, Command, Message, View, request, state::Open};

const OURS: ByteOrder = ByteOrder::Little;
/// Data up to this length is copied behind its header: one piece is cheaper to queue and to write than two, and it
/// does not keep the datagram that it came in.
const COPIED: usize = 1024;
/// Heads and short messages are written one behind the other into pieces of memory of this size: neighbours are
/// sent, and let go, together.
const CHUNK: usize = 16 << 10;
/// The hint of what no application sent.
pub(crate) const NO_HINT: Hint = Hint::new(0, OURS);

/// A message as bytes: header and names, then what follows them as it is. What is written goes to the end of
/// `chunk`, which is renewed when it is full.
pub(crate) fn message(message: &Message, chunk: &mut BytesMut) -> (Bytes, Bytes) {
    let (kind, hint) = request::untag(message.tag, message.level, message.self_discard);
    let payload = &message.payload;
    let copied = if payload.len() > COPIED {
        0
    } else {
        payload.len()
    };
    let header = Header {
        kind,
        name: message.from,
        groups: message.groups.len(),
        hint,
        data_bytes: payload.len(),
    };
    let needed = HEADER + NAME * message.groups.len() + copied;
    if chunk.capacity() - chunk.len() < needed {
        *chunk = BytesMut::with_capacity(needed.max(CHUNK));
    }
    header.encode(OURS, chunk);
    for group in message.groups.iter() {
        chunk.put_slice(Name::shown(group.as_str()).field());
    }
    if copied == payload.len() {
        chunk.put_slice(payload);
        return (chunk.split().freeze(), Bytes::new());
    }
    (chunk.split().freeze(), payload.clone())
}

/// The last message, which the group layer gives to every local client that it reaches, and its bytes.
#[derive(Debug)]
pub(crate) struct Shared {
    message: Message,
    bytes: (Bytes, Bytes),
}

impl Shared {
    pub(crate) fn new(message: Message, chunk: &mut BytesMut) -> Self {
        let bytes = self::message(&message, chunk);
        Self { message, bytes }
    }

    pub(crate) fn bytes(&self) -> (Bytes, Bytes) {
        self.bytes.clone()
    }

    /// The bytes, if they are those of `message` too. The list of groups is one value in all copies of a message,
    /// so other messages are told apart without a look at their data.
    pub(crate) fn of(&self, message: &Message) -> Option<(Bytes, Bytes)> {
        let own = &self.message;
        let same = Arc::ptr_eq(&own.groups, &message.groups)
            && (own.from, own.level, own.self_discard, own.tag)
                == (
                    message.from,
                    message.level,
                    message.self_discard,
                    message.tag,
                )
            && own.payload.as_ptr() == message.payload.as_ptr()
            && own.payload.len() == message.payload.len();
        same.then(|| self.bytes.clone())
    }
}

/// What a view looks like to the client of `open`; nothing if it does not want to know.
pub(crate) fn view(open: &mut Open, view: &View) -> Option<Bytes> {
    if !open.wants_membership {
        return None;
    }
    let group = Name::shown(view.group.as_str());
    let (cause, sets) = match &view.cause {
        Cause::Leave(member) if *member == open.private => {
            open.views.remove(&view.group);
            return Some(head(bits::BY_LEAVE, group, NO_HINT, &[], 0).freeze());
        }
        Cause::Transitional => {
            let last = open.views.get(&view.group).unwrap_or(&view.id);
            return Some(transitional(group, last));
        }
        Cause::Join(member) => (bits::BY_JOIN, vec![vec![*member]]),
        Cause::Leave(member) => (bits::BY_LEAVE, vec![vec![*member]]),
        Cause::Disconnect(member) => (bits::BY_DISCONNECT, vec![vec![*member]]),
        Cause::Network { sets } => (bits::BY_NETWORK, sets.to_vec()),
    };
    open.views.insert(view.group.clone(), view.id);
    let own = sets.iter().position(|set| set.contains(&open.private));
    let membership = Membership {
        id: view.id,
        sets,
        own: own.unwrap_or(0),
    };
    let kind = bits::VIEW | cause;
    let mut out = head(kind, group, NO_HINT, &view.members, membership.bytes());
    membership.encode(OURS, &mut out);
    Some(out.freeze())
}

fn transitional(group: Name, last: &GroupId) -> Bytes {
    let mut out = head(bits::TRANSITIONAL, group, NO_HINT, &[], 12);
    last.encode(OURS, &mut out);
    out.freeze()
}

/// A request that the group layer refused, given back to its sender: header and names, then the data. Nothing
/// for a request that has no answer, or whose sender wanted none.
pub(crate) fn rejected(private: Name, command: Command) -> Option<(Bytes, Bytes)> {
    let (old, hint, groups, data) = match command {
        Command::Connect { .. } | Command::Disconnect => return None,
        Command::Join { group } => (bits::BY_JOIN, NO_HINT, vec![group], Bytes::new()),
        Command::Leave { group } => (bits::BY_LEAVE, NO_HINT, vec![group], Bytes::new()),
        Command::Send {
            groups,
            level,
            self_discard,
            tag,
            payload,
        } => {
            if self_discard {
                return None;
            }
            let (kind, hint) = request::untag(tag, level, self_discard);
            (kind, hint, groups, payload)
        }
    };
    let mut names = shown(&groups);
    names.truncate(GROUPS - 1);
    names.push(private);
    let mut out = BytesMut::new();
    let header = Header {
        kind: bits::REJECTED,
        name: private,
        groups: names.len(),
        hint,
        data_bytes: data.len(),
    };
    header.encode(OURS, &mut out);
    out.put_slice(&OURS.write(old | OURS.flag()));
    put_names(&mut out, &names);
    Some((out.freeze(), data))
}

fn shown(groups: &[GroupName]) -> Vec<Name> {
    let name = |group: &GroupName| Name::shown(group.as_str());
    groups.iter().map(name).collect()
}

fn head(kind: u32, name: Name, hint: Hint, names: &[Name], data_bytes: usize) -> BytesMut {
    let header = Header {
        kind,
        name,
        groups: names.len(),
        hint,
        data_bytes,
    };
    let mut out = BytesMut::with_capacity(48 + header.rest_bytes());
    header.encode(OURS, &mut out);
    put_names(&mut out, names);
    out
}

fn put_names(out: &mut BytesMut, names: &[Name]) {
    for name in names {
        out.put_slice(name.field());
    }
}
