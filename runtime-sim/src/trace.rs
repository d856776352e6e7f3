//! The simulation trace as types: one [`Event`] is one JSON line.
//!
//! The format is fixed by the design (`trace.md`): names and meanings never change, fields and events may be
//! added, and readers ignore what they do not know. Everything that judges a run (the built-in checkers, those
//! of others, the exporters) sees a run only through these events, so nothing here depends on how a run was
//! made. What this is not: a log. Each line is a fact about the simulated world or about what a process did.

use std::collections::BTreeMap;

use ringfort_machine::Instant;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::checker::Violation;

mod name;

pub use name::{MessageName, NameError, Process, RecordId, Sum, Text};

/// The number written into the `run` line of a cluster of nodes.
pub const SCHEMA: u32 = 1;
/// The number of a trace that may have `own` lines, which the lab adds ([`crate::lab`]).
pub const SCHEMA_OWN: u32 = 2;

/// One line of a trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Simulated nanoseconds since the start of the run; never decreases.
    pub t: u64,
    /// What happened.
    #[serde(flatten)]
    pub kind: Kind,
    /// The process; absent on events of the world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<Process>,
}

impl Event {
    /// An event of the world.
    pub const fn world(at: Instant, kind: Kind) -> Self {
        Self {
            t: at.as_nanos(),
            kind,
            p: None,
        }
    }

    /// An event of process `p`.
    pub const fn of(at: Instant, p: Process, kind: Kind) -> Self {
        Self {
            t: at.as_nanos(),
            kind,
            p: Some(p),
        }
    }

    /// What a line of the user's kind `what` says; nothing if this is another line.
    ///
    /// # Errors
    /// A violation if it is such a line, but no `T`: a checker that skipped it would judge nothing.
    pub fn own<T: DeserializeOwned>(&self, what: &str) -> Result<Option<T>, Violation> {
        let Kind::Own { what: named, data } = &self.kind else {
            return Ok(None);
        };
        if named.as_str() != what {
            return Ok(None);
        }
        T::deserialize(data).map(Some).map_err(|error| {
            let said = format!("a line `{what}` holds {data}: {error}");
            Violation::new("trace", said)
        })
    }

    /// When it happened.
    pub const fn at(&self) -> Instant {
        Instant::from_nanos(self.t)
    }
}

/// What an event says, by its `ev` field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ev", rename_all = "snake_case")]
pub enum Kind {
    /// The first line.
    Run(Box<Run>),
    /// The process begins.
    Start,
    /// The process is gone.
    Crash {
        /// In which way.
        how: CrashKind,
    },
    /// The process has left in good order.
    Stop,
    /// The execution of the process stands still.
    Pause,
    /// The execution of the process goes on.
    Resume,
    /// One direction of one link is lost.
    Cut {
        /// The sending node.
        from: Text,
        /// The receiving node.
        to: Text,
    },
    /// One direction of one link is restored.
    Heal {
        /// The sending node.
        from: Text,
        /// The receiving node.
        to: Text,
    },
    /// A disk fault strikes.
    Disk {
        /// Which: `torn`, `lost`, `full`, `sync-failed`, …
        fault: Text,
    },
    /// No fault is injected from here on.
    Calm {
        /// If present, every link between these nodes and the rest is cut both ways for good.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        core: Option<Vec<Text>>,
    },
    /// The last line.
    End {
        /// SHA-256 over all bytes of the file before this line, 64 lower-case hex digits.
        hash: String,
        /// `ok`, or the name of the checker that failed.
        verdict: String,
    },

    /// A configuration is delivered to the application of the process.
    Conf {
        /// Its id, unique in the run.
        conf: Text,
        /// Its kind.
        kind: ConfKind,
        /// Its members.
        members: Vec<Process>,
        /// For a transitional one, the regular one that it follows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reg: Option<Text>,
    },
    /// The application handed a message over.
    Submit {
        /// The message.
        m: MessageName,
    },
    /// The application was told that the outbox is full.
    Refuse {
        /// The message.
        m: MessageName,
    },
    /// A message gets its place in the order.
    Send {
        /// The message.
        m: MessageName,
        /// Its level.
        level: Level,
        /// The regular configuration it is sent in.
        conf: Text,
        /// Hash of its payload.
        sum: Sum,
    },
    /// A message is delivered to the application of the process.
    Deliver {
        /// The message.
        m: MessageName,
        /// Its level.
        level: Level,
        /// The last configuration delivered at the process.
        conf: Text,
        /// Hash of its payload.
        sum: Sum,
        /// Its ordinal, unique in a regular configuration over all levels.
        n: u64,
    },

    /// A client asks to join a group.
    Join {
        /// The client.
        client: Text,
        /// The group.
        group: Text,
    },
    /// A client asks to leave a group.
    Leave {
        /// The client.
        client: Text,
        /// The group.
        group: Text,
    },
    /// The connection of a client ended.
    Disconnect {
        /// The client.
        client: Text,
    },
    /// A client sends a message.
    Gsend {
        /// The client.
        client: Text,
        /// The message.
        m: Text,
        /// The groups, or the name of the receiver of a private message.
        groups: Vec<Text>,
        /// Its level.
        level: Level,
    },
    /// A view of a group is delivered to a client.
    View {
        /// The client.
        client: Text,
        /// The group.
        group: Text,
        /// Its id, unique in the group.
        view: Text,
        /// The members, in the order of the group.
        members: Vec<Text>,
        /// Why it came.
        cause: ViewCause,
        /// For `network`, the virtual-synchrony set, the client included.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        with: Option<Vec<Text>>,
    },
    /// A message of a group is delivered to a client.
    Gdeliver {
        /// The client.
        client: Text,
        /// The group.
        group: Text,
        /// The message.
        m: Text,
        /// Its level.
        level: Level,
    },

    /// The simulated interface of the node has the address.
    VipUp {
        /// The address and its prefix.
        vip: Text,
        /// The interface.
        iface: Text,
    },
    /// The simulated interface of the node no longer has the address.
    VipDown {
        /// The address and its prefix.
        vip: Text,
        /// The interface.
        iface: Text,
    },
    /// A client host on the segment tried to reach the address.
    VipProbe {
        /// The address and its prefix.
        vip: Text,
        /// Whether an answer came.
        ok: bool,
        /// The process that answered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Process>,
    },

    /// A record is handed to a log.
    Append {
        /// The log.
        log: Text,
        /// The record.
        id: RecordId,
        /// Hash of its payload.
        sum: Sum,
        /// Which durability is promised.
        class: Durability,
    },
    /// Everything up to a record is promised to survive a power loss.
    Durable {
        /// The log.
        log: Text,
        /// The last record that is durable.
        upto: RecordId,
    },
    /// A subscriber exists from here on.
    Subscribe {
        /// The node of the log.
        node: Text,
        /// The log.
        log: Text,
        /// The subscriber.
        sub: Text,
        /// The first record wanted; absent for the beginning.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<RecordId>,
    },
    /// A record reached the durable output of a subscriber.
    Record {
        /// The node of the log.
        node: Text,
        /// The log.
        log: Text,
        /// The subscriber.
        sub: Text,
        /// The record.
        id: RecordId,
        /// Hash of its payload.
        sum: Sum,
    },
    /// The subscriber is told of records that it will never get.
    Gap {
        /// The node of the log.
        node: Text,
        /// The log.
        log: Text,
        /// The subscriber.
        sub: Text,
        /// The first of them.
        first: RecordId,
        /// The last of them.
        last: RecordId,
        /// Why: `power`, `budget`, `disk`, `decommission`.
        cause: Text,
    },
    /// The subscriber has acknowledged everything up to a record, durably at the node.
    Checkpoint {
        /// The node of the log.
        node: Text,
        /// The log.
        log: Text,
        /// The subscriber.
        sub: Text,
        /// The last record acknowledged.
        id: RecordId,
    },

    /// A local contribution changes.
    Count {
        /// The replicated object.
        object: Text,
        /// The key in it.
        key: Text,
        /// Which kind of number.
        kind: CountKind,
        /// The difference.
        by: i64,
    },
    /// The fingerprint of an aggregate at one place in the order.
    Tree {
        /// The replicated object.
        object: Text,
        /// The last configuration delivered at the process.
        conf: Text,
        /// The position in it; 0 just after the configuration.
        n: u64,
        /// Hash of the aggregate.
        hash: Sum,
        /// Sum over all keys.
        total: i64,
    },
    /// A value enters a replicated cache.
    Put {
        /// The replicated object.
        object: Text,
        /// The key in it.
        key: Text,
        /// Hash of the value.
        sum: Option<Sum>,
    },
    /// A value is read from a replicated cache.
    Get {
        /// The replicated object.
        object: Text,
        /// The key in it.
        key: Text,
        /// Hash of the value; null for a miss.
        sum: Option<Sum>,
    },

    /// A process accepts a revision of the configuration repository.
    Commit {
        /// The cluster.
        cluster: Text,
        /// The revision.
        rev: Text,
        /// Its parent; null for the first.
        parent: Option<Text>,
    },
    /// The state of the repository at a process changed.
    Repo {
        /// The cluster.
        cluster: Text,
        /// The newest revision.
        head: Text,
        /// `master`, `slave` or `conflict`.
        state: Text,
    },
    /// The working copy now is exactly a revision.
    Applied {
        /// The cluster.
        cluster: Text,
        /// The revision.
        rev: Text,
        /// Whether local changes lie on top of it.
        local: bool,
    },

    /// A line of a user's own, from a process in a [`crate::lab`]. Read it with [`Event::own`].
    Own {
        /// Which of the user's kinds it is.
        what: Text,
        /// Whatever belongs to it.
        data: Value,
    },

    /// An event of a later schema. Readers skip it.
    #[serde(other)]
    Unknown,
}

/// The content of the `run` line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Version of the format: [`SCHEMA`].
    pub schema: u32,
    /// The number from which everything in the run was drawn.
    pub seed: u64,
    /// The commit of the program.
    pub commit: String,
    /// All nodes of the cluster.
    pub nodes: Vec<Text>,
    /// Every drawn parameter.
    pub options: RunOptions,
}

/// The drawn parameters of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunOptions {
    /// The kinds of faults that may occur; empty for none.
    pub faults: Vec<Text>,
    /// All configured virtual addresses.
    pub vips: Vec<Text>,
    /// The families of services exercised: `groups`, `vips`, `logs`, `counters`, `repo`.
    pub services: Vec<Text>,
    /// Whether a log may drop records.
    pub gaps: bool,
    /// Everything else that was drawn.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

/// How a process was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CrashKind {
    /// The process only: its machine, disk cache and addresses live on.
    Kill,
    /// The whole machine: what the disk had not synced and the addresses are lost too.
    Power,
}

/// Which kind a configuration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfKind {
    /// Messages are sent in it.
    Regular,
    /// Holds those who move on together.
    Transitional,
}

/// The level of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Unordered.
    Reliable,
    /// In the order of its sender.
    Fifo,
    /// After its causes.
    Causal,
    /// In one order everywhere.
    Agreed,
    /// Agreed, and only when every member has it.
    Safe,
}

impl From<ringfort_machine::Level> for Level {
    fn from(level: ringfort_machine::Level) -> Self {
        match level {
            ringfort_machine::Level::Reliable => Self::Reliable,
            ringfort_machine::Level::Fifo => Self::Fifo,
            ringfort_machine::Level::Causal => Self::Causal,
            ringfort_machine::Level::Agreed => Self::Agreed,
            ringfort_machine::Level::Safe => Self::Safe,
        }
    }
}

/// Why a view of a group changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewCause {
    /// A client joined.
    Join,
    /// A client left.
    Leave,
    /// The connection of a client ended.
    Disconnect,
    /// The configuration changed.
    Network,
    /// A mark: what follows belongs to the transitional configuration.
    Transitional,
}

/// Which durability an append asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// None is promised.
    None,
    /// With the next batch.
    Batch,
    /// As soon as possible.
    Sync,
}

/// Which kind of number a contribution is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountKind {
    /// Goes up and down, and leaves with its process.
    Gauge,
    /// Only grows, and stays.
    Total,
}

#[cfg(test)]
mod tests;
