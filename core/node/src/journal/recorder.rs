//! Stands in the one door of a node and writes down what goes in, and a print of what comes out.
//!
//! It is a machine around the machine: a runtime drives it as it drives a node, and the rule of
//! [`ringfort_machine::step`] is recorded with the rest, because a wake is an event like any other. Without a
//! tape it hands everything through.
//!
//! What it deliberately does not: wait. Where the bytes go is the runtime's business ([`Tape`]), and a tape that
//! takes no more ends the recording and not the node.

use alloc::vec::Vec;
use core::time::Duration;

use ringfort_machine::{Deadline, Digest, Instant, Machine, Sink};

use super::{
    frame,
    print::{Print, Printer},
    record::{End, Origin, Record},
};
use crate::{Action, ConfigError, Event, Node};

/// Between two digests of the node's state, in the time of the node. A digest goes through all of the state, so
/// it has to be rare; that an action differs shows the same, but only if the difference comes out.
const DIGEST_EVERY: Duration = Duration::from_secs(10);
/// Kept free for the last record of a journal that may not grow any more.
const END_BYTES: u64 = 16;

/// Where the bytes of a journal go.
pub trait Tape {
    /// Takes the next bytes, in order; whole frames. False if it takes no more, now and from then on.
    fn put(&mut self, bytes: &[u8]) -> bool;

    /// The journal has come to its end, and why; nothing is put any more.
    fn end(&mut self, end: End);
}

/// A node that is recorded, or not.
pub struct Recorder<T> {
    node: Node,
    writer: Option<Writer<T>>,
}

struct Writer<T> {
    tape: T,
    /// Whether anything is still written.
    live: bool,
    /// How many bytes may still be written.
    left: u64,
    digest_at: Instant,
    bytes: Vec<u8>,
    prints: Vec<Print>,
    printer: Printer,
    halted: bool,
}

/// Hands actions on and takes their prints.
struct Tee<'a, S> {
    out: &'a mut S,
    prints: &'a mut Vec<Print>,
    printer: &'a mut Printer,
    halted: &'a mut bool,
}

impl<S: Sink<Action>> Sink<Action> for Tee<'_, S> {
    fn push(&mut self, action: Action) {
        self.prints.push(self.printer.print(&action));
        *self.halted |= matches!(action, Action::Halt(_));
        self.out.push(action);
    }
}

impl<T: Tape> Recorder<T> {
    /// Starts a node as [`Node::new`] does. With a tape, its life is written there, up to so many bytes in all.
    ///
    /// # Errors
    /// As [`Node::new`].
    pub fn start(
        origin: Origin,
        tape: Option<(T, u64)>,
        out: &mut impl Sink<Action>,
    ) -> Result<Self, ConfigError> {
        let mut writer = tape.map(|(tape, limit)| Writer::begin(tape, limit, &origin));
        let Origin {
            boot, now, config, ..
        } = origin;
        let node = match &mut writer {
            Some(writer) => {
                let node = Node::new(config, boot, now, &mut writer.tee(out))?;
                writer.outcome(now, &node);
                node
            }
            None => Node::new(config, boot, now, out)?,
        };
        Ok(Self { node, writer })
    }

    /// The node.
    pub const fn node(&self) -> &Node {
        &self.node
    }
}

impl<T: Tape> Machine for Recorder<T> {
    type Event = Event;
    type Action = Action;

    fn handle(&mut self, now: Instant, event: Event, out: &mut impl Sink<Action>) {
        match self.writer.as_mut().filter(|writer| writer.live) {
            Some(writer) => {
                writer.event(now, &event);
                self.node.handle(now, event, &mut writer.tee(out));
                writer.outcome(now, &self.node);
            }
            None => self.node.handle(now, event, out),
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        self.node.deadline()
    }

    fn digest(&self, into: &mut Digest) {
        self.node.digest(into);
    }
}

impl<T: Tape> Writer<T> {
    fn begin(tape: T, limit: u64, origin: &Origin) -> Self {
        let mut writer = Self {
            tape,
            live: true,
            left: limit.saturating_sub(END_BYTES),
            digest_at: origin.now + DIGEST_EVERY,
            bytes: Vec::new(),
            prints: Vec::new(),
            printer: Printer::default(),
            halted: false,
        };
        frame::begin(&mut writer.bytes);
        frame::frame(&mut writer.bytes, |out| Record::encode_origin(origin, out));
        writer.flush();
        writer
    }

    fn tee<'a, S>(&'a mut self, out: &'a mut S) -> Tee<'a, S> {
        self.prints.clear();
        Tee {
            out,
            prints: &mut self.prints,
            printer: &mut self.printer,
            halted: &mut self.halted,
        }
    }

    fn event(&mut self, at: Instant, event: &Event) {
        frame::frame(&mut self.bytes, |out| Record::encode_event(at, event, out));
        self.flush();
    }

    /// After the node has handled an event: what it wanted done, and now and then what it has become.
    fn outcome(&mut self, now: Instant, node: &Node) {
        let Self { bytes, prints, .. } = self;
        frame::frame(bytes, |out| Record::encode_outcome(prints, out));
        if self.halted || now >= self.digest_at {
            self.digest_at = now + DIGEST_EVERY;
            let mut digest = Digest::new();
            node.digest(&mut digest);
            let digest = Record::Digest(digest.finish());
            frame::frame(&mut self.bytes, |out| digest.encode(out));
        }
        self.flush();
        if self.halted {
            self.end(End::Halted);
        }
    }

    /// Puts what has been gathered on the tape, if it still fits.
    fn flush(&mut self) {
        let length = self.bytes.len() as u64;
        if self.live && length > self.left {
            self.bytes.clear();
            self.end(End::Limit);
        } else if self.live {
            self.left -= length;
            self.live = self.tape.put(&self.bytes);
        }
        self.bytes.clear();
    }

    fn end(&mut self, end: End) {
        if !self.live {
            return;
        }
        self.live = false;
        frame::frame(&mut self.bytes, |out| Record::End(end).encode(out));
        if self.tape.put(&self.bytes) {
            self.tape.end(end);
        }
        self.bytes.clear();
    }
}
