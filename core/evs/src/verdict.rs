//! What a membership change teaches about those who are not in the new ring: who of them was alive, and is
//! therefore to be kept from breaking the ring again at once.

use ringfort_machine::ProcessId;

use crate::{
    FailedBecause, Note,
    context::Context,
    deliver::Order,
    gather::Episode,
    quarantine::Grounds,
    roster::{Entry, Roster},
};

/// Begins and ends quarantines as the ring changes to `new`.
pub(crate) fn pass(roster: &Roster, new: &Order, episode: Episode, cx: &mut Context<'_>) {
    for member in new.members() {
        cx.shared.quarantine.release(member.process);
    }
    let timeouts = cx.shared.config.timeouts;
    for (process, entry) in roster.iter() {
        if let Some(grounds) = grounds(process, entry, new, episode, cx) {
            let now = cx.now;
            let length = cx.shared.quarantine.start(process, grounds, now, &timeouts);
            cx.note(Note::QuarantineStarted { process, length });
        }
    }
}

/// Why `process` is to be kept out, if it is. Who was not heard by anybody is simply gone.
fn grounds(
    process: ProcessId,
    entry: &Entry,
    new: &Order,
    episode: Episode,
    cx: &Context<'_>,
) -> Option<Grounds> {
    let heard = cx.shared.peers.heard_since(process, episode.started);
    let alive = heard || entry.heard_by_others;
    match entry.failed? {
        FailedBecause::Reincarnated | FailedBecause::Left => None,
        FailedBecause::AccusedUs => Some(Grounds::Grudge),
        FailedBecause::Deaf => Some(Grounds::Deaf),
        FailedBecause::Silent | FailedBecause::Disagreed => alive.then_some(Grounds::Link),
        FailedBecause::Accused => {
            let accuser = entry.accuser.filter(|accuser| new.contains(*accuser))?;
            alive.then_some(Grounds::Hearsay(accuser))
        }
    }
}
