//! How a machine is driven by a script, and what is held of every machine whatever it is.
//!
//! The contract of `ringfort-machine`: time never runs back; a wake that is due makes progress, so a machine does
//! not ask to be woken at one instant for ever; an early wake changes nothing and says nothing; what comes out is
//! bounded; and the same events give the same states and the same actions. The last is held by playing every
//! script twice ([`twice`]).

use std::{
    fmt::{self, Debug, Write},
    hash::Hash,
    time::Duration,
};

use ringfort_machine::{Digest, Instant, Machine, Wake};

use crate::{Cursor, Marks};

/// Wakes at one instant before it counts as spinning. A composed machine may need one for each of its parts.
const WAKES: u32 = 64;
/// What one script may make a machine say, in bytes of debug text, besides what is allowed for each event.
const WORDS: usize = 8 << 20;
/// The same for each event. Bytes are up to four times longer in debug text.
const WORDS_PER_EVENT: usize = 2 << 20;

/// Steps of time that a script can take.
const STEPS: [Duration; 16] = [
    Duration::ZERO,
    Duration::from_nanos(1),
    Duration::from_micros(50),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_millis(3),
    Duration::from_millis(10),
    Duration::from_millis(21),
    Duration::from_millis(60),
    Duration::from_millis(150),
    Duration::from_millis(400),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(11),
    Duration::from_secs(45),
    Duration::from_secs(3600),
];

/// One run of a script: the time, and everything that was said and reached on the way.
#[derive(Debug)]
pub struct Story {
    now: Instant,
    /// A hash for each step: what happened, and the states it led to.
    steps: Vec<u64>,
    marks: Marks,
    events: usize,
    words: usize,
}

impl Story {
    fn new(marks: Marks) -> Self {
        Self {
            now: Instant::from_nanos(1_000_000_000),
            steps: Vec::new(),
            marks,
            events: 0,
            words: 0,
        }
    }

    /// The present.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Lets time pass.
    pub fn pass(&mut self, script: &mut Cursor<'_>) {
        self.now = self.now + script.pick(&STEPS);
    }

    /// Goes on to `then`, if that is later.
    pub fn pass_to(&mut self, then: Instant) {
        self.now = self.now.max(then);
    }

    /// Marks what a script did by itself.
    pub fn mark(&mut self, what: impl Hash) {
        self.marks.step(what);
    }

    /// Takes down what `who` said.
    pub fn tell(&mut self, who: usize, what: &impl Debug) {
        let mut scribe = Scribe::default();
        let _ = write!(scribe, "{what:?}"); // it takes everything
        self.words += scribe.length;
        assert!(
            self.words <= WORDS + WORDS_PER_EVENT * self.events,
            "{} bytes were said about {} events",
            self.words,
            self.events
        );
        self.steps.push(scribe.hash ^ who as u64);
        self.marks.step(Marks::shape(what));
    }

    fn state(&mut self, machine: &impl Machine) {
        self.steps.push(fingerprint(machine));
    }
}

/// Plays `script` twice and holds that it is the same story.
///
/// # Panics
/// If it is not, or whatever the play panics with.
pub fn twice(input: &[u8], marks: &mut Marks, play: impl Fn(&mut Cursor<'_>, &mut Story)) {
    let run = |marks: Marks| {
        let mut story = Story::new(marks);
        play(&mut Cursor::new(input), &mut story);
        story
    };
    let first = run(std::mem::take(marks));
    let second = run(Marks::default());
    let differ = first
        .steps
        .iter()
        .zip(&second.steps)
        .position(|(one, other)| one != other);
    assert_eq!(differ, None, "the same script told another story from here");
    assert_eq!(first.steps.len(), second.steps.len(), "one story is longer");
    *marks = first.marks;
}

/// The fingerprint of a machine's state.
pub fn fingerprint(machine: &impl Machine) -> u64 {
    let mut digest = Digest::new();
    machine.digest(&mut digest);
    digest.finish()
}

/// A machine on the bench.
#[derive(Debug)]
pub struct Bench<M> {
    /// The machine.
    pub machine: M,
    who: usize,
}

impl<M: Machine<Action: Debug>> Bench<M> {
    /// Puts `machine` on the bench as number `who`; `first` is what its start said.
    pub fn new(who: usize, machine: M, first: &[M::Action], story: &mut Story) -> Self {
        let bench = Self { machine, who };
        bench.take_down(first, story);
        bench
    }

    /// Feeds one event by the stepping rule of all runtimes: what is due fires before.
    pub fn feed(&mut self, event: M::Event, story: &mut Story) -> Vec<M::Action> {
        story.events += 1;
        let mut out = Vec::new();
        ringfort_machine::step(&mut self.machine, story.now, event, &mut out);
        self.take_down(&out, story);
        out.append(&mut self.wake(story));
        out
    }

    /// Fires what is due, until nothing is.
    pub fn wake(&mut self, story: &mut Story) -> Vec<M::Action> {
        let mut out = Vec::new();
        let mut wakes = 0;
        while let Some(deadline) = self.machine.deadline()
            && deadline.at <= story.now
        {
            wakes += 1;
            assert!(
                wakes <= WAKES,
                "spins at one instant because of {}",
                deadline.why
            );
            story.events += 1;
            let before = out.len();
            self.machine.handle(story.now, Wake.into(), &mut out);
            self.take_down(out.get(before..).unwrap_or_default(), story);
        }
        out
    }

    /// A wake that is not due.
    pub fn wake_early(&mut self, story: &mut Story) {
        self.wake(story);
        let before = fingerprint(&self.machine);
        let mut out = Vec::new();
        self.machine.handle(story.now, Wake.into(), &mut out);
        assert!(out.is_empty(), "an early wake said {out:?}");
        assert_eq!(
            before,
            fingerprint(&self.machine),
            "an early wake left its mark"
        );
    }

    /// When it next wants to be woken.
    pub fn due(&self) -> Option<Instant> {
        self.machine.deadline().map(|deadline| deadline.at)
    }

    fn take_down(&self, said: &[M::Action], story: &mut Story) {
        for action in said {
            story.tell(self.who, action);
        }
        story.state(&self.machine);
    }
}

/// Hashes a text as it is written. Not the standard hasher: this is most of the time of a short script.
#[derive(Default)]
struct Scribe {
    hash: u64,
    length: usize,
}

impl Write for Scribe {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for chunk in text.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            let mixed = self.hash.rotate_left(23) ^ u64::from_le_bytes(word);
            self.hash = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        self.length += text.len();
        Ok(())
    }
}
