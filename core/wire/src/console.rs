//! Console commands and their answers on the bus: `broadcast`, `unicast` and what comes back.
//!
//! Every request carries an id of its sender, and every answer names the request, its part and whether it is
//! the last: the completion that the old consoles lacked (reference: `momentum-features.md`, P21).
//!
//! What it deliberately is not: it does not know what a command means. A line is text for the node that runs it.

use alloc::string::String;

use ringfort_machine::{NodeId, ProcessId};
use serde::{Deserialize, Serialize};

/// A request, unique among those of the process that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// The longest command line, in bytes.
pub const LINE: usize = 4096;
/// The longest text of one part of an answer, in bytes.
pub const PART: usize = 32 * 1024;

/// One message of the console service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// Run a command line and answer.
    Request {
        /// The request; with the sender it names the answers.
        id: RequestId,
        /// The one node that is meant; all nodes if absent. Managers never run requests for all.
        target: Option<NodeId>,
        /// The command line, at most [`LINE`] bytes.
        line: String,
        /// Whether the answer is wanted as JSON.
        json: bool,
    },
    /// One part of an answer.
    Answer {
        /// The process whose request this answers.
        to: ProcessId,
        /// Its request.
        id: RequestId,
        /// Counts the parts of one answer, from 0.
        part: u32,
        /// Whether this is the last part.
        last: bool,
        /// The text, at most [`PART`] bytes, cut between characters.
        text: String,
    },
}

#[cfg(test)]
mod tests;
