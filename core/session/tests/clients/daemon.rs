//! A daemon in one piece of memory: the sessions, a group layer for one node that orders everything at once, and
//! clients that remember what they were sent.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use ringfort_machine::{
    ConfigurationId, Incarnation, Instant, Machine, NodeId, ProcessId, RingId, step,
};
use ringfort_session::{
    Action, Cause, ClientEvent, ClientName, CloseReason, Command, Config, Event, GroupId,
    GroupName, Message, Name, Peer, Refusal, SessionId, Sessions, View,
};
use ringfort_wire::session::{ByteOrder, Header, Hint, Membership, header::HEADER};

/// One message as a client reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) header: Header,
    pub(crate) names: Vec<String>,
    pub(crate) data: Vec<u8>,
    pub(crate) bytes: Vec<u8>,
}

/// The daemon, its group layer, and the other ends of its sockets.
pub(crate) struct Daemon {
    pub(crate) sessions: Sessions,
    pub(crate) now: Instant,
    pub(crate) sent: BTreeMap<SessionId, Vec<Bytes>>,
    pub(crate) closed: BTreeMap<SessionId, CloseReason>,
    pub(crate) paused: BTreeSet<SessionId>,
    /// Whose socket takes nothing.
    pub(crate) stuck: BTreeSet<SessionId>,
    pub(crate) commands: Vec<(SessionId, Command)>,
    /// What the group layer answers to anything but a disconnect.
    pub(crate) refuse: Option<Refusal>,
    clients: BTreeMap<SessionId, (ClientName, bool)>,
    groups: BTreeMap<GroupName, BTreeSet<(ClientName, SessionId)>>,
    views: u64,
    next: u64,
}

pub(crate) fn private(name: &ClientName) -> Name {
    Name::new(&format!("#{name}#dmn1")).unwrap()
}

pub(crate) fn group_id(ordinal: u64) -> GroupId {
    let ring = RingId {
        sequence: 4,
        representative: ProcessId::new(NodeId(1), Incarnation(1)),
    };
    GroupId::new(&ConfigurationId::regular(ring), ordinal, None)
}

impl Daemon {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            sessions: Sessions::new(config).unwrap(),
            now: Instant::ORIGIN,
            sent: BTreeMap::new(),
            closed: BTreeMap::new(),
            paused: BTreeSet::new(),
            stuck: BTreeSet::new(),
            commands: Vec::new(),
            refuse: None,
            clients: BTreeMap::new(),
            groups: BTreeMap::new(),
            views: 0,
            next: 0,
        }
    }

    /// A connection, before its first byte.
    pub(crate) fn open(&mut self) -> SessionId {
        self.next += 1;
        let session = SessionId(self.next);
        let peer = Peer::Unix;
        self.event(Event::Opened { session, peer });
        session
    }

    /// A client that is attached.
    pub(crate) fn attach(&mut self, name: &str, membership: bool) -> SessionId {
        let session = self.open();
        self.bytes(session, &greeting(name, membership));
        self.take(session);
        session
    }

    pub(crate) fn bytes(&mut self, session: SessionId, bytes: &[u8]) {
        let bytes = Bytes::copy_from_slice(bytes);
        self.event(Event::Bytes { session, bytes });
    }

    pub(crate) fn close(&mut self, session: SessionId) {
        self.event(Event::Closed { session });
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.event(Event::Wake);
    }

    /// One event and all that follows from it at once.
    pub(crate) fn event(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let mut out = Vec::new();
            step(&mut self.sessions, self.now, event, &mut out);
            let mut drained = BTreeSet::new();
            for action in out {
                match action {
                    Action::Send { session, bytes } => {
                        assert!(!self.closed.contains_key(&session), "sent after close");
                        self.sent.entry(session).or_default().push(bytes);
                        drained.insert(session);
                    }
                    Action::Close { session, reason } => {
                        assert_eq!(self.closed.insert(session, reason), None);
                    }
                    Action::Group { session, command } => {
                        self.commands.push((session, command.clone()));
                        events.extend(self.command(session, command));
                    }
                    Action::Pause { session } => assert!(self.paused.insert(session)),
                    Action::Resume { session } => assert!(self.paused.remove(&session)),
                    Action::Note(_) => {}
                }
            }
            let drained = drained.difference(&self.stuck);
            events.extend(drained.map(|session| Event::Drained { session: *session }));
            if self
                .sessions
                .deadline()
                .is_some_and(|due| due.at <= self.now)
            {
                events.push_back(Event::Wake);
            }
        }
    }

    /// All messages sent to a client since last asked. Its handshake must have been taken.
    pub(crate) fn received(&mut self, session: SessionId) -> Vec<Received> {
        let bytes = self.take(session);
        let mut rest = &bytes[..];
        let mut all = Vec::new();
        while !rest.is_empty() {
            let (header, order) = Header::decode(rest.first_chunk().unwrap(), 10_000).unwrap();
            assert_eq!(order, ByteOrder::Little);
            let extra = if header.kind & 0x40_0000 != 0 { 4 } else { 0 };
            let (message, after) = rest.split_at(HEADER + extra + header.rest_bytes());
            let (names, data) = message[HEADER + extra..].split_at(32 * header.groups);
            let name = |field: &[u8]| Name::from_field(field.try_into().unwrap()).unwrap();
            all.push(Received {
                header,
                names: names
                    .chunks(32)
                    .map(|field| name(field).to_string())
                    .collect(),
                data: data.to_vec(),
                bytes: message.to_vec(),
            });
            rest = after;
        }
        all
    }

    /// All bytes sent to a client since last asked.
    pub(crate) fn take(&mut self, session: SessionId) -> Vec<u8> {
        self.sent.remove(&session).unwrap_or_default().concat()
    }

    fn command(&mut self, id: SessionId, command: Command) -> Vec<Event> {
        let event = |session, event| Event::Deliver { session, event };
        if let Some(refusal) = self.refuse
            && command != Command::Disconnect
        {
            let command = Box::new(command);
            return vec![event(id, ClientEvent::Refused { command, refusal })];
        }
        match command {
            Command::Connect {
                name,
                wants_membership,
            } => {
                self.clients.insert(id, (name, wants_membership));
                vec![event(id, ClientEvent::Connected)]
            }
            Command::Join { group } => self.change(id, group, Change::Join),
            Command::Leave { group } => self.change(id, group, Change::Leave),
            Command::Disconnect => {
                let groups: Vec<GroupName> = self.groups.keys().cloned().collect();
                let changes = groups
                    .into_iter()
                    .flat_map(|group| self.change(id, group, Change::Disconnect))
                    .collect();
                self.clients.remove(&id).expect("disconnected twice");
                changes
            }
            Command::Send {
                groups,
                level,
                self_discard,
                tag,
                payload,
            } => {
                let (from, _) = &self.clients[&id];
                let message = Message {
                    from: private(from),
                    groups: Arc::from(groups.clone()),
                    level,
                    self_discard,
                    tag,
                    payload,
                };
                let reached = |(session, (name, _)): (&SessionId, &(ClientName, bool))| {
                    let own = self_discard && *session == id;
                    let hit = groups.iter().any(|group| {
                        group.as_str() == private(name).as_str()
                            || self
                                .groups
                                .get(group)
                                .is_some_and(|members| members.contains(&(name.clone(), *session)))
                    });
                    (hit && !own).then_some(*session)
                };
                self.clients
                    .iter()
                    .filter_map(reached)
                    .map(|session| event(session, ClientEvent::Message(message.clone())))
                    .collect()
            }
        }
    }

    fn change(&mut self, id: SessionId, group: GroupName, change: Change) -> Vec<Event> {
        let (name, _) = self.clients[&id].clone();
        let members = self.groups.entry(group.clone()).or_default();
        let before = members.clone();
        let changed = match change {
            Change::Join => members.insert((name.clone(), id)),
            Change::Leave | Change::Disconnect => members.remove(&(name.clone(), id)),
        };
        if !changed {
            return Vec::new();
        }
        self.views += 1;
        let view = View {
            id: group_id(self.views),
            members: members.iter().map(|(name, _)| private(name)).collect(),
            cause: match change {
                Change::Join => Cause::Join(private(&name)),
                Change::Leave => Cause::Leave(private(&name)),
                Change::Disconnect => Cause::Disconnect(private(&name)),
            },
            group,
        };
        let told: BTreeSet<SessionId> = match change {
            Change::Join => members.iter().map(|(_, session)| *session).collect(),
            Change::Leave => before.iter().map(|(_, session)| *session).collect(),
            Change::Disconnect => members.iter().map(|(_, session)| *session).collect(),
        };
        let wants = |session: &SessionId| self.clients[session].1;
        told.into_iter()
            .filter(wants)
            .map(|session| Event::Deliver {
                session,
                event: ClientEvent::View(view.clone()),
            })
            .collect()
    }
}

#[derive(Clone, Copy)]
enum Change {
    Join,
    Leave,
    Disconnect,
}

/// All that a current client says in the handshake.
pub(crate) fn greeting(name: &str, membership: bool) -> Vec<u8> {
    let mut bytes = vec![4, 4, 0, u8::from(membership), name.len() as u8];
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(&choice(&["NULL"]));
    bytes
}

pub(crate) fn choice(methods: &[&str]) -> Vec<u8> {
    let mut bytes = vec![0; 90];
    for (slot, method) in bytes.chunks_mut(30).zip(methods) {
        slot[..method.len()].copy_from_slice(method.as_bytes());
    }
    bytes
}

/// A request of the client called `name`.
pub(crate) fn request(
    order: ByteOrder,
    name: &str,
    kind: u32,
    groups: &[&str],
    hint: u16,
    data: &[u8],
) -> Vec<u8> {
    let header = Header {
        kind,
        name: Name::new(&format!("#{name}#dmn1")).unwrap(),
        groups: groups.len(),
        hint: Hint::new(hint, order),
        data_bytes: data.len(),
    };
    let mut out = BytesMut::new();
    header.encode(order, &mut out);
    for group in groups {
        out.extend_from_slice(Name::new(group).unwrap().field());
    }
    out.extend_from_slice(data);
    out.to_vec()
}

impl Received {
    pub(crate) fn membership(&self) -> Membership {
        Membership::decode(&self.data, ByteOrder::Little).unwrap()
    }
}
