//! How each defect is shown.

use ringfort_machine::defect::Defect;

use crate::scene::Scene;

/// How a defect is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// By runs of the simulator.
    Runs(Scene),
    /// By the tests of its crate: no checker can see it in a trace.
    Tests,
}

/// Defects that no trace shows, or so rarely that no number of drawn runs is worth the wait.
const TESTS: &[Defect] = &[
    // The cost is time, or a configuration that need not have ended.
    Defect::NeverRepeatToken,
    Defect::IgnoreHurry,
    Defect::LeaveSilently,
    // Links that work in one direction for good.
    Defect::AskAnybody,
    Defect::ForgetQuarantine,
    // The node's messages are all agreed, and few are cut when a ring ends.
    Defect::SkipReliable,
    Defect::ResumeCutMessage,
    Defect::AcceptOldCommit,
    // The names of clients are unique in a run; merges are seldom cut short.
    Defect::MisroutePrivate,
    Defect::ForgetSide,
    // The order repeats nothing; the trace has no sums of netblocks.
    Defect::AcceptRepeat,
    Defect::SkipParentSum,
    // The trace has no preference and no age of a cluster, and neighbours that ask find the new owner anyway.
    Defect::IgnorePreference,
    Defect::TakeWhileYoung,
    Defect::ForgetAnnouncement,
    Defect::ForgetOverlap,
    Defect::HideFailure,
    // The output of a manager is judged by what it says of it, not by its files.
    Defect::SkipOutputSync,
    Defect::KeepUnaccounted,
    Defect::TrustPageCache,
    // The trace has no listeners, banners and limits.
    Defect::KeepListener,
    Defect::ForgetClosed,
    Defect::AllowOneMore,
    Defect::ServeUnrecorded,
    Defect::RememberDeparted,
    // Leftovers are gone long before a ring forms.
    Defect::SpeakTooEarly,
    // Silence ends a stream as well, only later.
    Defect::ForgetStreamEnd,
    // The traffic of these runs is not sealed; `explore --sealed` has attackers and an oracle of its own.
    Defect::SkipReplayWindow,
    Defect::SkipTag,
    Defect::AcceptOldKey,
    Defect::AcceptOldLife,
    Defect::SwitchEarly,
    Defect::KeepRevoked,
];

/// Defects with runs of their own.
const ARRANGED: &[(Defect, Scene)] = &[
    (Defect::DeliverSafeEarly, Scene::BusyPartitions),
    (Defect::AcceptTornRecord, Scene::TornRecords),
    (Defect::HideGap, Scene::TornRecords),
    (Defect::IgnoreFailedSync, Scene::FailingSyncs),
    (Defect::LoseCheckpoint, Scene::LostManager),
];

/// How `defect` is shown.
pub(crate) fn way(defect: Defect) -> Way {
    let arranged = ARRANGED.iter().find(|(known, _)| *known == defect);
    match (arranged, defect.part()) {
        (Some((_, scene)), _) => Way::Runs(*scene),
        (None, "wire" | "console" | "session") => Way::Tests,
        (None, _) if TESTS.contains(&defect) => Way::Tests,
        (None, _) => Way::Runs(Scene::Drawn),
    }
}
