//! What a node tells about itself: the observability of the core. Runtimes turn notes into log lines and
//! counters; the simulator turns observations into its trace.

use alloc::string::String;
use core::net::SocketAddr;

use bytes::Bytes;
use ringfort_evs as evs;
use ringfort_groups as groups;
use ringfort_logs as logs;
use ringfort_machine::{Configuration, ConfigurationId, Level, NodeId, Position, ProcessId};
use ringfort_replication as replication;
use ringfort_seal as seal;
use ringfort_vip as vip;
use ringfort_wire::DecodeError;

use crate::{
    ConfigError,
    ident::{ListenerId, StreamId},
};

/// Something worth knowing.
#[derive(Clone, Debug)]
pub enum Note {
    /// From the ring.
    Ring(evs::Note),
    /// From the group layer.
    Groups(groups::Note),
    /// From the replicated counters.
    Replication(replication::Note),
    /// From the addresses.
    Vip(vip::Note),
    /// From the router of console commands.
    Console(ringfort_console::Note),
    /// From the logs.
    Logs(logs::Note),
    /// From the sessions of the bus' clients.
    Session(ringfort_session::Note),
    /// A datagram was dropped; nothing changed.
    DatagramRefused {
        /// Where it came from.
        from: SocketAddr,
        /// Why.
        why: DecodeError,
    },
    /// A datagram came from an address that belongs to no configured peer; nothing changed.
    StrangerHeard {
        /// Where it came from.
        from: SocketAddr,
    },
    /// From the seal.
    Seal(seal::Note),
    /// A stream was closed because of what it brought.
    StreamRefused {
        /// The stream.
        stream: StreamId,
        /// Why.
        why: DecodeError,
    },
    /// A message of a service could not be read; nothing changed.
    MessageRefused {
        /// Its sender.
        from: ProcessId,
        /// Why.
        why: DecodeError,
    },
    /// Two members have the same name or the same address.
    RosterClash {
        /// The first.
        one: NodeId,
        /// The second.
        other: NodeId,
    },
    /// A service listener could not be opened.
    ListenerFailed {
        /// The listener.
        listener: ListenerId,
        /// What the system said.
        reason: String,
    },
    /// A connection was turned away because its netblock has too many in the whole cluster.
    ConnectionRefused {
        /// The client.
        peer: SocketAddr,
    },
    /// A record could not be written to a log.
    RecordLost {
        /// The key of the log.
        log: String,
    },
    /// A new configuration is in force.
    Reloaded,
    /// A new configuration was refused; the old one stays.
    ReloadRefused(ConfigError),
    /// For the simulator and for tests; only when the configuration asks for it.
    Observed(Observation),
}

ringfort_machine::names!(
    Note:
    Ring, Groups, Replication, Vip, Console, Logs, Session, DatagramRefused, StrangerHeard, Seal, StreamRefused,
    MessageRefused, RosterClash, ListenerFailed, ConnectionRefused, RecordLost, Reloaded,
    ReloadRefused, Observed,
);

impl Note {
    /// Which machine says it, and what: the name of its crate and of the variant.
    pub const fn kind(&self) -> (&'static str, &'static str) {
        match self {
            Self::Ring(note) => ("evs", note.name()),
            Self::Groups(note) => ("groups", note.name()),
            Self::Replication(note) => ("replication", note.name()),
            Self::Vip(note) => ("vip", note.name()),
            Self::Console(note) => ("console", note.name()),
            Self::Logs(note) => ("logs", note.name()),
            Self::Session(note) => ("session", note.name()),
            Self::Seal(note) => ("seal", note.name()),
            Self::DatagramRefused { .. }
            | Self::StrangerHeard { .. }
            | Self::StreamRefused { .. }
            | Self::MessageRefused { .. }
            | Self::RosterClash { .. }
            | Self::ListenerFailed { .. }
            | Self::ConnectionRefused { .. }
            | Self::RecordLost { .. }
            | Self::Reloaded { .. }
            | Self::ReloadRefused { .. }
            | Self::Observed { .. } => ("node", self.name()),
        }
    }

    /// Everything that [`Note::kind`] can say of what happened; observations are no news.
    pub fn kinds() -> impl Iterator<Item = (&'static str, &'static str)> {
        let others = [
            "Ring",
            "Groups",
            "Replication",
            "Vip",
            "Console",
            "Logs",
            "Session",
            "Seal",
            "Observed",
        ];
        let own = Self::NAMES
            .iter()
            .filter(move |name| !others.contains(name));
        [
            ("evs", evs::Note::NAMES),
            ("groups", groups::Note::NAMES),
            ("replication", replication::Note::NAMES),
            ("vip", vip::Note::NAMES),
            ("console", ringfort_console::Note::NAMES),
            ("logs", logs::Note::NAMES),
            ("session", ringfort_session::Note::NAMES),
            ("seal", seal::Note::NAMES),
        ]
        .into_iter()
        .flat_map(|(machine, names)| names.iter().map(move |name| (machine, *name)))
        .chain(own.map(|name| ("node", *name)))
    }
}

/// One line of the simulation trace, before it is written. The names in quotes are those of the trace.
#[derive(Clone, Debug)]
pub enum Observation {
    /// `conf`
    Configuration(Configuration),
    /// `submit`: handed to the ring's outbox.
    Submitted {
        /// The message's number.
        number: u64,
        /// Its level.
        level: Level,
        /// Its payload.
        payload: Bytes,
    },
    /// `send`: it has its place in the order.
    Sent {
        /// The message's number.
        number: u64,
        /// Its level.
        level: Level,
        /// The regular configuration.
        configuration: ConfigurationId,
    },
    /// `deliver`
    Delivered {
        /// Where in the order; its configuration is the last one delivered here.
        position: Position,
        /// The sender.
        sender: ProcessId,
        /// The sender's number.
        number: u64,
        /// Its level.
        level: Level,
        /// Its payload.
        payload: Bytes,
    },
    /// `join`, `leave`, `disconnect`: a client asked.
    Asked {
        /// The client.
        client: groups::ClientId,
        /// What it wanted.
        command: groups::Command,
    },
    /// `view`, `gdeliver`: a client was told.
    Told {
        /// The client.
        client: groups::ClientId,
        /// What.
        event: groups::ClientEvent,
    },
    /// `count`
    Counted {
        /// The object.
        object: String,
        /// The key.
        key: String,
        /// The difference.
        by: i64,
    },
    /// `tree`
    Fingerprint {
        /// The object.
        object: String,
        /// Where in the order.
        position: Position,
        /// The fingerprint.
        hash: u64,
        /// The sum over all keys.
        total: i64,
    },
    /// `append`
    Appended {
        /// The log.
        log: String,
        /// The record.
        id: logs::RecordId,
        /// Its class.
        class: logs::Class,
        /// Its bytes.
        payload: Bytes,
    },
    /// `durable`
    Durable {
        /// The log.
        log: String,
        /// The last durable record; none after a restart of an empty log.
        upto: Option<logs::RecordId>,
    },
    /// Not in the trace: a frame was sealed. For the oracle of the seal.
    Sealed {
        /// Under which key.
        key: seal::KeyId,
        /// Its number under that key.
        counter: u64,
        /// The frame.
        frame: Bytes,
    },
    /// Not in the trace: a frame was opened. For the oracle of the seal.
    Opened {
        /// By whom it was sealed.
        from: ProcessId,
        /// Under which key.
        key: seal::KeyId,
        /// Its number under that key.
        counter: u64,
        /// The frame.
        frame: Bytes,
    },
    /// What a log subscriber saw, by the names of the trace: `subscribe`, `record`, `gap`, `checkpoint`.
    Subscriber {
        /// The node whose log it is.
        node: NodeId,
        /// The log.
        log: String,
        /// The subscriber.
        subscriber: String,
        /// What it saw.
        seen: SubscriberSeen,
    },
}

/// What happened at a log subscriber.
#[derive(Clone, Debug)]
pub enum SubscriberSeen {
    /// `subscribe`
    Subscribed {
        /// The first record wanted; none for the beginning.
        from: Option<logs::RecordId>,
    },
    /// `record`
    Record {
        /// The record.
        id: logs::RecordId,
        /// Its bytes.
        payload: Bytes,
    },
    /// `gap`
    Gap {
        /// The first lost record.
        first: logs::RecordId,
        /// The last lost record.
        last: logs::RecordId,
        /// Why.
        cause: logs::GapCause,
    },
    /// `checkpoint`
    Checkpoint {
        /// Acknowledged up to here.
        id: logs::RecordId,
    },
}
