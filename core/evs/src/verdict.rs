//! What a membership change teaches about those who are not in the new ring: who of them was alive, and is
//! therefore to be kept from breaking the ring again at once.

use crate::{
    FailedBecause, Note, context::Context, deliver::Order, gather::Episode, quarantine::Grounds,
    roster::Roster,
};

/// Begins and ends quarantines as the ring changes to `new`.
pub(crate) fn pass(roster: &Roster, new: &Order, episode: Episode, cx: &mut Context<'_>) {
    for member in new.members() {
        cx.shared.quarantine.release(member.process);
    }
    let timeouts = cx.shared.config.timeouts;
    let now = cx.now;
    for (process, entry) in roster.iter() {
        let heard = cx.shared.peers.heard_since(process, episode.started);
        let alive = heard || entry.heard_by_others;
        let accuser = entry.accuser.filter(|accuser| new.contains(*accuser));
        if let Some(accuser) = accuser.filter(|_| alive) {
            cx.shared.quarantine.hear(process, accuser, now, &timeouts);
        } else if let Some(grounds) = entry.failed.and_then(|why| grounds(why, alive)) {
            let length = cx.shared.quarantine.find(process, grounds, now, &timeouts);
            cx.note(Note::QuarantineStarted { process, length });
        }
    }
}

/// The grounds for keeping out a process that was held for failed because of `why`, if there are any. Who was
/// not heard by anybody is simply gone.
fn grounds(why: FailedBecause, alive: bool) -> Option<Grounds> {
    match why {
        FailedBecause::Reincarnated | FailedBecause::Left | FailedBecause::Accused => None,
        FailedBecause::AccusedUs => Some(Grounds::Grudge),
        FailedBecause::Deaf => Some(Grounds::Deaf),
        FailedBecause::Silent | FailedBecause::Disagreed => alive.then_some(Grounds::Link),
    }
}
