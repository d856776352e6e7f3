//! A list of names as it stands in a message: read when somebody looks, so that a message costs no allocation for it.

use alloc::string::String;
use core::fmt;

use bytes::Bytes;
use ringfort_wire::session::{NAME, Name};

/// The destinations of a message, in the order that the sender gave them.
#[derive(Clone, PartialEq, Eq)]
pub struct Names(Bytes);

impl Names {
    /// The list in `fields`, a multiple of 32 bytes.
    pub(crate) fn new(fields: Bytes) -> Self {
        assert!(fields.len().is_multiple_of(NAME), "whole fields");
        Self(fields)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len() / NAME
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names. What a careless sender put into a field and is no name is shown as one that no group can have.
    pub fn iter(&self) -> impl Iterator<Item = Name> + '_ {
        self.0.as_chunks::<NAME>().0.iter().map(|field| {
            Name::from_field(field).unwrap_or_else(|| {
                let text: String = String::from_utf8_lossy(field).into_owned();
                Name::shown(&text)
            })
        })
    }

    /// Whether `name` is one of them.
    pub fn contains(&self, name: &str) -> bool {
        self.iter().any(|other| other.as_str() == name)
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
