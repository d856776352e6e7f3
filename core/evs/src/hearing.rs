//! What a join or a beacon tells in every phase alike: that its sender lives, in which life, whether it hears
//! us, and whether that ends a quarantine.

use ringfort_machine::ProcessId;
use ringfort_wire::{
    Kind,
    ring::{Beacon, Commit, Join},
};

use crate::{
    Note, Reason,
    commit::place,
    context::Context,
    deliver::Order,
    peers::{Heard, Regard},
};

/// Takes note of a direct frame of `process`.
pub(crate) fn on_frame(
    process: ProcessId,
    stamp: u64,
    regard: Regard,
    cx: &mut Context<'_>,
) -> Heard {
    let heard = cx.shared.peers.hear(process, stamp, regard, cx.now);
    if let Some(ended) = heard.ended {
        cx.shared.quarantine.release(ended);
        cx.note(Note::Reincarnated { process });
    }
    if heard.forgot {
        cx.note(Note::TableFull { table: "peers" });
    }
    if regard.hears_us && cx.shared.quarantine.on_link(process, cx.now) {
        cx.note(Note::QuarantineEnded { process });
    }
    heard
}

/// Takes note of a join; a member of our ring may also take back an accusation by it.
pub(crate) fn on_join(join: &Join, order: &Order, cx: &mut Context<'_>) -> Heard {
    let sender = join.sender.process;
    let heard = on_frame(sender, join.stamp, regard_in_join(join, cx.shared.me()), cx);
    cx.shared.sequence = cx.shared.sequence.max(join.sequence);
    if order.contains(sender) {
        for candidate in join.candidates.iter().filter(|c| c.proposed && !c.failed) {
            if cx.shared.quarantine.on_pardon(candidate.process, sender) {
                cx.note(Note::QuarantineEnded {
                    process: candidate.process,
                });
            }
        }
    }
    heard
}

/// What the sender of `join` says of `me`.
fn regard_in_join(join: &Join, me: ProcessId) -> Regard {
    Regard {
        hears_us: hears(join, me),
        shuns_us: accuses(join, me),
    }
}

/// What the sender of `beacon` says of `me`.
pub(crate) fn regard_in_beacon(beacon: &Beacon, me: ProcessId) -> Regard {
    let neighbours = &beacon.neighbours;
    let own = neighbours.binary_search_by_key(&me, |neighbour| neighbour.process);
    let own = own.ok().and_then(|index| neighbours.get(index));
    Regard {
        hears_us: own.is_some_and(|own| own.heard),
        shuns_us: own.is_some_and(|own| own.shunned),
    }
}

/// Whether the sender of `join` has lately heard `me`.
pub(crate) fn hears(join: &Join, me: ProcessId) -> bool {
    join.candidates.iter().any(|c| c.process == me && c.heard)
}

/// Whether the sender of `join` holds `me` for failed: until it has a ring it will not have `me` in it.
pub(crate) fn accuses(join: &Join, me: ProcessId) -> bool {
    join.candidates.iter().any(|c| c.process == me && c.failed)
}

/// Whether `process` must not be proposed a ring at present. `linked`: it is just seen to hear us.
pub(crate) fn is_kept_out(
    process: ProcessId,
    linked: bool,
    order: &Order,
    cx: &Context<'_>,
) -> bool {
    let is_member = |process| order.contains(process);
    cx.shared
        .quarantine
        .holds(process, linked, cx.now, is_member)
}

/// What a join means to those who committed to a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breach {
    /// Nothing; it was noted or refused.
    None,
    /// One of them has begun anew.
    Join,
    /// One of them is over: its node runs in a new life.
    NewLife,
}

/// Whether `join` ends the attempt to form the ring of `commit`.
pub(crate) fn breaks_off(join: &Join, commit: &Commit, cx: &mut Context<'_>) -> Breach {
    let sender = join.sender.process;
    if place(commit, sender).is_none() {
        let regard = regard_in_join(join, cx.shared.me());
        on_frame(sender, join.stamp, regard, cx);
        let mut members = commit.lines.iter().map(|line| line.member.process);
        let ended = members.any(|member| member.node == sender.node);
        return if ended { Breach::NewLife } else { Breach::None };
    }
    if join.leaving || join.sequence >= commit.ring.sequence {
        return Breach::Join;
    }
    cx.refuse(Kind::Join, Reason::Stale);
    Breach::None
}
