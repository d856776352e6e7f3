//! The seal: two honest ones that talk, and an attacker who has heard it all and changes, cuts, repeats and invents.
//!
//! What is held: nothing is delivered that was not sealed by whom it is said to be from, nothing twice, nothing on a
//! stream that was not sent on it in that order; a seal that has taken anything at all still understands its peer.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use ringfort_machine::{Incarnation, Instant, Machine, NodeId, ProcessId, step};
use ringfort_seal::{
    Action, Config, Destination, Event, Identity, KeyId, Seal, Secret, StreamAction, StreamEvent,
    StreamId, Trusted, sealed_header,
};

use crate::{Cursor, Marks, Target};

/// The target.
pub const TARGET: Target = Target {
    name: "seal",
    about: "sealed datagrams, greetings and streams under attack: only what was sealed arrives, and once",
    run,
    limit: 2 * 1024,
    words: &[],
};

/// Steps of a script at most; each may cost four Diffie-Hellmans.
const STEPS: usize = 120;
const STREAM: StreamId = StreamId(4);

struct Side {
    seal: Seal,
    life: u64,
    /// What it has opened in this life.
    opened: BTreeSet<(KeyId, u64)>,
    /// What the other side has sent on the stream, and how far it has come here.
    expected: Vec<u8>,
    arrived: usize,
    /// What its stream has sent and the other side has not been given.
    pipe: Vec<u8>,
    refused: bool,
}

struct Play<'a> {
    sides: [Side; 2],
    now: Instant,
    recorded: Vec<Bytes>,
    sealed: BTreeMap<(KeyId, u64), (ProcessId, Bytes)>,
    marks: &'a mut Marks,
}

fn identity(who: usize) -> Identity {
    Identity::new(Secret::new([who as u8 + 1; 32]))
}

fn node(who: usize) -> NodeId {
    NodeId(who as u64 + 10)
}

fn seal(who: usize, life: u64, now: Instant) -> Seal {
    let mut fresh = [who as u8; 32];
    fresh[..8].copy_from_slice(&life.to_le_bytes());
    let config = Config {
        me: ProcessId::new(node(who), Incarnation(life)),
        cluster: 77,
        identity: identity(who),
        life: Secret::new(fresh),
        trusted: Vec::from([Trusted {
            node: node(1 - who),
            public: identity(1 - who).public(),
        }]),
    };
    Seal::new(config, now)
}

fn side(who: usize, life: u64, now: Instant) -> Side {
    Side {
        seal: seal(who, life, now),
        life,
        opened: BTreeSet::new(),
        expected: Vec::new(),
        arrived: 0,
        pipe: Vec::new(),
        refused: false,
    }
}

impl Play<'_> {
    /// Lets a side handle an event; greetings go to the other side at once if `through`.
    fn tell(&mut self, who: usize, event: Event, through: bool) {
        let mut todo = Vec::from([(who, event)]);
        let mut left = 200;
        while let Some((who, event)) = todo.pop() {
            left -= 1;
            assert!(left > 0, "an exchange without end");
            let mut out = Vec::new();
            let sent = if let Event::Send { frame, .. } = &event {
                Some(frame.clone())
            } else {
                None
            };
            step(&mut self.sides[who].seal, self.now, event, &mut out);
            for action in out {
                self.marks.step(Marks::variant(&action));
                match action {
                    Action::Transmit { datagram, .. } => {
                        if let (Some(frame), Some((key, counter))) =
                            (&sent, sealed_header(&datagram))
                        {
                            let by = self.process(who);
                            self.sealed
                                .entry((key, counter))
                                .or_insert((by, frame.clone()));
                        }
                        self.recorded.push(datagram.clone());
                        if through {
                            let from = Some(node(who));
                            todo.push((1 - who, Event::Arrived { from, datagram }));
                        }
                    }
                    Action::Deliver {
                        from,
                        key,
                        counter,
                        frame,
                    } => {
                        let known = self.sealed.get(&(key, counter));
                        assert_eq!(known, Some(&(from, frame)), "delivered and never sealed");
                        let side = &mut self.sides[who];
                        assert!(side.opened.insert((key, counter)), "delivered twice");
                    }
                    Action::Stream(_, action) => self.stream(who, action),
                    Action::Note(_) => {}
                }
            }
        }
    }

    fn process(&self, who: usize) -> ProcessId {
        ProcessId::new(node(who), Incarnation(self.sides[who].life))
    }

    fn stream(&mut self, who: usize, action: StreamAction) {
        let side = &mut self.sides[who];
        match action {
            StreamAction::Transmit(bytes) => side.pipe.extend_from_slice(&bytes),
            StreamAction::Ready(process) => assert_eq!(process.node, node(1 - who)),
            StreamAction::Deliver(bytes) => {
                assert!(!side.refused, "delivered after a refusal");
                let end = side.arrived + bytes.len();
                assert_eq!(
                    side.expected.get(side.arrived..end),
                    Some(&bytes[..]),
                    "never sent"
                );
                side.arrived = end;
            }
            StreamAction::Refuse => side.refused = true,
        }
    }

    /// What an attacker makes of what was recorded.
    fn forge(&self, script: &mut Cursor<'_>) -> Bytes {
        let any = |script: &mut Cursor<'_>| match self.recorded.len() {
            0 => Bytes::new(),
            many => self.recorded[script.below(many)].clone(),
        };
        let mut bytes = any(script).to_vec();
        match script.byte() % 5 {
            0 => {}
            1 if !bytes.is_empty() => {
                let at = script.below(bytes.len());
                bytes[at] ^= script.byte().max(1);
            }
            2 => bytes.truncate(usize::from(script.short()) % (bytes.len() + 1)),
            3 => {
                let other = any(script);
                let cut = script.below(bytes.len().min(other.len()) + 1);
                bytes.truncate(cut);
                bytes.extend_from_slice(other.get(cut..).unwrap_or_default());
            }
            _ => {
                bytes.truncate(script.below(90));
                bytes.extend_from_slice(script.block());
            }
        }
        bytes.into()
    }

    fn wake(&mut self, script: &mut Cursor<'_>) {
        self.now = self.now + std::time::Duration::from_millis(script.byte().into());
        for who in 0..2 {
            let due = self.sides[who].seal.deadline();
            if due.is_some_and(|due| due.at <= self.now) {
                self.tell(who, Event::Wake, true);
            }
        }
    }

    fn on_stream(&mut self, who: usize, script: &mut Cursor<'_>) {
        match script.byte() % 4 {
            0 => {
                // Both ends begin anew.
                for (who, event) in [
                    (who, StreamEvent::Connected { to: node(1 - who) }),
                    (1 - who, StreamEvent::Accepted),
                ] {
                    self.tell(who, Event::Stream(STREAM, StreamEvent::Closed), true);
                    let side = &mut self.sides[who];
                    (side.expected, side.pipe, side.arrived, side.refused) =
                        (Vec::new(), Vec::new(), 0, false);
                    self.tell(who, Event::Stream(STREAM, event), true);
                }
            }
            1 => {
                let text = script.block().to_vec();
                let before = self.sides[who].pipe.len();
                let event = StreamEvent::Send(text.clone().into());
                self.tell(who, Event::Stream(STREAM, event), true);
                if self.sides[who].pipe.len() > before {
                    self.sides[1 - who].expected.extend_from_slice(&text);
                }
            }
            2 => {
                // What waits on its way, all or a part, arrives.
                let pipe = &mut self.sides[who].pipe;
                let count = pipe.len().min(usize::from(script.short()));
                let bytes: Vec<u8> = pipe.drain(..count).collect();
                let event = StreamEvent::Arrived(bytes.into());
                self.tell(1 - who, Event::Stream(STREAM, event), true);
            }
            _ => {
                let bytes = Bytes::copy_from_slice(script.block());
                self.tell(
                    who,
                    Event::Stream(STREAM, StreamEvent::Arrived(bytes)),
                    true,
                );
            }
        }
    }
}

fn run(input: &[u8], marks: &mut Marks) {
    let mut script = Cursor::new(input);
    let now = Instant::ORIGIN;
    let mut play = Play {
        sides: [side(0, 1, now), side(1, 1, now)],
        now,
        recorded: Vec::new(),
        sealed: BTreeMap::new(),
        marks,
    };
    for _ in 0..STEPS {
        if script.is_empty() {
            break;
        }
        let what = script.byte();
        let who = usize::from(what & 1);
        match what >> 1 & 15 {
            0..3 => {
                let to = Destination::All;
                let frame = Bytes::copy_from_slice(script.block());
                let through = script.flag();
                play.tell(who, Event::Send { to, frame }, through);
            }
            3..8 => {
                let datagram = play.forge(&mut script);
                let from = script.flag().then(|| node(1 - who));
                play.tell(who, Event::Arrived { from, datagram }, script.flag());
            }
            8 | 9 => play.wake(&mut script),
            10 => play.tell(who, Event::Rotate(script.byte().into()), script.flag()),
            11 => {
                let members = [node(0), node(1)];
                let members = members[..usize::from(script.byte() % 3)].to_vec();
                play.tell(who, Event::Members(members), true);
            }
            12 => {
                let life = play.sides[who].life + 1;
                let old = std::mem::take(&mut play.sides[who].expected);
                drop(old);
                play.sides[who] = side(who, life, play.now);
                play.sides[1 - who].expected.clear();
                play.sides[1 - who].arrived = 0;
                play.tell(1 - who, Event::Stream(STREAM, StreamEvent::Closed), true);
            }
            _ => play.on_stream(who, &mut script),
        }
    }
    // Whatever happened: left alone for a while, they understand each other.
    for _ in 0..40 {
        play.now = play.now + std::time::Duration::from_millis(100);
        for who in 0..2 {
            play.tell(who, Event::Wake, true);
        }
    }
    for who in 0..2 {
        let before = play.sides[1 - who].opened.len();
        let (to, frame) = (Destination::All, Bytes::from_static(b"are you there"));
        play.tell(who, Event::Send { to, frame }, true);
        assert_eq!(
            play.sides[1 - who].opened.len(),
            before + 1,
            "deaf after an attack"
        );
    }
}
