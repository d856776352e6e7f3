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

/// Letters to insert, remove, replace or swap with their neighbour to get from one text to the other (optimal
/// string alignment: Damerau 1964), row by row.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows: Vec<Vec<usize>> = alloc::vec![(0..=to.len()).collect()];
    for (line, left) in from.iter().enumerate() {
        let mut row = Vec::with_capacity(to.len() + 1);
        row.push(line + 1);
        for (column, right) in to.iter().enumerate() {
            let cell = |up: usize, back: usize| {
                let row = (line + 1).checked_sub(up).and_then(|at| rows.get(at));
                row.and_then(|row| row.get((column + 1).checked_sub(back)?))
                    .map_or(usize::MAX / 2, |cell| *cell)
            };
            let replaced = cell(1, 1) + usize::from(left != right);
            let inserted = row.last().map_or(usize::MAX / 2, |cell| *cell) + 1;
            let swapped = if column > 0
                && line > 0
                && from.get(line - 1) == Some(right)
                && to.get(column - 1) == Some(left)
            {
                cell(2, 2) + 1
            } else {
                usize::MAX
            };
            row.push(replaced.min(inserted).min(cell(1, 0) + 1).min(swapped));
        }
        rows.push(row);
    }
    let last = rows.last().and_then(|row| row.last());
    last.copied().unwrap_or_default()
}
