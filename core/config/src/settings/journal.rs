//! Settings of clustered logging on a node (reference 1.8).

use alloc::{string::String, vec::Vec};

use crate::Span;

/// A journal published for pulling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPath {
    /// The key; becomes `%{l}` at the manager.
    pub key: String,
    /// The directory of the journal.
    pub path: String,
    /// Where it was written.
    pub span: Span,
}

/// Where a logger writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A plain file (`file://` or a bare path).
    File(String),
    /// A journal (`cluster://`, `jlog://`).
    Journal {
        /// Its directory.
        path: String,
        /// Subscribers it must have (`=>name` or `?subscribers=a,b`).
        subscribers: Vec<String>,
    },
    /// Another scheme, kept as written: not ours to write.
    Other(String),
}

/// One destination of one logger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logger {
    /// The module, such as `ec_logger`.
    pub module: String,
    /// Its instance.
    pub instance: String,
    /// The option, such as `mainlog`.
    pub option: String,
    /// Where it goes.
    pub destination: Destination,
    /// Whether it gets the record of each connection: the `mainlog` of an `ec_logger`.
    pub connection_record: bool,
    /// Where it was written.
    pub span: Span,
}
