//! Deliberate faults, to show that each checker of the simulator can fail (docs/simulation.md).
//!
//! Without the feature `defects` the question is a constant `false` and the compiler removes the branch, so
//! no release build contains any of this. This is the only global state of the core, and only in that build.

/// Declares the list once: the enum, its names and the way back from a name.
macro_rules! defects {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// One deliberate fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Defect { $($(#[$doc])* $variant,)* }

        impl Defect {
            /// Every fault there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name on the command line and in the table of docs/simulation.md.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

defects! {
    /// evs: a requested retransmission is not sent.
    SkipRetransmission = "skip-retransmission",
    /// evs: a safe message is delivered as soon as an agreed one would be.
    DeliverSafeEarly = "deliver-safe-early",
    /// evs: no transitional configuration is delivered before the regular one.
    ForgetTransitional = "forget-transitional",
    /// evs: recovery ends before all messages of the old ring are exchanged.
    EndRecoveryEarly = "end-recovery-early",
    /// evs: a message is delivered over a hole in the sequence.
    DeliverOverHole = "deliver-over-hole",
    /// evs: a retransmitted message is delivered again.
    DeliverTwice = "deliver-twice",
    /// evs: a new ring starts with the sequence number of the old one.
    ReuseRingId = "reuse-ring-id",
    /// evs: a message is sent between the transitional and the regular configuration.
    SendInTransition = "send-in-transition",
    /// evs: messages of a cut message are put together without the last piece.
    DropLastFragment = "drop-last-fragment",
    /// evs: messages left in the outbox are forgotten at a configuration change.
    ForgetOutbox = "forget-outbox",
    /// evs: in recovery, messages that only this member has are not sent to the others.
    HoardInRecovery = "hoard-in-recovery",
    /// groups: a member that left with its node stays in the view.
    KeepDeadMember = "keep-dead-member",
    /// groups: the virtual-synchrony set names everybody.
    WrongSynchronySet = "wrong-synchrony-set",
    /// groups: a message reaches a client that has left.
    DeliverAfterLeave = "deliver-after-leave",
    /// groups: one of the states exchanged after a merge is ignored.
    IgnoreMergedState = "ignore-merged-state",
    /// vip: an address is taken before its owner has released it.
    AcquireBeforeRelease = "acquire-before-release",
    /// vip: an address of a departed owner is not taken over.
    ForgetOrphan = "forget-orphan",
    /// vip: an owner keeps an address that was agreed to move.
    IgnoreRelease = "ignore-release",
    /// vip: both sides keep the address after a merge.
    KeepAfterMerge = "keep-after-merge",
    /// logs: a checkpoint is acknowledged and not kept.
    LoseCheckpoint = "lose-checkpoint",
    /// logs: recovery keeps the record after a torn one.
    AcceptTornRecord = "accept-torn-record",
    /// logs: an identifier is used again after a power loss.
    ReuseRecordId = "reuse-record-id",
    /// logs: a record is promised durable before it is synced.
    PromiseBeforeSync = "promise-before-sync",
    /// logs: replay skips a record at a segment boundary.
    SkipAtSegmentEnd = "skip-at-segment-end",
    /// logs: replay starts at the beginning instead of the checkpoint.
    ReplayFromStart = "replay-from-start",
    /// replication: the contribution of a dead process stays in the sum.
    KeepDeadContribution = "keep-dead-contribution",
    /// replication: a change is added twice.
    ApplyTwice = "apply-twice",
    /// replication: a joiner gets no snapshot.
    SkipSnapshot = "skip-snapshot",
    /// replication: a batch is lost when it is full.
    LoseFullBatch = "lose-full-batch",
}

impl Defect {
    /// The fault called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|defect| defect.name() == name)
    }
}

#[cfg(feature = "defects")]
mod switch {
    use core::sync::atomic::{AtomicU32, Ordering};

    use super::Defect;

    static ACTIVE: AtomicU32 = AtomicU32::new(u32::MAX);

    /// Switches `defect` on, or all off.
    pub fn activate(defect: Option<Defect>) {
        ACTIVE.store(
            defect.map_or(u32::MAX, |defect| defect as u32),
            Ordering::SeqCst,
        );
    }

    /// Whether `defect` is on.
    pub fn active(defect: Defect) -> bool {
        ACTIVE.load(Ordering::Relaxed) == defect as u32
    }
}

#[cfg(feature = "defects")]
pub use switch::{activate, active};

/// Whether `defect` is on: never, in this build.
#[cfg(not(feature = "defects"))]
#[inline(always)]
pub const fn active(_: Defect) -> bool {
    false
}
