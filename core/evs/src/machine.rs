//! The door of the ring: takes events, decodes and screens frames, and hands them to the phase.
//!
//! Screening is what needs no phase: that a frame decodes, that it comes from who it says, that it is no echo,
//! no repetition and not of an earlier life of its node. What is refused here or later changes nothing.

use alloc::{sync::Arc, vec::Vec};
use core::mem;

use bytes::Bytes;
use ringfort_machine::{
    Deadline, Digest, Instant, Level, Machine, Member, NodeId, ProcessId, RingId, Rng, Seed, Sink,
};
use ringfort_wire::{
    Frame, Kind,
    ring::{self, Beacon, Data, Hurry, Join, RingBody, Token},
};

use crate::{
    Action, Config, ConfigError, Event, Note, Reason, Refusal, Status,
    circuit::{self, Circuit},
    context::{Context, Counters, Shared},
    deliver::Order,
    operational::Operational,
    outbox::Outbox,
    peers::Peers,
    phase::Phase,
    quarantine::Quarantine,
    store::Packet,
};

/// Counts at or above this are no honest peer's, and leave room for what is added to them.
const PLAUSIBLE: u64 = ring::CEILING / 2;

/// One member of a ring.
#[derive(Debug)]
pub struct Evs {
    shared: Shared,
    phase: Phase,
}

impl Evs {
    /// Starts a process: alone, in the regular configuration of itself, which is installed at once.
    ///
    /// # Errors
    /// [`ConfigError`] if the configuration cannot work.
    pub fn new(
        config: Config,
        seed: Seed,
        now: Instant,
        out: &mut impl Sink<Action>,
    ) -> Result<Self, ConfigError> {
        config.validate()?;
        let me = config.me;
        let ring = RingId {
            sequence: 1,
            representative: me.process,
        };
        let mut shared = Shared {
            rng: Rng::new(seed),
            outbox: Outbox::new(&config),
            peers: Peers::default(),
            quarantine: Quarantine::default(),
            sequence: ring.sequence,
            stamp: 0,
            leaving: None,
            counters: Counters::default(),
            config,
        };
        let members: Arc<[Member]> = Arc::from([me]);
        let mut order = Order::new(ring, members, shared.store_limit());
        order.install(0, out);
        shared.counters.changes = 1;
        let mut circuit = Circuit::new(&order, &shared.config, now);
        circuit.hold(Circuit::first_token(&order), Instant::NEVER);
        let mut cx = Context {
            now,
            shared: &mut shared,
            out,
        };
        let operational = Operational::new(order, circuit, &mut cx);
        Ok(Self {
            shared,
            phase: Phase::Operational(operational.into()),
        })
    }

    /// Takes a message to be sent at the next visit of the token, and returns its number, counted from 1.
    /// Sends nothing itself; ask [`Machine::deadline`] again.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed.
    pub fn submit(&mut self, level: Level, payload: Bytes) -> Result<u64, Refusal> {
        if self.shared.leaving.is_some() {
            return Err(Refusal::Leaving);
        }
        self.shared.outbox.submit(level, payload)
    }

    /// A snapshot for tools.
    pub fn status(&self) -> Status {
        let shared = &self.shared;
        let order = self.phase.order();
        let circuit = self.phase.circuit();
        let rotation = circuit.map_or_else(Default::default, Circuit::rotation);
        let counters = shared.counters;
        let number = |of: fn(&Order) -> u64| order.map_or(0, of);
        Status {
            state: self.phase.name(),
            ring: order.map_or(
                RingId {
                    sequence: shared.sequence,
                    representative: shared.me(),
                },
                Order::ring,
            ),
            members: order.map_or_else(
                || Arc::from([]),
                |order| order.configuration.members.clone(),
            ),
            rotation,
            token_loss: circuit::token_loss(rotation, &shared.config),
            aru: number(|order| order.store.aru()),
            seq: number(|order| order.store.high()),
            stable: number(Order::stable),
            delivered: number(Order::delivered),
            retained: order.map_or(0, |order| order.store.len()),
            retransmissions: counters.retransmissions,
            token_retransmissions: counters.token_retransmissions,
            window: circuit.map_or(0, Circuit::window),
            outbox_messages: shared.outbox.len(),
            outbox_bytes: shared.outbox.bytes(),
            changes: counters.changes,
            last_change: counters.last_change,
            reasons: counters.reasons,
            quarantined: quarantined(shared),
            refused: counters.refused,
        }
    }

    /// Hands the phase to `step`, and keeps what it returns.
    fn advance(
        &mut self,
        now: Instant,
        out: &mut dyn Sink<Action>,
        step: impl FnOnce(Phase, &mut Context<'_>) -> Phase,
    ) {
        let mut cx = Context {
            now,
            shared: &mut self.shared,
            out,
        };
        let phase = mem::replace(&mut self.phase, Phase::Left);
        self.phase = step(phase, &mut cx);
    }
}

impl Machine for Evs {
    type Event = Event;
    type Action = Action;

    fn handle(&mut self, now: Instant, event: Event, out: &mut impl Sink<Action>) {
        match event {
            Event::Wake => self.advance(now, out, Phase::on_wake),
            Event::Frame { from, frame } => {
                self.advance(now, out, |phase, cx| on_frame(phase, from, &frame, cx));
            }
            Event::Submit { level, payload } => {
                if let Err(refusal) = self.submit(level, payload) {
                    out.push(Action::Note(Note::SubmissionRefused(refusal)));
                }
            }
            Event::Leave => {
                let limit = now + self.shared.config.timeouts.leave;
                self.shared.leaving.get_or_insert(limit);
            }
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        self.phase.deadline(&self.shared)
    }

    fn digest(&self, into: &mut Digest) {
        let shared = &self.shared;
        into.number(shared.sequence)
            .number(shared.stamp)
            .number(shared.outbox.numbered())
            .number(shared.outbox.len() as u64)
            .number(shared.outbox.bytes() as u64)
            .number(shared.leaving.map_or(0, Instant::as_nanos));
        for (process, peer) in shared.peers.iter() {
            into.number(process.node.0)
                .number(process.incarnation.0)
                .number(peer.heard.as_nanos())
                .number(peer.hears_us.map_or(0, Instant::as_nanos))
                .number(peer.stamp);
        }
        for (process, active) in shared.quarantine.findings() {
            into.number(process.node.0).flag(active);
        }
        for (process, accuser, until) in shared.quarantine.hearsay() {
            into.number(process.node.0)
                .number(accuser.node.0)
                .number(until.as_nanos());
        }
        self.phase.digest(into);
    }
}

/// Everybody with an active finding or some hearsay against it, ascending.
fn quarantined(shared: &Shared) -> Vec<ProcessId> {
    let findings = shared.quarantine.findings();
    let found = findings
        .filter(|(_, active)| *active)
        .map(|(process, _)| process);
    let said = shared.quarantine.hearsay().map(|(process, _, _)| process);
    let mut all: Vec<ProcessId> = found.chain(said).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Decodes and screens a frame, and hands it to the phase.
fn on_frame(phase: Phase, from: NodeId, frame: &Frame, cx: &mut Context<'_>) -> Phase {
    let kind = frame.kind;
    match read(from, frame, cx) {
        Err(reason) => {
            cx.refuse(kind, reason);
            phase
        }
        Ok(Body::Token(token)) => phase.on_token(token, cx),
        Ok(Body::Data(packet)) => phase.on_data(packet, cx),
        Ok(Body::Join(join)) => phase.on_join(&join, cx),
        Ok(Body::Commit(commit)) => phase.on_commit(commit, cx),
        Ok(Body::Beacon(beacon)) => phase.on_beacon(&beacon, cx),
        Ok(Body::Hurry(hurry)) => phase.on_hurry(&hurry, cx),
    }
}

/// A decoded and screened frame.
enum Body {
    Token(Token),
    Data(Packet),
    Join(Join),
    Commit(ring::Commit),
    Beacon(Beacon),
    Hurry(Hurry),
}

/// Decodes and screens a frame. Nothing changes.
fn read(from: NodeId, frame: &Frame, cx: &mut Context<'_>) -> Result<Body, Reason> {
    let body = &frame.body;
    match frame.kind {
        Kind::Token => {
            let token = Token::decode(body).map_err(Reason::Malformed)?;
            plausible(token.seq.max(token.hop))?;
            Ok(Body::Token(token))
        }
        Kind::Data => {
            let data = Data::decode(body).map_err(Reason::Malformed)?;
            Ok(Body::Data(Packet::received(data, body.clone())))
        }
        Kind::Join => {
            let join = Join::decode(body).map_err(Reason::Malformed)?;
            plausible(join.sequence)?;
            screen(from, join.sender, join.stamp, cx)?;
            Ok(Body::Join(join))
        }
        Kind::Commit => {
            let commit = ring::Commit::decode(body).map_err(Reason::Malformed)?;
            plausible(commit.ring.sequence)?;
            Ok(Body::Commit(commit))
        }
        Kind::Beacon => {
            let beacon = Beacon::decode(body).map_err(Reason::Malformed)?;
            plausible(beacon.ring.sequence)?;
            screen(from, beacon.sender, beacon.stamp, cx)?;
            Ok(Body::Beacon(beacon))
        }
        Kind::Hurry => {
            let hurry = Hurry::decode(body).map_err(Reason::Malformed)?;
            if hurry.sender.node != from {
                return Err(Reason::Impostor);
            }
            Ok(Body::Hurry(hurry))
        }
        Kind::Replay => Err(Reason::NotRing),
    }
}

const fn plausible(count: u64) -> Result<(), Reason> {
    if count < PLAUSIBLE {
        Ok(())
    } else {
        Err(Reason::Contradictory)
    }
}

/// What a frame that speaks for its sender alone must fulfil in every phase.
fn screen(from: NodeId, sender: Member, stamp: u64, cx: &mut Context<'_>) -> Result<(), Reason> {
    let (process, me) = (sender.process, cx.shared.me());
    if process == me {
        return Err(Reason::Echo);
    }
    if process.node == me.node || process.node != from {
        return Err(Reason::Impostor);
    }
    if cx.shared.peers.is_stale(process) {
        cx.note(Note::StaleIncarnation { process });
        return Err(Reason::Stale);
    }
    if !cx.shared.peers.is_news(process, stamp) {
        return Err(Reason::Stale);
    }
    Ok(())
}
