//! From a line to a [`Command`].
//!
//! Keywords are read without regard to case, names are taken as typed. `--json` may stand first or last; on a
//! routed command it goes along to the nodes.

use alloc::{string::String, vec::Vec};

use ringfort_wire::console::LINE;

use crate::{COMMANDS, Command, Entry, Format, Line, ParseError, Place};

/// How much of an unknown line an error repeats, in characters.
const ECHO: usize = 60;

/// Reads `line` as typed at `place`.
///
/// # Errors
/// [`ParseError`], whose text is the answer to the user; [`ParseError::Empty`] deserves none.
pub fn parse(place: Place, line: &str) -> Result<Line, ParseError> {
    if line.len() > LINE {
        return Err(ParseError::TooLong {
            found: line.len(),
            limit: LINE,
        });
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let (words, format) = take_format(&words);
    match words.first() {
        None => return Err(ParseError::Empty),
        Some(first) if first.eq_ignore_ascii_case("xml") => return Err(ParseError::Xml),
        Some(_) => {}
    }
    let entry = find(words).ok_or_else(|| ParseError::Unknown {
        line: words.join(" ").chars().take(ECHO).collect(),
        nearest: nearest(place, words),
    })?;
    match (entry.only, place) {
        (Some(Place::Node), Place::Manager) => {
            return Err(ParseError::NodeOnly { name: entry.name });
        }
        (Some(Place::Manager), Place::Node) => {
            return Err(ParseError::ManagerOnly { name: entry.name });
        }
        (None | Some(Place::Node), Place::Node) | (None | Some(Place::Manager), Place::Manager) => {
        }
    }
    let arguments = words.get(count(entry)..).unwrap_or_default();
    let command = read(entry, arguments)?;
    Ok(Line { command, format })
}

fn read(entry: &'static Entry, arguments: &[&str]) -> Result<Command, ParseError> {
    (entry.read)(arguments).map_err(|problem| ParseError::Usage {
        problem,
        usage: entry.usage,
    })
}

/// Strips `--json` from either end.
fn take_format<'a, 'b>(words: &'a [&'b str]) -> (&'a [&'b str], Format) {
    let is_flag = |word: &&str| word.eq_ignore_ascii_case("--json");
    match words {
        [first, rest @ ..] if is_flag(first) => (rest, Format::Json),
        [rest @ .., last] if is_flag(last) => (rest, Format::Json),
        _ => (words, Format::Text),
    }
}

fn count(entry: &Entry) -> usize {
    entry.name.split(' ').count()
}

/// The entry with the longest name that the words begin with.
fn find(words: &[&str]) -> Option<&'static Entry> {
    COMMANDS
        .iter()
        .filter(|entry| {
            let mut given = words.iter();
            entry
                .name
                .split(' ')
                .all(|word| given.next().is_some_and(|w| w.eq_ignore_ascii_case(word)))
        })
        .max_by_key(|entry| count(entry))
}

/// The usage of the command that is most like the words, if one is like them at all: at most a third of its
/// letters differ. Commands that are refused at `place` are not proposed.
fn nearest(place: Place, words: &[&str]) -> Option<&'static str> {
    let candidates = COMMANDS
        .iter()
        .filter(|entry| entry.only.is_none_or(|only| only == place));
    let scored = candidates.filter_map(|entry| {
        let given: String = words
            .iter()
            .take(count(entry))
            .copied()
            .collect::<Vec<_>>()
            .join(" ");
        let given: String = given.chars().take(ECHO).collect();
        let distance = distance(&given.to_ascii_lowercase(), entry.name);
        (distance * 3 <= entry.name.len()).then_some((distance, entry.usage))
    });
    scored
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, usage)| usage)
}

/// Letters to insert, remove or replace to get from one text to the other (Levenshtein 1965), one row at a time.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (line, left) in from.chars().enumerate() {
        let mut diagonal = line;
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
        let mut before = line + 1;
        for (cell, right) in row.iter_mut().skip(1).zip(to.chars()) {
            let replace = diagonal + usize::from(left != right);
            diagonal = *cell;
            *cell = replace.min(before + 1).min(*cell + 1);
            before = *cell;
        }
    }
    row.last().copied().unwrap_or_default()
}
