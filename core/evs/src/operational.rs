//! A ring in order: the token goes round, messages get their places and are delivered.
//!
//! Besides that, three things happen here: an idle ring holds its token, other rings within reach are looked
//! for and merged with, and a process that leaves does so when it has nothing left to do. Whatever breaks the
//! ring leads to [`Gather`].

use alloc::{boxed::Box, vec::Vec};

use bytes::Bytes;
use ringfort_machine::{
    Deadline, Digest, Instant, NodeId,
    defect::{Defect, active},
};
use ringfort_wire::{
    Kind,
    ring::{Beacon, Content, Hurry, Join, Token},
};

use crate::{
    Action, Destination, FailedBecause, Note, Reason, Why,
    circuit::{Circuit, Source, Visit},
    context::Context,
    deliver::Order,
    discovery::Discovery,
    gather::{Episode, Gather},
    hearing,
    phase::{self, Phase},
    roster::Roster,
    store::{Inserted, Packet},
};

/// Rotations without anything new before the token is held: one for the representative to see that everybody
/// has everything, one for everybody else to see it.
const QUIET_ROTATIONS: u32 = 2;

/// A ring in order.
#[derive(Debug)]
pub(crate) struct Operational {
    order: Order,
    circuit: Circuit,
    discovery: Discovery,
    since: Instant,
}

/// The outbox as the source of packets.
struct Submissions;

impl Source for Submissions {
    fn backlog(&self, cx: &Context<'_>) -> u32 {
        cx.shared.outbox.backlog()
    }

    fn next(&mut self, order: &Order, seq: u64, cx: &mut Context<'_>) -> Option<Bytes> {
        let configuration = order.configuration.id;
        let out = &mut *cx.out;
        cx.shared
            .outbox
            .next_packet(order.ring(), seq, |number, level| {
                out.push(Action::Sent {
                    number,
                    level,
                    configuration,
                });
            })
    }
}

impl Operational {
    /// A ring that was just installed.
    pub(crate) fn new(order: Order, circuit: Circuit, cx: &mut Context<'_>) -> Self {
        Self {
            discovery: Discovery::new(cx),
            since: cx.now,
            order,
            circuit,
        }
    }

    /// A ring that was just installed by a visit of `token`, which goes on here.
    pub(crate) fn start(
        order: Order,
        circuit: Circuit,
        token: Token,
        cx: &mut Context<'_>,
    ) -> Phase {
        let mut ring = Box::new(Self::new(order, circuit, cx));
        ring.pass(token, cx);
        Phase::Operational(ring)
    }

    /// The ring.
    pub(crate) const fn order(&self) -> &Order {
        &self.order
    }

    /// The token's circuit.
    pub(crate) const fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// The token.
    pub(crate) fn on_token(mut self: Box<Self>, token: Token, cx: &mut Context<'_>) -> Phase {
        if let Err(reason) = self.circuit.check(&self.order, &token) {
            cx.refuse(Kind::Token, reason);
            return Phase::Operational(self);
        }
        let visit = self.accept(&token, cx);
        if let Some(deaf) = visit.deaf {
            let gather = self.into_gather(Why::DeafMember, cx);
            return gather.accusing(deaf, FailedBecause::Deaf, cx);
        }
        if self.may_hold(visit, cx) {
            let until = cx.now + cx.shared.config.timeouts.idle_hold;
            self.circuit.hold(token, until);
            cx.note(Note::Held);
            return Phase::Operational(self);
        }
        self.pass(token, cx);
        self.leave_if_done(cx)
    }

    fn accept(&mut self, token: &Token, cx: &mut Context<'_>) -> Visit {
        let visit = self.circuit.accept(token, cx);
        // With the fault, what all have at this visit of the token: some have not yet lowered it.
        let early = token.aru.min(self.order.store.aru());
        let is_early = active(Defect::SettleRotationEarly);
        let stable = if is_early { early } else { visit.stable };
        self.order.settle(stable, cx.out);
        visit
    }

    fn may_hold(&mut self, visit: Visit, cx: &Context<'_>) -> bool {
        let leads = self.order.ring().representative == cx.shared.me();
        let wanted = self.circuit.was_hurried() || !cx.shared.outbox.is_empty();
        let staying = cx.shared.leaving.is_none();
        leads && visit.idle && self.circuit.is_quiet(QUIET_ROTATIONS) && !wanted && staying
    }

    fn pass(&mut self, token: Token, cx: &mut Context<'_>) {
        let windows = cx.shared.config.windows;
        self.circuit
            .pass(&mut self.order, &mut Submissions, &windows, token, cx);
        self.order.deliver(cx.out);
    }

    /// Goes if the process is leaving and all it has sent is safe with the others.
    fn leave_if_done(self: Box<Self>, cx: &mut Context<'_>) -> Phase {
        let leaving = cx.shared.leaving.is_some();
        let settled = self.order.stable() >= self.order.store.high();
        if leaving && cx.shared.outbox.is_empty() && settled {
            return phase::depart(&self.order, cx);
        }
        Phase::Operational(self)
    }

    /// A packet of the ring.
    pub(crate) fn on_data(mut self: Box<Self>, packet: Packet, cx: &mut Context<'_>) -> Phase {
        match self.order.admit(&packet, cx.shared.me()) {
            Err(reason) => cx.refuse(Kind::Data, reason),
            // Who holds the token knows every place that was given out.
            Ok(Inserted::New) if self.circuit.is_beyond_held(packet.data.seq) => {
                cx.refuse(Kind::Data, Reason::Contradictory);
            }
            // Whatever was wrapped came before the ring was installed.
            Ok(Inserted::New) if matches!(packet.data.content, Content::Recovered(_)) => {
                cx.refuse(Kind::Data, Reason::Contradictory);
            }
            Ok(Inserted::New) => {
                self.circuit.on_packet(packet.data.seq);
                self.order.take(packet, cx.out);
            }
            Ok(Inserted::Duplicate | Inserted::Conflict | Inserted::OutOfWindow) => {
                self.order.take(packet, cx.out);
                cx.refuse(Kind::Data, Reason::Stale);
            }
        }
        Phase::Operational(self)
    }

    /// A member has something to send.
    pub(crate) fn on_hurry(mut self: Box<Self>, hurry: &Hurry, cx: &mut Context<'_>) -> Phase {
        let me = cx.shared.me();
        let reason = if hurry.ring != self.order.ring() {
            Some(Reason::OtherRing)
        } else if !self.order.contains(hurry.sender) {
            Some(Reason::NotMember)
        } else if self.order.ring().representative != me || self.circuit.is_alone() {
            Some(Reason::OutOfPhase)
        } else {
            None
        };
        if let Some(reason) = reason {
            cx.refuse(Kind::Hurry, reason);
            return Phase::Operational(self);
        }
        if self.circuit.held_until().is_none() {
            self.circuit.hurry();
            return Phase::Operational(self);
        }
        if !active(Defect::IgnoreHurry) {
            self.release(true, cx);
        }
        self.leave_if_done(cx)
    }

    /// Lets the held token go.
    fn release(&mut self, early: bool, cx: &mut Context<'_>) {
        let Some(token) = self.circuit.release() else {
            return;
        };
        if self.circuit.is_alone() {
            self.accept(&token, cx);
        } else {
            cx.note(Note::Released { early });
        }
        self.pass(token, cx);
    }

    /// A join that was screened.
    pub(crate) fn on_join(self: Box<Self>, join: &Join, cx: &mut Context<'_>) -> Phase {
        let sender = join.sender.process;
        if self.order.contains(sender) {
            if !join.leaving && join.sequence < self.order.ring().sequence {
                cx.refuse(Kind::Join, Reason::Stale);
                return Phase::Operational(self);
            }
            let why = if join.leaving {
                Why::MemberLeaving
            } else {
                Why::MemberJoin
            };
            if join.leaving {
                cx.note(Note::MemberLeaving { process: sender });
            }
            return self.into_gather(why, cx).on_join(join, cx);
        }
        let linked = hearing::hears(join, cx.shared.me());
        let accuses = hearing::accuses(join, cx.shared.me());
        if join.leaving || accuses || hearing::is_kept_out(sender, linked, &self.order, cx) {
            cx.refuse(Kind::Join, Reason::KeptOut);
            return Phase::Operational(self);
        }
        if linked && !self.has_room() {
            cx.refuse(Kind::Join, Reason::TooManyMembers);
            return Phase::Operational(self);
        }
        if linked {
            return self.into_gather(Why::ForeignRing, cx).on_join(join, cx);
        }
        let heard = hearing::on_join(join, &self.order, cx);
        self.on_stranger(join.ring, sender, heard.ended, cx)
    }

    /// A beacon that was screened.
    pub(crate) fn on_beacon(self: Box<Self>, beacon: &Beacon, cx: &mut Context<'_>) -> Phase {
        let sender = beacon.sender.process;
        let regard = hearing::regard_in_beacon(beacon, cx.shared.me());
        if self.order.contains(sender) {
            if beacon.ring.sequence < self.order.ring().sequence {
                cx.refuse(Kind::Beacon, Reason::Stale);
                return Phase::Operational(self);
            }
            hearing::on_frame(sender, beacon.stamp, regard, cx);
            if beacon.ring == self.order.ring() {
                let accused = beacon
                    .neighbours
                    .iter()
                    .filter(|neighbour| neighbour.accused);
                let accused: Vec<_> = accused.map(|neighbour| neighbour.process).collect();
                cx.shared.hear_claims(sender, &accused, cx.now);
                return Phase::Operational(self);
            }
            // It went over to a ring without us: ours will not see its token again.
            cx.shared.saw(beacon.ring);
            return self.into_gather(Why::MemberJoin, cx).begin(cx);
        }
        let heard = hearing::on_frame(sender, beacon.stamp, regard, cx);
        cx.shared.saw(beacon.ring);
        self.on_stranger(beacon.ring, sender, heard.ended, cx)
    }

    /// A process outside the ring was heard.
    fn on_stranger(
        mut self: Box<Self>,
        ring: ringfort_machine::RingId,
        sender: ringfort_machine::ProcessId,
        ended: Option<ringfort_machine::ProcessId>,
        cx: &mut Context<'_>,
    ) -> Phase {
        if ended.is_some_and(|ended| self.order.contains(ended)) {
            // A member is over: its node runs in a new life. No need to wait for the token to be lost.
            let mut gather = self.into_gather(Why::ForeignRing, cx);
            gather.consider(sender);
            return gather.begin(cx);
        }
        if self.has_room() && !active(Defect::IgnoreBeacon) {
            self.discovery.on_stranger(ring, sender, &self.order, cx);
        }
        Phase::Operational(self)
    }

    fn has_room(&self) -> bool {
        self.order.members().len() < ringfort_wire::limits::MEMBERS
    }

    fn into_gather(self: Box<Self>, why: Why, cx: &mut Context<'_>) -> Box<Gather> {
        let Self {
            order,
            circuit,
            since,
            ..
        } = *self;
        let episode = Episode {
            started: cx.now,
            alive: circuit.accepted_at().unwrap_or(since),
        };
        let roster = Roster::new(cx.shared.config.me);
        Gather::start(order, roster, episode, why, cx)
    }

    /// Time has passed.
    pub(crate) fn on_wake(mut self: Box<Self>, cx: &mut Context<'_>) -> Phase {
        if self.circuit.on_wake(cx) {
            let after = self.circuit.token_loss(cx);
            cx.note(Note::TokenLost { after });
            return self.into_gather(Why::TokenLost, cx).begin(cx);
        }
        if self.may_release(cx) {
            let early = self
                .circuit
                .held_until()
                .is_some_and(|until| until > cx.now);
            self.release(early, cx);
        }
        if self.must_hurry(cx) {
            self.send_hurry(cx);
        }
        if self.discovery.on_wake(&self.order, cx) && self.has_room() {
            let found = self.discovery.found(&self.order, cx);
            if !found.is_empty() {
                let mut gather = self.into_gather(Why::ForeignRing, cx);
                for process in found {
                    gather.consider(process);
                }
                return gather.begin(cx);
            }
        }
        self.leave_if_done(cx)
    }

    /// Whether a held token must go: its time is up, or there is something to do.
    fn may_release(&self, cx: &Context<'_>) -> bool {
        let due = self
            .circuit
            .held_until()
            .is_some_and(|until| until <= cx.now);
        due || self.is_release_wanted(cx.shared)
    }

    fn is_release_wanted(&self, shared: &crate::context::Shared) -> bool {
        let unsettled = self.circuit.is_alone() && self.order.stable() < self.order.store.high();
        let wanted = !shared.outbox.is_empty() || unsettled;
        let leaving = shared.leaving.is_some() && !self.circuit.is_alone();
        self.circuit.held_until().is_some() && (wanted || leaving)
    }

    /// Whether the representative should be told that there is something to send.
    fn must_hurry(&self, cx: &Context<'_>) -> bool {
        self.is_hurry_wanted(cx.shared)
    }

    fn is_hurry_wanted(&self, shared: &crate::context::Shared) -> bool {
        let leads = self.order.ring().representative == shared.me();
        let wanted = !shared.outbox.is_empty() || shared.leaving.is_some();
        wanted && !leads && self.circuit.may_be_held()
    }

    fn send_hurry(&mut self, cx: &mut Context<'_>) {
        self.circuit.told();
        let hurry = Hurry {
            ring: self.order.ring(),
            sender: cx.shared.me(),
        };
        let frame = cx.frame(Kind::Hurry, &hurry);
        let representative: NodeId = self.order.ring().representative.node;
        cx.transmit(Destination::Node(representative), frame);
    }

    pub(crate) fn deadline(&self, shared: &crate::context::Shared) -> Option<Deadline> {
        let now = |is: bool, why| is.then(|| Deadline::new(Instant::ORIGIN, why));
        let idle_leaver = shared.leaving.is_some()
            && shared.outbox.is_empty()
            && self.order.stable() >= self.order.store.high();
        Deadline::earliest([
            now(self.is_release_wanted(shared), "something to send"),
            now(self.is_hurry_wanted(shared), "something to send"),
            now(idle_leaver, "nothing left to do"),
            self.circuit.deadline(),
            Some(self.discovery.deadline()),
        ])
    }

    pub(crate) fn digest(&self, into: &mut Digest) {
        self.order.digest(into);
        self.circuit.digest(into);
        self.discovery.digest(into);
    }
}
