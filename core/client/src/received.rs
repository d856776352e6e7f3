//! What a daemon tells its client after the handshake (reference: Spread client protocol, section 6).

use alloc::{string::String, vec::Vec};

use bytes::Bytes;
use ringfort_wire::session::{
    ByteOrder, GroupId, Header, Membership, NAME, Name, bits, header::HEADER,
};

use crate::{Names, Service, StreamError};

/// Something from the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A message.
    Message(Message),
    /// The membership of a group that we are in changed.
    View(View),
    /// Members of the group were lost: what follows, up to the next view, is ordered among the survivors only.
    Transitional {
        /// The group.
        group: Name,
        /// The last view of it.
        id: GroupId,
    },
    /// We left the group; nothing more comes from it.
    Left {
        /// The group.
        group: Name,
    },
    /// The daemon refused a request of ours.
    Rejected(Rejected),
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The private name of the sender: a destination for an answer.
    pub sender: Name,
    /// What was asked of the delivery.
    pub service: Service,
    /// All destinations as the sender gave them: groups and private names, those that do not exist included.
    pub groups: Names,
    /// The sender's 16 bits (Spread: `mess_type`).
    pub tag: i16,
    /// The sender's byte order; its data are as it wrote them.
    pub order: ByteOrder,
    /// Bits beside the service: self discard (0x40), and 0x40000000 of the Flush library. Others mean nothing.
    pub flags: u32,
    /// The data: a slice of the buffer that was read into, at most 64 KiB or as long as the message. Copy what is
    /// kept for long.
    pub data: Bytes,
}

/// A view: the membership of a group after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The group.
    pub group: Name,
    /// Its id, equal at all members. Compare for equality; there is no order.
    pub id: GroupId,
    /// The private names of the members, in an order that is the same everywhere.
    pub members: Vec<Name>,
    /// What changed.
    pub cause: Cause,
}

/// Why there is a new view. Members are private names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The member joined; it may be us.
    Join(Name),
    /// The member left.
    Leave(Name),
    /// The member's session ended.
    Disconnect(Name),
    /// Daemons were lost or found.
    Network {
        /// The members by where they came from (virtual-synchrony sets): those of one set saw the same messages.
        sets: Vec<Vec<Name>>,
        /// Which set we are in.
        own: usize,
    },
}

/// A request that the daemon gave back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// What was asked.
    pub request: Refused,
    /// The groups, and last our own private name.
    pub groups: Names,
    /// The 16 bits that we gave.
    pub tag: i16,
    /// The data that we gave.
    pub data: Bytes,
}

/// What kind of request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// To join a group.
    Join,
    /// To leave it.
    Leave,
    /// To send a message.
    Multicast(Service),
}

impl View {
    /// The place of `member` among the members (Spread gives the receiver's own as `mess_type`).
    pub fn position(&self, member: &Name) -> Option<usize> {
        self.members.iter().position(|other| other == member)
    }

    /// Those that came from the last view together with us, and saw what we saw: everybody but one who joined, or our
    /// set.
    pub fn together(&self) -> Vec<Name> {
        match &self.cause {
            Cause::Join(new) => {
                let old = self.members.iter().filter(|member| *member != new);
                old.copied().collect()
            }
            Cause::Leave(_) | Cause::Disconnect(_) => self.members.clone(),
            Cause::Network { sets, own } => sets.get(*own).cloned().unwrap_or_default(),
        }
    }
}

impl Message {
    /// Whether the sender asked for no copy of its own.
    pub const fn is_self_discard(&self) -> bool {
        self.flags & bits::SELF_DISCARD != 0
    }
}

/// Bytes between header and names: a rejected message has its old kind there. A service beside the bit means that a
/// careless daemon let another client's bit through.
pub(crate) const fn extra_bytes(kind: u32) -> usize {
    if kind & bits::REJECTED != 0 && kind & bits::SERVICES == 0 {
        4
    } else {
        0
    }
}

/// Reads a whole message with its header. What a client can forge with a daemon that lets it (any bit beside its
/// service) stays a message.
pub(crate) fn decode(
    header: &Header,
    order: ByteOrder,
    whole: &Bytes,
) -> Result<Received, StreamError> {
    let kind = header.kind;
    let extra = extra_bytes(kind);
    let names_at = HEADER + extra;
    let data_at = names_at + header.groups * NAME;
    let groups = Names::new(whole.slice(names_at..data_at));
    let data = whole.slice(data_at..);
    let tag = header.hint.value().cast_signed();
    if kind & bits::SERVICES != 0 {
        let service = Service::of(kind).ok_or(StreamError::Kind(kind))?;
        return Ok(Received::Message(Message {
            sender: header.name,
            service,
            groups,
            tag,
            order: ByteOrder::of(header.hint.0),
            flags: kind & !bits::SERVICES,
            data,
        }));
    }
    if extra > 0 {
        let old = whole.get(HEADER..).and_then(<[u8]>::first_chunk::<4>);
        let request = refused(order.read(*old.unwrap_or(&[0; 4])))?;
        return Ok(Received::Rejected(Rejected {
            request,
            groups,
            tag,
            data,
        }));
    }
    membership(header, order, &groups, &data)
}

fn refused(old: u32) -> Result<Refused, StreamError> {
    let old = old & !bits::LITTLE;
    match Service::of(old) {
        Some(service) => Ok(Refused::Multicast(service)),
        None if old & bits::BY_JOIN != 0 => Ok(Refused::Join),
        None if old & bits::BY_LEAVE != 0 => Ok(Refused::Leave),
        None => Err(StreamError::Kind(old | bits::REJECTED)),
    }
}

fn membership(
    header: &Header,
    order: ByteOrder,
    names: &Names,
    data: &[u8],
) -> Result<Received, StreamError> {
    let group = header.name;
    let wrong = || StreamError::Membership(String::from(group.as_str()));
    const CAUSES: u32 = bits::BY_JOIN | bits::BY_LEAVE | bits::BY_DISCONNECT | bits::BY_NETWORK;
    match (
        header.kind & (bits::VIEW | bits::TRANSITIONAL),
        header.kind & CAUSES,
    ) {
        (0, bits::BY_LEAVE) => Ok(Received::Left { group }),
        (bits::TRANSITIONAL, 0) => {
            let (words, []) = data.as_chunks::<4>() else {
                return Err(wrong());
            };
            let [a, b, c] = words else {
                return Err(wrong());
            };
            let id = GroupId([order.read(*a), order.read(*b), order.read(*c)]);
            Ok(Received::Transitional { group, id })
        }
        (bits::VIEW, cause) => {
            let Membership { id, sets, own } = Membership::decode(data, order).ok_or_else(wrong)?;
            let about = || sets.first().and_then(|set| set.first()).copied();
            let cause = match cause {
                bits::BY_JOIN => Cause::Join(about().ok_or_else(wrong)?),
                bits::BY_LEAVE => Cause::Leave(about().ok_or_else(wrong)?),
                bits::BY_DISCONNECT => Cause::Disconnect(about().ok_or_else(wrong)?),
                bits::BY_NETWORK => Cause::Network { sets, own },
                _ => return Err(StreamError::Kind(header.kind)),
            };
            Ok(Received::View(View {
                group,
                id,
                members: names.iter().collect(),
                cause,
            }))
        }
        _ => Err(StreamError::Kind(header.kind)),
    }
}
