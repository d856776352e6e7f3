//! Which notes of the core were ever said: a note that no run reaches is code that no run tests.
//!
//! A note that cannot be reached here is on a list with the reason ([`EXCUSED`]); everything else has to be heard in
//! a search of a few thousand seeds. After TigerBeetle's coverage marks, with the notes that are there anyway.

use std::collections::BTreeMap;

use ringfort_node::Note;

use crate::explore::Summary;

/// A note: its machine and its variant.
pub type Kind = (&'static str, &'static str);

const CLEAR: &str =
    "drawn runs talk in clear; those with --sealed say it, and the tests of core/seal";
const TYPED: &str =
    "no command is typed in drawn runs; the tests of core/console and runtime-mio type them";
const LIES: &str = "only a member that is wrong or lies sends this, and changed bytes do not pass the checksum; the fuzz targets forge them";
const BOUND: &str =
    "the drawn load stays below this bound; the tests and fuzz targets of the crate go beyond it";
const FITTING: &str = "the configurations of a run fit each other, and every variant can be loaded";
const SENSIBLE: &str =
    "the workload asks for nothing that is wrong in itself; the tests of core/replication do";
const OBEDIENT: &str = "simulated interfaces and sockets do what they are told, and nobody else touches them; the tests of core/vip and core/node have those that fail";
const WHOLE: &str = "a disk hurts only segments, and those that were synced are seldom read again after a loss of power; fuzz target log_store damages every file";

const ATTACHED: &str = "simulated clients are attached in memory; the tests and fuzz targets of core/session and runtime-mio connect";

/// Notes that whole-cluster runs do not reach, and why not.
pub const EXCUSED: &[(Kind, &str)] = &[
    (("seal", "Met"), CLEAR),
    (("seal", "KeyLearned"), CLEAR),
    (("seal", "KeyDropped"), CLEAR),
    (("seal", "RotationBegun"), CLEAR),
    (("seal", "Rotated"), CLEAR),
    (("seal", "Trusted"), CLEAR),
    (("seal", "Revoked"), CLEAR),
    (("seal", "Refused"), CLEAR),
    (("console", "AnswerCut"), TYPED),
    (("console", "ExecutionRefused"), TYPED),
    (("console", "TimedOut"), TYPED),
    (("logs", "SubscriberRemoved"), TYPED),
    (("vip", "Flagged"), TYPED),
    (("vip", "Moved"), TYPED),
    (("console", "MessageRefused"), LIES),
    (("groups", "ControlOutOfOrder"), LIES),
    (("groups", "PayloadRefused"), LIES),
    (("groups", "StateOutOfSequence"), LIES),
    (("logs", "CheckpointRefused"), LIES),
    (("logs", "NotSubscribed"), LIES),
    (("logs", "ProtocolBroken"), LIES),
    (("node", "MessageRefused"), LIES),
    (("node", "StreamRefused"), LIES),
    (("replication", "Duplicate"), LIES),
    (("replication", "KindMismatch"), LIES),
    (("replication", "Malformed"), LIES),
    (("replication", "OutOfOrder"), LIES),
    (("replication", "Overfull"), LIES),
    (("evs", "SubmissionRefused"), BOUND),
    (("evs", "TableFull"), BOUND),
    (("logs", "TooManySources"), BOUND),
    (("replication", "AboveLimit"), BOUND),
    (("replication", "KeysExhausted"), BOUND),
    (("logs", "BudgetExceeded"), FITTING),
    (("node", "ConnectionRefused"), FITTING),
    (("node", "ReloadRefused"), FITTING),
    (("node", "RosterClash"), FITTING),
    (("node", "StrangerHeard"), FITTING),
    (("replication", "NotConfigured"), FITTING),
    (("replication", "ReloadRefused"), FITTING),
    (("vip", "BalanceSizesDiffer"), FITTING),
    (("vip", "ConfigRefused"), FITTING),
    (("replication", "BelowZero"), SENSIBLE),
    (("replication", "UnknownObject"), SENSIBLE),
    (("replication", "WrongKey"), SENSIBLE),
    (("node", "ListenerFailed"), OBEDIENT),
    (("vip", "AcquireFailed"), OBEDIENT),
    (("vip", "AnnounceFailed"), OBEDIENT),
    (("vip", "LeftBehind"), OBEDIENT),
    (("vip", "Missing"), OBEDIENT),
    (("vip", "ReleaseFailed"), OBEDIENT),
    (("vip", "Stray"), OBEDIENT),
    (("vip", "SurveyFailed"), OBEDIENT),
    (("logs", "Damaged"), WHOLE),
    (("logs", "OutputShort"), WHOLE),
    (("logs", "Skipped"), WHOLE),
    (("logs", "StateDamaged"), WHOLE),
    (("logs", "StrangeFile"), WHOLE),
    (("logs", "UnexpectedOutcome"), WHOLE),
    (("session", "Congested"), ATTACHED),
    (("session", "Connected"), ATTACHED),
    (("session", "Ended"), ATTACHED),
    (("session", "IllegalDestinations"), ATTACHED),
    (("session", "Rejected"), ATTACHED),
    (("session", "Relieved"), ATTACHED),
    (("session", "RequestRefused"), ATTACHED),
];

/// How often each note was said in many runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    counts: BTreeMap<Kind, u64>,
}

impl Coverage {
    /// What the runs of `summary` said.
    pub fn of(summary: &Summary) -> Self {
        let mut counts: BTreeMap<Kind, u64> = Note::kinds().map(|kind| (kind, 0)).collect();
        for (kind, count) in summary.reports.values().flat_map(|report| &report.notes) {
            *counts.entry(*kind).or_default() += count;
        }
        Self { counts }
    }

    /// Every note with how often it was said, by machine.
    pub fn counts(&self) -> impl Iterator<Item = (Kind, u64)> {
        self.counts.iter().map(|(kind, count)| (*kind, *count))
    }

    /// How many of the notes were said, and how many there are.
    pub fn share(&self) -> (usize, usize) {
        let said = self.counts.values().filter(|count| **count > 0).count();
        (said, self.counts.len())
    }

    /// Notes that were never said and have no excuse.
    pub fn missing(&self) -> impl Iterator<Item = Kind> {
        let unsaid = self.counts().filter(|(_, count)| *count == 0);
        unsaid
            .map(|(kind, _)| kind)
            .filter(|kind| excuse(*kind).is_none())
    }
}

/// Why a note is not expected.
pub fn excuse(kind: Kind) -> Option<&'static str> {
    let known = EXCUSED.iter().find(|(excused, _)| *excused == kind);
    known.map(|(_, why)| *why)
}

#[cfg(test)]
mod tests;
