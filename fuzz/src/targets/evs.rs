//! Ring members on a network that the script drives: it delays, drops, repeats, overtakes, cuts, restarts, and
//! lets time pass at each of its whims.
//!
//! Two targets share the cast. In `evs_ring` the network is honest: whatever it does to frames, it changes none.
//! Then the basic promises of extended virtual synchrony must hold (`evs_promises`). In `evs_frames` it also
//! changes frames and makes up its own, with right checksums; then no promise is left but that of every machine:
//! no panic, no spin, bounded, and a refused frame leaves no mark.

use bytes::Bytes;
use ringfort_evs::{Action, Config, Destination, Event, Evs, Note};
use ringfort_machine::{Incarnation, Level, Member, NodeId, ProcessId, RingId, Seed, SubclusterId};
use ringfort_wire::{
    ClusterId, Frame, Kind, frame,
    ring::{Beacon, Commit, DataBuilder, Hurry, Join, RingBody, Token},
};
use serde::de::DeserializeOwned;

use super::evs_promises::Promises;
use crate::{
    Cursor, Marks, Target,
    story::{Bench, Story, fingerprint, twice},
};

/// The target with the honest network.
pub const RING: Target = Target {
    name: "evs_ring",
    about: "three ring members on a network that loses, repeats and overtakes: the promises of virtual synchrony",
    run: run_ring,
    limit: 2 * 1024,
    words: &[],
};

/// The target with the network that lies.
pub const FRAMES: Target = Target {
    name: "evs_frames",
    about: "the same with changed and invented frames: no panic, no spin, a refused frame leaves no mark",
    run: run_frames,
    limit: 2 * 1024,
    words: &[],
};

const CLUSTER: ClusterId = ClusterId(7);
const MEMBERS: usize = 3;
/// Frames under way at most; further ones are lost, as on any network.
const UNDER_WAY: usize = 192;
/// Frames kept to be changed and sent again.
const KEPT: usize = 24;
/// Steps of a script at most, rounds of `settle` included.
const STEPS: usize = 600;

fn run_ring(input: &[u8], marks: &mut Marks) {
    twice(input, marks, |script, story| {
        Cast::new(true, story).play(script, story)
    });
}

fn run_frames(input: &[u8], marks: &mut Marks) {
    twice(input, marks, |script, story| {
        Cast::new(false, story).play(script, story)
    });
}

/// A frame under way.
#[derive(Clone)]
struct Letter {
    from: NodeId,
    to: usize,
    bytes: Bytes,
}

struct Cast {
    honest: bool,
    members: Vec<Bench<Evs>>,
    lives: [u64; MEMBERS],
    /// Bit `3 * from + to`: frames do not get through.
    cut: u16,
    letters: Vec<Letter>,
    kept: Vec<Bytes>,
    promises: Promises,
    steps: usize,
}

fn node(who: usize) -> NodeId {
    NodeId(who as u64 + 1)
}

impl Cast {
    fn new(honest: bool, story: &mut Story) -> Self {
        let mut cast = Self {
            honest,
            members: Vec::new(),
            lives: [0; MEMBERS],
            cut: 0,
            letters: Vec::new(),
            kept: Vec::new(),
            promises: Promises::default(),
            steps: 0,
        };
        for who in 0..MEMBERS {
            let (bench, said) = cast.start(who, story);
            cast.members.push(bench);
            cast.follow(who, said);
        }
        cast
    }

    fn start(&mut self, who: usize, story: &mut Story) -> (Bench<Evs>, Vec<Action>) {
        self.lives[who] += 1;
        let process = ProcessId::new(node(who), Incarnation(self.lives[who]));
        let member = Member {
            process,
            subcluster: SubclusterId(1),
        };
        let mut config = Config::new(member, CLUSTER);
        config.datagram_limit = 320; // so that messages are cut soon
        config.windows.outstanding = 64;
        config.windows.global = 32;
        config.windows.personal = 12;
        config.windows.accelerated = 4;
        config.outbox_limit_messages = 64;
        let seed = Seed::from_number(who as u64).fork(&self.lives[who].to_string());
        let mut said = Vec::new();
        let evs = Evs::new(config, seed, story.now(), &mut said).expect("a good configuration");
        self.promises.begin(process);
        (Bench::new(who, evs, &said, story), said)
    }

    fn play(mut self, script: &mut Cursor<'_>, story: &mut Story) {
        while !script.is_empty() && self.steps < STEPS {
            self.steps += 1;
            self.step(script, story);
        }
    }

    fn step(&mut self, script: &mut Cursor<'_>, story: &mut Story) {
        match script.byte() % 16 {
            0 => {
                story.pass(script);
                self.wake_all(story);
            }
            1..=3 => self.settle(1 + script.below(48), story),
            4 | 5 => {
                let index = script.below(self.letters.len());
                self.deliver(index, story);
            }
            6 => {
                let index = script.below(self.letters.len());
                if index < self.letters.len() {
                    self.letters.remove(index);
                }
            }
            7 => {
                let index = script.below(self.letters.len());
                if let Some(letter) = self.letters.get(index).cloned() {
                    self.post(letter);
                }
            }
            8..=10 => self.submit(script, story),
            11 => self.cut = script.short() & 0x1ff,
            12 => self.disturb(script, story),
            13 => {
                let who = script.below(MEMBERS);
                self.members[who].wake_early(story);
            }
            _ => self.invent(script, story),
        }
    }

    /// Delivers what is under way and goes on to whatever is due next, so often.
    fn settle(&mut self, rounds: usize, story: &mut Story) {
        for _ in 0..rounds {
            self.steps += 1;
            for _ in 0..self.letters.len().min(32) {
                self.deliver(0, story);
            }
            if self.letters.is_empty() {
                let due = self.members.iter().filter_map(Bench::due).min();
                if let Some(due) = due {
                    story.pass_to(due);
                }
                self.wake_all(story);
            }
        }
    }

    fn wake_all(&mut self, story: &mut Story) {
        for who in 0..MEMBERS {
            let said = self.members[who].wake(story);
            self.follow(who, said);
        }
    }

    fn deliver(&mut self, index: usize, story: &mut Story) {
        if index >= self.letters.len() {
            return;
        }
        let letter = self.letters.remove(index);
        if let Ok(frame) = Frame::decode(CLUSTER, &letter.bytes) {
            self.give(letter.to, letter.from, frame, story);
        }
    }

    /// A frame arrives. If it is refused, and nothing was due just then, it has left no mark.
    fn give(&mut self, to: usize, from: NodeId, frame: Frame, story: &mut Story) {
        let said = self.members[to].wake(story);
        self.follow(to, said);
        let before = (!self.honest).then(|| fingerprint(&self.members[to].machine));
        let said = self.members[to].feed(Event::Frame { from, frame }, story);
        if let ([Action::Note(Note::Refused { kind, reason })], Some(before)) =
            (said.as_slice(), before)
        {
            let after = fingerprint(&self.members[to].machine);
            assert_eq!(
                before, after,
                "a refused {kind:?} ({reason:?}) left its mark"
            );
        }
        self.follow(to, said);
    }

    fn submit(&mut self, script: &mut Cursor<'_>, story: &mut Story) {
        let (who, level) = (script.below(MEMBERS), script.pick(&Level::ALL));
        let length = usize::from(script.byte()) * if script.flag() { 8 } else { 1 };
        let payload = Bytes::from(vec![self.steps as u8; length]);
        if let Ok(number) = self.members[who].machine.submit(level, payload.clone()) {
            self.promises
                .submitted(self.process(who), number, level, payload);
        }
        let said = self.members[who].wake(story);
        self.follow(who, said);
    }

    /// A restart, or a member that leaves.
    fn disturb(&mut self, script: &mut Cursor<'_>, story: &mut Story) {
        let who = script.below(MEMBERS);
        if script.flag() {
            let said = self.members[who].feed(Event::Leave, story);
            self.follow(who, said);
        } else {
            let (bench, said) = self.start(who, story);
            self.members[who] = bench;
            self.follow(who, said);
        }
    }

    fn process(&self, who: usize) -> ProcessId {
        ProcessId::new(node(who), Incarnation(self.lives[who]))
    }

    fn follow(&mut self, who: usize, said: Vec<Action>) {
        let process = self.process(who);
        for action in said {
            if self.honest {
                self.promises.hear(process, &action);
            }
            match action {
                Action::Transmit { to, frame } => self.transmit(who, to, &frame),
                Action::Sent { .. }
                | Action::Deliver(_)
                | Action::Install(_)
                | Action::Left
                | Action::Note(_) => {}
            }
        }
    }

    fn transmit(&mut self, who: usize, to: Destination, bytes: &Bytes) {
        for other in (0..MEMBERS).filter(|other| *other != who) {
            let meant = match to {
                Destination::All => true,
                Destination::Node(meant) => meant == node(other),
            };
            if meant && self.cut & (1 << (3 * who + other)) == 0 {
                self.post(Letter {
                    from: node(who),
                    to: other,
                    bytes: bytes.clone(),
                });
            }
        }
        if self.kept.len() >= KEPT {
            self.kept.remove(self.steps % KEPT);
        }
        self.kept.push(bytes.clone());
    }

    fn post(&mut self, letter: Letter) {
        if self.letters.len() < UNDER_WAY {
            self.letters.push(letter);
        }
    }

    /// A frame that nobody sent. On an honest network: one that was sent before, whoever it was meant for.
    fn invent(&mut self, script: &mut Cursor<'_>, story: &mut Story) {
        let (to, from) = (script.below(MEMBERS), node(script.below(MEMBERS + 1)));
        let old = self.kept.get(script.below(self.kept.len())).cloned();
        let frame = if self.honest {
            old.and_then(|old| Frame::decode(CLUSTER, &old).ok())
        } else if script.flag() {
            old.and_then(|old| changed(&old, script))
        } else {
            made_up(script)
        };
        let Some(frame) = frame else { return };
        if !self.honest || self.sender_is_right(&frame, from) {
            self.give(to, from, frame, story);
        }
    }

    /// An honest network does not say that a frame came from another node than it did. Only the frames that
    /// carry their sender are repeated at will.
    fn sender_is_right(&self, frame: &Frame, from: NodeId) -> bool {
        match frame.kind {
            Kind::Join => {
                Join::decode(&frame.body).is_ok_and(|join| join.sender.process.node == from)
            }
            Kind::Beacon => {
                Beacon::decode(&frame.body).is_ok_and(|beacon| beacon.sender.process.node == from)
            }
            Kind::Hurry => Hurry::decode(&frame.body).is_ok_and(|hurry| hurry.sender.node == from),
            Kind::Token | Kind::Data | Kind::Commit | Kind::Replay => false,
        }
    }
}

/// A frame that was sent, with some bytes of its body replaced.
fn changed(old: &Bytes, script: &mut Cursor<'_>) -> Option<Frame> {
    let frame = Frame::decode(CLUSTER, old).ok()?;
    let mut body = frame.body.to_vec();
    for _ in 0..=script.below(3) {
        let (at, byte) = (usize::from(script.byte()), script.byte());
        if let Some(slot) = body.get_mut(at) {
            *slot = byte;
        }
    }
    Some(Frame::new(frame.kind, body.into()))
}

/// A frame out of nothing: bytes, or a body that means something.
fn made_up(script: &mut Cursor<'_>) -> Option<Frame> {
    let kind = script.pick(&[
        Kind::Token,
        Kind::Data,
        Kind::Join,
        Kind::Commit,
        Kind::Beacon,
        Kind::Hurry,
        Kind::Replay,
    ]);
    let bytes = script.block();
    let body = match kind {
        Kind::Token => lax::<Token>(bytes)?.encode(),
        Kind::Join => lax::<Join>(bytes)?.encode(),
        Kind::Commit => lax::<Commit>(bytes)?.encode(),
        Kind::Beacon => lax::<Beacon>(bytes)?.encode(),
        Kind::Hurry => lax::<Hurry>(bytes)?.encode(),
        Kind::Data => packet(&mut Cursor::new(bytes))?,
        Kind::Replay => Bytes::copy_from_slice(bytes),
    };
    let whole = frame::encode(CLUSTER, kind, &body);
    Frame::decode(CLUSTER, &whole).ok()
}

/// postcard alone makes a value of almost any bytes; whether it is sound is the member's to find out.
fn lax<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    postcard::take_from_bytes(bytes)
        .ok()
        .map(|(value, _)| value)
}

fn packet(script: &mut Cursor<'_>) -> Option<Bytes> {
    let process = |script: &mut Cursor<'_>| {
        ProcessId::new(node(script.below(4)), Incarnation(script.number()))
    };
    let ring = RingId {
        sequence: script.number(),
        representative: process(script),
    };
    let (seq, sender) = (script.number(), process(script));
    let mut builder = DataBuilder::new(ring, seq, sender, 1400);
    let mut number = script.number().min(u64::MAX - 1);
    for _ in 0..=script.below(4) {
        let (level, payload) = (script.pick(&Level::ALL), script.block());
        if builder.fits(payload.len()) {
            builder.push(number, level, payload);
            number = number.saturating_add(1);
        }
    }
    let whole = builder.finish(CLUSTER);
    Frame::decode(CLUSTER, &whole).ok().map(|frame| frame.body)
}
