//! One request of this process and what has come back for it.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

use ringfort_machine::{Digest, Instant, NodeId, ProcessId};

use crate::{Peer, Role, SessionId};

/// A request that is not answered in full.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Who waits for it; nobody any more after the timeout or the end of the session.
    pub(crate) session: Option<SessionId>,
    pub(crate) line: String,
    pub(crate) json: bool,
    /// The one node that is meant, if it is one.
    pub(crate) target: Option<NodeId>,
    /// When the session stops waiting.
    pub(crate) deadline: Instant,
    /// Who got the request; known once it has been delivered here too.
    pub(crate) asked: Option<BTreeMap<ProcessId, String>>,
    /// Which of them have not answered.
    waiting: BTreeSet<ProcessId>,
    partial: BTreeMap<ProcessId, Partial>,
    pub(crate) answered: usize,
}

/// The parts of one answer that have come.
#[derive(Debug, Default)]
struct Partial {
    parts: u32,
    text: String,
    cut: bool,
}

/// What a part led to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Took {
    /// More is to come.
    More,
    /// The answer of this node, by name, is complete; `cut` if not all of it was kept.
    Whole {
        node: String,
        text: String,
        cut: bool,
    },
    /// It makes no sense; nothing changed.
    Refused(&'static str),
}

impl Asked {
    pub(crate) const fn new(
        session: SessionId,
        line: String,
        json: bool,
        target: Option<NodeId>,
        deadline: Instant,
    ) -> Self {
        Self {
            session: Some(session),
            line,
            json,
            target,
            deadline,
            asked: None,
            waiting: BTreeSet::new(),
            partial: BTreeMap::new(),
            answered: 0,
        }
    }

    /// The request has its place in the order: whoever is a peer there has got it.
    pub(crate) fn ordered<'a>(&mut self, peers: impl Iterator<Item = &'a Peer>) {
        let asked: BTreeMap<_, _> = peers
            .filter(|peer| is_meant(self.target, peer.process, peer.role))
            .map(|peer| (peer.process, peer.name.clone()))
            .collect();
        self.waiting = asked.keys().copied().collect();
        self.asked = Some(asked);
    }

    /// Whether everybody who can answer has.
    pub(crate) fn is_done(&self) -> bool {
        self.asked.is_some() && self.waiting.is_empty()
    }

    /// How many were asked.
    pub(crate) fn count(&self) -> usize {
        self.asked.as_ref().map_or(0, BTreeMap::len)
    }

    /// Names of those who have not answered.
    pub(crate) fn missing(&self) -> Vec<String> {
        let waiting = self.waiting.iter();
        waiting.filter_map(|process| self.name(*process)).collect()
    }

    /// Stops waiting for those who are no peers any more and returns their names.
    pub(crate) fn depart(&mut self, is_peer: impl Fn(ProcessId) -> bool) -> Vec<String> {
        let gone = self.waiting.iter().copied().filter(|p| !is_peer(*p));
        let gone: Vec<_> = gone.collect();
        for process in &gone {
            self.waiting.remove(process);
            self.partial.remove(process);
        }
        gone.iter().filter_map(|p| self.name(*p)).collect()
    }

    /// Takes one part of an answer, of which no more than `room` bytes are kept.
    pub(crate) fn take(
        &mut self,
        from: ProcessId,
        part: u32,
        last: bool,
        text: &str,
        room: usize,
    ) -> Took {
        if !self.waiting.contains(&from) {
            return Took::Refused("an answer of a node that was not asked or has answered");
        }
        if self.partial.get(&from).map_or(0, |p| p.parts) != part {
            return Took::Refused("a part of an answer out of sequence");
        }
        let partial = self.partial.entry(from).or_default();
        partial.parts += 1;
        let fits = floor(text, room);
        partial.cut |= fits < text.len();
        partial.text.push_str(text.get(..fits).unwrap_or_default());
        if !last {
            return Took::More;
        }
        let Partial { mut text, cut, .. } = self.partial.remove(&from).unwrap_or_default();
        if cut {
            text.push_str("\n[the rest is cut]\n");
        }
        self.waiting.remove(&from);
        self.answered += 1;
        let node = self.name(from).unwrap_or_default();
        Took::Whole { node, text, cut }
    }

    /// Bytes that have come from `from` and are not yet a whole answer.
    pub(crate) fn collected(&self, from: ProcessId) -> usize {
        self.partial.get(&from).map_or(0, |p| p.text.len())
    }

    /// Bytes of all answers that are not yet whole.
    pub(crate) fn bytes(&self) -> usize {
        self.partial
            .values()
            .map(|partial| partial.text.len())
            .sum()
    }

    fn name(&self, process: ProcessId) -> Option<String> {
        self.asked.as_ref()?.get(&process).cloned()
    }

    pub(crate) fn digest(&self, into: &mut Digest) {
        into.flag(self.session.is_some());
        into.number(self.session.map_or(0, |session| session.0));
        into.text(&self.line).flag(self.json);
        into.number(self.target.map_or(0, |node| node.0));
        into.number(self.deadline.as_nanos());
        into.flag(self.asked.is_some());
        into.number(self.answered as u64);
        for process in &self.waiting {
            into.number(process.node.0).number(process.incarnation.0);
            if let Some(partial) = self.partial.get(process) {
                into.number(u64::from(partial.parts)).text(&partial.text);
            }
        }
    }
}

/// Whether a request for `target` is for this process: for all nodes, or for its node by name.
pub(crate) fn is_meant(target: Option<NodeId>, process: ProcessId, role: Role) -> bool {
    match target {
        Some(node) => node == process.node,
        None => role == Role::Node,
    }
}

/// The most bytes of `text`, no more than `limit`, that end between characters.
pub(crate) fn floor(text: &str, limit: usize) -> usize {
    if limit >= text.len() {
        return text.len();
    }
    let mut end = limit;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}
