//! All streams of a process: from the opening to the end.

use alloc::collections::BTreeMap;
use core::time::Duration;

use bytes::{Bytes, BytesMut};
use ringfort_machine::{Deadline, Instant, NodeId, ProcessId, Sink};

use crate::{
    Action, Reason, Secret, StreamAction, StreamEvent, StreamId,
    derive::expand,
    greeting::GREETING,
    machine::Seal,
    stream::{OPENING, Records, opening},
};

/// How long a stream may take to prove who is at its other end.
const PATIENCE: Duration = Duration::from_secs(5);
/// Streams that may stand without having proved it; more are closed at once.
const UNPROVED: usize = 256;

/// How far a stream has come.
#[derive(Debug)]
enum Stage {
    /// The opening of the other side has not come; `to` if we connected.
    Opening { to: Option<NodeId>, number: Secret },
    /// Its first record has not come.
    Proving(Records),
    /// It is proved.
    Ready(Records),
}

#[derive(Debug)]
struct Stream {
    stage: Stage,
    /// Who is or seems to be at the other end.
    process: Option<ProcessId>,
    waiting: BytesMut,
    until: Instant,
}

/// All streams.
#[derive(Debug)]
pub(crate) struct Streams {
    all: BTreeMap<StreamId, Stream>,
    /// From which the numbers of openings come.
    numbers: Secret,
    drawn: u64,
}

impl Streams {
    pub(crate) const fn new(numbers: Secret) -> Self {
        Self {
            all: BTreeMap::new(),
            numbers,
            drawn: 0,
        }
    }

    fn draw(&mut self) -> Secret {
        self.drawn += 1;
        expand(&self.numbers, b"number", &[&self.drawn.to_le_bytes()])
    }

    fn unproved(&self) -> impl Iterator<Item = (StreamId, &Stream)> {
        let all = self.all.iter().map(|(id, stream)| (*id, stream));
        all.filter(|(_, stream)| !matches!(stream.stage, Stage::Ready(_)))
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        let until = self.unproved().map(|(_, stream)| stream.until).min()?;
        Some(Deadline::new(until, "stream without proof"))
    }

    /// How many streams stand, and how many have proved who they are.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let all = self.all.len();
        (all, all - self.unproved().count())
    }
}

impl Seal {
    pub(crate) fn on_stream(
        &mut self,
        now: Instant,
        id: StreamId,
        event: StreamEvent,
        out: &mut impl Sink<Action>,
    ) {
        match event {
            StreamEvent::Accepted => {
                if self.streams.unproved().count() >= UNPROVED {
                    self.refuse(Reason::TooMany, now, out);
                    out.push(Action::Stream(id, StreamAction::Refuse));
                    return;
                }
                self.begin(now, id, None);
            }
            StreamEvent::Connected { to } => {
                let Some(peer) = self.peers.get(&to) else {
                    self.refuse(Reason::Untrusted, now, out);
                    out.push(Action::Stream(id, StreamAction::Refuse));
                    return;
                };
                let greeting = *peer.greeting();
                let number = self.begin(now, id, Some(to));
                let bytes = opening(&greeting, number.expose()).into();
                out.push(Action::Stream(id, StreamAction::Transmit(bytes)));
            }
            StreamEvent::Arrived(bytes) => self.on_bytes(now, id, &bytes, out),
            StreamEvent::Send(bytes) => self.send_on(id, &bytes, out),
            StreamEvent::Closed => {
                self.streams.all.remove(&id);
            }
        }
    }

    fn begin(&mut self, now: Instant, id: StreamId, to: Option<NodeId>) -> Secret {
        let number = self.streams.draw();
        let stream = Stream {
            stage: Stage::Opening {
                to,
                number: number.clone(),
            },
            process: None,
            waiting: BytesMut::new(),
            until: now + PATIENCE,
        };
        self.streams.all.insert(id, stream);
        number
    }

    fn send_on(&mut self, id: StreamId, text: &Bytes, out: &mut impl Sink<Action>) {
        let Some(Stream {
            stage: Stage::Ready(records),
            ..
        }) = self.streams.all.get_mut(&id)
        else {
            return; // refused or closed while it was under way
        };
        let mut bytes = BytesMut::new();
        records.seal(text, &mut bytes);
        out.push(Action::Stream(id, StreamAction::Transmit(bytes.freeze())));
    }

    fn on_bytes(&mut self, now: Instant, id: StreamId, bytes: &Bytes, out: &mut impl Sink<Action>) {
        let Some(mut stream) = self.streams.all.remove(&id) else {
            return;
        };
        stream.waiting.extend_from_slice(bytes);
        match self.advance(now, id, &mut stream, out) {
            Ok(()) => {
                self.streams.all.insert(id, stream);
            }
            Err(reason) => {
                self.refuse(reason, now, out);
                out.push(Action::Stream(id, StreamAction::Refuse));
            }
        }
    }

    fn advance(
        &mut self,
        now: Instant,
        id: StreamId,
        stream: &mut Stream,
        out: &mut impl Sink<Action>,
    ) -> Result<(), Reason> {
        if let Stage::Opening { to, number } = &stream.stage {
            if stream.waiting.len() < OPENING {
                return Ok(());
            }
            let (to, number) = (*to, number.clone());
            let theirs = stream.waiting.split_to(OPENING);
            stream.stage = Stage::Proving(self.open(now, id, stream, &theirs, to, &number, out)?);
        }
        if let Stage::Proving(records) = &mut stream.stage {
            let Some(proof) = records.take(&mut stream.waiting)? else {
                return Ok(());
            };
            if !proof.is_empty() {
                return Err(Reason::Malformed);
            }
            let stage = core::mem::replace(
                &mut stream.stage,
                Stage::Opening {
                    to: None,
                    number: Secret::new([0; 32]),
                },
            );
            if let Stage::Proving(records) = stage {
                stream.stage = Stage::Ready(records);
            }
            let process = stream.process.ok_or(Reason::Malformed)?;
            out.push(Action::Stream(id, StreamAction::Ready(process)));
        }
        if let Stage::Ready(records) = &mut stream.stage {
            while let Some(text) = records.take(&mut stream.waiting)? {
                if !text.is_empty() {
                    out.push(Action::Stream(id, StreamAction::Deliver(text)));
                }
            }
        }
        Ok(())
    }

    /// Takes the opening of the other side, and sends what follows ours.
    #[allow(
        clippy::too_many_arguments,
        reason = "all of it is one step of one stream"
    )]
    fn open(
        &mut self,
        now: Instant,
        id: StreamId,
        stream: &mut Stream,
        theirs: &[u8],
        to: Option<NodeId>,
        number: &Secret,
        out: &mut impl Sink<Action>,
    ) -> Result<Records, Reason> {
        let greeting = theirs.first_chunk::<GREETING>().ok_or(Reason::Malformed)?;
        let their_number = theirs.last_chunk::<32>().ok_or(Reason::Malformed)?;
        let node = self.meet(now, greeting, out)?;
        if to.is_some_and(|to| to != node) {
            return Err(Reason::Untrusted);
        }
        let peer = self.peers.get(&node).ok_or(Reason::Untrusted)?;
        let session = peer.session.as_ref().ok_or(Reason::Untrusted)?;
        stream.process = Some(session.heard.process);
        let mut bytes = BytesMut::new();
        let mut records = if to.is_some() {
            let (ours, theirs) = session.stream(number.expose(), their_number);
            Records::new(ours, theirs)
        } else {
            bytes.extend_from_slice(&opening(peer.greeting(), number.expose()));
            let (theirs, ours) = session.stream(their_number, number.expose());
            Records::new(ours, theirs)
        };
        records.seal(&[], &mut bytes);
        out.push(Action::Stream(id, StreamAction::Transmit(bytes.freeze())));
        Ok(records)
    }

    /// Closes streams that took too long to prove anything.
    pub(crate) fn expire_streams(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        let late = self
            .streams
            .unproved()
            .filter(|(_, stream)| stream.until <= now);
        let late: alloc::vec::Vec<StreamId> = late.map(|(id, _)| id).collect();
        self.end_streams(&late, now, out);
    }

    /// Closes all streams of a node that is not trusted any more.
    pub(crate) fn revoke_streams(
        &mut self,
        node: NodeId,
        now: Instant,
        out: &mut impl Sink<Action>,
    ) {
        let theirs = self.streams.all.iter().filter(|(_, stream)| {
            let opened_to = match &stream.stage {
                Stage::Opening { to, .. } => *to,
                Stage::Proving(_) | Stage::Ready(_) => None,
            };
            stream.process.map(|process| process.node).or(opened_to) == Some(node)
        });
        let theirs: alloc::vec::Vec<StreamId> = theirs.map(|(id, _)| *id).collect();
        self.end_streams(&theirs, now, out);
    }

    fn end_streams(&mut self, ids: &[StreamId], now: Instant, out: &mut impl Sink<Action>) {
        for id in ids {
            self.streams.all.remove(id);
            self.refuse(Reason::Untrusted, now, out);
            out.push(Action::Stream(*id, StreamAction::Refuse));
        }
    }
}
