//! Carries commands to other nodes and brings their answers home.
//!
//! The old consoles sent a line to a group and hoped; here the roster's view says who must answer, so that an
//! answer is known to be complete, a dead node is named at once, and a silent one after the timeout (reference
//! 1.12; P21). Requests and answers are ordered messages: whoever is in the view when a request is delivered
//! has got it, and nobody else.
//!
//! What it deliberately is not: it does not run commands. On the answering side it hands the line to the node
//! as [`Action::Execute`] and publishes what comes back.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use ringfort_machine::{
    Deadline, Digest, Instant, Machine, NodeId, ProcessId, Sink,
    defect::{Defect, active},
};
use ringfort_wire::console::{self, Body, RequestId};

use crate::{
    Action, Config, Event, Execution, Note, Peer, Role, Scope, SessionId, Status,
    attributed::{self, Outcome},
    cache::Cache,
    collect::{Asked, Took, floor, is_meant},
};

/// The router of one process.
#[derive(Debug)]
pub struct Router {
    config: Config,
    peers: BTreeMap<ProcessId, Peer>,
    requests: BTreeMap<RequestId, Asked>,
    next_request: u64,
    executing: BTreeMap<Execution, (ProcessId, RequestId)>,
    next_execution: u64,
    cache: Cache,
}

impl Router {
    /// A router that knows no peer yet.
    pub const fn new(config: Config) -> Self {
        Self {
            peers: BTreeMap::new(),
            requests: BTreeMap::new(),
            next_request: 1,
            executing: BTreeMap::new(),
            next_execution: 1,
            cache: Cache::new(config.cache_entries, config.cache_bytes),
            config,
        }
    }

    /// Numbers for tools.
    pub fn status(&self) -> Status {
        let requests = self.requests.values();
        Status {
            waiting: requests.filter(|asked| asked.session.is_some()).count(),
            executing: self.executing.len(),
            cached: self.cache.len(),
        }
    }

    fn request(
        &mut self,
        now: Instant,
        session: SessionId,
        scope: Scope,
        json: bool,
        out: &mut impl Sink<Action>,
    ) {
        match scope {
            Scope::Broadcast { line } => {
                if self.peers.values().any(|peer| peer.role == Role::Node) {
                    self.ask(now, session, line, json, None, out);
                } else {
                    tell(session, "No node is in the cluster.", json, out);
                }
            }
            Scope::Unicast { node, line } => {
                let peers = self.peers.values();
                let mut peers = peers.filter(|peer| peer.name.eq_ignore_ascii_case(&node));
                match peers.next().map(|peer| peer.process.node) {
                    Some(target) => self.ask(now, session, line, json, Some(target), out),
                    None => tell(session, &self.unknown(&node), json, out),
                }
            }
            Scope::Retrieve { line } => self.retrieve(session, &line, None, json, out),
            Scope::RetrieveNode { node, line } => {
                self.retrieve(session, &line, Some(&node), json, out);
            }
            Scope::FlushCache => {
                self.cache.clear();
                tell(session, "The control cache is empty.", json, out);
            }
        }
    }

    /// What to say of a node that nobody knows.
    fn unknown(&self, node: &str) -> String {
        let names: Vec<_> = self.peers.values().map(|peer| peer.name.as_str()).collect();
        if names.is_empty() {
            return format!("There is no node '{node}': the cluster has no member yet.");
        }
        format!("There is no node '{node}'. Members: {}.", names.join(", "))
    }

    fn ask(
        &mut self,
        now: Instant,
        session: SessionId,
        line: String,
        json: bool,
        target: Option<NodeId>,
        out: &mut impl Sink<Action>,
    ) {
        if self.requests.len() >= self.config.requests {
            // Those that nobody waits for any more are kept for late answers only.
            let mut idle = self.requests.iter().filter(|(_, a)| a.session.is_none());
            let Some(oldest) = idle.next().map(|(id, _)| *id) else {
                tell(
                    session,
                    "Too many commands are under way. Try again.",
                    json,
                    out,
                );
                return;
            };
            self.requests.remove(&oldest);
        }
        let id = RequestId(self.next_request);
        self.next_request += 1;
        let deadline = now + self.config.timeout;
        let asked = Asked::new(session, line.clone(), json, target, deadline);
        self.requests.insert(id, asked);
        out.push(Action::Publish(Body::Request {
            id,
            target,
            line,
            json,
        }));
    }

    fn retrieve(
        &self,
        session: SessionId,
        line: &str,
        node: Option<&str>,
        json: bool,
        out: &mut impl Sink<Action>,
    ) {
        let mut found = 0;
        for kept in self.cache.get(line, json, node) {
            found += 1;
            let text = attributed::piece(&kept.node, Outcome::Answer(&kept.text), json);
            out.push(Action::Print { session, text });
        }
        if found > 0 {
            out.push(Action::Complete { session });
            return;
        }
        let of = node.map_or_else(String::new, |node| format!(" of {node}"));
        tell(
            session,
            &format!("No answer{of} to '{line}' is kept."),
            json,
            out,
        );
    }

    fn message(&mut self, from: ProcessId, body: Body, out: &mut impl Sink<Action>) {
        match body {
            Body::Request {
                id,
                target,
                line,
                json,
            } => {
                if from == self.config.me {
                    self.own_request(id, out);
                }
                if is_meant(target, self.config.me, self.config.role) {
                    self.execute(from, id, line, json, out);
                }
            }
            Body::Answer {
                to,
                id,
                part,
                last,
                text,
            } => {
                if to == self.config.me {
                    self.answer(from, id, (part, last, &text), out);
                }
            }
        }
    }

    /// A request of this process has its place in the order.
    fn own_request(&mut self, id: RequestId, out: &mut impl Sink<Action>) {
        if let Some(asked) = self.requests.get_mut(&id) {
            asked.ordered(self.peers.values());
            self.finish_if_done(id, out);
        }
    }

    fn execute(
        &mut self,
        from: ProcessId,
        id: RequestId,
        line: String,
        json: bool,
        out: &mut impl Sink<Action>,
    ) {
        if line.len() > console::LINE {
            let why = "a command line that is too long";
            out.push(Action::Note(Note::MessageRefused { from, why }));
            return;
        }
        if self.executing.len() >= self.config.executions {
            out.push(Action::Note(Note::ExecutionRefused { from }));
            let text = String::from("Too many commands are running here. Try again.\n");
            out.push(Action::Publish(Body::Answer {
                to: from,
                id,
                part: 0,
                last: true,
                text,
            }));
            return;
        }
        let execution = Execution(self.next_execution);
        self.next_execution += 1;
        self.executing.insert(execution, (from, id));
        out.push(Action::Execute {
            execution,
            line,
            json,
        });
    }

    /// The node has run a line: its answer goes back in parts.
    fn answered(&mut self, execution: Execution, mut text: String, out: &mut impl Sink<Action>) {
        let Some((to, id)) = self.executing.remove(&execution) else {
            return; // whoever asked has left
        };
        let limit = self.config.answer_bytes;
        if text.len() > limit {
            let whole = text.len();
            text.truncate(floor(&text, limit));
            text.push_str(&format!(
                "\n[cut: {whole} bytes, of which {limit} are shown]\n"
            ));
            let from = self.config.me;
            out.push(Action::Note(Note::AnswerCut { from }));
        }
        let mut rest = text.as_str();
        let mut part = 0;
        loop {
            let (now, later) = rest.split_at(floor(rest, console::PART));
            out.push(Action::Publish(Body::Answer {
                to,
                id,
                part,
                last: later.is_empty(),
                text: String::from(now),
            }));
            if later.is_empty() {
                return;
            }
            rest = later;
            part += 1;
        }
    }

    /// A part of an answer to a request of this process.
    fn answer(
        &mut self,
        from: ProcessId,
        id: RequestId,
        (part, last, text): (u32, bool, &str),
        out: &mut impl Sink<Action>,
    ) {
        let newest = self.requests.last_key_value().map(|(id, _)| *id);
        let id = newest.filter(|_| active(Defect::MixReplies)).unwrap_or(id);
        let collecting: usize = self.requests.values().map(Asked::bytes).sum();
        let Some(asked) = self.requests.get_mut(&id) else {
            return; // so late that the request is forgotten
        };
        // The mark of a cut answer comes on top of the limit.
        let own = self.config.answer_bytes + MARK_BYTES;
        let own = own.saturating_sub(asked.collected(from));
        let all = self.config.collecting_bytes.saturating_sub(collecting);
        match asked.take(from, part, last, text, own.min(all)) {
            Took::More => {}
            Took::Refused(why) => out.push(Action::Note(Note::MessageRefused { from, why })),
            Took::Whole { node, text, cut } => {
                if cut {
                    out.push(Action::Note(Note::AnswerCut { from }));
                }
                if let Some(session) = asked.session {
                    let text = attributed::piece(&node, Outcome::Answer(&text), asked.json);
                    out.push(Action::Print { session, text });
                }
                self.cache.put(&asked.line, asked.json, &node, text);
                self.finish_if_done(id, out);
            }
        }
    }

    /// Completes a request that nobody has to answer any more.
    fn finish_if_done(&mut self, id: RequestId, out: &mut impl Sink<Action>) {
        if self.requests.get(&id).is_none_or(|asked| !asked.is_done()) {
            return;
        }
        if let Some(asked) = self.requests.remove(&id)
            && let Some(session) = asked.session
        {
            let text = attributed::summary(asked.answered, asked.count(), asked.json);
            out.push(Action::Print { session, text });
            out.push(Action::Complete { session });
        }
    }

    fn view(&mut self, peers: Vec<Peer>, out: &mut impl Sink<Action>) {
        self.peers = peers.into_iter().map(|peer| (peer.process, peer)).collect();
        let peers = &self.peers;
        self.executing
            .retain(|_, (from, _)| peers.contains_key(from));
        let ids: Vec<_> = self.requests.keys().copied().collect();
        for id in ids {
            if let Some(asked) = self.requests.get_mut(&id) {
                let still = active(Defect::WaitForDead);
                let gone = asked.depart(|process| still || peers.contains_key(&process));
                for node in gone {
                    if let Some(session) = asked.session {
                        let text = attributed::piece(&node, Outcome::Left, asked.json);
                        out.push(Action::Print { session, text });
                    }
                }
            }
        }
        let ids: Vec<_> = self.requests.keys().copied().collect();
        for id in ids {
            self.finish_if_done(id, out);
        }
    }

    /// Sessions that have waited long enough are told who is missing. Late answers are still kept.
    fn expire(&mut self, now: Instant, out: &mut impl Sink<Action>) {
        let timeout = self.config.timeout;
        for asked in self.requests.values_mut() {
            let Some(session) = asked.session.filter(|_| asked.deadline <= now) else {
                continue;
            };
            asked.session = None;
            let missing = asked.missing();
            for node in &missing {
                let text = attributed::piece(node, Outcome::Silent(timeout), asked.json);
                out.push(Action::Print { session, text });
            }
            let text = if asked.asked.is_some() {
                attributed::summary(asked.answered, asked.count(), asked.json)
            } else {
                let text =
                    "The command has not reached the cluster yet: its membership is changing.";
                attributed::sentence(text, asked.json)
            };
            out.push(Action::Print { session, text });
            out.push(Action::Complete { session });
            out.push(Action::Note(Note::TimedOut { missing }));
        }
    }
}

/// Room for the mark of a cut answer.
const MARK_BYTES: usize = 80;

/// Says one sentence to a session and is done with it.
fn tell(session: SessionId, text: &str, json: bool, out: &mut impl Sink<Action>) {
    let text = attributed::sentence(text, json);
    out.push(Action::Print { session, text });
    out.push(Action::Complete { session });
}

impl Machine for Router {
    type Event = Event;
    type Action = Action;

    fn handle(&mut self, now: Instant, event: Event, out: &mut impl Sink<Action>) {
        match event {
            Event::Wake => self.expire(now, out),
            Event::View { peers } => self.view(peers, out),
            Event::Request {
                session,
                scope,
                json,
            } => self.request(now, session, scope, json, out),
            Event::Closed { session } => {
                for asked in self.requests.values_mut() {
                    asked.session = asked.session.filter(|waiting| *waiting != session);
                }
            }
            Event::Message { from, body } => self.message(from, body, out),
            Event::Answered { execution, text } => self.answered(execution, text, out),
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        if active(Defect::NeverTimeOut) {
            return None;
        }
        let waiting = self.requests.values().filter(|a| a.session.is_some());
        let at = waiting.map(|asked| asked.deadline).min()?;
        Some(Deadline::new(at, "console: answers are awaited"))
    }

    fn digest(&self, into: &mut Digest) {
        into.number(self.next_request).number(self.next_execution);
        into.number(self.peers.len() as u64);
        for peer in self.peers.values() {
            let process = peer.process;
            into.number(process.node.0).number(process.incarnation.0);
            into.text(&peer.name).flag(peer.role == Role::Node);
        }
        into.number(self.requests.len() as u64);
        for (id, asked) in &self.requests {
            into.number(id.0);
            asked.digest(into);
        }
        into.number(self.executing.len() as u64);
        for (execution, (from, id)) in &self.executing {
            into.number(execution.0).number(from.node.0).number(id.0);
        }
        self.cache.digest(into);
    }
}
