//! Tokens to the syntax tree, by the grammar of reference 2.2. Brackets are matched first: a tree is built
//! only where they balance, so that one missing bracket gives one message and not a hundred.

use alloc::{boxed::Box, format, string::String, vec::Vec};

use crate::{
    Diagnostic, SourceId, Span,
    diagnostic::REPORT_LIMIT,
    lex::{Bracket, Token, TokenKind, lex},
    tree::{Attribute, Block, Entry, Include, Item, Sequence, Value, Word},
};

/// Brackets within brackets, at most.
pub const NESTING_LIMIT: usize = 64;

/// Words before the bracket of a scope, at most: class, type, name and `passive`.
const HEADER_LIMIT: usize = 4;

/// The statements of `text`, and every mistake in it. With an error in the second part, the first is what
/// could be understood and must not be used.
pub fn parse(source: SourceId, text: &str) -> (Vec<Item>, Vec<Diagnostic>) {
    let (tokens, mut diagnostics) = lex(source, text);
    if !diagnostics.is_empty() {
        return (Vec::new(), diagnostics);
    }
    let end = Span::new(source, text.len() as u32, text.len() as u32);
    match_brackets(&tokens, end, &mut diagnostics);
    if !diagnostics.is_empty() {
        return (Vec::new(), diagnostics);
    }
    let mut parser = Parser {
        text,
        tokens: &tokens,
        at: 0,
        end,
        diagnostics,
    };
    let items = parser.items();
    (items, parser.diagnostics)
}

/// Checks that every bracket has its other end and that none is too deep. Points at both ends.
fn match_brackets(tokens: &[Token], end: Span, diagnostics: &mut Vec<Diagnostic>) {
    let mut open: Vec<(Bracket, Span)> = Vec::new();
    for token in tokens {
        if diagnostics.len() >= REPORT_LIMIT {
            return;
        }
        match token.kind {
            TokenKind::Open(bracket) => {
                if open.len() == NESTING_LIMIT {
                    let message = format!("more than {NESTING_LIMIT} brackets within each other");
                    diagnostics.push(
                        Diagnostic::error(token.span, message)
                            .help("a bracket further up is probably not closed"),
                    );
                    return;
                }
                open.push((bracket, token.span));
            }
            TokenKind::Close(bracket) => {
                close(&mut open, bracket, token.span, diagnostics);
            }
            TokenKind::Word(_)
            | TokenKind::Equals
            | TokenKind::Comma
            | TokenKind::Less
            | TokenKind::Greater => {}
        }
    }
    for (bracket, span) in open {
        diagnostics.push(
            Diagnostic::error(span, format!("`{}` is never closed", bracket.opening()))
                .expected(format!(
                    "`{}` before the end of the file",
                    bracket.closing()
                ))
                .label(end, "the file ends here"),
        );
    }
}

fn close(
    open: &mut Vec<(Bracket, Span)>,
    bracket: Bracket,
    span: Span,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let closing = bracket.closing();
    match open.last() {
        Some(&(innermost, _)) if innermost == bracket => {
            open.pop();
        }
        Some(&(innermost, opened)) => {
            let expected = innermost.closing();
            diagnostics.push(
                Diagnostic::error(
                    span,
                    format!("`{closing}` closes a `{}`", innermost.opening()),
                )
                .expected(format!("`{expected}`"))
                .label(opened, "opened here"),
            );
            // Go on from the bracket that it does close, if there is one.
            if let Some(depth) = open.iter().rposition(|&(kind, _)| kind == bracket) {
                open.truncate(depth);
            }
        }
        None => diagnostics.push(
            Diagnostic::error(span, format!("`{closing}` closes nothing"))
                .help("remove it, or look for the bracket that is closed too early further up"),
        ),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
    end: Span,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a TokenKind> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Option<&'a TokenKind> {
        self.tokens.get(self.at + ahead).map(|token| &token.kind)
    }

    fn here(&self) -> Span {
        self.tokens
            .get(self.at)
            .map_or(self.end, |token| token.span)
    }

    fn last_span(&self) -> Span {
        match self.at.checked_sub(1) {
            Some(last) => self.tokens[last].span,
            None => self.here(),
        }
    }

    fn take_word(&mut self) -> Option<Word> {
        match self.peek() {
            Some(TokenKind::Word(word)) => {
                self.at += 1;
                Some(word.clone())
            }
            _ => None,
        }
    }

    fn take(&mut self, kind: &TokenKind) -> bool {
        let found = self.peek() == Some(kind);
        self.at += usize::from(found);
        found
    }

    /// Whether a line ends between two places.
    fn breaks(&self, from: Span, to: Span) -> bool {
        self.text
            .get(from.end as usize..to.start as usize)
            .is_some_and(|between| between.contains('\n'))
    }

    /// Complains about the next token and skips it, or the whole group that it opens.
    fn unexpected(&mut self, expected: &str) {
        let span = self.here();
        let found = match self.text.get(span.start as usize..span.end as usize) {
            Some("") | None => String::from("the end of the file"),
            Some(text) => format!("`{text}`"),
        };
        self.diagnostics
            .push(Diagnostic::error(span, format!("unexpected {found}")).expected(expected));
        let mut depth = 0_usize;
        while let Some(kind) = self.peek() {
            match kind {
                TokenKind::Open(_) => depth += 1,
                // The end of the group around is not ours to skip.
                TokenKind::Close(_) if depth == 0 => return,
                TokenKind::Close(_) => depth -= 1,
                TokenKind::Word(_)
                | TokenKind::Equals
                | TokenKind::Comma
                | TokenKind::Less
                | TokenKind::Greater => {}
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }

    /// Goes to the end if there are too many mistakes to go on.
    fn give_up(&mut self) {
        if self.diagnostics.len() >= REPORT_LIMIT {
            self.at = self.tokens.len();
        }
    }

    /// Statements up to the end of the file or of the scope.
    fn items(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        loop {
            self.give_up();
            match self.peek() {
                None | Some(TokenKind::Close(_)) => return items,
                Some(TokenKind::Word(_)) => items.extend(self.item()),
                Some(TokenKind::Equals) => {
                    self.unexpected("the name of an option in front");
                    self.take_word(); // its value: not another mistake
                }
                Some(
                    TokenKind::Comma | TokenKind::Less | TokenKind::Greater | TokenKind::Open(_),
                ) => self.unexpected("the name of an option or of a scope"),
            }
        }
    }

    fn item(&mut self) -> Option<Item> {
        let first = self.take_word()?;
        let readonly = first.is("readonly_include");
        if (readonly || first.is("include"))
            && let Some(path) = self.take_word()
        {
            let span = first.span.to(path.span);
            return Some(Item::Include(Include {
                readonly,
                path,
                span,
            }));
        }
        match self.peek() {
            Some(TokenKind::Equals | TokenKind::Open(Bracket::Square | Bracket::Round)) => {
                self.setting(first)
            }
            Some(TokenKind::Open(Bracket::Brace) | TokenKind::Less | TokenKind::Word(_)) => {
                self.scope(first)
            }
            Some(TokenKind::Comma | TokenKind::Greater | TokenKind::Close(_)) | None => {
                let message = format!("`{}` has neither a value nor a body", first.text);
                self.diagnostics.push(
                    Diagnostic::error(first.span, message)
                        .expected("`= value`, `[ … ]`, `( … )` or `{ … }` behind it"),
                );
                None
            }
        }
    }

    fn setting(&mut self, key: Word) -> Option<Item> {
        let equals = self.take(&TokenKind::Equals);
        let value = self.value(&key)?;
        // `Replicate = "x" { }` occurs in the manual (reference section 4 #17).
        if equals
            && let Value::Word(name) = &value
            && self.peek() == Some(&TokenKind::Open(Bracket::Brace))
        {
            return Some(self.body([key, name.clone()].into(), Vec::new()));
        }
        let span = key.span.to(self.last_span());
        Some(Item::Setting(Entry {
            key,
            attributes: Vec::new(),
            equals,
            value: Some(value),
            span,
        }))
    }

    /// The words before a body, and the body.
    fn scope(&mut self, first: Word) -> Option<Item> {
        let mut header = Vec::from([first]);
        while matches!(self.peek(), Some(TokenKind::Word(_))) {
            // The value of `name value` without `=`, if the next line starts another statement.
            let another = matches!(
                self.peek_at(1),
                Some(TokenKind::Equals | TokenKind::Open(Bracket::Square | Bracket::Round))
            );
            let crossed = self.breaks(self.last_span(), self.here());
            if header.len() == HEADER_LIMIT || (crossed && another) {
                break;
            }
            header.extend(self.take_word());
        }
        let attributes = self.attributes();
        if self.peek() == Some(&TokenKind::Open(Bracket::Brace)) {
            return Some(self.body(header, attributes));
        }
        self.no_body(&header);
        None
    }

    fn no_body(&mut self, header: &[Word]) {
        let span = header[0].span.to(header[header.len() - 1].span);
        let diagnostic = match header {
            [name, value] => Diagnostic::error(
                span,
                format!(
                    "`{}` is followed by a word, but by no `=` and no body",
                    name.text
                ),
            )
            .expected("`=` between a name and its value, or `{ … }` behind a scope")
            .help(format!("did you mean `{} = {}`?", name.text, value.text)),
            _ => Diagnostic::error(span, "these words are followed by no body")
                .expected("`{ … }` behind the words of a scope"),
        };
        self.diagnostics.push(diagnostic);
        if self.peek() == Some(&TokenKind::Equals) {
            self.at += 1;
            if matches!(self.peek(), Some(TokenKind::Word(_))) {
                self.at += 1;
            }
        }
    }

    fn body(&mut self, header: Vec<Word>, attributes: Vec<Attribute>) -> Item {
        let block = self.braces(header, attributes);
        Item::Scope(block)
    }

    fn braces(&mut self, header: Vec<Word>, attributes: Vec<Attribute>) -> Block {
        let start = header.first().map_or(self.here(), |word| word.span);
        self.at += 1; // the opening brace that the caller saw
        let items = self.items();
        self.at += usize::from(self.at < self.tokens.len()); // brackets balance: this is its end
        Block {
            header,
            attributes,
            items,
            span: start.to(self.last_span()),
        }
    }

    fn attributes(&mut self) -> Vec<Attribute> {
        let mut attributes = Vec::new();
        if !self.take(&TokenKind::Less) {
            return attributes;
        }
        loop {
            if self.take(&TokenKind::Greater) {
                return attributes;
            }
            if self.take(&TokenKind::Comma) {
                continue;
            }
            let Some(key) = self.take_word() else {
                self.unexpected("`name=\"value\"` or `>` in the attributes");
                return attributes;
            };
            let value = if self.take(&TokenKind::Equals) {
                self.take_word()
            } else {
                None
            };
            let Some(value) = value else {
                self.unexpected("`=` and a word: attributes are `<name=\"value\">`");
                return attributes;
            };
            attributes.push(Attribute { key, value });
        }
    }

    fn value(&mut self, key: &Word) -> Option<Value> {
        match self.peek() {
            Some(TokenKind::Word(_)) => {
                let starts_another = self.peek_at(1) == Some(&TokenKind::Equals)
                    && self.breaks(self.last_span(), self.here());
                if starts_another {
                    self.no_value(key);
                    return None;
                }
                self.take_word().map(Value::Word)
            }
            Some(TokenKind::Open(Bracket::Square)) => Some(Value::Dictionary(self.sequence(false))),
            Some(TokenKind::Open(Bracket::Round)) => Some(Value::List(self.sequence(true))),
            Some(TokenKind::Open(Bracket::Brace)) => {
                let block = self.braces(Vec::new(), Vec::new());
                Some(Value::Block(Box::new(block)))
            }
            Some(
                TokenKind::Equals
                | TokenKind::Comma
                | TokenKind::Less
                | TokenKind::Greater
                | TokenKind::Close(_),
            )
            | None => {
                self.no_value(key);
                None
            }
        }
    }

    fn no_value(&mut self, key: &Word) {
        let span = key.span.to(self.last_span());
        self.diagnostics.push(
            Diagnostic::error(span, format!("`{}` has no value", key.text))
                .expected("a word, `( … )` or `[ … ]` behind `=`")
                .help("write `\"\"` for an empty word and `()` for an empty list"),
        );
    }

    /// The entries of a list or dictionary; the cursor is on its bracket.
    fn sequence(&mut self, is_list: bool) -> Sequence {
        let start = self.here();
        self.at += 1;
        let mut entries = Vec::new();
        loop {
            self.give_up();
            match self.peek() {
                None => break,
                Some(TokenKind::Close(_)) => {
                    self.at += 1;
                    break;
                }
                Some(TokenKind::Comma) => self.at += 1,
                Some(TokenKind::Word(_)) => entries.extend(self.entry(is_list)),
                Some(
                    TokenKind::Equals | TokenKind::Less | TokenKind::Greater | TokenKind::Open(_),
                ) => self.unexpected(if is_list {
                    "an element of the list or `)`"
                } else {
                    "a key of the dictionary or `]`"
                }),
            }
        }
        Sequence {
            entries,
            span: start.to(self.last_span()),
        }
    }

    fn entry(&mut self, is_list: bool) -> Option<Entry> {
        let key = self.take_word()?;
        let attributes = if is_list {
            self.attributes()
        } else {
            Vec::new()
        };
        let equals = self.take(&TokenKind::Equals);
        let opens = matches!(
            self.peek(),
            Some(TokenKind::Open(Bracket::Square | Bracket::Round))
        );
        let value = if equals || opens {
            Some(self.value(&key)?)
        } else {
            None
        };
        let span = key.span.to(self.last_span());
        Some(Entry {
            key,
            attributes,
            equals,
            value,
            span,
        })
    }
}
