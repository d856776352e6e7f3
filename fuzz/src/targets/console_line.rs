//! Console command lines: any text, at a node and at a manager.
//!
//! Holds that a line is read or refused without a panic; that an error fits a screen, however long the line;
//! that the place changes only who may, not what is understood; that a text with other spacing means the same;
//! and that a routed line, which another node parses again, is normal and within its limit.

use ringfort_console::{Command, Format, ParseError, Place, Scope, parse};
use ringfort_wire::console::LINE;

use crate::{Marks, Target};

/// The target.
pub const TARGET: Target = Target {
    name: "console_line",
    about: "console command lines: no panic, short errors, normal routed lines, spacing without meaning",
    run,
    limit: 6 * 1024,
    words: WORDS,
};

const WORDS: &[&str] = &[
    "help",
    "version",
    "info",
    "shutdown",
    "quit",
    "exit",
    "cluster",
    "membership",
    "nodename",
    "nodeaddr",
    "duravip",
    "show",
    "move",
    "to",
    "announce",
    "view",
    "shared",
    "list",
    "from",
    "logs",
    "broadcast",
    "unicast",
    "retrieve",
    "retrieve_node",
    "flush",
    "control",
    "cache",
    "xml",
    "--json",
    "10.0.0.1",
    "::1",
    "fe80::1%lo",
    "node1",
    "inbound_cidr",
    "\u{e9}",
    "\u{a0}",
    "\u{2028}",
    "\t",
];

/// The longest error, in bytes: the echo is cut, a usage is one of ours, a name is.
const ERROR: usize = 1024 + LINE;

/// Reads the input as one line.
///
/// # Panics
/// If something does not hold.
pub fn run(input: &[u8], marks: &mut Marks) {
    let line = String::from_utf8_lossy(input);
    for place in [Place::Node, Place::Manager] {
        let read = parse(place, &line);
        marks.step((place as u8, Marks::shape(&read)));
        match read {
            Ok(read) => understood(&line, place, read.format, &read.command),
            Err(error) => refused(&line, &error),
        }
    }
}

fn understood(line: &str, place: Place, format: Format, command: &Command) {
    assert!(line.len() <= LINE, "a line over the limit was read");
    let spaced = line.split_whitespace().collect::<Vec<_>>().join("  \t");
    if spaced.len() <= LINE {
        let again = parse(place, &spaced).expect("other spaces, same words");
        assert_eq!((&again.command, again.format), (command, format));
    }
    let Command::Routed(scope) = command else {
        return;
    };
    let routed = match scope {
        Scope::Broadcast { line }
        | Scope::Unicast { line, .. }
        | Scope::Retrieve { line }
        | Scope::RetrieveNode { line, .. } => line,
        Scope::FlushCache => return,
    };
    assert!(
        !routed.is_empty() && routed.len() <= line.len(),
        "a routed line is a part of the line"
    );
    assert_eq!(
        &routed.split_whitespace().collect::<Vec<_>>().join(" "),
        routed,
        "a routed line is normal"
    );
}

fn refused(line: &str, error: &ParseError) {
    let text = error.to_string();
    assert!(
        !text.is_empty() && text.len() <= ERROR,
        "{} bytes",
        text.len()
    );
    assert_eq!(
        matches!(error, ParseError::TooLong { .. }),
        line.len() > LINE,
        "too long means too long"
    );
    let blank = line
        .split_whitespace()
        .all(|word| word.eq_ignore_ascii_case("--json"));
    assert!(
        blank || *error != ParseError::Empty,
        "a line with words is not empty"
    );
}
