//! Where a record goes: the `Logfile` of the manager (reference LP-2).
//!
//! The conversions of strftime by the record's own time in UTC, and `%{l}` log, `%{n}` node, `%{s}` subcluster.
//! The time of the record and not of the pull decides (LP-14, P19): a late record lands in the file of its day,
//! and the same records give the same files whenever they are pulled.

use alloc::{format, string::String, vec::Vec};
use core::fmt::{self, Write as _};

use crate::calendar::Civil;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
/// The longest name of another machine in a path, in characters.
const NAME_LIMIT: usize = 128;
/// The conversions by time.
const KNOWN: &str = "aAbBCdDeFhHIjmMpRsSTuwyYzZ";

/// What is wrong with a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Nothing in it.
    #[error(
        "`Logfile` is empty: give a path, for example /var/log/eccluster/%Y/%m/%d/%{{l}}/%{{n}}"
    )]
    Empty,
    /// A conversion that is not known.
    #[error(
        "`%{conversion}` at byte {at} of `Logfile` is not known; expected one of %{{l}} %{{n}} %{{s}} %% or % and a letter of {KNOWN}"
    )]
    Unknown {
        /// What follows the percent sign.
        conversion: String,
        /// Where the percent sign stands, in bytes.
        at: usize,
    },
    /// A percent sign at the end.
    #[error("`Logfile` ends in a lone percent sign; write %% for the sign itself")]
    Lone,
    /// A directory where a file is needed.
    #[error("`Logfile` ends in `/`: add the name of a file, for example %{{n}}")]
    Directory,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Time(char),
    Log,
    Node,
    Subcluster,
}

/// A checked pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// The first [`PatternError`].
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text.char_indices().peekable();
        while let Some((at, character)) = rest.next() {
            if character != '%' {
                plain.push(character);
                continue;
            }
            let Some((_, conversion)) = rest.next() else {
                return Err(PatternError::Lone);
            };
            let part = match conversion {
                '%' => {
                    plain.push('%');
                    continue;
                }
                '{' => {
                    let mut closed = false;
                    let name: String = rest
                        .by_ref()
                        .map(|(_, character)| character)
                        .take_while(|character| {
                            closed = *character == '}';
                            !closed
                        })
                        .collect();
                    let known = if closed { named(&name) } else { None };
                    known.ok_or_else(|| PatternError::Unknown {
                        conversion: format!("{{{name}{}", if closed { "}" } else { "" }),
                        at,
                    })?
                }
                letter if KNOWN.contains(letter) => Part::Time(letter),
                other => {
                    let conversion = String::from(other);
                    return Err(PatternError::Unknown { conversion, at });
                }
            };
            if !plain.is_empty() {
                parts.push(Part::Text(core::mem::take(&mut plain)));
            }
            parts.push(part);
        }
        if plain.ends_with('/') {
            return Err(PatternError::Directory);
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { parts })
    }

    /// The path for a record of that time, log, node and subcluster.
    pub fn expand(&self, wall_ns: u64, log: &str, node: &str, subcluster: &str) -> String {
        let time = Civil::of(wall_ns);
        let mut path = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => path.push_str(text),
                Part::Time(letter) => path.push_str(&convert(*letter, &time)),
                Part::Log => path.push_str(&harmless(log)),
                Part::Node => path.push_str(&harmless(node)),
                Part::Subcluster => path.push_str(&harmless(subcluster)),
            }
        }
        path
    }
}

/// The text that [`Pattern::parse`] makes an equal pattern of.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Text(text) => f.write_str(&text.replace('%', "%%"))?,
                Part::Time(letter) => {
                    f.write_char('%')?;
                    f.write_char(*letter)?;
                }
                Part::Log => f.write_str("%{l}")?,
                Part::Node => f.write_str("%{n}")?,
                Part::Subcluster => f.write_str("%{s}")?,
            }
        }
        Ok(())
    }
}

fn named(name: &str) -> Option<Part> {
    match name {
        "l" => Some(Part::Log),
        "n" => Some(Part::Node),
        "s" => Some(Part::Subcluster),
        _ => None,
    }
}

/// A name that another machine chose, as one part of a path: it must not lead out of the directory.
fn harmless(name: &str) -> String {
    match name {
        "" | "." | ".." => String::from("_"),
        name => name
            .chars()
            .take(NAME_LIMIT)
            .map(|character| match character {
                '/' | '\\' => '_',
                other if other.is_control() => '_',
                other => other,
            })
            .collect(),
    }
}

fn convert(letter: char, time: &Civil) -> String {
    let month = MONTHS[time.month as usize - 1];
    let day = DAYS[time.weekday as usize];
    let hour12 = match time.hour % 12 {
        0 => 12,
        hour => hour,
    };
    match letter {
        'a' => String::from(&day[..3]),
        'A' => String::from(day),
        'b' | 'h' => String::from(&month[..3]),
        'B' => String::from(month),
        'C' => format!("{:02}", time.year / 100),
        'd' => format!("{:02}", time.day),
        'D' => format!("{:02}/{:02}/{:02}", time.month, time.day, time.year % 100),
        'e' => format!("{:2}", time.day),
        'F' => format!("{:04}-{:02}-{:02}", time.year, time.month, time.day),
        'H' => format!("{:02}", time.hour),
        'I' => format!("{hour12:02}"),
        'j' => format!("{:03}", time.day_of_year),
        'm' => format!("{:02}", time.month),
        'M' => format!("{:02}", time.minute),
        'p' => String::from(if time.hour < 12 { "AM" } else { "PM" }),
        'R' => format!("{:02}:{:02}", time.hour, time.minute),
        's' => format!("{}", time.unix),
        'S' => format!("{:02}", time.second),
        'T' => format!("{:02}:{:02}:{:02}", time.hour, time.minute, time.second),
        'u' => format!("{}", if time.weekday == 0 { 7 } else { time.weekday }),
        'w' => format!("{}", time.weekday),
        'y' => format!("{:02}", time.year % 100),
        'Y' => format!("{:04}", time.year),
        'z' => String::from("+0000"),
        'Z' => String::from("UTC"),
        other => unreachable!("`parse` lets no %{other} through"),
    }
}

#[cfg(test)]
mod tests;
