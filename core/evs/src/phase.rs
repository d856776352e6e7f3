//! The phases of a member. This file only passes each input to the phase it finds, which is consumed and
//! returns the next one; what to do is decided there.

use alloc::{boxed::Box, vec::Vec};

use ringfort_machine::{
    Deadline, Digest,
    defect::{Defect, active},
};
use ringfort_wire::{
    Kind,
    ring::{self, Beacon, Candidate, Hurry, Join, Token},
};

use crate::{
    Action, Destination, Note, Reason,
    circuit::Circuit,
    commit::Commit,
    context::{Context, Shared},
    deliver::Order,
    gather::Gather,
    operational::Operational,
    recovery::Recovery,
    store::{Inserted, Packet},
};

/// How often a leaving process says so: whoever misses all of them finds out by the lost token.
const FAREWELLS: usize = 3;

/// What a member is doing.
#[derive(Debug)]
pub(crate) enum Phase {
    /// A ring in order.
    Operational(Box<Operational>),
    /// Agreeing on the next ring.
    Gather(Box<Gather>),
    /// Making it binding.
    Commit(Box<Commit>),
    /// Exchanging old messages on it.
    Recovery(Box<Recovery>),
    /// Gone.
    Left,
}

impl Phase {
    pub(crate) fn on_wake(self, cx: &mut Context<'_>) -> Self {
        if cx.shared.leaving.is_some_and(|at| at <= cx.now)
            && let Some(order) = self.order()
        {
            return depart(order, cx);
        }
        match self {
            Self::Operational(phase) => phase.on_wake(cx),
            Self::Gather(phase) => phase.on_wake(cx),
            Self::Commit(phase) => phase.on_wake(cx),
            Self::Recovery(phase) => phase.on_wake(cx),
            Self::Left => Self::Left,
        }
    }

    pub(crate) fn on_token(self, token: Token, cx: &mut Context<'_>) -> Self {
        match self {
            Self::Operational(phase) => phase.on_token(token, cx),
            Self::Recovery(phase) => phase.on_token(token, cx),
            Self::Gather(_) | Self::Commit(_) => self.refusing(Kind::Token, Reason::OutOfPhase, cx),
            Self::Left => self.refusing(Kind::Token, Reason::Left, cx),
        }
    }

    pub(crate) fn on_data(mut self, packet: Packet, cx: &mut Context<'_>) -> Self {
        match &mut self {
            Self::Operational(_) | Self::Recovery(_) => {}
            Self::Gather(phase) => {
                take_late(phase.order_mut(), packet, cx);
                return self;
            }
            Self::Commit(phase) => {
                take_late(phase.order_mut(), packet, cx);
                return self;
            }
            Self::Left => return self.refusing(Kind::Data, Reason::Left, cx),
        }
        match self {
            Self::Operational(phase) => phase.on_data(packet, cx),
            Self::Recovery(phase) => phase.on_data(packet, cx),
            Self::Gather(_) | Self::Commit(_) | Self::Left => self,
        }
    }

    pub(crate) fn on_join(self, join: &Join, cx: &mut Context<'_>) -> Self {
        match self {
            Self::Operational(phase) => phase.on_join(join, cx),
            Self::Gather(phase) => phase.on_join(join, cx),
            Self::Commit(phase) => phase.on_join(join, cx),
            Self::Recovery(phase) => phase.on_join(join, cx),
            Self::Left => self.refusing(Kind::Join, Reason::Left, cx),
        }
    }

    pub(crate) fn on_commit(self, commit: ring::Commit, cx: &mut Context<'_>) -> Self {
        match self {
            Self::Gather(phase) => phase.on_commit(commit, cx),
            Self::Commit(phase) => phase.on_commit(commit, cx),
            Self::Recovery(phase) => phase.on_commit(&commit, cx),
            Self::Operational(_) => self.refusing(Kind::Commit, Reason::OutOfPhase, cx),
            Self::Left => self.refusing(Kind::Commit, Reason::Left, cx),
        }
    }

    pub(crate) fn on_beacon(self, beacon: &Beacon, cx: &mut Context<'_>) -> Self {
        match self {
            Self::Operational(phase) => phase.on_beacon(beacon, cx),
            Self::Gather(phase) => phase.on_beacon(beacon, cx),
            // Both end within a bound, and the beacon comes again.
            Self::Commit(_) | Self::Recovery(_) => {
                self.refusing(Kind::Beacon, Reason::OutOfPhase, cx)
            }
            Self::Left => self.refusing(Kind::Beacon, Reason::Left, cx),
        }
    }

    pub(crate) fn on_hurry(self, hurry: &Hurry, cx: &mut Context<'_>) -> Self {
        match self {
            Self::Operational(phase) => phase.on_hurry(hurry, cx),
            Self::Gather(_) | Self::Commit(_) | Self::Recovery(_) => {
                self.refusing(Kind::Hurry, Reason::OutOfPhase, cx)
            }
            Self::Left => self.refusing(Kind::Hurry, Reason::Left, cx),
        }
    }

    fn refusing(self, kind: Kind, reason: Reason, cx: &mut Context<'_>) -> Self {
        cx.refuse(kind, reason);
        self
    }

    pub(crate) fn deadline(&self, shared: &Shared) -> Option<Deadline> {
        let leave = shared.leaving.map(|at| Deadline::new(at, "leave"));
        match self {
            Self::Operational(phase) => Deadline::earliest([phase.deadline(shared), leave]),
            Self::Gather(phase) => Deadline::earliest([phase.deadline(), leave]),
            Self::Commit(phase) => Deadline::earliest([phase.deadline(), leave]),
            Self::Recovery(phase) => Deadline::earliest([phase.deadline(), leave]),
            Self::Left => None,
        }
    }

    /// The order of the last regular configuration; nothing once the process has left.
    pub(crate) const fn order(&self) -> Option<&Order> {
        match self {
            Self::Operational(phase) => Some(phase.order()),
            Self::Gather(phase) => Some(phase.order()),
            Self::Commit(phase) => Some(phase.order()),
            Self::Recovery(phase) => Some(phase.order()),
            Self::Left => None,
        }
    }

    /// The circuit of the token, in the phases that have one.
    pub(crate) const fn circuit(&self) -> Option<&Circuit> {
        match self {
            Self::Operational(phase) => Some(phase.circuit()),
            Self::Recovery(phase) => Some(phase.circuit()),
            Self::Gather(_) | Self::Commit(_) | Self::Left => None,
        }
    }

    /// Its name for tools.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Operational(_) => "operational",
            Self::Gather(_) => "gather",
            Self::Commit(_) => "commit",
            Self::Recovery(_) => "recovery",
            Self::Left => "left",
        }
    }

    pub(crate) fn digest(&self, into: &mut Digest) {
        into.text(self.name());
        match self {
            Self::Operational(phase) => phase.digest(into),
            Self::Gather(phase) => phase.digest(into),
            Self::Commit(phase) => phase.digest(into),
            Self::Recovery(phase) => phase.digest(into),
            Self::Left => {}
        }
    }
}

/// Takes a late packet of the old ring: whatever arrives before recovery need not be sent again in it.
fn take_late(order: &mut Order, packet: Packet, cx: &mut Context<'_>) {
    match order.admit(&packet, cx.shared.me()) {
        Ok(Inserted::New) => order.take(packet, cx.out),
        Ok(Inserted::Duplicate | Inserted::Conflict | Inserted::OutOfWindow) => {
            cx.refuse(Kind::Data, Reason::Stale);
        }
        Err(reason) => cx.refuse(Kind::Data, reason),
    }
}

/// Tells the others and goes.
pub(crate) fn depart(order: &Order, cx: &mut Context<'_>) -> Phase {
    let me = cx.shared.config.me;
    let farewell = Join {
        sender: me,
        stamp: cx.shared.next_stamp(),
        ring: order.ring(),
        sequence: cx.shared.sequence,
        leaving: true,
        candidates: Vec::from([Candidate {
            process: me.process,
            proposed: true,
            failed: true,
            heard: false,
        }]),
    };
    let frame = cx.frame(Kind::Join, &farewell);
    let farewells = if active(Defect::LeaveSilently) {
        0
    } else {
        FAREWELLS
    };
    for _ in 0..farewells {
        cx.transmit(Destination::All, frame.clone());
    }
    cx.note(Note::Leaving);
    cx.out.push(Action::Left);
    Phase::Left
}
