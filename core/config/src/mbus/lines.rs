//! The words of an mbus.conf, and the comments that mean something.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use super::SubclusterComment;
use crate::{SourceId, Span};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Word,
    Symbol,
    Comment,
}

/// A word, one of `= { }`, or a structured comment.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) span: Span,
    kind: Kind,
}

impl Token {
    pub(super) fn is_word(&self) -> bool {
        self.kind == Kind::Word
    }

    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == Kind::Symbol && self.text == symbol
    }

    /// What the comment says, if this is one: `Subcluster: name = manager` or `name => manager`.
    pub(super) fn subcluster(&self) -> Option<SubclusterComment> {
        if self.kind != Kind::Comment {
            return None;
        }
        let rest = subcluster_text(&self.text)?;
        let (name, manager) = rest.split_once('=').unwrap_or((rest, ""));
        let manager = manager.trim_start_matches('>').trim();
        Some(SubclusterComment {
            name: name.trim().to_string(),
            manager: (!manager.is_empty()).then(|| manager.to_string()),
        })
    }
}

fn subcluster_text(comment: &str) -> Option<&str> {
    let text = comment.trim_start_matches('#').trim();
    let label = text.get(..SUBCLUSTER.len())?;
    let rest = text[label.len()..].trim();
    (label.eq_ignore_ascii_case(SUBCLUSTER) && !rest.is_empty()).then_some(rest)
}

const SUBCLUSTER: &str = "subcluster:";

/// All words of `text`. Ordinary comments are dropped.
pub(super) fn tokens(source: SourceId, text: &str) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let (kind, inner) = match bytes[at] {
            b' ' | b'\t' | b'\r' | b'\n' => {
                at += 1;
                continue;
            }
            b'#' => {
                at += line_length(&bytes[at..]);
                if subcluster_text(&text[start..at]).is_none() {
                    continue;
                }
                (Kind::Comment, start..at)
            }
            b'=' | b'{' | b'}' => {
                at += 1;
                (Kind::Symbol, start..at)
            }
            b'"' => {
                let length = bytes[at + 1..]
                    .iter()
                    .position(|&byte| byte == b'"' || byte == b'\n');
                let end = length.map_or(bytes.len(), |length| at + 1 + length);
                at = (end + 1).min(bytes.len());
                (Kind::Word, start + 1..end)
            }
            _ => {
                while at < bytes.len() && !b" \t\r\n#={}\"".contains(&bytes[at]) {
                    at += 1;
                }
                (Kind::Word, start..at)
            }
        };
        tokens.push(Token {
            text: text[inner].to_string(),
            span: Span::new(source, start as u32, at as u32),
            kind,
        });
    }
    tokens
}

fn line_length(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .position(|&byte| byte == b'\n')
        .unwrap_or(bytes.len())
}
