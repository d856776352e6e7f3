//! How answers of other nodes are shown: every piece names its node, in text as in JSON.
//!
//! The reference prints no sample of a broadcast's answer; it asks for node attribution only (1.12).

use alloc::{format, string::String};
use core::time::Duration;

use serde::{Serialize, de::IgnoredAny};

/// What is said of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome<'a> {
    /// Its answer.
    Answer(&'a str),
    /// It is gone.
    Left,
    /// It is silent.
    Silent(Duration),
}

#[derive(Serialize)]
struct Piece<'a> {
    node: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct Count {
    answered: usize,
    asked: usize,
}

#[derive(Serialize)]
struct Message<'a> {
    message: &'a str,
}

/// What one node has to say, as whole lines.
pub(crate) fn piece(node: &str, outcome: Outcome<'_>, json: bool) -> String {
    match outcome {
        Outcome::Answer(text) if json => json_answer(node, text),
        Outcome::Answer(text) => {
            let end = if text.is_empty() || text.ends_with('\n') {
                ""
            } else {
                "\n"
            };
            format!("[{node}]\n{text}{end}")
        }
        Outcome::Left => failure(node, "left the cluster before it answered", json),
        Outcome::Silent(after) => {
            let after = seconds(after);
            failure(node, &format!("no answer within {after} s"), json)
        }
    }
}

/// The last line of an answer: how many were asked and how many have answered.
pub(crate) fn summary(answered: usize, asked: usize, json: bool) -> String {
    if json {
        return line(&Count { answered, asked });
    }
    let nodes = if asked == 1 { "node" } else { "nodes" };
    format!("{answered} of {asked} {nodes} answered.\n")
}

/// A sentence of the router itself.
pub(crate) fn sentence(text: &str, json: bool) -> String {
    if json {
        line(&Message { message: text })
    } else {
        format!("{text}\n")
    }
}

/// An answer that is JSON itself goes in as it is; anything else as a string.
fn json_answer(node: &str, text: &str) -> String {
    let trimmed = text.trim();
    if serde_json::from_str::<IgnoredAny>(trimmed).is_ok() {
        let node = line(&node);
        format!("{{\"node\":{},\"answer\":{trimmed}}}\n", node.trim_end())
    } else {
        line(&Piece {
            node,
            text: Some(text),
            error: None,
        })
    }
}

fn failure(node: &str, error: &str, json: bool) -> String {
    if json {
        line(&Piece {
            node,
            text: None,
            error: Some(error),
        })
    } else {
        format!("[{node}] {error}\n")
    }
}

fn line<T: Serialize>(value: &T) -> String {
    let encoded = serde_json::to_string(value);
    assert!(encoded.is_ok(), "plain structs of text and numbers encode");
    let mut line = encoded.unwrap_or_default();
    line.push('\n');
    line
}

/// Seconds without needless digits.
fn seconds(duration: Duration) -> String {
    match duration.subsec_millis() {
        0 => format!("{}", duration.as_secs()),
        millis => format!("{}.{millis:03}", duration.as_secs()),
    }
}
