//! One group layer fed by hand: deliveries in an order that the test makes, and what its clients were told.
#![allow(dead_code, reason = "each file of tests uses a part of it")]

use std::sync::Arc;

use bytes::Bytes;
use ringfort_groups::{
    Action, ClientEvent, ClientId, ClientName, Command, Config, Event, GroupName, Groups, Limits,
    MemberId, Note, Refusal, View,
};
use ringfort_machine::{
    Configuration, ConfigurationId, ConfigurationKind, Digest, Incarnation, Instant, Level,
    Machine, Member, NodeId, Position, ProcessId, RingId, SubclusterId,
};

/// One group layer, the ordinal of the last delivery, and what was submitted and not yet delivered.
pub(crate) struct Node {
    pub groups: Groups,
    pub me: ProcessId,
    pub configuration: ConfigurationId,
    pub ordinal: u64,
    pub submitted: Vec<(Level, Bytes)>,
    pub notes: Vec<Note>,
}

pub(crate) fn process(name: &str) -> ProcessId {
    ProcessId::new(NodeId::of_name(name), Incarnation(1))
}

pub(crate) fn name(text: &str) -> ClientName {
    ClientName::new(text).expect("a legal name")
}

pub(crate) fn group(text: &str) -> GroupName {
    GroupName::new(text).expect("a legal name")
}

pub(crate) fn configuration(sequence: u64, from: Option<u64>, names: &[&str]) -> Configuration {
    let mut members: Vec<_> = names.iter().map(|name| process(name)).collect();
    members.sort_unstable();
    let ring = |sequence| RingId {
        sequence,
        representative: members[0],
    };
    let (id, kind) = match from {
        None => (
            ConfigurationId::regular(ring(sequence)),
            ConfigurationKind::Regular,
        ),
        Some(from) => (
            ConfigurationId::transitional(ring(from), ring(sequence)),
            ConfigurationKind::Transitional,
        ),
    };
    let member = |process| Member {
        process,
        subcluster: SubclusterId(0),
    };
    let members: Arc<[_]> = members.iter().copied().map(member).collect();
    Configuration {
        id,
        kind,
        members,
        follows: from.map(|from| ConfigurationId::regular(ring(from))),
    }
}

impl Node {
    pub(crate) fn with(limits: Limits) -> Self {
        let me = process("n1");
        let mut config = Config::new(me);
        config.limits = limits;
        let first = configuration(1, None, &["n1"]);
        let mut node = Self {
            groups: Groups::new(config).expect("legal limits"),
            me,
            configuration: first.id,
            ordinal: 0,
            submitted: Vec::new(),
            notes: Vec::new(),
        };
        assert!(node.install(first).is_empty());
        node
    }

    pub(crate) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(crate) fn feed(&mut self, now: Instant, event: Event) -> Vec<(ClientId, ClientEvent)> {
        let mut out: Vec<Action> = Vec::new();
        self.groups.handle(now, event, &mut out);
        let mut told = Vec::new();
        for action in out {
            match action {
                Action::Submit { level, payload } => self.submitted.push((level, payload)),
                Action::Client { client, event } => told.push((client, event)),
                Action::Note(note) => self.notes.push(note),
            }
        }
        told
    }

    pub(crate) fn install(&mut self, configuration: Configuration) -> Vec<(ClientId, ClientEvent)> {
        self.configuration = configuration.id;
        self.feed(Instant::ORIGIN, Event::Installed(configuration))
    }

    pub(crate) fn from(
        &mut self,
        sender: ProcessId,
        level: Level,
        payload: Bytes,
    ) -> Vec<(ClientId, ClientEvent)> {
        self.ordinal += 1;
        let position = Position {
            configuration: self.configuration,
            ordinal: self.ordinal,
        };
        let event = Event::Delivered {
            position,
            sender,
            number: self.ordinal,
            level,
            payload,
        };
        self.feed(Instant::ORIGIN, event)
    }

    /// Delivers everything submitted so far to this node.
    pub(crate) fn flush(&mut self) -> Vec<(ClientId, ClientEvent)> {
        let mut told = Vec::new();
        for (level, payload) in std::mem::take(&mut self.submitted) {
            told.extend(self.from(self.me, level, payload));
        }
        told
    }

    pub(crate) fn local(&mut self, client: u64, command: Command) -> Option<Refusal> {
        let client = ClientId(client);
        let told = self.feed(Instant::ORIGIN, Event::Local { client, command });
        match told.as_slice() {
            [] => None,
            [(id, ClientEvent::Refused(refusal))] if *id == client => Some(*refusal),
            other => panic!("a command told {other:?}"),
        }
    }

    pub(crate) fn connect(
        &mut self,
        client: u64,
        text: &str,
        wants_membership: bool,
    ) -> Option<Refusal> {
        let name = name(text);
        self.local(
            client,
            Command::Connect {
                name,
                wants_membership,
            },
        )
    }

    pub(crate) fn join(&mut self, client: u64, text: &str) -> Option<Refusal> {
        self.local(client, Command::Join { group: group(text) })
    }

    pub(crate) fn leave(&mut self, client: u64, text: &str) -> Option<Refusal> {
        self.local(client, Command::Leave { group: group(text) })
    }

    pub(crate) fn send(
        &mut self,
        client: u64,
        groups: &[&str],
        self_discard: bool,
    ) -> Option<Refusal> {
        let groups = groups.iter().map(|text| group(text)).collect();
        let command = Command::Send {
            groups,
            level: Level::Fifo,
            self_discard,
            tag: 7,
            payload: Bytes::from_static(b"hi"),
        };
        self.local(client, command)
    }

    pub(crate) fn digest(&self) -> u64 {
        let mut digest = Digest::new();
        self.groups.digest(&mut digest);
        digest.finish()
    }

    pub(crate) fn member(&self, text: &str) -> MemberId {
        MemberId::new(self.me, name(text))
    }
}

pub(crate) fn only_view(told: &[(ClientId, ClientEvent)], client: u64) -> View {
    let mut views = told.iter().filter_map(|(id, event)| match event {
        ClientEvent::View(view) if *id == ClientId(client) => Some(view.clone()),
        ClientEvent::View(_) | ClientEvent::Message { .. } | ClientEvent::Refused(_) => None,
    });
    let view = views.next().expect("a view");
    assert_eq!(views.next(), None, "more than one view");
    view
}

pub(crate) fn receivers(told: &[(ClientId, ClientEvent)]) -> Vec<(u64, String)> {
    let messages = told.iter().filter_map(|(id, event)| match event {
        ClientEvent::Message { via, .. } => Some((id.0, via.to_string())),
        ClientEvent::View(_) | ClientEvent::Refused(_) => None,
    });
    messages.collect()
}
