//! What a client is told, as bytes (reference: Spread client protocol, section 6). We write little-endian words
//! whatever the client writes; the hint of a message goes through untouched.

use alloc::{vec, vec::Vec};

use bytes::{BufMut, Bytes, BytesMut};
use ringfort_wire::{
    group::GroupName,
    session::{ByteOrder, GROUPS, GroupId, Header, Hint, Membership, Name, bits},
};

use crate::{Cause, Command, Message, View, request, state::Open};

const OURS: ByteOrder = ByteOrder::Little;
/// The hint of what no application sent.
pub(crate) const NO_HINT: Hint = Hint::new(0, OURS);

/// Header and names of a message; its data follows as it is.
pub(crate) fn message(message: &Message) -> Bytes {
    let (kind, hint) = request::untag(message.tag, message.level, message.self_discard);
    let groups = shown(&message.groups);
    head(kind, message.from, hint, &groups, message.payload.len()).freeze()
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
