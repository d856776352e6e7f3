//! Agreeing on who is in the next ring (Totem 1995, section 6.1).
//!
//! Everybody tells everybody whom he considers and whom of them he holds for failed, and takes over what the
//! others say, until all that are not held for failed say the same. A process that stays silent, or is heard
//! but never agrees, is held for failed after a while. How long depends on when it was last alive: a process
//! that has just been heard gets as long as a lost token would, one whose silence brought us here does not.

use alloc::{boxed::Box, vec::Vec};
use core::time::Duration;

use ringfort_machine::{Deadline, Digest, Instant, ProcessId};
use ringfort_wire::{
    Kind,
    ring::{self, Beacon, Candidate, Join},
};

use crate::{
    Destination, FailedBecause, Note, Reason, Why, commit::Commit, context::Context,
    deliver::Order, hearing, phase::Phase, recovery, roster::Roster,
};

/// The least time between two joins, and the jitter of an answer: many answers to one join become one.
const GAP: Duration = Duration::from_millis(2);

/// What is known of the time since the last ring was in order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Episode {
    /// When agreeing began. Failed attempts do not count anew.
    pub started: Instant,
    /// When all members of the old ring were last known to be alive, because the token had come round.
    pub alive: Instant,
}

/// Agreeing on the next ring.
#[derive(Debug)]
pub(crate) struct Gather {
    order: Order,
    roster: Roster,
    episode: Episode,
    /// When the sets last grew.
    changed: Instant,
    last_join: Instant,
    next_join: Instant,
    /// When everybody came to agree; the commit token is awaited.
    agreed: Option<Instant>,
    /// When somebody is next held for failed.
    expires: Instant,
}

impl Gather {
    /// Begins an attempt. `roster` holds the sets so far.
    pub(crate) fn start(
        order: Order,
        mut roster: Roster,
        episode: Episode,
        why: Why,
        cx: &mut Context<'_>,
    ) -> Box<Self> {
        cx.note(Note::Gathering { why });
        cx.shared.counters.last_change = Some(why);
        let reason = Why::ALL.iter().position(|other| *other == why);
        if let Some(count) = reason.and_then(|index| cx.shared.counters.reasons.get_mut(index)) {
            *count += 1;
        }
        roster.forget_opinions();
        for member in order.members() {
            roster.add(member.process);
        }
        // Whoever was standing still finds old joins before new ones: he reads on before he answers.
        let mut gather = Box::new(Self {
            order,
            roster,
            episode,
            changed: cx.now,
            last_join: cx.now,
            next_join: cx.now + GAP / 2,
            agreed: None,
            expires: Instant::NEVER,
        });
        gather.refresh(cx);
        gather
    }

    /// The first thing to do in an attempt: tell the others, unless there are none.
    pub(crate) fn begin(mut self: Box<Self>, cx: &mut Context<'_>) -> Phase {
        self.send_join(cx);
        self.settle(cx)
    }

    /// The same, with `process` held for failed from the start.
    pub(crate) fn accusing(
        mut self: Box<Self>,
        process: ProcessId,
        why: FailedBecause,
        cx: &mut Context<'_>,
    ) -> Phase {
        if self.roster.fail(process, why, None) {
            cx.note(Note::Failed { process, why });
        }
        self.begin(cx)
    }

    /// Considers `process` too.
    pub(crate) fn consider(&mut self, process: ProcessId) {
        self.roster.add(process);
    }

    /// The old ring.
    pub(crate) const fn order(&self) -> &Order {
        &self.order
    }

    /// The old ring, to take late packets of it.
    pub(crate) const fn order_mut(&mut self) -> &mut Order {
        &mut self.order
    }

    /// A join that was screened: it is news, and of a live process.
    pub(crate) fn on_join(mut self: Box<Self>, join: &Join, cx: &mut Context<'_>) -> Phase {
        let sender = join.sender.process;
        let early = join.sequence < self.order.ring().sequence;
        if self.order.contains(sender) && early && !join.leaving {
            cx.refuse(Kind::Join, Reason::Stale);
            return Phase::Gather(self);
        }
        let considered = self.roster.get(sender).is_some();
        let linked = hearing::hears(join, cx.shared.me());
        let kept_out = hearing::accuses(join, cx.shared.me())
            || hearing::is_kept_out(sender, linked, &self.order, cx);
        if !considered && (join.leaving || kept_out) {
            cx.refuse(Kind::Join, Reason::KeptOut);
            return Phase::Gather(self);
        }
        hearing::on_join(join, &self.order, cx);
        if self.roster.is_failed(sender) {
            return Phase::Gather(self);
        }
        if !considered && !linked {
            // It may answer once it knows that it is heard.
            self.hasten_join(cx);
            return Phase::Gather(self);
        }
        let change = self.roster.on_join(join);
        for (process, why) in &change.failed {
            cx.note(Note::Failed {
                process: *process,
                why: *why,
            });
        }
        if change.grew {
            self.on_change(cx);
        } else if self.agreed.is_some() && sender == self.representative() {
            self.agreed = Some(cx.now); // it is alive and tries again
        }
        self.settle(cx)
    }

    /// A beacon that was screened.
    pub(crate) fn on_beacon(mut self: Box<Self>, beacon: &Beacon, cx: &mut Context<'_>) -> Phase {
        let sender = beacon.sender.process;
        let regard = hearing::regard_in_beacon(beacon, cx.shared.me());
        hearing::on_frame(sender, beacon.stamp, regard, cx);
        cx.shared.saw(beacon.ring);
        let stranger = !self.order.contains(sender) && self.roster.get(sender).is_none();
        let willing = regard.hears_us && !regard.shuns_us;
        let wanted = stranger && willing && self.agreed.is_none();
        if wanted && !hearing::is_kept_out(sender, true, &self.order, cx) && self.roster.add(sender)
        {
            self.on_change(cx);
        }
        self.settle(cx)
    }

    /// A commit token that does not contradict itself.
    pub(crate) fn on_commit(
        mut self: Box<Self>,
        commit: ring::Commit,
        cx: &mut Context<'_>,
    ) -> Phase {
        if let Err(reason) = Commit::check(&commit, &self.order, cx) {
            cx.refuse(Kind::Commit, reason);
            return Phase::Gather(self);
        }
        if !Commit::suits(&commit, &self.roster) {
            // Whoever leads does not know yet what we know. Our next join, with this sequence, tells.
            cx.shared.saw(commit.ring);
            self.hasten_join(cx);
            self.refresh(cx);
            return Phase::Gather(self);
        }
        let Self {
            order,
            roster,
            episode,
            ..
        } = *self;
        Commit::follow(order, roster, episode, commit, cx)
    }

    /// Time has passed.
    pub(crate) fn on_wake(mut self: Box<Self>, cx: &mut Context<'_>) -> Phase {
        if self.expires <= cx.now {
            self.expire(cx);
        }
        if self.next_join <= cx.now {
            self.send_join(cx);
        }
        self.settle(cx)
    }

    /// Holds for failed whose time is up.
    fn expire(&mut self, cx: &mut Context<'_>) {
        let mut failed = Vec::new();
        for process in self.roster.dissenters() {
            if self.patience(process, cx) <= cx.now {
                let heard = cx.shared.peers.heard_since(process, self.episode.started);
                let why = if heard {
                    FailedBecause::Disagreed
                } else {
                    FailedBecause::Silent
                };
                failed.push((process, why));
            }
        }
        let overdue = |at: Instant| at + commit_patience(cx) <= cx.now;
        if self.agreed.is_some_and(overdue) {
            failed.push((self.representative(), FailedBecause::Silent));
        }
        for (process, why) in failed {
            if self.roster.fail(process, why, None) {
                cx.note(Note::Failed { process, why });
                self.on_change(cx);
            }
        }
    }

    /// Until when `process` has to agree.
    fn patience(&self, process: ProcessId, cx: &Context<'_>) -> Instant {
        let timeouts = &cx.shared.config.timeouts;
        let alive = if self.order.contains(process) {
            self.episode.alive
        } else {
            Instant::ORIGIN
        };
        let heard = cx
            .shared
            .peers
            .heard(process)
            .unwrap_or(Instant::ORIGIN)
            .max(alive);
        let silent = (self.changed + timeouts.consensus).max(heard + timeouts.token_loss_min);
        silent.min(self.changed + timeouts.consensus_limit)
    }

    fn on_change(&mut self, cx: &mut Context<'_>) {
        self.changed = cx.now;
        self.agreed = None;
        self.hasten_join(cx);
    }

    fn hasten_join(&mut self, cx: &mut Context<'_>) {
        let jitter = Duration::from_nanos(cx.shared.rng.below(GAP.as_nanos() as u64));
        let soon = (self.last_join + GAP).max(cx.now + jitter);
        self.next_join = self.next_join.min(soon);
    }

    /// Goes on if everybody agrees; otherwise sees to the deadlines.
    fn settle(mut self: Box<Self>, cx: &mut Context<'_>) -> Phase {
        if self.agreed.is_none() && self.roster.dissenters().next().is_none() {
            let members = self.roster.alive().count();
            let failed = self.roster.iter().count() - members;
            cx.note(Note::Consensus { members, failed });
            if self.representative() == cx.shared.me() {
                return self.lead(cx);
            }
            self.agreed = Some(cx.now);
        }
        self.refresh(cx);
        Phase::Gather(self)
    }

    /// Everybody agrees, and this process has the smallest id.
    fn lead(mut self: Box<Self>, cx: &mut Context<'_>) -> Phase {
        if self.next_join <= cx.now + GAP {
            // Those who wait for our opinion to agree must still hear it.
            self.send_join(cx);
        }
        let Self {
            order,
            roster,
            episode,
            ..
        } = *self;
        if roster.alive().nth(1).is_none() {
            return recovery::alone(order, &roster, episode, cx);
        }
        Commit::lead(order, roster, episode, cx)
    }

    fn representative(&self) -> ProcessId {
        let first = self.roster.alive().next();
        first.expect("a process never holds itself for failed")
    }

    fn refresh(&mut self, cx: &Context<'_>) {
        let patience = |process| self.patience(process, cx);
        let silent = self.roster.dissenters().map(patience).min();
        let commit = self.agreed.map(|at| at + commit_patience(cx));
        self.expires = silent
            .into_iter()
            .chain(commit)
            .min()
            .unwrap_or(Instant::NEVER);
    }

    fn send_join(&mut self, cx: &mut Context<'_>) {
        self.last_join = cx.now;
        self.next_join = cx.now + cx.shared.config.timeouts.join_interval;
        let join = self.join(cx);
        let frame = cx.frame(Kind::Join, &join);
        cx.transmit(Destination::All, frame);
    }

    /// What this process has to say.
    fn join(&self, cx: &mut Context<'_>) -> Join {
        let shared = &*cx.shared;
        let me = shared.me();
        let hearing = shared.config.timeouts.hearing;
        let mut candidates: Vec<Candidate> = self
            .roster
            .iter()
            .map(|(process, entry)| Candidate {
                process,
                proposed: true,
                failed: entry.failed.is_some(),
                heard: process != me && shared.peers.heard_since(process, self.episode.started),
            })
            .collect();
        let room = (2 * ringfort_wire::limits::MEMBERS).saturating_sub(candidates.len());
        let is_member = |process| self.order.contains(process);
        let strangers = shared
            .peers
            .audible(cx.now, hearing)
            .filter(|process| self.roster.get(*process).is_none() && !is_member(*process))
            .filter(|process| !shared.quarantine.holds(*process, true, cx.now, is_member))
            .take(room)
            .map(|process| Candidate {
                process,
                proposed: false,
                failed: false,
                heard: true,
            });
        candidates.extend(strangers);
        candidates.sort_unstable();
        Join {
            sender: shared.config.me,
            stamp: cx.shared.next_stamp(),
            ring: self.order.ring(),
            sequence: cx.shared.sequence,
            leaving: false,
            candidates,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        Deadline::earliest([
            Some(Deadline::new(self.next_join, "join")),
            Some(Deadline::new(self.expires, "consensus")),
        ])
    }

    pub(crate) fn digest(&self, into: &mut Digest) {
        self.order.digest(into);
        self.roster.digest(into);
        into.number(self.changed.as_nanos())
            .number(self.next_join.as_nanos())
            .number(self.agreed.map_or(0, Instant::as_nanos))
            .number(self.expires.as_nanos());
    }
}

/// How long a member that agrees waits for the commit token: long enough for the representative to find that
/// it was lost, and to say so.
fn commit_patience(cx: &Context<'_>) -> Duration {
    cx.shared.config.timeouts.commit * 3 / 2
}
