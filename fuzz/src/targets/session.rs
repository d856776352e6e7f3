//! The clients' protocol: bytes of several sessions cut anywhere, and a group layer that answers as it likes.
//!
//! `session_stream` gives one client's bytes to two machines, in one piece and in pieces, and holds that they
//! make the same of them. `session` plays scripts with several sessions, views, messages and refusals, and holds
//! that nothing is said about a session after its end, and that the handshakes' names are never given twice.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Bytes, BytesMut};
use ringfort_machine::{ConfigurationId, Incarnation, Level, NodeId, ProcessId, RingId};
use ringfort_session::{
    Action, Cause, ClientEvent, CloseReason, Command, Config, Event, GroupId, GroupName, Message,
    Name, Peer, Refusal, SessionId, Sessions, View,
};
use ringfort_wire::session::{ByteOrder, Greeting, Header, Hint, Version, bits};

use crate::{
    Cursor, Marks, Target,
    story::{Bench, Story, twice},
};

/// The target with several sessions.
pub const SESSIONS: Target = Target {
    name: "session",
    about: "the clients' protocol: several sessions, any bytes, any answers; nothing after an end",
    run: run_sessions,
    limit: 2 * 1024,
    words: &[],
};

/// The target with one stream in pieces.
pub const STREAM: Target = Target {
    name: "session_stream",
    about: "one client's bytes, whole and in pieces: the same commands, answers and end",
    run: run_stream,
    limit: 2 * 1024,
    words: &[],
};

/// Steps of a script at most.
const STEPS: usize = 800;

fn config() -> Config {
    let mut config = Config::new("n1");
    config.sessions = 4;
    config.message_bytes = 600;
    config.queue_messages = 6;
    config.queue_bytes = 4096;
    config
}

/// A client's bytes: a greeting with the choice of a method, then requests, as many as the script has.
fn client_bytes(script: &mut Cursor<'_>) -> BytesMut {
    let mut out = BytesMut::new();
    match script.byte() % 8 {
        0 => {}
        flags => {
            let name = ["al", "bo", "", "a-long-one"][usize::from(flags % 4)];
            let greeting = Greeting {
                version: Version::SERVER,
                wants_membership: flags & 4 == 0,
                name: Name::new(name).expect("a short name"),
            };
            out.extend_from_slice(&greeting.encode());
            let mut choice = [0; 90];
            choice[..4].copy_from_slice(b"NULL");
            out.extend_from_slice(&choice);
        }
    }
    for _ in 0..script.byte() % 12 {
        request(script, &mut out);
    }
    out.extend_from_slice(script.block());
    out
}

/// A request that is right but for what the script makes wrong.
fn request(script: &mut Cursor<'_>, out: &mut BytesMut) {
    let order = script.pick(&[ByteOrder::Little, ByteOrder::Big]);
    let kind = match script.byte() {
        odd @ 0..32 => u32::from_le_bytes([odd, script.byte(), script.byte(), script.byte()]),
        other => [
            bits::JOIN,
            bits::LEAVE,
            bits::KILL,
            bits::AGREED,
            bits::SAFE,
            bits::RELIABLE,
            bits::FIFO | bits::SELF_DISCARD,
            bits::CAUSAL,
        ][usize::from(other % 8)],
    };
    let groups = usize::from(script.byte() % 4);
    let data = script.block();
    let header = Header {
        kind: kind & !bits::LITTLE,
        name: Name::new(script.pick(&["", "#al#n1", "#bo#n1"])).expect("a short name"),
        groups,
        hint: Hint::new(u16::from(script.byte()), order),
        data_bytes: data.len(),
    };
    header.encode(order, out);
    for _ in 0..groups {
        let name = Name::new(script.pick(&["g1", "g2", "#al#n1", "b d"])).expect("a short name");
        out.extend_from_slice(name.field());
    }
    out.extend_from_slice(data);
}

/// What one machine made of a stream.
#[derive(Debug, Default, PartialEq)]
struct Made {
    sent: Vec<u8>,
    commands: Vec<Command>,
    closed: Option<CloseReason>,
}

fn run_stream(input: &[u8], marks: &mut Marks) {
    twice(input, marks, |script, story| {
        let cuts: Vec<u8> = script.block().to_vec();
        let bytes = client_bytes(script).freeze();
        let whole = make(bytes.clone(), &[], story);
        let pieces = make(bytes, &cuts, story);
        assert_eq!(whole, pieces, "pieces of {cuts:?} make a difference");
        story.mark((
            whole.closed.map(|why| Marks::variant(&why)),
            whole.commands.len(),
        ));
    });
}

/// Feeds `bytes` in pieces of `cuts` lengths, round and round; in one piece without.
fn make(mut bytes: Bytes, cuts: &[u8], story: &mut Story) -> Made {
    let mut config = config();
    config.message_bytes = 100_000;
    config.queue_messages = 10_000;
    config.queue_bytes = 16 << 20;
    let machine = Sessions::new(config).expect("a good configuration");
    let mut sessions = Bench::new(0, machine, &[], story);
    let session = SessionId(1);
    let mut made = Made::default();
    let opened = Event::Opened {
        session,
        peer: Peer::Unix,
    };
    take(&mut sessions, opened, &mut made, story);
    let mut cuts = cuts.iter().cycle();
    while !bytes.is_empty() && made.closed.is_none() {
        let length = cuts.next().map_or(bytes.len(), |cut| usize::from(*cut) + 1);
        let bytes = bytes.split_to(length.min(bytes.len()));
        take(
            &mut sessions,
            Event::Bytes { session, bytes },
            &mut made,
            story,
        );
    }
    made
}

/// One event, and the group layer's answer to each command at once.
fn take(sessions: &mut Bench<Sessions>, event: Event, made: &mut Made, story: &mut Story) {
    let mut events = vec![event];
    while let Some(event) = events.pop() {
        for action in sessions.feed(event, story) {
            match action {
                Action::Send { session, bytes } => {
                    made.sent.extend_from_slice(&bytes);
                    if made.closed.is_none() {
                        events.insert(0, Event::Drained { session });
                    }
                }
                Action::Group { session, command } => {
                    if matches!(command, Command::Connect { .. }) {
                        events.insert(
                            0,
                            Event::Deliver {
                                session,
                                event: ClientEvent::Connected,
                            },
                        );
                    }
                    made.commands.push(command);
                }
                Action::Close { reason, .. } => made.closed = Some(reason),
                Action::Pause { .. } | Action::Resume { .. } | Action::Note(_) => {}
            }
        }
    }
}

fn run_sessions(input: &[u8], marks: &mut Marks) {
    twice(input, marks, |script, story| {
        let machine = Sessions::new(config()).expect("a good configuration");
        let mut desk = Desk {
            sessions: Bench::new(0, machine, &[], story),
            open: BTreeMap::new(),
            ended: BTreeSet::new(),
            next: 0,
        };
        for _ in 0..STEPS {
            if script.is_empty() {
                break;
            }
            desk.step(script, story);
        }
    });
}

/// What the runtime and the group layer know of a session.
#[derive(Default)]
struct Seat {
    unread: BytesMut,
    unanswered: Vec<Command>,
    paused: bool,
    /// The group layer has been told that the client is gone.
    gone: bool,
    attached: bool,
}

struct Desk {
    sessions: Bench<Sessions>,
    open: BTreeMap<SessionId, Seat>,
    /// Ended for the runtime. What they asked for before still goes to the group layer, until they disconnect.
    ended: BTreeSet<SessionId>,
    next: u64,
}

impl Desk {
    fn step(&mut self, script: &mut Cursor<'_>, story: &mut Story) {
        let index = script.below(self.open.len());
        let session = self.open.keys().nth(index).copied();
        let choice = script.byte() % 16;
        let Some(session) = session.filter(|_| choice > 0) else {
            return self.open(script, story);
        };
        match choice {
            1 => {
                story.pass(script);
                let said = self.sessions.wake(story);
                self.follow(said);
            }
            2 | 3 => {
                let bytes = client_bytes(script);
                if let Some(seat) = self.open.get_mut(&session) {
                    seat.unread.extend_from_slice(&bytes);
                    seat.unread.truncate(16 * 1024);
                }
            }
            4..=7 => {
                let length = usize::from(script.short());
                self.read(session, length, story);
            }
            8 => {
                self.end(session);
                self.feed(Event::Closed { session }, story);
            }
            9 => self.feed(Event::Drained { session }, story),
            10 => {
                let full = script.flag();
                self.feed(Event::Congestion { full }, story);
            }
            11 => self.sessions.wake_early(story),
            12 | 13 => self.answer(session, script, story),
            _ => {
                let event = news(script);
                if self.open.get(&session).is_some_and(|seat| seat.attached) {
                    self.feed(Event::Deliver { session, event }, story);
                }
            }
        }
    }

    fn open(&mut self, script: &mut Cursor<'_>, story: &mut Story) {
        self.next += 1;
        let session = SessionId(self.next);
        let peer = if script.flag() {
            Peer::Unix
        } else {
            Peer::Tcp([10, 0, 0, script.byte()].into())
        };
        self.open.insert(session, Seat::default());
        self.feed(Event::Opened { session, peer }, story);
    }

    /// The runtime reads, unless it was told not to; one read may have been under way.
    fn read(&mut self, session: SessionId, length: usize, story: &mut Story) {
        let Some(seat) = self.open.get_mut(&session) else {
            return;
        };
        if seat.unread.is_empty() || (seat.paused && !length.is_multiple_of(7)) {
            return;
        }
        let bytes = seat.unread.split_to(length.min(seat.unread.len())).freeze();
        self.feed(Event::Bytes { session, bytes }, story);
    }

    /// The group layer answers the oldest command: as it must for a connect, or with a refusal.
    fn answer(&mut self, session: SessionId, script: &mut Cursor<'_>, story: &mut Story) {
        let Some(seat) = self.open.get_mut(&session) else {
            return;
        };
        if seat.unanswered.is_empty() {
            return;
        }
        let command = seat.unanswered.remove(0);
        let connect = matches!(command, Command::Connect { .. });
        let event = if connect && script.flag() {
            seat.attached = true;
            ClientEvent::Connected
        } else {
            ClientEvent::Refused {
                command: Box::new(command),
                refusal: script.pick(&[
                    Refusal::NameInUse,
                    Refusal::IllegalName,
                    Refusal::Limit,
                    Refusal::Busy,
                    Refusal::Other,
                ]),
            }
        };
        self.feed(Event::Deliver { session, event }, story);
    }

    fn feed(&mut self, event: Event, story: &mut Story) {
        let said = self.sessions.feed(event, story);
        self.follow(said);
        let limit = config().sessions;
        let open = self.sessions.machine.len();
        assert!(open <= limit, "{open} sessions where {limit} are allowed");
    }

    fn follow(&mut self, said: Vec<Action>) {
        for action in said {
            match action {
                Action::Send { session, .. } => {
                    assert!(self.open.contains_key(&session), "{session:?} is over");
                }
                Action::Close { session, .. } => {
                    assert!(self.end(session), "{session:?} is over");
                }
                Action::Group { session, command } => self.command(session, command),
                Action::Pause { session } => self.seat(session).paused = true,
                Action::Resume { session } => self.seat(session).paused = false,
                Action::Note(_) => {}
            }
        }
    }

    /// The connection is over. Whether there was one.
    fn end(&mut self, session: SessionId) -> bool {
        let seat = self.open.remove(&session);
        if seat.as_ref().is_some_and(|seat| !seat.gone) {
            self.ended.insert(session);
        }
        seat.is_some()
    }

    fn command(&mut self, session: SessionId, command: Command) {
        match self.open.get_mut(&session) {
            Some(seat) => {
                assert!(
                    !seat.gone,
                    "{session:?} has disconnected and wants {command:?}"
                );
                seat.gone = command == Command::Disconnect;
                if !seat.gone {
                    seat.unanswered.push(command);
                    seat.unanswered.truncate(64);
                }
            }
            None if command == Command::Disconnect => {
                assert!(self.ended.remove(&session), "{session:?} disconnects twice");
            }
            None => assert!(
                self.ended.contains(&session),
                "{session:?} wants {command:?}"
            ),
        }
    }

    fn seat(&mut self, session: SessionId) -> &mut Seat {
        self.open.get_mut(&session).expect("a session that is open")
    }
}

/// Something for a client from the group layer.
fn news(script: &mut Cursor<'_>) -> ClientEvent {
    let ring = RingId {
        sequence: 4,
        representative: ProcessId::new(NodeId(1), Incarnation(1)),
    };
    let name = |script: &mut Cursor<'_>| {
        Name::new(script.pick(&["#al#n1", "#bo#n1", "#cy#n2"])).expect("a short name")
    };
    let group = GroupName::new(script.pick(&["g1", "g2"])).expect("a good name");
    if script.flag() {
        return ClientEvent::Message(Message {
            from: name(script),
            groups: vec![group].into(),
            level: script.pick(&Level::ALL),
            self_discard: script.flag(),
            tag: script.number(),
            payload: Bytes::copy_from_slice(script.block()),
        });
    }
    let members: Vec<Name> = (0..script.byte() % 4).map(|_| name(script)).collect();
    let cause = match script.byte() % 5 {
        0 => Cause::Join(name(script)),
        1 => Cause::Leave(name(script)),
        2 => Cause::Disconnect(name(script)),
        3 => Cause::Transitional,
        _ => Cause::Network {
            sets: vec![members.clone(), vec![name(script)]].into(),
        },
    };
    ClientEvent::View(View {
        group,
        id: GroupId::new(&ConfigurationId::regular(ring), script.number(), None),
        members: members.into(),
        cause,
    })
}
