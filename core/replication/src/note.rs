//! What the replication service reports. Runtimes turn these into log lines and metrics.

use alloc::sync::Arc;

use ringfort_machine::ProcessId;
use ringfort_wire::DecodeError;

use crate::{ConfigError, Key};

/// Something happened that an operator may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A change was for an object that is not configured here; ignored.
    UnknownObject {
        /// The object's name.
        object: Arc<str>,
    },
    /// A change was for a netblock in a gauge table or for a text in a CIDR tree; ignored.
    WrongKey {
        /// The object's name.
        object: Arc<str>,
        /// The key.
        key: Key,
    },
    /// A change would have made a contribution negative; ignored. Something is released twice.
    BelowZero {
        /// The object's name.
        object: Arc<str>,
        /// The key.
        key: Key,
    },
    /// A change would have made a contribution larger than `u32::MAX`; ignored.
    AboveLimit {
        /// The object's name.
        object: Arc<str>,
        /// The key.
        key: Key,
    },
    /// A change needed one key more than the limit; ignored.
    KeysExhausted {
        /// The object's name.
        object: Arc<str>,
        /// The limit.
        limit: usize,
    },
    /// A new configuration was refused; the old one stays.
    ReloadRefused(ConfigError),
    /// A message broke the rules of the protocol; ignored.
    Malformed {
        /// Its sender.
        from: ProcessId,
        /// The rule.
        reason: DecodeError,
    },
    /// A message came from a process that is not in the view, such as an earlier life of a member; ignored.
    Stranger {
        /// Its sender.
        from: ProcessId,
    },
    /// A message came again; ignored.
    Duplicate {
        /// Its sender.
        from: ProcessId,
        /// Its number.
        version: u64,
    },
    /// Messages of a member are missing. Its contribution is not settled until it has sent all of it again.
    Missing {
        /// The member.
        from: ProcessId,
        /// The number that should have come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// A member has an object that is not configured here; its messages are ignored.
    NotConfigured {
        /// The member.
        process: ProcessId,
        /// The object's name.
        object: Arc<str>,
    },
    /// A member has an object of this name and another kind; its messages are ignored (reference 1.11, RP-6).
    KindMismatch {
        /// The member.
        process: ProcessId,
        /// The object's name.
        object: Arc<str>,
    },
    /// A part of a snapshot was not the one that should have come; discarded (reference 1.11, RP-7).
    OutOfOrder {
        /// The member.
        process: ProcessId,
        /// The object's name.
        object: Arc<str>,
        /// The number of the part that came.
        number: u32,
    },
    /// A member contributes more keys than the protocol allows; the rest was ignored.
    Overfull {
        /// The member.
        process: ProcessId,
        /// The object's name.
        object: Arc<str>,
    },
    /// The state of new members is being learned; until it is complete the aggregate may be too small.
    Unsettled {
        /// The object's name.
        object: Arc<str>,
    },
    /// The state of all members is known.
    Settled {
        /// The object's name.
        object: Arc<str>,
    },
    /// So many own messages are under way that changes wait longer than configured.
    Held {
        /// Messages under way.
        in_flight: u64,
    },
}

ringfort_machine::names!(
    Note:
    UnknownObject, WrongKey, BelowZero, AboveLimit, KeysExhausted, ReloadRefused, Malformed,
    Stranger, Duplicate, Missing, NotConfigured, KindMismatch, OutOfOrder, Overfull, Unsettled,
    Settled, Held,
);
