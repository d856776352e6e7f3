//! A router fed by hand: what it told its session, what it published, and its notes. No network and no cluster.
#![allow(dead_code, reason = "each file of tests uses a part of it")]

use std::collections::VecDeque;

use ringfort_console::{
    Action, Config, Event, Execution, Note, Peer, Role, Router, Scope, SessionId,
};
use ringfort_machine::{Digest, Incarnation, Instant, Machine, NodeId, ProcessId};
use ringfort_wire::console::{Body, RequestId};

pub(crate) const SESSION: SessionId = SessionId(1);

pub(crate) fn process(name: &str) -> ProcessId {
    ProcessId::new(NodeId::of_name(name), Incarnation(1))
}

pub(crate) fn peer(name: &str) -> Peer {
    let role = if name == "mgr" {
        Role::Manager
    } else {
        Role::Node
    };
    Peer {
        process: process(name),
        name: name.into(),
        role,
    }
}

pub(crate) fn digest(router: &Router) -> u64 {
    let mut digest = Digest::new();
    router.digest(&mut digest);
    digest.finish()
}

/// A router with what it told its session, what it published, and its notes.
pub(crate) struct Place {
    pub router: Router,
    pub me: ProcessId,
    pub now: Instant,
    pub printed: String,
    pub completed: usize,
    pub published: VecDeque<Body>,
    pub executing: Vec<(Execution, String)>,
    pub notes: Vec<Note>,
}

impl Place {
    pub(crate) fn with(name: &str, adjust: impl FnOnce(&mut Config)) -> Self {
        let peer = peer(name);
        let mut config = Config::new(peer.process, peer.role);
        adjust(&mut config);
        let mut place = Self {
            router: Router::new(config),
            me: peer.process,
            now: Instant::ORIGIN,
            printed: String::new(),
            completed: 0,
            published: VecDeque::new(),
            executing: Vec::new(),
            notes: Vec::new(),
        };
        place.view(&["mgr", "mta1", "mta2"]);
        place
    }

    pub(crate) fn new(name: &str) -> Self {
        Self::with(name, |_| {})
    }

    pub(crate) fn feed(&mut self, event: Event) {
        let mut out: Vec<Action> = Vec::new();
        self.router.handle(self.now, event, &mut out);
        for action in out {
            match action {
                Action::Publish(body) => self.published.push_back(body),
                Action::Execute {
                    execution, line, ..
                } => self.executing.push((execution, line)),
                Action::Print { session, text } => {
                    assert_eq!(session, SESSION);
                    assert!(text.ends_with('\n'), "{text}");
                    self.printed.push_str(&text);
                }
                Action::Complete { session } => {
                    assert_eq!(session, SESSION);
                    self.completed += 1;
                }
                Action::Note(note) => self.notes.push(note),
            }
        }
    }

    pub(crate) fn view(&mut self, names: &[&str]) {
        let peers = names.iter().map(|name| peer(name)).collect();
        self.feed(Event::View { peers });
    }

    pub(crate) fn ask(&mut self, scope: Scope, json: bool) {
        self.feed(Event::Request {
            session: SESSION,
            scope,
            json,
        });
    }

    /// Delivers its own published messages to itself.
    pub(crate) fn loop_back(&mut self) {
        while let Some(body) = self.published.pop_front() {
            self.feed(Event::Message {
                from: self.me,
                body,
            });
        }
    }

    pub(crate) fn broadcast(&mut self, line: &str) {
        self.ask(Scope::Broadcast { line: line.into() }, false);
        self.loop_back();
    }

    pub(crate) fn answer(&mut self, from: &str, id: u64, part: u32, last: bool, text: &str) {
        let body = Body::Answer {
            to: self.me,
            id: RequestId(id),
            part,
            last,
            text: text.into(),
        };
        self.feed(Event::Message {
            from: process(from),
            body,
        });
    }

    pub(crate) fn printed(&mut self) -> String {
        core::mem::take(&mut self.printed)
    }
}
