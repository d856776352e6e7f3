//! The observability of the ring: a closed list of moments that runtimes turn into log lines and counters.

use core::time::Duration;

use ringfort_machine::{ProcessId, RingId};
use ringfort_wire::{DecodeError, Kind};

use crate::Refusal;

/// Something worth a log line or a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// No token came for this long.
    TokenLost {
        /// The timeout that was exceeded.
        after: Duration,
    },
    /// The last token was sent again, for want of a sign that it arrived.
    TokenRetransmitted {
        /// The hop it carries.
        hop: u64,
    },
    /// Packets were sent again because the token asked for them.
    Retransmitted {
        /// How many.
        packets: u32,
    },
    /// Membership is being agreed on anew.
    Gathering {
        /// Because of this.
        why: Why,
    },
    /// All candidates agree.
    Consensus {
        /// On this many members.
        members: usize,
        /// With this many held for failed.
        failed: usize,
    },
    /// The commit token of a new ring went through this process for the first time.
    CommitStarted {
        /// The ring to be formed.
        ring: RingId,
    },
    /// The exchange of old messages began.
    Recovering {
        /// Packets this process sends to the others.
        packets: usize,
    },
    /// The exchange of old messages is complete.
    Recovered {
        /// Packets of the old ring that nobody has.
        holes: u64,
    },
    /// A regular configuration was installed.
    Installed {
        /// Its ring.
        ring: RingId,
        /// Its members.
        members: usize,
        /// From the start of gathering to here.
        took: Duration,
    },
    /// A frame was refused; no state changed.
    Refused {
        /// Its kind.
        kind: Kind,
        /// Why.
        reason: Reason,
    },
    /// A message was not taken.
    SubmissionRefused(Refusal),
    /// A ring that could be merged with was found.
    ForeignRing {
        /// The ring.
        ring: RingId,
        /// Who told of it.
        by: ProcessId,
    },
    /// A frame of an earlier life of a node was ignored.
    StaleIncarnation {
        /// That life.
        process: ProcessId,
    },
    /// A node came back in a new life: the one before is held for failed.
    Reincarnated {
        /// The new life.
        process: ProcessId,
    },
    /// The token of an idle ring is held.
    Held,
    /// The held token was let go.
    Released {
        /// Before its time, because something is to be sent.
        early: bool,
    },
    /// A member was held for failed.
    Failed {
        /// The member.
        process: ProcessId,
        /// Because of this.
        why: FailedBecause,
    },
    /// A process without a working link to all members is kept out for a while.
    QuarantineStarted {
        /// The process.
        process: ProcessId,
        /// For how long at least.
        length: Duration,
    },
    /// A quarantine ended.
    QuarantineEnded {
        /// The process.
        process: ProcessId,
    },
    /// A message cut in pieces was not complete when its ring ended; the sender sends it again.
    PartialDropped {
        /// The sender.
        sender: ProcessId,
    },
    /// A table was full; something was forgotten that will be learnt again.
    TableFull {
        /// The table.
        table: &'static str,
    },
    /// This process is leaving.
    Leaving,
    /// A member told that it leaves.
    MemberLeaving {
        /// The member.
        process: ProcessId,
    },
}

ringfort_machine::names!(
    Note:
    TokenLost, TokenRetransmitted, Retransmitted, Gathering, Consensus, CommitStarted, Recovering,
    Recovered, Installed, Refused, SubmissionRefused, ForeignRing, StaleIncarnation, Reincarnated,
    Held, Released, Failed, QuarantineStarted, QuarantineEnded, PartialDropped, TableFull, Leaving,
    MemberLeaving,
);

/// Why membership is agreed on anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// No token came.
    TokenLost,
    /// A member asked for it.
    MemberJoin,
    /// Another ring is within reach.
    ForeignRing,
    /// A member does not receive.
    DeafMember,
    /// A member leaves.
    MemberLeaving,
    /// The commit token did not come round.
    CommitLost,
    /// Nobody came to agree.
    NoConsensus,
}

impl Why {
    /// All reasons.
    pub const ALL: [Self; 7] = [
        Self::TokenLost,
        Self::MemberJoin,
        Self::ForeignRing,
        Self::DeafMember,
        Self::MemberLeaving,
        Self::CommitLost,
        Self::NoConsensus,
    ];

    /// Its name in logs and tools.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TokenLost => "token-lost",
            Self::MemberJoin => "member-join",
            Self::ForeignRing => "foreign-ring",
            Self::DeafMember => "deaf-member",
            Self::MemberLeaving => "member-leaving",
            Self::CommitLost => "commit-lost",
            Self::NoConsensus => "no-consensus",
        }
    }
}

/// Why a process was held for failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailedBecause {
    /// Nothing was heard of it.
    Silent,
    /// It was heard, but did not come to agree.
    Disagreed,
    /// It holds this process for failed.
    AccusedUs,
    /// Another candidate holds it for failed.
    Accused,
    /// Its node runs in a new life.
    Reincarnated,
    /// It did not receive what was sent.
    Deaf,
    /// It leaves.
    Left,
}

/// Why a frame was refused. State is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its body does not decode.
    Malformed(DecodeError),
    /// It is not of the ring's kinds.
    NotRing,
    /// It belongs to a ring that this process is not in, or no longer.
    OtherRing,
    /// It comes from another node than it says.
    Impostor,
    /// It carries this process's own name.
    Echo,
    /// Its sender is no member.
    NotMember,
    /// It was overtaken or seen before.
    Stale,
    /// It has no meaning in the present state.
    OutOfPhase,
    /// It contradicts what is known.
    Contradictory,
    /// It lies too far ahead.
    OutOfWindow,
    /// There are more members than a ring may have.
    TooManyMembers,
    /// Its sender is in quarantine or held for failed.
    KeptOut,
    /// This process has left.
    Left,
}
