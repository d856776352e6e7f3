//! Deliberate faults, to show that each checker of the simulator can fail (docs/simulation.md).
//!
//! Without the feature `defects` the question is a constant `false` and the compiler removes the branch, so
//! no release build contains any of this. This is the only global state of the core, and only in that build.

/// Declares the list once: the enum, its names, the way back from a name, and what each is.
macro_rules! defects {
    ($(#[doc = $about:literal] $variant:ident = $name:literal,)*) => {
        /// One deliberate fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Defect { $(#[doc = $about] $variant,)* }

        impl Defect {
            /// Every fault there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name on the command line and in docs/defects.md.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The crate it is in and what it does, with a colon between them.
            const fn doc(self) -> &'static str {
                match self { $(Self::$variant => $about,)* }
            }
        }
    };
}

defects! {
    /// wire: the checksum of a frame is not compared.
    SkipChecksum = "skip-checksum",
    /// wire: bytes behind the end of a frame are passed over.
    AcceptTrailing = "accept-trailing",
    /// wire: a frame of another cluster is taken.
    AcceptForeignCluster = "accept-foreign-cluster",
    /// wire: a frame may state any length.
    SkipLengthLimit = "skip-length-limit",
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
    /// evs: a token that may be lost is not sent again.
    NeverRepeatToken = "never-repeat-token",
    /// evs: a token that was here before is taken again.
    AcceptRepeatedToken = "accept-repeated-token",
    /// evs: nothing that is missing is asked for.
    NeverRequest = "never-request",
    /// evs: what was asked for in vain is not asked of the one member that is heard for certain.
    AskAnybody = "ask-anybody",
    /// evs: what all have is believed one rotation of the token too early.
    SettleRotationEarly = "settle-rotation-early",
    /// evs: a beacon of another ring does not lead to a merge.
    IgnoreBeacon = "ignore-beacon",
    /// evs: the representative keeps an idle token although somebody has something to send.
    IgnoreHurry = "ignore-hurry",
    /// evs: a commit token of an earlier attempt is taken.
    AcceptOldCommit = "accept-old-commit",
    /// evs: in recovery, packets of reliable messages alone are not sent again.
    SkipReliable = "skip-reliable",
    /// evs: the transitional configuration has the members of all rings that merge.
    WrongCompanions = "wrong-companions",
    /// evs: behind a hole, messages of members that did not move along are delivered too.
    DeliverBehindHole = "deliver-behind-hole",
    /// evs: messages packed together have one ordinal.
    ShareOrdinal = "share-ordinal",
    /// evs: ordinals in a transitional configuration are counted from another start.
    ShiftOrdinals = "shift-ordinals",
    /// evs: a process without a working link is let in again at once.
    ForgetQuarantine = "forget-quarantine",
    /// evs: the numbers of messages begin anew with each ring.
    ReuseMessageNumbers = "reuse-message-numbers",
    /// evs: a message that a change of ring cut in the middle goes on where it was.
    ResumeCutMessage = "resume-cut-message",
    /// evs: a process leaves without telling the others.
    LeaveSilently = "leave-silently",
    /// groups: a member that left with its node stays in the view.
    KeepDeadMember = "keep-dead-member",
    /// groups: the virtual-synchrony set names everybody.
    WrongSynchronySet = "wrong-synchrony-set",
    /// groups: a message reaches a client that has left.
    DeliverAfterLeave = "deliver-after-leave",
    /// groups: one of the states exchanged after a merge is ignored.
    IgnoreMergedState = "ignore-merged-state",
    /// groups: a leaver does not get its last view.
    LoseLeaveView = "lose-leave-view",
    /// groups: the end of a connection is shown as a leave.
    WrongViewCause = "wrong-view-cause",
    /// groups: a client stays in its groups when its connection ends.
    ForgetDisconnect = "forget-disconnect",
    /// groups: the members of a view begin with those of this process.
    ShowOwnFirst = "show-own-first",
    /// groups: a message to several groups comes more than once.
    DeliverPerGroup = "deliver-per-group",
    /// groups: a private message reaches the client of that name on every node.
    MisroutePrivate = "misroute-private",
    /// groups: a message reaches a client whose connection has ended.
    DeliverToClosing = "deliver-to-closing",
    /// groups: the views of the two sides of an unfinished merge have one id.
    ForgetSide = "forget-side",
    /// groups: what was held back during a merge is lost.
    DropHeld = "drop-held",
    /// groups: those left behind by a transitional configuration count as having come along.
    ForgetParting = "forget-parting",
    /// vip: an address is taken before its owner has released it.
    AcquireBeforeRelease = "acquire-before-release",
    /// vip: an address of a departed owner is not taken over.
    ForgetOrphan = "forget-orphan",
    /// vip: an owner keeps an address that was agreed to move.
    IgnoreRelease = "ignore-release",
    /// vip: both sides keep the address after a merge.
    KeepAfterMerge = "keep-after-merge",
    /// vip: a balance step moves addresses although nothing becomes more even.
    BalanceForever = "balance-forever",
    /// vip: the preferred members of an address get it no sooner than others.
    IgnorePreference = "ignore-preference",
    /// vip: the neighbours are not told of a new owner.
    ForgetAnnouncement = "forget-announcement",
    /// vip: the winner of an overlap does not tell the neighbours again.
    ForgetOverlap = "forget-overlap",
    /// vip: what an earlier life left on the interfaces stays there.
    KeepLeftovers = "keep-leftovers",
    /// vip: addresses are given out before the cluster is mature.
    TakeWhileYoung = "take-while-young",
    /// vip: the others are not told that an address could not be taken.
    HideFailure = "hide-failure",
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
    /// logs: a subscriber is not told of records that a loss of power took.
    HideGap = "hide-gap",
    /// logs: a segment goes as soon as a subscriber has begun to acknowledge it.
    DeleteUnread = "delete-unread",
    /// logs: a record counts as durable in time only if it asks for a sync of its own.
    ForgetBatchSync = "forget-batch-sync",
    /// logs: a failed sync counts as one that was made.
    IgnoreFailedSync = "ignore-failed-sync",
    /// logs: what recovery finds counts as durable, though only the page cache may have it.
    TrustPageCache = "trust-page-cache",
    /// logs: the manager keeps its position before the lines are synced.
    SkipOutputSync = "skip-output-sync",
    /// logs: lines of the manager's last life that do not count are not cut off.
    KeepUnaccounted = "keep-unaccounted",
    /// logs: after a reconnection, what has come and is not yet kept is asked for again.
    ForgetReceived = "forget-received",
    /// replication: the contribution of a dead process stays in the sum.
    KeepDeadContribution = "keep-dead-contribution",
    /// replication: a change is added twice.
    ApplyTwice = "apply-twice",
    /// replication: a joiner gets no snapshot.
    SkipSnapshot = "skip-snapshot",
    /// replication: a batch is lost when it is full.
    LoseFullBatch = "lose-full-batch",
    /// replication: a value that becomes smaller does not make the sum smaller.
    IgnoreDecrease = "ignore-decrease",
    /// replication: an aggregate counts as complete before all have told what they contribute.
    SettleEarly = "settle-early",
    /// replication: own messages that come back do not make room for more.
    ForgetReturn = "forget-return",
    /// replication: a message that was here before is applied again.
    AcceptRepeat = "accept-repeat",
    /// replication: what is counted inside a counted netblock is not in its sum.
    SkipParentSum = "skip-parent-sum",
    /// node: the listener of an address that is going stays open.
    KeepListener = "keep-listener",
    /// node: a connection that ends is still counted.
    ForgetClosed = "forget-closed",
    /// node: a netblock gets one connection more than its limit.
    AllowOneMore = "allow-one-more",
    /// node: a client is served before its record is written.
    ServeUnrecorded = "serve-unrecorded",
    /// node: the node is heard before the leftovers of its last life are gone.
    SpeakTooEarly = "speak-too-early",
    /// node: the end of a stream is not passed on.
    ForgetStreamEnd = "forget-stream-end",
    /// node: a member that has gone stays in the roster.
    RememberDeparted = "remember-departed",
    /// console: an answer goes to the newest request.
    MixReplies = "mix-replies",
    /// console: a silent node is waited for without end.
    NeverTimeOut = "never-time-out",
    /// console: a node that has gone is waited for.
    WaitForDead = "wait-for-dead",
    /// console: the cache of answers has no limit.
    KeepEveryAnswer = "keep-every-answer",
    /// session: a client that does not read is kept, and all that waits for it.
    KeepSlowReader = "keep-slow-reader",
    /// session: a client may speak under the name of another.
    AcceptAnySender = "accept-any-sender",
    /// session: clients are read on while the ring takes nothing.
    IgnoreCongestion = "ignore-congestion",
    /// seal: a datagram that was here before is opened again.
    SkipReplayWindow = "skip-replay-window",
    /// seal: what does not match its tag is opened all the same.
    SkipTag = "skip-tag",
    /// seal: a key that its owner has replaced goes on opening.
    AcceptOldKey = "accept-old-key",
    /// seal: the greeting of an earlier life replaces that of the present one.
    AcceptOldLife = "accept-old-life",
    /// seal: a new key is used before all members have it.
    SwitchEarly = "switch-early",
    /// seal: a node that has gone from the allow-list is still heard.
    KeepRevoked = "keep-revoked",
}

impl Defect {
    /// The crate it is in, without the prefix `ringfort-`.
    pub fn part(self) -> &'static str {
        let part = self.doc().split_once(':').map(|(part, _)| part.trim());
        part.expect("a fault is described as `crate: what it does`")
    }

    /// What it does, in one sentence.
    pub fn about(self) -> &'static str {
        let about = self.doc().split_once(':').map(|(_, about)| about.trim());
        about.expect("a fault is described as `crate: what it does`")
    }

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
