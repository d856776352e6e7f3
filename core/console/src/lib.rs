//! The console: the table of commands, the layouts of their answers, and the routing to other nodes.
//!
//! Pure text and structs. A line becomes a [`Command`]; the node gathers what it asks for into a [`Report`];
//! [`render()`] lays that out as the reference does, or as JSON. Commands for other nodes go through the
//! [`Router`], which knows who must answer and therefore when an answer is complete.
//!
//! What this crate deliberately is not: it executes nothing and imports no service. It opens no socket and
//! authenticates nobody; a session is a number that the node hands in.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod attributed;
mod banner;
mod cache;
mod collect;
mod command;
mod interface;
mod parse;
mod render;
mod report;
mod router;
mod table;

pub use banner::{AUTHORIZATION, PASSWORD, banner, prompt};
pub use command::{Command, Format, Line, ParseError, Place, Scope};
pub use interface::{Action, Config, Event, Execution, Note, Peer, Role, SessionId, Status};
pub use parse::parse;
pub use render::{render, text as render_text};
pub use report::*;
pub use router::Router;
pub use table::{COMMANDS, Entry};
