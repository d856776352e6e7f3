//! Names of clients and groups, held to one rule wherever they come from.
//!
//! The rule is the one libspread enforces (reference: Spread client protocol, section 3): every byte is in
//! 0x24..=0x7e, so that `#` can separate the parts of a private name. A private name, `#client#node`, stands
//! where a group name stands and reaches that one client; nobody can join it.

use alloc::{string::String, sync::Arc};
use core::fmt;

use ringfort_machine::NodeId;
use serde::{Deserialize, Serialize};

use crate::limits;

/// The longest client name, in bytes (Spread has 10; a session may insist on less).
pub const CLIENT_NAME: usize = 64;

/// Why a text is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It has no byte.
    #[error("a name must not be empty")]
    Empty,
    /// It is too long.
    #[error("{found} bytes, at most {limit} are allowed")]
    TooLong {
        /// Its length in bytes.
        found: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A byte that no name may have.
    #[error("byte {0:#04x} is not allowed, only 0x24 to 0x7e are")]
    Byte(u8),
    /// It starts like a private name and is none.
    #[error("a name that starts with '#' must have the form #client#node")]
    Private,
}

/// The name of a client, unique in its process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientName(Arc<str>);

/// The name of a group, or the private name of a client in its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GroupName(Arc<str>);

impl ClientName {
    /// The client name `text`.
    ///
    /// # Errors
    /// [`NameError`] if it breaks the rule of this module.
    pub fn new(text: &str) -> Result<Self, NameError> {
        check(text, CLIENT_NAME)?;
        Ok(Self(Arc::from(text)))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl GroupName {
    /// The group name `text`.
    ///
    /// # Errors
    /// [`NameError`] if it breaks the rule of this module.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if text.starts_with('#') {
            limit(text, limits::GROUP_NAME)?;
            split_private(text).ok_or(NameError::Private)?;
        } else {
            check(text, limits::GROUP_NAME)?;
        }
        Ok(Self(Arc::from(text)))
    }

    /// The private name of `client` at the node called `node`.
    ///
    /// # Errors
    /// [`NameError`] if `node` has a byte that no name may have, or the whole is too long.
    pub fn private(client: &ClientName, node: &str) -> Result<Self, NameError> {
        Self::new(&alloc::format!("#{}#{node}", client.as_str()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a private name.
    pub fn is_private(&self) -> bool {
        self.0.starts_with('#')
    }

    /// The client and the node of a private name; nothing for a group.
    pub fn receiver(&self) -> Option<(&str, NodeId)> {
        let (client, node) = split_private(&self.0)?;
        Some((client, NodeId::of_name(node)))
    }
}

fn limit(text: &str, limit: usize) -> Result<(), NameError> {
    match text.len() {
        0 => Err(NameError::Empty),
        found if found > limit => Err(NameError::TooLong { found, limit }),
        _ => Ok(()),
    }
}

fn check(text: &str, longest: usize) -> Result<(), NameError> {
    limit(text, longest)?;
    match text.bytes().find(|byte| !(0x24..=0x7e).contains(byte)) {
        Some(byte) => Err(NameError::Byte(byte)),
        None => Ok(()),
    }
}

fn split_private(text: &str) -> Option<(&str, &str)> {
    let (client, node) = text.strip_prefix('#')?.split_once('#')?;
    check(client, CLIENT_NAME).ok()?;
    check(node, limits::GROUP_NAME).ok()?;
    Some((client, node))
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ClientName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(&text)
    }
}

impl TryFrom<String> for GroupName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(&text)
    }
}

impl From<ClientName> for String {
    fn from(name: ClientName) -> Self {
        Self::from(&*name.0)
    }
}

impl From<GroupName> for String {
    fn from(name: GroupName) -> Self {
        Self::from(&*name.0)
    }
}

impl core::borrow::Borrow<str> for ClientName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl core::borrow::Borrow<str> for GroupName {
    fn borrow(&self) -> &str {
        &self.0
    }
}
