//! One client of a flood, with a loop of its own: reads before it writes, so that no daemon finds it slow.

use std::{os::fd::AsRawFd, sync::Arc, time::Duration};

use mio::{Events, Interest, Poll, Token, unix::SourceFd};
use ringfort_client::{
    Connection, Error, Event, Message, Multicast, NonBlocking, Received, RequestError,
};

use super::shared::{Cell, Load, Outcome, STAMP_BYTES, Shared, Stamp};
use super::track::Track;
use crate::{BootError, timer::Timer};

const SOCKET: Token = Token(0);
const TIMER: Token = Token(1);
/// Between two looks at what is to be done.
const LOOK: Duration = Duration::from_millis(5);
/// Reads between two writes.
const READS: usize = 16;
/// Bytes that are queued before the socket is tried.
const QUEUE: usize = 64 << 10;

/// A client and its part of the load.
pub(super) struct Worker {
    index: usize,
    bus: NonBlocking,
    poll: Poll,
    timer: Timer,
    shared: Arc<Shared>,
    turn: u64,
    cell: Cell,
    /// The message to send, but for its stamp; the others' messages look the same.
    data: Vec<u8>,
    sent: u64,
    said_last: bool,
    /// When the next message of a paced load is due.
    due: u64,
    tracks: Vec<Track>,
    outcome: Outcome,
    /// Messages received since last reported.
    fresh: u64,
    finished: bool,
    /// Whether the socket may have something, and may take something, as far as the poll has said.
    readable: bool,
    writable: bool,
}

impl Worker {
    pub(super) fn new(
        index: usize,
        client: Connection,
        shared: Arc<Shared>,
    ) -> Result<Self, BootError> {
        // What was read ahead is of the time before the first load.
        let (bus, _) = client.into_nonblocking();
        let system = |what| move |source| BootError::system(what, source);
        let poll = Poll::new().map_err(system("open a poll"))?;
        let timer = Timer::new(poll.registry(), TIMER).map_err(system("open a timer"))?;
        let both = Interest::READABLE | Interest::WRITABLE;
        poll.registry()
            .register(&mut SourceFd(&bus.as_raw_fd()), SOCKET, both)
            .map_err(system("register a socket"))?;
        let (_, cell) = shared.cell();
        Ok(Self {
            index,
            bus,
            poll,
            timer,
            shared,
            turn: 0,
            cell,
            data: Vec::new(),
            sent: 0,
            said_last: true,
            due: 0,
            tracks: Vec::new(),
            outcome: Outcome::default(),
            fresh: 0,
            finished: true,
            readable: true,
            writable: true,
        })
    }

    /// Until the flood ends, or this client cannot go on.
    pub(super) fn run(mut self) {
        let ended = match self.work() {
            Ok(()) => return,
            Err(ended) => ended,
        };
        let index = self.index + 1;
        self.shared.fail(format!("client {index}: {ended}"));
    }

    fn work(&mut self) -> Result<(), Error> {
        let mut events = Events::with_capacity(4);
        let mut more = true;
        while !self.shared.is_ended() {
            if self.turn != self.shared.turn() {
                self.begin();
            }
            if !more {
                let wait = self.timer.arm(Some(self.wait()));
                match self.poll.poll(&mut events, wait) {
                    Err(error) if error.kind() != std::io::ErrorKind::Interrupted => {
                        let what = "wait for events";
                        let source = error;
                        return Err(Error::System { what, source });
                    }
                    Ok(()) | Err(_) => {}
                }
                for event in events.iter().filter(|event| event.token() == SOCKET) {
                    self.readable |= event.is_readable() || event.is_read_closed();
                    self.writable |= event.is_writable() || event.is_write_closed();
                }
            }
            self.read()?;
            more = self.write()? || self.readable;
        }
        Ok(())
    }

    /// A new load began.
    fn begin(&mut self) {
        (self.turn, self.cell) = self.shared.cell();
        self.data = (0..self.cell.size).map(|at| (at * 31) as u8).collect();
        self.sent = 0;
        self.said_last = self.index >= self.shared.senders;
        self.tracks = vec![Track::default(); self.shared.senders];
        self.outcome = Outcome::default();
        self.finished = false;
        // Senders of a paced load take turns.
        self.due = self.shared.now();
        if let Load::Paced(interval) = self.cell.load {
            let share = interval.mul_f64(self.index as f64 / self.shared.senders.max(1) as f64);
            self.due += nanos(share);
        }
    }

    fn wait(&self) -> Duration {
        match self.cell.load {
            Load::Paced(_) if !self.said_last => {
                Duration::from_nanos(self.due.saturating_sub(self.shared.now())).min(LOOK)
            }
            Load::Paced(_) | Load::Full => LOOK,
        }
    }

    /// Reads for a while.
    fn read(&mut self) -> Result<(), Error> {
        for _ in 0..READS {
            if !self.readable {
                break;
            }
            self.readable = self.bus.on_readable()?;
            while let Some(event) = self.bus.next()? {
                match event {
                    Event::Received(Received::Message(message)) => self.message(&message),
                    Event::Received(Received::View(_) | Received::Transitional { .. }) => {
                        self.outcome.disturbances += 1;
                    }
                    Event::Received(Received::Rejected(_)) => self.outcome.damaged += 1,
                    Event::Received(Received::Left { .. }) | Event::Open(_) => {}
                }
            }
        }
        self.shared
            .deliver(self.index, std::mem::take(&mut self.fresh));
        if !self.finished && self.tracks.iter().all(Track::is_over) {
            self.finished = true;
            for track in &self.tracks {
                self.outcome.missing += track.missing;
                self.outcome.repeated += track.repeated;
            }
            self.shared.finish(self.index, self.turn, &self.outcome);
        }
        Ok(())
    }

    fn message(&mut self, message: &Message) {
        let Some(stamp) = Stamp::read(&message.data).filter(|stamp| stamp.run == self.shared.run)
        else {
            return; // somebody else's
        };
        if stamp.turn != self.turn && stamp.turn == self.shared.turn() {
            self.begin(); // another client was faster to see it
        }
        let Some(track) = self.tracks.get_mut(stamp.sender as usize) else {
            return;
        };
        if stamp.turn != self.turn || self.finished {
            self.outcome.repeated += 1; // of a load that everybody was through with
            return;
        }
        let ordered = self.cell.service.keeps_order();
        if stamp.last {
            return track.last(stamp.sequence, ordered);
        }
        track.message(stamp.sequence, ordered);
        self.fresh += 1;
        let whole = message.data.len() == self.cell.size
            && (!self.shared.check || message.data[STAMP_BYTES..] == self.data[STAMP_BYTES..]);
        if !whole {
            self.outcome.damaged += 1;
        }
        let alone = self.shared.clients == 1;
        if let Load::Paced(_) = self.cell.load
            && (alone || stamp.sender as usize != self.index)
            && self.shared.is_measured(stamp.sent)
        {
            let time = self.shared.now().saturating_sub(stamp.sent);
            self.outcome.latency.add(time);
        }
    }

    /// Sends what is due; whether the socket would take more and there is more.
    fn write(&mut self) -> Result<bool, Error> {
        let sending = self.shared.is_sending();
        if !self.said_last {
            if !sending {
                self.said_last = self.send(true)?;
            } else {
                match self.cell.load {
                    Load::Full => while self.bus.queued_bytes() < QUEUE && self.send(false)? {},
                    Load::Paced(interval) => {
                        while self.due <= self.shared.now() && self.send(false)? {
                            self.due += nanos(interval);
                        }
                    }
                }
            }
        }
        if self.writable {
            self.writable = self.bus.on_writable()?;
        }
        let full = sending && !self.said_last && self.cell.load == Load::Full;
        Ok(self.writable && full)
    }

    /// Queues one message; whether there was room.
    fn send(&mut self, last: bool) -> Result<bool, Error> {
        let stamp = Stamp {
            run: self.shared.run,
            sender: self.index as u32,
            turn: self.turn,
            sequence: self.sent,
            last,
            sent: self.shared.now(),
        };
        stamp.write(&mut self.data);
        let groups = [self.shared.group.as_str()];
        let message = Multicast::new(self.cell.service, &groups, &self.data[..]);
        match self.bus.multicast(&message) {
            Ok(()) => {
                self.sent += u64::from(!last);
                Ok(true)
            }
            Err(RequestError::Full { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
