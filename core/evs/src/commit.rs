//! Making an agreed membership binding (Totem 1995, section 6.2).
//!
//! The representative sends a commit token round the members. In the first round each adds what it brings
//! from its old ring; in the second each learns what all the others bring, and begins to recover. A member
//! passes the token only if the membership is the one it agreed on.

use alloc::{boxed::Box, vec::Vec};

use bytes::Bytes;
use ringfort_machine::{
    Deadline, Digest, Instant, NodeId, ProcessId, RingId,
    defect::{Defect, active},
};
use ringfort_wire::{
    Kind, limits,
    ring::{self, CommitLine, Join},
};

use crate::{
    Destination, Note, Reason, Why,
    context::Context,
    deliver::Order,
    gather::{Episode, Gather},
    hearing::{self, Breach},
    phase::Phase,
    recovery::Recovery,
    roster::Roster,
};

/// A commit token that is sent again until something shows that it arrived.
#[derive(Debug)]
pub(crate) struct Passed {
    frame: Bytes,
    to: NodeId,
    pub at: Instant,
}

impl Passed {
    /// Sends `commit` to the member after this one.
    pub(crate) fn on(commit: &ring::Commit, cx: &mut Context<'_>) -> Self {
        let own = place(commit, cx.shared.me()).unwrap_or(0);
        let after = (own + 1) % commit.lines.len();
        let frame = cx.frame(Kind::Commit, commit);
        let mut passed = Self {
            frame,
            to: commit.lines[after].member.process.node,
            at: cx.now,
        };
        passed.repeat(cx);
        passed
    }

    /// Sends it once more if that is due.
    pub(crate) fn repeat(&mut self, cx: &mut Context<'_>) {
        if self.at <= cx.now {
            self.at = cx.now + cx.shared.config.timeouts.join_interval;
            cx.transmit(Destination::Node(self.to), self.frame.clone());
        }
    }
}

/// Where `process` stands in the commit token.
pub(crate) fn place(commit: &ring::Commit, process: ProcessId) -> Option<usize> {
    let lines = &commit.lines;
    lines
        .binary_search_by_key(&process, |line| line.member.process)
        .ok()
}

/// Waiting for the commit token to come round.
#[derive(Debug)]
pub(crate) struct Commit {
    order: Order,
    roster: Roster,
    episode: Episode,
    /// As this member passed it on.
    commit: ring::Commit,
    passed: Passed,
    until: Instant,
}

impl Commit {
    /// Whether a commit token may have a meaning for a process that agrees on a ring.
    ///
    /// # Errors
    /// Why not; nothing has changed either way.
    pub(crate) fn check(
        commit: &ring::Commit,
        order: &Order,
        cx: &Context<'_>,
    ) -> Result<(), Reason> {
        let own = place(commit, cx.shared.me()).ok_or(Reason::NotMember)?;
        let stale = commit.ring.sequence < cx.shared.next_sequence();
        if stale && !active(Defect::AcceptOldCommit) {
            return Err(Reason::Stale);
        }
        let filled = commit
            .lines
            .iter()
            .take_while(|line| line.old.is_some())
            .count();
        if commit.round != 1 || filled != own {
            return Err(Reason::OutOfPhase);
        }
        check_lines(commit, order)
    }

    /// Whether the members of the commit token are those agreed on.
    pub(crate) fn suits(commit: &ring::Commit, roster: &Roster) -> bool {
        let members = commit.lines.iter().map(|line| line.member.process);
        members.eq(roster.alive())
    }

    /// Sends the commit token on its way.
    pub(crate) fn lead(
        order: Order,
        roster: Roster,
        episode: Episode,
        cx: &mut Context<'_>,
    ) -> Phase {
        let ring = RingId {
            sequence: cx.shared.next_sequence(),
            representative: cx.shared.me(),
        };
        let members = roster.members();
        assert!(members.len() <= limits::MEMBERS, "the roster is bounded");
        let line = |member| CommitLine { member, old: None };
        let commit = ring::Commit {
            ring,
            round: 1,
            lines: members.into_iter().map(line).collect(),
        };
        Self::enter(order, roster, episode, commit, cx)
    }

    /// Adds what this member brings, and passes the commit token on.
    pub(crate) fn follow(
        order: Order,
        roster: Roster,
        episode: Episode,
        commit: ring::Commit,
        cx: &mut Context<'_>,
    ) -> Phase {
        Self::enter(order, roster, episode, commit, cx)
    }

    fn enter(
        order: Order,
        roster: Roster,
        episode: Episode,
        mut commit: ring::Commit,
        cx: &mut Context<'_>,
    ) -> Phase {
        cx.shared.saw(commit.ring);
        cx.note(Note::CommitStarted { ring: commit.ring });
        let own = place(&commit, cx.shared.me());
        let line = own.and_then(|own| commit.lines.get_mut(own));
        let line = line.expect("only a member takes part");
        line.old = Some(order.summary());
        let passed = Passed::on(&commit, cx);
        let until = cx.now + cx.shared.config.timeouts.commit;
        Phase::Commit(Box::new(Self {
            order,
            roster,
            episode,
            commit,
            passed,
            until,
        }))
    }

    /// The old ring.
    pub(crate) const fn order(&self) -> &Order {
        &self.order
    }

    /// The old ring, to take late packets of it.
    pub(crate) const fn order_mut(&mut self) -> &mut Order {
        &mut self.order
    }

    /// The commit token comes round, or another one does.
    pub(crate) fn on_commit(self: Box<Self>, commit: ring::Commit, cx: &mut Context<'_>) -> Phase {
        if commit.ring != self.commit.ring {
            return self.on_other_commit(commit, cx);
        }
        let leads = commit.ring.representative == cx.shared.me();
        let full = commit.lines.iter().all(|line| line.old.is_some());
        let comes_round = full
            && if leads {
                commit.round == 1
            } else {
                commit.round == 2
            };
        if !comes_round {
            cx.refuse(Kind::Commit, Reason::Stale);
            return Phase::Commit(self);
        }
        if let Err(reason) = self.check_round(&commit, cx.shared.me()) {
            cx.refuse(Kind::Commit, reason);
            return Phase::Commit(self);
        }
        let Self {
            order,
            roster,
            episode,
            ..
        } = *self;
        Recovery::start(order, roster, episode, commit, cx)
    }

    /// A commit token of another ring: the representative has begun anew with the same members.
    fn on_other_commit(self: Box<Self>, commit: ring::Commit, cx: &mut Context<'_>) -> Phase {
        if let Err(reason) = Self::check(&commit, &self.order, cx) {
            cx.refuse(Kind::Commit, reason);
            return Phase::Commit(self);
        }
        if !Self::suits(&commit, &self.roster) {
            cx.refuse(Kind::Commit, Reason::Contradictory);
            return Phase::Commit(self);
        }
        let Self {
            order,
            roster,
            episode,
            ..
        } = *self;
        Self::follow(order, roster, episode, commit, cx)
    }

    /// What came round must be what was passed on, with the open lines filled.
    fn check_round(&self, commit: &ring::Commit, me: ProcessId) -> Result<(), Reason> {
        let members = |commit: &ring::Commit| -> Vec<_> {
            commit.lines.iter().map(|line| line.member).collect()
        };
        let own = |commit: &ring::Commit| place(commit, me).and_then(|own| commit.lines[own].old);
        if members(commit) != members(&self.commit) || own(commit) != own(&self.commit) {
            return Err(Reason::Contradictory);
        }
        check_lines(commit, &self.order)
    }

    /// A join that was screened.
    pub(crate) fn on_join(self: Box<Self>, join: &Join, cx: &mut Context<'_>) -> Phase {
        match hearing::breaks_off(join, &self.commit, cx) {
            Breach::None => Phase::Commit(self),
            Breach::Join => self.fall_back(Why::MemberJoin, cx).on_join(join, cx),
            Breach::NewLife => {
                let mut gather = self.fall_back(Why::MemberJoin, cx);
                gather.consider(join.sender.process);
                gather.begin(cx)
            }
        }
    }

    fn fall_back(self: Box<Self>, why: Why, cx: &mut Context<'_>) -> Box<Gather> {
        let Self {
            order,
            roster,
            episode,
            ..
        } = *self;
        Gather::start(order, roster, episode, why, cx)
    }

    /// Time has passed.
    pub(crate) fn on_wake(mut self: Box<Self>, cx: &mut Context<'_>) -> Phase {
        if self.until <= cx.now {
            return self.fall_back(Why::CommitLost, cx).begin(cx);
        }
        self.passed.repeat(cx);
        Phase::Commit(self)
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        Deadline::earliest([
            Some(Deadline::new(self.passed.at, "commit token retransmission")),
            Some(Deadline::new(self.until, "commit")),
        ])
    }

    pub(crate) fn digest(&self, into: &mut Digest) {
        self.order.digest(into);
        self.roster.digest(into);
        into.number(self.commit.ring.sequence)
            .number(self.passed.at.as_nanos())
            .number(self.until.as_nanos());
    }
}

/// Those who say that they come from our ring must have been in it.
fn check_lines(commit: &ring::Commit, order: &Order) -> Result<(), Reason> {
    let stranger = |line: &CommitLine| {
        line.old.is_some_and(|old| old.ring == order.ring()) && !order.contains(line.member.process)
    };
    if commit.lines.iter().any(stranger) {
        return Err(Reason::Contradictory);
    }
    Ok(())
}
