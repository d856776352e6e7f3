//! Where in which file: the places that every value of the configuration keeps for its whole life, so that
//! a mistake found late (two files and three dialects later) still shows the line it was written on.

use alloc::{string::String, vec::Vec};
use core::fmt;

/// One text among [`Sources`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// A range of bytes of one text. `Span::default()` is the first byte of the first text: it stands for values
/// that nobody wrote, such as defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The text.
    pub source: SourceId,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte; never less than `start`.
    pub end: u32,
}

impl Span {
    /// The bytes `start..end` of `source`.
    pub const fn new(source: SourceId, start: u32, end: u32) -> Self {
        Self { source, start, end }
    }

    /// From the start of `self` to the end of `other`, which must be in the same text; else `self`.
    pub fn to(self, other: Self) -> Self {
        if self.source == other.source && other.end >= self.start {
            Self::new(self.source, self.start, other.end)
        } else {
            self
        }
    }
}

/// A place as people count: both numbers from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column, in Unicode scalar values.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One text that was read, with the path it was read from.
#[derive(Clone, Debug)]
pub struct Source {
    path: String,
    text: String,
    line_starts: Vec<u32>,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let breaks = text
            .bytes()
            .enumerate()
            .filter(|&(_, byte)| byte == b'\n')
            .map(|(offset, _)| offset as u32 + 1);
        Self {
            path: path.into(),
            text: text.into(),
            line_starts: core::iter::once(0).chain(breaks).collect(),
        }
    }

    /// The path it was read from.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The place of the byte at `offset`; the end of the text for anything behind it.
    pub fn place(&self, offset: u32) -> Place {
        let line = self.line_starts.partition_point(|&start| start <= offset);
        let start = self.line_starts[line - 1] as usize;
        let end = (offset as usize).min(self.text.len());
        let column = self.text.as_bytes()[start..end]
            .iter()
            .filter(|&&byte| byte & 0xc0 != 0x80) // continuation bytes are not characters
            .count();
        Place {
            line,
            column: column + 1,
        }
    }

    /// Line number `line` (from 1) without its end; empty if there is none.
    pub fn line(&self, line: usize) -> &str {
        let Some(&start) = line
            .checked_sub(1)
            .and_then(|index| self.line_starts.get(index))
        else {
            return "";
        };
        let end = self
            .line_starts
            .get(line)
            .map_or(self.text.len(), |&next| next as usize);
        self.text[start as usize..end].trim_end_matches(['\n', '\r'])
    }
}

/// Every text of one load, in the order of reading.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// No text.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Keeps `text` under `path`. The caller bounds the size of a text and the number of texts.
    pub fn add(&mut self, path: &str, text: &str) -> SourceId {
        let id = SourceId(self.0.len() as u32);
        self.0.push(Source::new(path, text));
        id
    }

    /// The text called `id`.
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.0.get(id.0 as usize)
    }

    /// All texts.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.iter()
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes of `span`; empty if there is no such text.
    pub fn slice(&self, span: Span) -> &str {
        self.get(span.source)
            .and_then(|source| source.text.get(span.start as usize..span.end as usize))
            .unwrap_or("")
    }

    /// `path:line:column` of the start of `span`.
    pub fn locate(&self, span: Span) -> String {
        match self.get(span.source) {
            Some(source) => alloc::format!("{}:{}", source.path, source.place(span.start)),
            None => String::new(),
        }
    }
}

#[cfg(test)]
mod tests;
