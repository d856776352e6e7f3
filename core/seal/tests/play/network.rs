//! A network of seals without delay, and everything that was ever sent on it for the attackers.

use bytes::Bytes;
use ringfort_machine::{Deadline, Incarnation, Instant, Machine, NodeId, ProcessId, step};
use ringfort_seal::{
    Action, Config, Destination, Event, Identity, KeyId, Note, Reason, Seal, Secret, StreamAction,
    StreamEvent, StreamId, Trusted,
};
use std::{collections::VecDeque, time::Duration};

pub(crate) const CLUSTER: u64 = 0x1122_3344_5566_7788;

/// What one seal delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivered {
    /// In which life of the receiver.
    pub(crate) life: u64,
    pub(crate) from: ProcessId,
    pub(crate) key: KeyId,
    pub(crate) counter: u64,
    pub(crate) frame: Bytes,
}

pub(crate) struct Member {
    pub(crate) seal: Seal,
    pub(crate) delivered: Vec<Delivered>,
    pub(crate) notes: Vec<Note>,
    pub(crate) streams: Vec<(StreamId, StreamAction)>,
    /// Nothing reaches it and nothing it says is heard.
    pub(crate) cut: bool,
    lives: u64,
}

pub(crate) struct Network {
    pub(crate) now: Instant,
    pub(crate) members: Vec<Member>,
    /// Every datagram ever sent: by whom, to whom (all if none), what.
    pub(crate) recorded: Vec<(usize, Option<usize>, Bytes)>,
    under_way: VecDeque<(usize, usize, Bytes)>,
}

pub(crate) fn identity(number: usize) -> Identity {
    Identity::new(Secret::new([number as u8 + 1; 32]))
}

pub(crate) fn node(number: usize) -> NodeId {
    NodeId(number as u64 * 7 + 3)
}

pub(crate) fn trusted(numbers: impl IntoIterator<Item = usize>) -> Vec<Trusted> {
    let all = numbers.into_iter().map(|number| Trusted {
        node: node(number),
        public: identity(number).public(),
    });
    all.collect()
}

fn make(number: usize, life: u64, trusted: Vec<Trusted>, now: Instant) -> Seal {
    let mut fresh = [number as u8; 32];
    fresh[..8].copy_from_slice(&life.to_le_bytes());
    let config = Config {
        me: ProcessId::new(node(number), Incarnation(life)),
        cluster: CLUSTER,
        identity: identity(number),
        life: Secret::new(fresh),
        trusted,
    };
    Seal::new(config, now)
}

impl Network {
    pub(crate) fn new(count: usize) -> Self {
        let now = Instant::ORIGIN;
        let member = |number| Member {
            seal: make(number, 1, trusted(0..count), now),
            delivered: Vec::new(),
            notes: Vec::new(),
            streams: Vec::new(),
            cut: false,
            lives: 1,
        };
        let mut network = Self {
            now,
            members: (0..count).map(member).collect(),
            recorded: Vec::new(),
            under_way: VecDeque::new(),
        };
        network.everybody_is_a_member();
        network.run(Duration::from_millis(100));
        network
    }

    pub(crate) fn everybody_is_a_member(&mut self) {
        let all: Vec<NodeId> = (0..self.members.len()).map(node).collect();
        for number in 0..self.members.len() {
            self.tell(number, Event::Members(all.clone()));
        }
    }

    /// A new life of a node, which trusts whom the network began with.
    pub(crate) fn restart(&mut self, number: usize) {
        let count = self.members.len();
        let member = &mut self.members[number];
        member.lives += 1;
        member.seal = make(number, member.lives, trusted(0..count), self.now);
    }

    pub(crate) fn process(&self, number: usize) -> ProcessId {
        ProcessId::new(node(number), Incarnation(self.members[number].lives))
    }

    pub(crate) fn tell(&mut self, number: usize, event: Event) {
        let mut out = Vec::new();
        step(&mut self.members[number].seal, self.now, event, &mut out);
        self.execute(number, out);
    }

    fn execute(&mut self, number: usize, out: Vec<Action>) {
        for action in out {
            match action {
                Action::Transmit { to, datagram } => self.transmit(number, to, &datagram),
                Action::Deliver {
                    from,
                    key,
                    counter,
                    frame,
                } => {
                    let member = &mut self.members[number];
                    member.delivered.push(Delivered {
                        life: member.lives,
                        from,
                        key,
                        counter,
                        frame,
                    });
                }
                Action::Stream(stream, action) => {
                    self.members[number].streams.push((stream, action));
                }
                Action::Note(note) => self.members[number].notes.push(note),
            }
        }
    }

    fn transmit(&mut self, from: usize, to: Destination, datagram: &Bytes) {
        let to = match to {
            Destination::All => None,
            Destination::Node(id) => (0..self.members.len()).find(|number| node(*number) == id),
        };
        self.recorded.push((from, to, datagram.clone()));
        for number in 0..self.members.len() {
            let meant = number != from && to.is_none_or(|to| to == number);
            if meant && !self.members[from].cut && !self.members[number].cut {
                self.under_way.push_back((from, number, datagram.clone()));
            }
        }
    }

    /// Delivers what is under way, and what that sets off, without time passing.
    pub(crate) fn settle(&mut self) {
        let mut left = 10_000;
        while let Some((from, to, datagram)) = self.under_way.pop_front() {
            left -= 1;
            assert!(left > 0, "greetings without end");
            self.inject(to, Some(from), datagram);
        }
    }

    /// Lets a datagram arrive, as if from `from`.
    pub(crate) fn inject(&mut self, to: usize, from: Option<usize>, datagram: Bytes) {
        let from = from.map(node);
        self.tell(to, Event::Arrived { from, datagram });
    }

    /// Lets time pass, with all that is due in it.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.settle();
            let due = (0..self.members.len())
                .filter_map(|number| Some((self.members[number].seal.deadline()?.at, number)))
                .min();
            match due {
                Some((at, number)) if at <= end => {
                    self.now = self.now.max(at);
                    self.tell(number, Event::Wake);
                    let next = self.members[number]
                        .seal
                        .deadline()
                        .map(|Deadline { at, .. }| at);
                    assert!(next.is_none_or(|next| next > self.now), "it never rests");
                }
                _ => break,
            }
        }
        self.now = end;
    }

    pub(crate) fn send(&mut self, from: usize, frame: &'static [u8]) {
        let event = Event::Send {
            to: Destination::All,
            frame: Bytes::from_static(frame),
        };
        self.tell(from, event);
        self.settle();
    }

    pub(crate) fn frames(&self, number: usize) -> Vec<&[u8]> {
        self.members[number]
            .delivered
            .iter()
            .map(|delivered| &delivered.frame[..])
            .collect()
    }

    /// How often a member refused something for `reason`.
    pub(crate) fn refused(&self, number: usize, reason: Reason) -> u64 {
        let status = self.members[number].seal.status();
        let found = status.refused.iter().find(|(known, _)| *known == reason);
        found.map_or(0, |(_, count)| *count)
    }

    /// Everything ever sent that is no greeting.
    pub(crate) fn sealed(&self) -> Vec<(usize, Bytes)> {
        let sealed = self
            .recorded
            .iter()
            .filter(|(_, _, datagram)| datagram[1] == 0x11);
        sealed
            .map(|(from, _, datagram)| (*from, datagram.clone()))
            .collect()
    }

    /// Every greeting ever sent to `to`.
    pub(crate) fn greetings_to(&self, to: usize) -> Vec<(usize, Bytes)> {
        let greetings = self
            .recorded
            .iter()
            .filter(|(_, receiver, datagram)| datagram[1] == 0x12 && *receiver == Some(to));
        greetings
            .map(|(from, _, datagram)| (*from, datagram.clone()))
            .collect()
    }

    pub(crate) fn stream(&mut self, number: usize, stream: u64, event: StreamEvent) {
        self.tell(number, Event::Stream(StreamId(stream), event));
    }
}
