//! The names in a trace. Typed, so that a checker cannot take a message for a process, and cheap to clone,
//! since a run writes hundreds of thousands of them. On the line each is one string.

use std::{
    cmp::Ordering,
    fmt::{self, Write as _},
    num::ParseIntError,
    ops::Deref,
    str::FromStr,
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A string that is not a name of the kind expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct NameError {
    text: String,
    expected: &'static str,
}

impl NameError {
    fn new(text: &str, expected: &'static str) -> Self {
        Self {
            text: text.to_owned(),
            expected,
        }
    }
}

/// A shared string: a node, a group, a client, an address, the id of a configuration or of a view.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Text(Arc<str>);

impl Ord for Text {
    /// Most that meet are the same string: the checkers look up by names all the time.
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            return Ordering::Equal;
        }
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Text {
    /// The string itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<Arc<str>> for Text {
    fn from(text: Arc<str>) -> Self {
        Self(text)
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// A process: `n1#1` is node `n1` in its first life.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    node: Text,
    incarnation: u64,
}

impl Process {
    /// Node `node` in life `incarnation`.
    pub const fn new(node: Text, incarnation: u64) -> Self {
        Self { node, incarnation }
    }

    /// The node.
    pub const fn node(&self) -> &Text {
        &self.node
    }

    /// Which life of the node, counted from 1.
    pub const fn incarnation(&self) -> u64 {
        self.incarnation
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.node, self.incarnation)
    }
}

impl FromStr for Process {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = || NameError::new(text, "a process, such as n1#1");
        let (node, incarnation) = text.rsplit_once('#').ok_or_else(wrong)?;
        let incarnation = incarnation.parse().map_err(|_: ParseIntError| wrong())?;
        Ok(Self::new(node.into(), incarnation))
    }
}

/// A message at the ring: `n1#1:17` is the 17th of process `n1#1`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageName {
    /// The sender.
    pub process: Process,
    /// Its number at the sender, counted from 1.
    pub number: u64,
}

impl MessageName {
    /// Message `number` of `process`.
    pub const fn new(process: Process, number: u64) -> Self {
        Self { process, number }
    }
}

impl fmt::Display for MessageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.process, self.number)
    }
}

impl FromStr for MessageName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = || NameError::new(text, "a message, such as n1#1:17");
        let (process, number) = text.rsplit_once(':').ok_or_else(wrong)?;
        let number = number.parse().map_err(|_: ParseIntError| wrong())?;
        Ok(Self::new(
            process.parse().map_err(|_: NameError| wrong())?,
            number,
        ))
    }
}

/// A record of a log: `2:17` is sequence 17 of the log's incarnation 2. Ordered as the log is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId {
    /// Which life of the log.
    pub incarnation: u64,
    /// The place in it.
    pub sequence: u64,
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.incarnation, self.sequence)
    }
}

impl FromStr for RecordId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = || NameError::new(text, "a record id, such as 2:17");
        let number = |part: &str| part.parse().map_err(|_: ParseIntError| wrong());
        let (incarnation, sequence) = text.split_once(':').ok_or_else(wrong)?;
        Ok(Self {
            incarnation: number(incarnation)?,
            sequence: number(sequence)?,
        })
    }
}

/// A hash of a payload or of a state: 16 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sum(pub u64);

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Sum {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        u64::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| NameError::new(text, "a hash of up to 16 hex digits"))
    }
}

/// A short string on the stack: names are written far too often to allocate for each.
struct Short {
    bytes: [u8; Self::LIMIT],
    length: usize,
}

impl Short {
    const LIMIT: usize = 96;
}

impl fmt::Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let room = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

fn serialize_display<T: fmt::Display, S: Serializer>(
    name: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut short = Short {
        bytes: [0; Short::LIMIT],
        length: 0,
    };
    match write!(short, "{name}") {
        Ok(()) => {
            let text = std::str::from_utf8(&short.bytes[..short.length])
                .expect("whole strings were written");
            serializer.serialize_str(text)
        }
        Err(fmt::Error) => serializer.collect_str(name),
    }
}

macro_rules! as_one_string {
    ($($name:ty),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serialize_display(self, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

as_one_string!(Process, MessageName, RecordId, Sum);
