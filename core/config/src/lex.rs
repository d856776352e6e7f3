//! Text to tokens, by the lexical rules of reference 2.1. Linear in the bytes: the two look-aheads (a regex
//! token, a bracketed IPv6 address) stop at the first byte that cannot belong to them.

use alloc::{format, string::String, vec::Vec};

use crate::{
    Diagnostic, SourceId, Span,
    tree::{Form, Word},
};

/// The three kinds of brackets that nest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bracket {
    Brace,
    Square,
    Round,
}

impl Bracket {
    pub(crate) const fn opening(self) -> char {
        match self {
            Self::Brace => '{',
            Self::Square => '[',
            Self::Round => '(',
        }
    }

    pub(crate) const fn closing(self) -> char {
        match self {
            Self::Brace => '}',
            Self::Square => ']',
            Self::Round => ')',
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Word(Word),
    Equals,
    Comma,
    Less,
    Greater,
    Open(Bracket),
    Close(Bracket),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
}

/// All tokens of `text`, and what could not be one.
pub(crate) fn lex(source: SourceId, text: &str) -> (Vec<Token>, Vec<Diagnostic>) {
    let mut lexer = Lexer {
        source,
        text,
        bytes: text.as_bytes(),
        at: if text.starts_with('\u{feff}') { 3 } else { 0 },
        tokens: Vec::new(),
        diagnostics: Vec::new(),
    };
    while lexer.skip_space() {
        lexer.token();
    }
    (lexer.tokens, lexer.diagnostics)
}

struct Lexer<'a> {
    source: SourceId,
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    tokens: Vec<Token>,
    diagnostics: Vec<Diagnostic>,
}

impl Lexer<'_> {
    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.source, start as u32, end as u32)
    }

    fn byte(&self, offset: usize) -> Option<u8> {
        self.bytes.get(offset).copied()
    }

    /// Skips white space and comments; false at the end.
    fn skip_space(&mut self) -> bool {
        while let Some(byte) = self.byte(self.at) {
            if is_space(byte) {
                self.at += 1;
            } else if byte == b'#' {
                self.at = self.find(b'\n', self.at).unwrap_or(self.bytes.len());
            } else if byte == b'/' && self.byte(self.at + 1) == Some(b'*') {
                self.skip_comment();
            } else if byte < b' ' || byte == 0x7f {
                let span = self.span(self.at, self.at + 1);
                let message = format!("control character {byte:#04x} in the configuration");
                self.diagnostics
                    .push(Diagnostic::error(span, message).expected("text in UTF-8"));
                self.at = self.bytes.len(); // a binary file: one message is enough
            } else {
                return true;
            }
        }
        false
    }

    fn skip_comment(&mut self) {
        let start = self.at;
        match self.text[start + 2..].find("*/") {
            Some(length) => self.at = start + 2 + length + 2,
            None => {
                self.diagnostics.push(
                    Diagnostic::error(self.span(start, start + 2), "this comment has no end")
                        .expected("`*/` before the end of the file"),
                );
                self.at = self.bytes.len();
            }
        }
    }

    fn find(&self, wanted: u8, from: usize) -> Option<usize> {
        self.bytes[from..]
            .iter()
            .position(|&byte| byte == wanted)
            .map(|offset| from + offset)
    }

    /// Takes one token; the cursor is on its first byte.
    fn token(&mut self) {
        let kind = match self.bytes[self.at] {
            b'"' | b'\'' => return self.quoted(),
            b'/' if self.regex_end().is_some() => return self.regex(),
            b'[' if self.v6_end().is_some() => return self.bare(),
            b'=' => TokenKind::Equals,
            b',' => TokenKind::Comma,
            b'<' => TokenKind::Less,
            b'>' => TokenKind::Greater,
            b'{' => TokenKind::Open(Bracket::Brace),
            b'[' => TokenKind::Open(Bracket::Square),
            b'(' => TokenKind::Open(Bracket::Round),
            b'}' => TokenKind::Close(Bracket::Brace),
            b']' => TokenKind::Close(Bracket::Square),
            b')' => TokenKind::Close(Bracket::Round),
            _ => return self.bare(),
        };
        let span = self.span(self.at, self.at + 1);
        self.tokens.push(Token { kind, span });
        self.at += 1;
    }

    fn word(&mut self, start: usize, end: usize, text: String, form: Form) {
        let span = self.span(start, end);
        self.tokens.push(Token {
            kind: TokenKind::Word(Word { text, form, span }),
            span,
        });
        self.at = end;
    }

    /// A bare word, or an IPv6 address in brackets with what is attached to it.
    fn bare(&mut self) {
        let start = self.at;
        let mut end = self.v6_end().unwrap_or(start);
        while self.byte(end).is_some_and(is_bare) {
            end += 1;
        }
        // `a, b`: a comma that nothing is attached to separates, and belongs to no word.
        if end > start + 1 && self.bytes[end - 1] == b',' {
            end -= 1;
        }
        let text = self.text[start..end].into();
        self.word(start, end, text, Form::Bare);
    }

    /// The end of `[2001:db8::1]`, `[::]` or `[*]` at the cursor. A dictionary never looks like this: its key
    /// would be a lone address without a value.
    fn v6_end(&self) -> Option<usize> {
        if self.bytes[self.at] != b'[' {
            return None;
        }
        if self.bytes[self.at..].starts_with(b"[*]") {
            return Some(self.at + 3);
        }
        let mut colons = 0;
        let mut zone = false;
        for (offset, &byte) in self.bytes[self.at + 1..].iter().enumerate() {
            match byte {
                b':' => colons += 1,
                b'%' => zone = true,
                b'.' => {}
                b']' if colons >= 2 => return Some(self.at + 1 + offset + 1),
                _ if byte.is_ascii_hexdigit() || (zone && byte.is_ascii_alphanumeric()) => {}
                _ => return None,
            }
        }
        None
    }

    /// The end of a regex token at the cursor: the next slash of the line that no backslash escapes, if white
    /// space or `{` follows it. `/tmp/2026` is therefore a bare word.
    fn regex_end(&self) -> Option<usize> {
        let mut at = self.at + 1;
        loop {
            match self.byte(at)? {
                b'\\' => at += 2,
                b'\n' => return None,
                b'/' => break,
                _ => at += 1,
            }
        }
        let follows = self.byte(at + 1);
        let ends = follows.is_some_and(|byte| is_space(byte) || byte == b'{');
        (ends && at > self.at + 1).then_some(at + 1)
    }

    fn regex(&mut self) {
        let start = self.at;
        let end = self.regex_end().unwrap_or(start + 1);
        let text = self.text[start..end].into();
        self.word(start, end, text, Form::Regex);
    }

    /// A quoted string. Unknown escapes keep their backslash, so that a regex needs no doubling.
    fn quoted(&mut self) {
        let start = self.at;
        let quote = self.bytes[start];
        let mut text = String::new();
        let mut at = start + 1;
        let mut copied = at;
        loop {
            match self.byte(at) {
                None => return self.unterminated(start),
                Some(byte) if byte == quote => break,
                Some(b'\\') => {
                    let resolved = match self.byte(at + 1) {
                        Some(b'n') => Some('\n'),
                        Some(b'r') => Some('\r'),
                        Some(b'\\') => Some('\\'),
                        Some(byte) if byte == quote => Some(char::from(quote)),
                        Some(_) | None => None,
                    };
                    if let Some(resolved) = resolved {
                        text.push_str(&self.text[copied..at]);
                        text.push(resolved);
                        copied = at + 2;
                        at += 2;
                    } else {
                        at += 1;
                    }
                }
                Some(_) => at += 1,
            }
        }
        text.push_str(&self.text[copied..at]);
        self.word(start, at + 1, text, Form::Quoted);
    }

    fn unterminated(&mut self, start: usize) {
        let end = self.bytes.len();
        self.diagnostics.push(
            Diagnostic::error(self.span(start, start + 1), "this string has no end")
                .expected("the same quote before the end of the file")
                .help("strings may span lines: the quote that is missing may be further up")
                .label(self.span(end, end), "the file ends here"),
        );
        self.at = end;
    }
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Whether `byte` may be inside a bare word. Bytes of characters beyond ASCII may.
pub(crate) fn is_bare(byte: u8) -> bool {
    byte > b' ' && byte != 0x7f && !b"#\"'={}[]()<>".contains(&byte)
}
