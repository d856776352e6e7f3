//! What an open session asks for: a header, names and data as a command (reference: Spread client protocol,
//! section 5). A header that cannot be is the end of the session, at once and without a word: the stream has
//! lost its place or the client means harm.

use alloc::vec::Vec;

use bytes::Bytes;
use ringfort_machine::{
    Level,
    defect::{Defect, active},
};
use ringfort_wire::{
    group::GroupName,
    session::{Header, HeaderError, Hint, NAME, Name, bits, header::HEADER},
};

use crate::Command;

/// How a client broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The header cannot be read.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// Not exactly one service or request, or a bit that only servers may set.
    #[error("kind {0:#010x} is not one request")]
    Kind(u32),
    /// The name is not this session's.
    #[error("the name in the header is not that of the session")]
    Sender,
    /// More data and names than allowed.
    #[error("{found} bytes of names and data, at most {limit} are allowed")]
    TooLong {
        /// Bytes found.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// A join or leave of what is not a group.
    #[error("a join or leave needs the name of a group")]
    Group,
}

/// What a header begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Send(Level),
    Join,
    Leave,
    Kill,
}

/// Reads and checks a header of the session called `private`.
pub(crate) fn header(
    bytes: &Bytes,
    private: Name,
    limit: usize,
    groups_limit: usize,
) -> Result<Header, Violation> {
    let whole = bytes.first_chunk::<HEADER>();
    assert!(whole.is_some(), "a header was taken whole");
    let (header, _) = Header::decode(whole.unwrap_or(&[0; HEADER]), groups_limit)?;
    request(header.kind)?;
    if header.name != private && !active(Defect::AcceptAnySender) {
        return Err(Violation::Sender);
    }
    let found = header.rest_bytes();
    if found > limit {
        return Err(Violation::TooLong { found, limit });
    }
    Ok(header)
}

/// The one request that `kind` is.
pub(crate) fn request(kind: u32) -> Result<Request, Violation> {
    if kind & bits::RESERVED & !bits::REQUESTS != 0 {
        return Err(Violation::Kind(kind));
    }
    match kind & (bits::SERVICES | bits::REQUESTS) {
        bits::UNRELIABLE | bits::RELIABLE => Ok(Request::Send(Level::Reliable)),
        bits::FIFO => Ok(Request::Send(Level::Fifo)),
        bits::CAUSAL => Ok(Request::Send(Level::Causal)),
        bits::AGREED => Ok(Request::Send(Level::Agreed)),
        bits::SAFE => Ok(Request::Send(Level::Safe)),
        bits::JOIN => Ok(Request::Join),
        bits::LEAVE => Ok(Request::Leave),
        bits::KILL => Ok(Request::Kill),
        _ => Err(Violation::Kind(kind)),
    }
}

/// A request with all its names and data.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Nothing for a message that has no destination.
    pub(crate) command: Option<Command>,
    /// Destinations that were not names.
    pub(crate) illegal: usize,
}

/// Turns a checked header and what follows it into a command. A second name and data of a join or leave are
/// ignored, as Spread does.
pub(crate) fn command(header: &Header, rest: &Bytes) -> Result<Asked, Violation> {
    let names = rest.get(..header.groups * NAME).unwrap_or_default();
    let mut groups = names.chunks_exact(NAME).map(group);
    let command = match request(header.kind)? {
        Request::Join => Command::Join {
            group: joinable(groups.next())?,
        },
        Request::Leave => Command::Leave {
            group: joinable(groups.next())?,
        },
        Request::Kill => Command::Disconnect,
        Request::Send(level) => {
            let legal: Vec<GroupName> = groups.flatten().collect();
            let illegal = header.groups - legal.len();
            let command = (!legal.is_empty()).then(|| Command::Send {
                groups: legal,
                level,
                self_discard: header.kind & bits::SELF_DISCARD != 0,
                tag: tag(header.kind, header.hint),
                payload: rest.slice(names.len()..),
            });
            return Ok(Asked { command, illegal });
        }
    };
    Ok(Asked {
        command: Some(command),
        illegal: 0,
    })
}

fn group(field: &[u8]) -> Option<GroupName> {
    let name = Name::from_field(field.first_chunk::<NAME>()?)?;
    GroupName::new(name.as_str()).ok()
}

/// Nobody can join or leave a private name, and what is no name is no group.
fn joinable(group: Option<Option<GroupName>>) -> Result<GroupName, Violation> {
    group
        .flatten()
        .filter(|group| !group.is_private())
        .ok_or(Violation::Group)
}

/// What a message carries besides its level: the service bit as it was, the bits that are passed on, and the
/// hint. Receivers get these unchanged.
fn tag(kind: u32, hint: Hint) -> u64 {
    let bits = kind & (bits::SERVICES | bits::PASSED);
    u64::from(bits) | u64::from(u32::from_le_bytes(hint.0)) << 32
}

/// The kind and the hint that `tag` carries, if it is one of ours and means `level`.
pub(crate) fn untag(tag: u64, level: Level, self_discard: bool) -> (u32, Hint) {
    let kind = tag as u32;
    let hint = Hint(((tag >> 32) as u32).to_le_bytes());
    let ours = kind & !(bits::SERVICES | bits::PASSED) == 0
        && request(kind) == Ok(Request::Send(level))
        && (kind & bits::SELF_DISCARD != 0) == self_discard
        && hint.is_legal();
    if ours {
        return (kind, hint);
    }
    let discard = if self_discard { bits::SELF_DISCARD } else { 0 };
    (service(level) | discard, crate::deliver::NO_HINT)
}

const fn service(level: Level) -> u32 {
    match level {
        Level::Reliable => bits::RELIABLE,
        Level::Fifo => bits::FIFO,
        Level::Causal => bits::CAUSAL,
        Level::Agreed => bits::AGREED,
        Level::Safe => bits::SAFE,
    }
}
