//! The token as one member sees it go round: what it checks, changes and passes on at each visit, how long a
//! rotation takes, and when the token counts as lost (Totem 1995, sections 4.1 and 5).
//!
//! A visit of the operational ring and one of the recovery differ only in what there is to send, which the
//! caller hands in. What this file does not do: it decides no membership.

use alloc::vec::Vec;
use core::{mem, time::Duration};

use bytes::Bytes;
use ringfort_machine::{
    Deadline, Digest, Instant, ProcessId,
    defect::{Defect, active},
};
use ringfort_wire::{
    Kind,
    ring::{CEILING, REQUESTS, Request, Token},
};

use crate::{
    Config, Destination, Note, Reason, Windows,
    context::Context,
    deliver::Order,
    flow::{self, Demand},
    store::Packet,
};

/// The fastest repetition of an unacknowledged token.
const FASTEST_RESEND: Duration = Duration::from_millis(4);

/// Where the packets of a visit come from.
pub(crate) trait Source {
    /// About how many packets are waiting.
    fn backlog(&self, cx: &Context<'_>) -> u32;

    /// The packet to be sent at `seq`.
    fn next(&mut self, order: &Order, seq: u64, cx: &mut Context<'_>) -> Option<Bytes>;
}

/// What a visit found out before anything is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Visit {
    /// All members have everything up to here.
    pub stable: u64,
    /// A member that has not made progress for too long.
    pub deaf: Option<ProcessId>,
    /// Nothing is under way at any member, as far as this one can tell.
    pub idle: bool,
}

#[derive(Debug)]
struct Resend {
    frame: Bytes,
    at: Instant,
    interval: Duration,
}

/// What was asked for last, and of whom.
///
/// Who answers first takes a request off the token, and the asking member may not hear him: links that work in
/// one direction, or cut a neighbour off, do that. The member before it on the ring it hears, or the token would
/// not come. So what was asked of anybody in vain is asked of that member, and the other way round, and what
/// helped last is tried first.
#[derive(Debug, Default)]
struct Asked {
    /// The lowest place in the order that was asked for; zero before the first.
    lowest: u64,
    /// Of the member before this one.
    relayed: bool,
}

impl Asked {
    /// Whether to ask the member before this one for `lowest` and what is above.
    fn again(&mut self, lowest: u64) -> bool {
        let in_vain = self.lowest == lowest;
        self.lowest = lowest;
        self.relayed = (self.relayed != in_vain) && !active(Defect::AskAnybody);
        self.relayed
    }
}

/// The token as one member sees it go round.
#[derive(Debug)]
pub(crate) struct Circuit {
    next: ProcessId,
    /// The positions of this member and of the one before it.
    place: u8,
    before: u8,
    alone: bool,
    /// Of the last token accepted or passed on.
    hop: u64,
    /// As this member last passed it on.
    aru_sent: u64,
    /// As this member last passed it on.
    seq_sent: u64,
    /// As the last token accepted had it; what was sent up to there has had a rotation to arrive.
    previous_seq: u64,
    sent_before: u32,
    backlog_before: u32,
    stuck: Option<(ProcessId, u64, u32)>,
    /// Visits in a row that found the ring idle.
    quiet: u32,
    /// The last token passed on may be held by the representative.
    passed_idle: bool,
    hurried: bool,
    rotation: Duration,
    /// The quickest rotation of late. The mean grows with every token lost, and so would the time until a lost
    /// one is sent again.
    quickest: Duration,
    asked: Asked,
    accepted_at: Option<Instant>,
    lost_at: Instant,
    excused: bool,
    resend: Option<Resend>,
    held: Option<(Token, Instant)>,
    window: u32,
    scratch: Vec<Bytes>,
}

impl Circuit {
    /// The circuit of the ring of `order`, waiting for its first token.
    pub(crate) fn new(order: &Order, config: &Config, now: Instant) -> Self {
        let members = order.members();
        let own = members.iter().position(|m| m.process == config.me.process);
        assert!(own.is_some(), "a process is a member of its own ring");
        let place = own.unwrap_or(0);
        let after = (place + 1) % members.len();
        let before = (place + members.len() - 1) % members.len();
        Self {
            next: members.get(after).map_or(config.me.process, |m| m.process),
            place: place as u8,
            before: before as u8,
            alone: members.len() == 1,
            hop: 0,
            aru_sent: 0,
            seq_sent: 0,
            previous_seq: 0,
            sent_before: 0,
            backlog_before: 0,
            stuck: None,
            quiet: 0,
            passed_idle: false,
            hurried: false,
            rotation: Duration::ZERO,
            quickest: Duration::ZERO,
            asked: Asked::default(),
            accepted_at: None,
            lost_at: now + config.timeouts.token_loss_min,
            excused: false,
            resend: None,
            held: None,
            window: 0,
            scratch: Vec::new(),
        }
    }

    /// Whether a token may be accepted in the present state.
    ///
    /// # Errors
    /// Why not; nothing has changed either way.
    pub(crate) fn check(&self, order: &Order, token: &Token) -> Result<(), Reason> {
        if token.ring != order.ring() {
            return Err(Reason::OtherRing);
        }
        if token.hop <= self.hop && !active(Defect::AcceptRepeatedToken) {
            return Err(Reason::Stale);
        }
        // There is one token, and this process has it.
        if self.held.is_some() {
            return Err(Reason::Contradictory);
        }
        if token.setter.is_some_and(|setter| !order.contains(setter)) {
            return Err(Reason::NotMember);
        }
        let by = token.requests.iter().filter_map(|request| request.by);
        if by
            .max()
            .is_some_and(|by| usize::from(by) >= order.members().len())
        {
            return Err(Reason::NotMember);
        }
        // Every packet out there was announced by a token that this one follows, and nobody takes back what
        // all have acknowledged.
        let lowest = order.store.high().max(self.seq_sent);
        if token.seq < lowest || token.aru < order.stable() {
            return Err(Reason::Contradictory);
        }
        // It can be passed on.
        if token.hop + 1 >= CEILING {
            return Err(Reason::OutOfWindow);
        }
        Ok(())
    }

    /// Takes a token that [`Circuit::check`] let pass.
    pub(crate) fn accept(&mut self, token: &Token, cx: &Context<'_>) -> Visit {
        self.hop = token.hop;
        self.resend = None;
        self.excused = false;
        if let Some(before) = self.accepted_at.replace(cx.now) {
            let took = cx.now.since(before);
            let sum = self.rotation * 7 + took;
            self.rotation = if self.rotation.is_zero() {
                took
            } else {
                sum / 8
            };
            self.quickest = if self.quickest.is_zero() {
                took
            } else {
                took.min(self.quickest + self.quickest / 8)
            };
        }
        self.lost_at = cx.now + self.token_loss(cx);
        // Everybody has seen the token since this member passed it on; who had less than this has lowered it.
        let stable = self.aru_sent.min(token.aru);
        let idle = token.seq == self.previous_seq
            && token.aru == token.seq
            && token.backlog == 0
            && token.requests.is_empty()
            && stable == token.seq;
        self.quiet = if idle {
            self.quiet.saturating_add(1)
        } else {
            0
        };
        Visit {
            stable,
            deaf: self.find_deaf(token, cx),
            idle,
        }
    }

    /// The member that keeps the aru down, if it has made no progress for too many rotations.
    fn find_deaf(&mut self, token: &Token, cx: &Context<'_>) -> Option<ProcessId> {
        let setter = token.setter.filter(|setter| *setter != cx.shared.me());
        self.stuck = match (self.stuck, setter) {
            (_, None) => None,
            (Some((who, aru, visits)), Some(setter)) if who == setter && aru == token.aru => {
                Some((who, aru, visits + 1))
            }
            (_, Some(setter)) => Some((setter, token.aru, 1)),
        };
        let limit = cx.shared.config.windows.deaf_rotations;
        self.stuck
            .filter(|(_, _, visits)| *visits >= limit)
            .map(|(who, _, _)| who)
    }

    /// Does the work of a visit and passes the token on: answers requests, sends, asks for what is missing.
    pub(crate) fn pass(
        &mut self,
        order: &mut Order,
        source: &mut dyn Source,
        windows: &Windows,
        mut token: Token,
        cx: &mut Context<'_>,
    ) {
        let received_seq = token.seq;
        let answered = self.answer(order, &mut token, windows, cx);
        let backlog = source.backlog(cx);
        let demand = Demand {
            sent_before: self.sent_before,
            backlog_before: self.backlog_before,
            backlog,
        };
        let aru = token.aru.min(order.store.aru());
        self.window = flow::allowance(windows, &token, aru, demand);
        let mut packets = mem::take(&mut self.scratch);
        while (packets.len() as u32) < self.window.saturating_sub(answered) {
            let seq = token.seq + 1;
            if !order.store.has_room(seq) {
                break;
            }
            assert!(
                seq > order.store.high(),
                "a place in the order is given once"
            );
            let Some(frame) = source.next(order, seq, cx) else {
                break;
            };
            token.seq = seq;
            order.take(Packet::own(frame.clone()), cx.out);
            packets.push(frame);
        }
        let sent = packets.len() as u32;
        self.account(&mut token, sent + answered, source.backlog(cx));
        let me = cx.shared.me();
        lower_or_raise(&mut token, order.store.aru(), me);
        // With the accelerated window, the newest packets may still be on their way when the token is not.
        let arrived = if windows.accelerated == 0 {
            received_seq
        } else {
            self.previous_seq
        };
        self.request(&mut token, order, arrived);
        self.passed_idle = sent + answered == 0 && idle_as_passed(&token, self.previous_seq);
        self.previous_seq = received_seq;
        self.aru_sent = token.aru;
        self.seq_sent = token.seq;
        token.hop += 1;
        self.hop = token.hop;
        let after = packets.len().saturating_sub(windows.accelerated as usize);
        for frame in packets.drain(..after) {
            cx.transmit(Destination::All, frame);
        }
        self.forward(token, cx);
        for frame in packets.drain(..) {
            cx.transmit(Destination::All, frame);
        }
        self.scratch = packets;
    }

    /// Sends again what the token asks of anybody or of this member and it has. Returns how many packets that were.
    fn answer(
        &mut self,
        order: &mut Order,
        token: &mut Token,
        windows: &Windows,
        cx: &mut Context<'_>,
    ) -> u32 {
        let cluster = cx.shared.config.cluster;
        let (mut answered, mut last) = (0, None);
        token.requests.retain_mut(|request| {
            let Request { seq, by } = *request;
            if by.is_some_and(|by| by != self.place) {
                return true;
            }
            if last == Some(seq) {
                return false;
            }
            if answered >= windows.global {
                return true;
            }
            let Some(packet) = order.store.get_mut(seq) else {
                // Whoever has it may send it now.
                request.by = None;
                return true;
            };
            if !active(Defect::SkipRetransmission) {
                let frame = packet.frame(cluster);
                cx.transmit(Destination::All, frame);
            }
            answered += 1;
            last = Some(seq);
            false
        });
        if answered > 0 {
            cx.shared.counters.retransmissions += u64::from(answered);
            cx.note(Note::Retransmitted { packets: answered });
        }
        answered
    }

    /// Adds to the token what this member lacks, up to what must have arrived by now.
    fn request(&mut self, token: &mut Token, order: &Order, arrived: u64) {
        let lowest = order.store.aru() + 1;
        if lowest <= arrived && !active(Defect::NeverRequest) {
            let by = self.asked.again(lowest).then_some(self.before);
            let missing = order.store.missing(arrived).take(REQUESTS);
            token
                .requests
                .extend(missing.map(|seq| Request { seq, by }));
        }
        token.requests.sort_unstable();
        token.requests.dedup();
        token.requests.truncate(REQUESTS);
    }

    /// Replaces this member's part in the sums on the token.
    fn account(&mut self, token: &mut Token, sent: u32, backlog: u32) {
        token.sent = token
            .sent
            .saturating_sub(self.sent_before)
            .saturating_add(sent);
        token.backlog = token
            .backlog
            .saturating_sub(self.backlog_before)
            .saturating_add(backlog);
        self.sent_before = sent;
        self.backlog_before = backlog;
    }

    /// Gives the token to the next member; alone, keeps it until there is something to do.
    fn forward(&mut self, token: Token, cx: &mut Context<'_>) {
        if self.alone {
            self.held = Some((token, Instant::NEVER));
            return;
        }
        let frame = cx.frame(Kind::Token, &token);
        cx.transmit(Destination::Node(self.next.node), frame.clone());
        let interval = self.resend_interval(cx);
        self.lost_at = cx.now + self.token_loss(cx);
        self.resend = Some(Resend {
            frame,
            at: cx.now + interval,
            interval,
        });
    }

    /// The token as the representative first puts it on a ring, or a process alone gives it to itself.
    pub(crate) const fn first_token(order: &Order) -> Token {
        Token {
            ring: order.ring(),
            hop: 1,
            seq: 0,
            aru: 0,
            setter: None,
            sent: 0,
            backlog: 0,
            requests: Vec::new(),
        }
    }

    /// Keeps the token, which is not passed on before `until`.
    pub(crate) fn hold(&mut self, token: Token, until: Instant) {
        self.held = Some((token, until));
    }

    /// Takes the held token out.
    pub(crate) fn release(&mut self) -> Option<Token> {
        self.held.take().map(|(token, _)| token)
    }

    /// Whether the token is held and has not given out the place `seq`.
    pub(crate) fn is_beyond_held(&self, seq: u64) -> bool {
        self.held.as_ref().is_some_and(|(token, _)| seq > token.seq)
    }

    /// Until when the token is held, if it is.
    pub(crate) fn held_until(&self) -> Option<Instant> {
        self.held.as_ref().map(|(_, until)| *until)
    }

    /// Whether the ring has one member.
    pub(crate) const fn is_alone(&self) -> bool {
        self.alone
    }

    /// Whether at least `visits` in a row found the ring idle.
    pub(crate) const fn is_quiet(&self, visits: u32) -> bool {
        self.quiet >= visits
    }

    /// A member has something to send: the next hold is skipped.
    pub(crate) const fn hurry(&mut self) {
        self.hurried = true;
    }

    /// Whether a hold was to be skipped, and forgets it.
    pub(crate) const fn was_hurried(&mut self) -> bool {
        mem::replace(&mut self.hurried, false)
    }

    /// Whether the representative may be holding the token. Asked for once; it is told to let go only once.
    pub(crate) const fn may_be_held(&self) -> bool {
        self.passed_idle
    }

    /// The representative was told to let go.
    pub(crate) const fn told(&mut self) {
        self.passed_idle = false;
    }

    /// A packet with `seq` arrived: beyond what the passed token announced, it shows that the token did too.
    pub(crate) fn on_packet(&mut self, seq: u64) {
        if seq > self.seq_sent {
            self.resend = None;
        }
    }

    /// The time without a token after which it counts as lost.
    pub(crate) fn token_loss(&self, cx: &Context<'_>) -> Duration {
        token_loss(self.rotation, &cx.shared.config)
    }

    /// The smoothed rotation time.
    pub(crate) const fn rotation(&self) -> Duration {
        self.rotation
    }

    /// What this member may have sent at the last visit.
    pub(crate) const fn window(&self) -> u32 {
        self.window
    }

    /// When this member last saw the token; it was at every member within the rotation before.
    pub(crate) const fn accepted_at(&self) -> Option<Instant> {
        self.accepted_at
    }

    fn resend_interval(&self, cx: &Context<'_>) -> Duration {
        let slowest = self.token_loss(cx) / 6;
        if self.passed_idle {
            let held = cx.shared.config.timeouts.idle_hold * 3 / 2;
            return slowest.max(held + self.rotation.min(held));
        }
        (self.quickest * 3).max(FASTEST_RESEND).min(slowest)
    }

    /// Repeats the token if that is due; true if it is lost.
    pub(crate) fn on_wake(&mut self, cx: &mut Context<'_>) -> bool {
        if self.held.is_some() {
            return false;
        }
        if self.lost_at <= cx.now {
            // Whoever wakes long after the deadline was himself standing still: what others have sent in
            // the meantime may be waiting to be read.
            let grace = cx.shared.config.timeouts.join_interval * 2;
            if cx.now.since(self.lost_at) <= grace || self.excused {
                return true;
            }
            self.excused = true;
            self.lost_at = cx.now + grace;
        }
        let slowest = self.token_loss(cx) / 6;
        if let Some(resend) = self.resend.as_mut().filter(|resend| resend.at <= cx.now) {
            if active(Defect::NeverRepeatToken) {
                self.resend = None;
                return false;
            }
            resend.interval = (resend.interval * 2).min(slowest.max(resend.interval));
            resend.at = cx.now + resend.interval;
            let frame = resend.frame.clone();
            cx.transmit(Destination::Node(self.next.node), frame);
            cx.shared.counters.token_retransmissions += 1;
            cx.note(Note::TokenRetransmitted { hop: self.hop });
        }
        false
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        if let Some(until) = self.held_until() {
            return (until != Instant::NEVER).then(|| Deadline::new(until, "token hold"));
        }
        let resend = self.resend.as_ref();
        Deadline::earliest([
            resend.map(|resend| Deadline::new(resend.at, "token retransmission")),
            Some(Deadline::new(self.lost_at, "token loss")),
        ])
    }

    /// Adds the logical state to a fingerprint.
    pub(crate) fn digest(&self, into: &mut Digest) {
        into.number(self.hop)
            .number(self.aru_sent)
            .number(self.previous_seq)
            .number(u64::from(self.sent_before))
            .number(u64::from(self.backlog_before))
            .number(u64::from(self.quiet))
            .flag(self.passed_idle)
            .flag(self.hurried)
            .flag(self.excused)
            .number(self.asked.lowest)
            .flag(self.asked.relayed)
            .number(self.rotation.as_nanos() as u64)
            .number(self.lost_at.as_nanos())
            .number(
                self.resend
                    .as_ref()
                    .map_or(0, |resend| resend.at.as_nanos()),
            )
            .number(self.held_until().map_or(0, Instant::as_nanos));
    }
}

/// The time without a token after which it counts as lost: some rotations and the time it may be held, within
/// the configured bounds.
pub(crate) fn token_loss(rotation: Duration, config: &Config) -> Duration {
    let timeouts = &config.timeouts;
    (rotation * timeouts.rotations_until_loss + timeouts.idle_hold)
        .clamp(timeouts.token_loss_min, timeouts.token_loss_max)
}

/// The rule of the aru: who has less lowers it, and only who lowered it raises it again.
fn lower_or_raise(token: &mut Token, aru: u64, me: ProcessId) {
    if aru < token.aru || token.setter.is_none_or(|setter| setter == me) {
        token.aru = aru;
        token.setter = (aru != token.seq).then_some(me);
    }
    assert!(token.aru <= token.seq, "nobody has what has no place yet");
}

/// Whether a token, as passed on, lets the next rotation find the ring idle.
fn idle_as_passed(token: &Token, previous_seq: u64) -> bool {
    token.seq == previous_seq
        && token.aru == token.seq
        && token.backlog == 0
        && token.requests.is_empty()
}
