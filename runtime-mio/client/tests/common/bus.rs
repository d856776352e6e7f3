//! The daemon in one piece of memory: bytes in, bytes out.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use ringfort_machine::{
    ConfigurationId, Incarnation, Instant, Machine, NodeId, ProcessId, RingId, step,
};
use ringfort_session::{
    Action, Cause, ClientEvent, ClientName, Command, Config, Event, GroupId, GroupName, Message,
    Name, Peer, Refusal, SessionId, Sessions, View,
};

type Member = (ClientName, SessionId);

/// The daemon.
#[derive(Debug)]
pub(crate) struct Bus {
    sessions: Sessions,
    /// What is to be written to each client.
    pub(crate) sent: BTreeMap<SessionId, Vec<u8>>,
    /// Whose connection is to be closed when that is written; `false`: at once.
    pub(crate) closed: BTreeMap<SessionId, bool>,
    pub(crate) paused: BTreeSet<SessionId>,
    /// What the group layer answers to sends.
    pub(crate) refuse: Option<Refusal>,
    /// What becomes of message number [`FAULTY`].
    pub(crate) fault: Option<Fault>,
    messages: u64,
    clients: BTreeMap<SessionId, (ClientName, bool)>,
    groups: BTreeMap<GroupName, BTreeSet<Member>>,
    views: u64,
}

/// A lie of the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Lose,
    Repeat,
    Damage,
}

/// Counted over all clients, from 1.
const FAULTY: u64 = 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Join,
    Leave,
    Disconnect,
}

pub(crate) fn private(name: &ClientName) -> Name {
    Name::new(&format!("#{name}#dmn1")).unwrap()
}

impl Bus {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            sessions: Sessions::new(config).unwrap(),
            sent: BTreeMap::new(),
            closed: BTreeMap::new(),
            paused: BTreeSet::new(),
            refuse: None,
            fault: None,
            messages: 0,
            clients: BTreeMap::new(),
            groups: BTreeMap::new(),
            views: 0,
        }
    }

    pub(crate) fn open(&mut self, session: SessionId) {
        let peer = Peer::Unix;
        self.event(Event::Opened { session, peer });
    }

    pub(crate) fn bytes(&mut self, session: SessionId, bytes: &[u8]) {
        let bytes = Bytes::copy_from_slice(bytes);
        self.event(Event::Bytes { session, bytes });
    }

    /// All bytes for a client since last asked; they count as written.
    pub(crate) fn take(&mut self, session: SessionId) -> Vec<u8> {
        let mut taken = Vec::new();
        while let Some(mut bytes) = self.sent.remove(&session) {
            taken.append(&mut bytes);
            self.event(Event::Drained { session });
        }
        taken
    }

    /// One event and all that follows from it.
    pub(crate) fn event(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let mut out = Vec::new();
            step(&mut self.sessions, Instant::ORIGIN, event, &mut out);
            for action in out {
                match action {
                    Action::Send { session, bytes } => {
                        self.sent.entry(session).or_default().extend(bytes);
                    }
                    Action::Close { session, reason } => {
                        self.closed.insert(session, reason.flushes());
                    }
                    Action::Group { session, command } => {
                        events.extend(self.command(session, command));
                    }
                    Action::Pause { session } => assert!(self.paused.insert(session)),
                    Action::Resume { session } => assert!(self.paused.remove(&session)),
                    Action::Note(_) => {}
                }
            }
            let due = self.sessions.deadline();
            if due.is_some_and(|due| due.at <= Instant::ORIGIN) {
                events.push_back(Event::Wake);
            }
        }
    }

    /// The network changed for a group: a mark, then a view with these sets, for those of its members that are here.
    pub(crate) fn partition(&mut self, group: &str, sets: &[Vec<Name>]) {
        let group = GroupName::new(group).unwrap();
        let members: Arc<[Name]> = sets.iter().flatten().copied().collect();
        let here: Vec<SessionId> = self.groups[&group].iter().map(|(_, id)| *id).collect();
        for cause in [Cause::Transitional, Cause::Network { sets: sets.into() }] {
            let view = self.view(&group, members.clone(), cause);
            for session in &here {
                self.event(view_for(*session, &view));
            }
        }
    }

    fn command(&mut self, id: SessionId, command: Command) -> Vec<Event> {
        let deliver = |session, event| Event::Deliver { session, event };
        if let Some(refusal) = self.refuse
            && let Command::Send { .. } = command
        {
            let command = Box::new(command);
            return vec![deliver(id, ClientEvent::Refused { command, refusal })];
        }
        match command {
            Command::Connect {
                name,
                wants_membership,
            } => {
                self.clients.insert(id, (name, wants_membership));
                vec![deliver(id, ClientEvent::Connected)]
            }
            Command::Join { group } => self.change(id, &group, Change::Join),
            Command::Leave { group } => self.change(id, &group, Change::Leave),
            Command::Disconnect => {
                let groups: Vec<GroupName> = self.groups.keys().cloned().collect();
                let change = |group| self.change(id, group, Change::Disconnect);
                let changes = groups.iter().flat_map(change).collect();
                self.clients.remove(&id);
                changes
            }
            Command::Send {
                groups,
                level,
                self_discard,
                tag,
                payload,
            } => {
                self.messages += 1;
                let fault = self.fault.filter(|_| self.messages == FAULTY);
                let payload = match fault {
                    Some(Fault::Damage) => {
                        let mut bytes = payload.to_vec();
                        *bytes.last_mut().unwrap() ^= 1;
                        bytes.into()
                    }
                    Some(Fault::Lose) => return Vec::new(),
                    Some(Fault::Repeat) | None => payload,
                };
                let message = Message {
                    from: private(&self.clients[&id].0),
                    groups: Arc::from(groups),
                    level,
                    self_discard,
                    tag,
                    payload,
                };
                let reached = self.clients.iter().filter(|(session, (name, _))| {
                    let own = self_discard && **session == id;
                    !own && self.is_meant(&message.groups, **session, name)
                });
                let copies = if fault == Some(Fault::Repeat) { 2 } else { 1 };
                let event = |(session, _): (&SessionId, _)| {
                    let event = deliver(*session, ClientEvent::Message(message.clone()));
                    std::iter::repeat_n(event, copies)
                };
                reached.flat_map(event).collect()
            }
        }
    }

    fn is_meant(&self, groups: &[GroupName], session: SessionId, name: &ClientName) -> bool {
        groups.iter().any(|group| {
            let members = self.groups.get(group);
            group.as_str() == private(name).as_str()
                || members.is_some_and(|members| members.contains(&(name.clone(), session)))
        })
    }

    fn change(&mut self, id: SessionId, group: &GroupName, change: Change) -> Vec<Event> {
        let name = self.clients[&id].0.clone();
        let members = self.groups.entry(group.clone()).or_default();
        let before = members.clone();
        let changed = match change {
            Change::Join => members.insert((name.clone(), id)),
            Change::Leave | Change::Disconnect => members.remove(&(name.clone(), id)),
        };
        if !changed {
            return Vec::new();
        }
        let after = members.clone();
        let private_name = private(&name);
        let (cause, told) = match change {
            Change::Join => (Cause::Join(private_name), &after),
            Change::Leave => (Cause::Leave(private_name), &before),
            Change::Disconnect => (Cause::Disconnect(private_name), &after),
        };
        let names = after.iter().map(|(name, _)| private(name)).collect();
        let view = self.view(group, names, cause);
        told.iter()
            .filter(|(_, session)| self.clients[session].1)
            .map(|(_, session)| view_for(*session, &view))
            .collect()
    }

    fn view(&mut self, group: &GroupName, members: Arc<[Name]>, cause: Cause) -> View {
        self.views += 1;
        let ring = RingId {
            sequence: 4,
            representative: ProcessId::new(NodeId(1), Incarnation(1)),
        };
        View {
            group: group.clone(),
            id: GroupId::new(&ConfigurationId::regular(ring), self.views, None),
            members,
            cause,
        }
    }
}

fn view_for(session: SessionId, view: &View) -> Event {
    let event = ClientEvent::View(view.clone());
    Event::Deliver { session, event }
}
