//! What goes into the router and what comes out of it.

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use ringfort_machine::{ProcessId, Wake};
use ringfort_wire::console::Body;

use crate::Scope;

/// A console session of this process. Chosen by the node, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// A line that this process runs for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Execution(pub u64);

/// What a member of the roster is to the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Runs what is broadcast.
    Node,
    /// Runs only what is sent to it by name.
    Manager,
}

/// A member of the roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its process.
    pub process: ProcessId,
    /// Its node name.
    pub name: String,
    /// What it is.
    pub role: Role,
}

/// How the router of one process is to behave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// This process.
    pub me: ProcessId,
    /// What this process is.
    pub role: Role,
    /// After how long a session stops waiting (`control_client_timeout`).
    pub timeout: Duration,
    /// Requests of this process that are kept, answered or not; the oldest finished one gives way.
    pub requests: usize,
    /// Lines that may run here for others at a time.
    pub executions: usize,
    /// Bytes of one node's answer; the rest is cut and a mark says so.
    pub answer_bytes: usize,
    /// Bytes of answers that are still incomplete, of all requests.
    pub collecting_bytes: usize,
    /// Answers kept for `retrieve`.
    pub cache_entries: usize,
    /// Bytes of the answers kept for `retrieve`.
    pub cache_bytes: usize,
}

impl Config {
    /// The defaults for process `me`.
    pub const fn new(me: ProcessId, role: Role) -> Self {
        Self {
            me,
            role,
            timeout: Duration::from_secs(5),
            requests: 64,
            executions: 256,
            answer_bytes: 256 * 1024,
            collecting_bytes: 16 << 20,
            cache_entries: 1024,
            cache_bytes: 16 << 20,
        }
    }
}

/// What can happen to the router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Time has passed.
    Wake,
    /// The roster changed, at this place in the order.
    View {
        /// All members that have told their names.
        peers: Vec<Peer>,
    },
    /// A local session wants a routed command.
    Request {
        /// The session.
        session: SessionId,
        /// Whom it concerns.
        scope: Scope,
        /// Whether the answers are wanted as JSON.
        json: bool,
    },
    /// A local session ended. Its requests are still collected, for `retrieve`.
    Closed {
        /// The session.
        session: SessionId,
    },
    /// The console group delivered a message, own ones included.
    Message {
        /// The sender.
        from: ProcessId,
        /// The message.
        body: Body,
    },
    /// The node has run a line.
    Answered {
        /// Which.
        execution: Execution,
        /// The whole answer.
        text: String,
    },
}

impl From<Wake> for Event {
    fn from(_: Wake) -> Self {
        Self::Wake
    }
}

/// What the router wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// To be sent to the console group, agreed.
    Publish(Body),
    /// To be run here; the answer comes as [`Event::Answered`].
    Execute {
        /// Names it.
        execution: Execution,
        /// The line, as its author typed it, without format flag.
        line: String,
        /// Whether the answer is wanted as JSON.
        json: bool,
    },
    /// Text for a session, whole lines.
    Print {
        /// The session.
        session: SessionId,
        /// The text.
        text: String,
    },
    /// The routed command of this session is done: prompt again.
    Complete {
        /// The session.
        session: SessionId,
    },
    /// Something worth knowing.
    Note(Note),
}

/// Notes of the router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A request of another process was refused, since too many run here already.
    ExecutionRefused {
        /// Who asked.
        from: ProcessId,
    },
    /// A message made no sense and changed nothing.
    MessageRefused {
        /// Its sender.
        from: ProcessId,
        /// What was wrong with it.
        why: &'static str,
    },
    /// Members did not answer in time.
    TimedOut {
        /// Their names.
        missing: Vec<String>,
    },
    /// An answer was longer than is kept.
    AnswerCut {
        /// Whose.
        from: ProcessId,
    },
}

ringfort_machine::names!(
    Note:
    ExecutionRefused, MessageRefused, TimedOut, AnswerCut,
);

/// Numbers for tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Requests that sessions wait for.
    pub waiting: usize,
    /// Lines that run here.
    pub executing: usize,
    /// Answers kept.
    pub cached: usize,
}
