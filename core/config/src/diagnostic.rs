//! Mistakes as data, and the one plain rendering of them: the line, a caret under the word, what was
//! expected and what to do.

use alloc::{string::String, vec::Vec};
use core::fmt::{self, Write as _};

use crate::{Sources, Span};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration is used all the same.
    Warning,
    /// The configuration is refused as a whole.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A second place that explains a mistake, such as the other end of a bracket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is there.
    pub message: String,
}

/// Whoever finds mistakes stops after so many: they cost memory, and nobody reads them.
pub(crate) const REPORT_LIMIT: usize = 1_000;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// Where.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What would have been right there.
    pub expected: Option<String>,
    /// What to do.
    pub help: Option<String>,
    /// Other places.
    pub labels: Vec<Label>,
}

impl Diagnostic {
    /// An error at `span`.
    pub fn error(span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            span,
            message: message.into(),
            expected: None,
            help: None,
            labels: Vec::new(),
        }
    }

    /// A warning at `span`.
    pub fn warning(span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(span, message)
        }
    }

    /// Whether it refuses the configuration.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Adds what would have been right.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds `did you mean` if there is a near name.
    #[must_use]
    pub fn suggest(self, nearest: Option<&str>) -> Self {
        match nearest {
            Some(name) => self.help(alloc::format!("did you mean `{name}`?")),
            None => self,
        }
    }

    /// Adds another place.
    #[must_use]
    pub fn label(mut self, span: Span, message: impl Into<String>) -> Self {
        self.labels.push(Label {
            span,
            message: message.into(),
        });
        self
    }

    /// The text for people, ending in a newline. Tabs of the source line are kept in the line of the caret.
    pub fn render(&self, sources: &Sources) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "{}: {}", self.severity, self.message);
        let widest = core::iter::once(self.span)
            .chain(self.labels.iter().map(|label| label.span))
            .map(|span| gutter(sources, span))
            .max()
            .unwrap_or(1);
        excerpt(&mut out, sources, self.span, "", widest);
        for label in &self.labels {
            excerpt(&mut out, sources, label.span, &label.message, widest);
        }
        let pad = " ".repeat(widest);
        if let Some(expected) = &self.expected {
            let _ = writeln!(out, "{pad} = expected: {expected}");
        }
        if let Some(help) = &self.help {
            let _ = writeln!(out, "{pad} = help: {help}");
        }
        out
    }
}

/// All of `diagnostics` as text, with an empty line between two.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let texts: Vec<String> = diagnostics
        .iter()
        .map(|diagnostic| diagnostic.render(sources))
        .collect();
    texts.join("\n")
}

/// Digits of the line number of `span`.
fn gutter(sources: &Sources, span: Span) -> usize {
    sources.get(span.source).map_or(1, |source| {
        alloc::format!("{}", source.place(span.start).line).len()
    })
}

/// At most so many characters of a line are shown, so that a binary file cannot flood a terminal.
const LINE_LIMIT: usize = 160;

/// One place: its path, its line, and carets under the part of the span that is on that line.
fn excerpt(out: &mut String, sources: &Sources, span: Span, message: &str, gutter: usize) {
    let Some(source) = sources.get(span.source) else {
        return;
    };
    let place = source.place(span.start);
    let pad = " ".repeat(gutter);
    let line = source.line(place.line);
    let shown: String = line
        .chars()
        .take(LINE_LIMIT)
        .map(|c| {
            if c.is_control() && c != '\t' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect();
    let lead: String = shown
        .chars()
        .take(place.column - 1)
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect();
    let slice = sources.slice(span);
    let room = shown.chars().count().saturating_sub(place.column - 1);
    let width = slice
        .split('\n')
        .next()
        .map_or(0, |first| first.trim_end_matches('\r').chars().count())
        .min(room)
        .max(1);
    let carets = "^".repeat(width);
    let gap = if message.is_empty() { "" } else { " " };
    let _ = writeln!(out, "{pad}--> {}:{place}", source.path());
    let _ = writeln!(out, "{pad} |");
    let _ = writeln!(out, "{:>gutter$} | {shown}", place.line);
    let _ = writeln!(out, "{pad} | {lead}{carets}{gap}{message}");
}
