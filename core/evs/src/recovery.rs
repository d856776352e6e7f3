//! Exchanging what any member of the new ring has of the old ones, and going over together (Totem 1995,
//! section 6.3; EVS 1994, section 4).
//!
//! The new ring already runs, but carries only packets of the old rings, wrapped. Each member sends what some
//! companion from its old ring may lack and nobody has sent yet. Once nobody has anything left to send, and
//! the token has shown that everybody has all of it, the new ring is installed: the rest of the old order is
//! delivered, split by the transitional configuration, and the regular one follows.
//!
//! Before a member lets the token go by which another may learn that all have everything, it promises to
//! deliver the messages of its companions even if this ring fails: the other may already count on that.

use alloc::{boxed::Box, collections::VecDeque};

use bytes::Bytes;
use ringfort_machine::{
    ConfigurationId, Deadline, Digest, Instant, Member, ProcessId, RingId,
    defect::{Defect, active},
};
use ringfort_wire::{
    Kind,
    ring::{self, Content, Data, DataBuilder, Join, OldRing, Token},
};

use crate::{
    Action, FailedBecause, Note, Reason, Why, Windows,
    circuit::{Circuit, Source},
    commit::{Passed, place},
    context::Context,
    deliver::{Order, companions},
    gather::{Episode, Gather},
    hearing::{self, Breach},
    operational::Operational,
    phase::Phase,
    roster::Roster,
    store::{Inserted, Packet},
    verdict,
};

/// Exchanging old messages on the new ring.
#[derive(Debug)]
pub(crate) struct Recovery {
    /// The old ring.
    order: Order,
    /// The new ring, not yet installed.
    fresh: Order,
    circuit: Circuit,
    commit: ring::Commit,
    roster: Roster,
    episode: Episode,
    /// Sequence numbers of old packets that a companion may lack.
    queue: VecDeque<u64>,
    /// The last packet of the recovery, once nobody has anything left to send.
    last: Option<u64>,
    /// The commit token, sent again until the first token shows that all have it.
    passed: Option<Passed>,
}

/// The wrapped packets of the old ring.
struct OldPackets<'a> {
    order: &'a Order,
    queue: &'a mut VecDeque<u64>,
}

impl OldPackets<'_> {
    /// Drops what another companion has sent in the meantime.
    fn trim(&mut self) {
        let sent = |seq: &u64| {
            self.order
                .store
                .get(*seq)
                .is_none_or(|packet| packet.recovered)
        };
        while self.queue.front().is_some_and(sent) {
            self.queue.pop_front();
        }
    }
}

impl Source for OldPackets<'_> {
    fn backlog(&self, _: &Context<'_>) -> u32 {
        self.queue.len() as u32
    }

    fn next(&mut self, fresh: &Order, seq: u64, cx: &mut Context<'_>) -> Option<Bytes> {
        self.trim();
        let old = self.queue.pop_front()?;
        let body = self
            .order
            .store
            .get(old)
            .map(|packet| packet.body.clone())?;
        self.trim();
        let config = &cx.shared.config;
        let builder = DataBuilder::new(fresh.ring(), seq, config.me.process, config.datagram_limit);
        Some(builder.recovered(&body, config.cluster))
    }
}

impl Recovery {
    /// Everybody has committed, and `commit` says what each brings.
    pub(crate) fn start(
        mut order: Order,
        roster: Roster,
        episode: Episode,
        mut commit: ring::Commit,
        cx: &mut Context<'_>,
    ) -> Phase {
        let members = commit.lines.iter().map(|line| line.member).collect();
        // What an earlier, failed attempt brought was brought to other companions.
        order.store.forget_recovered();
        let fresh = Order::new(commit.ring, members, cx.shared.store_limit());
        let together = companions(order.ring(), &commit.lines);
        let low = together.iter().map(|(_, old)| old.aru).min().unwrap_or(0);
        let queue: VecDeque<u64> = if together.len() > 1 && !active(Defect::HoardInRecovery) {
            order
                .store
                .above(low)
                .filter(|packet| !(active(Defect::SkipReliable) && packet.is_reliable()))
                .map(|packet| packet.data.seq)
                .collect()
        } else {
            VecDeque::new()
        };
        cx.note(Note::Recovering {
            packets: queue.len(),
        });
        commit.round = 2;
        let passed = Some(Passed::on(&commit, cx));
        let circuit = Circuit::new(&fresh, &cx.shared.config, cx.now);
        Phase::Recovery(Box::new(Self {
            order,
            fresh,
            circuit,
            commit,
            roster,
            episode,
            queue,
            last: None,
            passed,
        }))
    }

    /// The old ring.
    pub(crate) const fn order(&self) -> &Order {
        &self.order
    }

    /// The commit token comes round for the second time: the representative starts the token.
    pub(crate) fn on_commit(
        mut self: Box<Self>,
        commit: &ring::Commit,
        cx: &mut Context<'_>,
    ) -> Phase {
        let leads = commit.ring.representative == cx.shared.me();
        if *commit != self.commit || !leads || self.circuit.accepted_at().is_some() {
            cx.refuse(Kind::Commit, Reason::Stale);
            return Phase::Recovery(self);
        }
        self.passed = None;
        let token = Circuit::first_token(&self.fresh);
        self.circuit.accept(&token, cx);
        self.pass(token, cx);
        Phase::Recovery(self)
    }

    /// The token of the new ring.
    pub(crate) fn on_token(mut self: Box<Self>, token: Token, cx: &mut Context<'_>) -> Phase {
        if let Err(reason) = self.circuit.check(&self.fresh, &token) {
            cx.refuse(Kind::Token, reason);
            return Phase::Recovery(self);
        }
        self.passed = None;
        let visit = self.circuit.accept(&token, cx);
        if let Some(deaf) = visit.deaf {
            let gather = self.fall_back(Why::DeafMember, cx);
            return gather.accusing(deaf, FailedBecause::Deaf, cx);
        }
        let complete = self.last.is_some_and(|last| visit.stable >= last);
        if complete || active(Defect::EndRecoveryEarly) {
            let last = self.last.unwrap_or(token.seq);
            return self.install(last, token, cx);
        }
        self.fresh.settle(visit.stable, cx.out);
        self.pass(token, cx);
        Phase::Recovery(self)
    }

    fn pass(&mut self, token: Token, cx: &mut Context<'_>) {
        let mut source = OldPackets {
            order: &self.order,
            queue: &mut self.queue,
        };
        source.trim();
        // Everybody has reported what it has to send once the token has been at all of them.
        let rounds_made = token.hop > self.fresh.members().len() as u64;
        if self.last.is_none() && rounds_made && token.backlog == 0 && source.queue.is_empty() {
            self.last = Some(token.seq);
        }
        if self.last.is_some_and(|last| self.fresh.store.aru() >= last) {
            let together = companions(self.order.ring(), &self.commit.lines);
            let promised = together.iter().fold(0, |mask, (member, old)| {
                mask | self.order.bit(member.process) | old.obligations
            });
            self.order.oblige(promised);
        }
        // The old order is only read here; what is sent wrapped is in it already.
        let windows = Windows {
            accelerated: 0,
            ..cx.shared.config.windows
        };
        let mut source = OldPackets {
            order: &self.order,
            queue: &mut self.queue,
        };
        self.circuit
            .pass(&mut self.fresh, &mut source, &windows, token, cx);
    }

    /// A packet of the new ring.
    pub(crate) fn on_data(mut self: Box<Self>, packet: Packet, cx: &mut Context<'_>) -> Phase {
        let me = cx.shared.me();
        let admitted = self.fresh.admit(&packet, me);
        let inner = admitted.and_then(|inserted| Ok((inserted, self.unwrap(&packet, me)?)));
        match inner {
            Err(reason) => cx.refuse(Kind::Data, reason),
            Ok((Inserted::Duplicate, _)) => cx.refuse(Kind::Data, Reason::Stale),
            Ok((_, inner)) => {
                self.circuit.on_packet(packet.data.seq);
                self.fresh.take(packet, cx.out);
                if let Some((seq, inner)) = inner {
                    if let Some(inner) = inner {
                        self.order.take(inner, cx.out);
                    }
                    if let Some(packet) = self.order.store.get_mut(seq) {
                        packet.recovered = true;
                    }
                }
            }
        }
        Phase::Recovery(self)
    }

    /// The packet of our old ring in `packet`, if there is one: its place, and itself if it is news.
    fn unwrap(
        &self,
        packet: &Packet,
        me: ProcessId,
    ) -> Result<Option<(u64, Option<Packet>)>, Reason> {
        let Content::Recovered(body) = &packet.data.content else {
            return Ok(None);
        };
        let data = Data::decode(body).map_err(Reason::Malformed)?;
        if data.ring != self.order.ring() {
            return Ok(None);
        }
        let seq = data.seq;
        let inner = Packet::received(data, body.clone());
        match self.order.admit(&inner, me)? {
            Inserted::New => Ok(Some((seq, Some(inner)))),
            Inserted::Duplicate | Inserted::Conflict | Inserted::OutOfWindow => {
                Ok(Some((seq, None)))
            }
        }
    }

    /// Goes over to the new ring, at the same place in the order as all companions.
    fn install(self: Box<Self>, last: u64, token: Token, cx: &mut Context<'_>) -> Phase {
        let Self {
            order,
            fresh,
            circuit,
            commit,
            roster,
            episode,
            ..
        } = *self;
        let together = companions(order.ring(), &commit.lines);
        let fresh = go_over(order, fresh, last, &together, &roster, episode, cx);
        Operational::start(fresh, circuit, token, cx)
    }

    /// A join that was screened.
    pub(crate) fn on_join(self: Box<Self>, join: &Join, cx: &mut Context<'_>) -> Phase {
        match hearing::breaks_off(join, &self.commit, cx) {
            Breach::None => Phase::Recovery(self),
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
            mut episode,
            circuit,
            ..
        } = *self;
        episode.alive = episode
            .alive
            .max(circuit.accepted_at().unwrap_or(Instant::ORIGIN));
        Gather::start(order, roster, episode, why, cx)
    }

    /// Time has passed.
    pub(crate) fn on_wake(mut self: Box<Self>, cx: &mut Context<'_>) -> Phase {
        if self.circuit.on_wake(cx) {
            let after = self.circuit.token_loss(cx);
            cx.note(Note::TokenLost { after });
            return self.fall_back(Why::TokenLost, cx).begin(cx);
        }
        if let Some(passed) = &mut self.passed {
            passed.repeat(cx);
        }
        Phase::Recovery(self)
    }

    /// The token's circuit on the new ring.
    pub(crate) const fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        let passed = self.passed.as_ref();
        Deadline::earliest([
            passed.map(|passed| Deadline::new(passed.at, "commit token retransmission")),
            self.circuit.deadline(),
        ])
    }

    pub(crate) fn digest(&self, into: &mut Digest) {
        self.order.digest(into);
        self.fresh.digest(into);
        self.circuit.digest(into);
        self.roster.digest(into);
        into.number(self.queue.len() as u64)
            .number(self.last.map_or(0, |last| last + 1))
            .number(
                self.passed
                    .as_ref()
                    .map_or(0, |passed| passed.at.as_nanos()),
            );
        for packet in self.order.store.above(0) {
            into.flag(packet.recovered);
        }
        into.flag(place(&self.commit, self.commit.ring.representative).is_some());
    }
}

/// Nobody else is left: goes over to a ring of one without any exchange.
pub(crate) fn alone(
    order: Order,
    roster: &Roster,
    episode: Episode,
    cx: &mut Context<'_>,
) -> Phase {
    let ring = RingId {
        sequence: cx.shared.next_sequence(),
        representative: cx.shared.me(),
    };
    cx.shared.saw(ring);
    let me = cx.shared.config.me;
    let fresh = Order::new(ring, [me].into(), cx.shared.store_limit());
    let together = [(me, order.summary())];
    let fresh = go_over(order, fresh, 0, &together, roster, episode, cx);
    let mut circuit = Circuit::new(&fresh, &cx.shared.config, cx.now);
    circuit.hold(Circuit::first_token(&fresh), Instant::NEVER);
    Phase::Operational(Box::new(Operational::new(fresh, circuit, cx)))
}

/// Ends the old order and installs the new one. Between the two configurations nothing is sent.
fn go_over(
    mut order: Order,
    mut fresh: Order,
    last: u64,
    together: &[(Member, OldRing)],
    roster: &Roster,
    episode: Episode,
    cx: &mut Context<'_>,
) -> Order {
    let holes = order.finish(fresh.ring(), together, cx.out);
    cx.note(Note::Recovered { holes });
    if active(Defect::SendInTransition)
        && let Some((number, level)) = cx.shared.outbox.front()
    {
        let configuration = ConfigurationId::regular(order.ring());
        cx.out.push(Action::Sent {
            number,
            level,
            configuration,
        });
    }
    if active(Defect::ForgetOutbox) {
        cx.shared.outbox.clear();
    }
    cx.shared.outbox.restart();
    fresh.install(last, cx.out);
    cx.shared.counters.changes += 1;
    cx.note(Note::Installed {
        ring: fresh.ring(),
        members: fresh.members().len(),
        took: cx.now.since(episode.started),
    });
    verdict::pass(roster, &fresh, episode, cx);
    fresh
}
