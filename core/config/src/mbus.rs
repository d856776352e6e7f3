//! `mbus.conf`, the file of the old bus (reference 2.6): another language, with keywords that have case, times
//! in milliseconds, and comments that mean something. From it a cluster takes its peers.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{net::SocketAddr, time::Duration};

use crate::{
    Diagnostic, SourceId, Sources, Span,
    diagnostic::REPORT_LIMIT,
    settings::{Timeouts, Windows},
    suggest::nearest,
    values,
};

mod lines;

use lines::{Token, tokens};

/// Which uses an interface of a member has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InterfaceUse {
    /// `M`: monitors.
    pub monitor: bool,
    /// `C`: clients.
    pub client: bool,
    /// `D`: datagrams between daemons.
    pub daemon: bool,
}

/// One interface of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    /// What it is for; nothing set stands for everything.
    pub uses: InterfaceUse,
    /// Its address; port 0 for that of the segment.
    pub address: SocketAddr,
}

/// One member of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MbusMember {
    /// Its name.
    pub name: String,
    /// Its first address, if written; port 0 for that of the segment.
    pub primary: Option<SocketAddr>,
    /// Further interfaces.
    pub interfaces: Vec<Interface>,
    /// Where it was written.
    pub span: Span,
}

impl MbusMember {
    /// Where its datagrams go: its interface for daemons, else its first address.
    pub fn address(&self, segment_port: u16) -> Option<SocketAddr> {
        let daemon = self
            .interfaces
            .iter()
            .find(|interface| interface.uses.daemon);
        let mut address = daemon.map(|interface| interface.address).or(self.primary)?;
        if address.port() == 0 {
            address.set_port(segment_port);
        }
        Some(address)
    }
}

/// `# Subcluster: name = manager` above a segment (reference MB-6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubclusterComment {
    /// The subcluster.
    pub name: String,
    /// Its manager.
    pub manager: Option<String>,
}

/// One `Spread_Segment`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The broadcast or multicast address of the network, and the port of the bus.
    pub address: SocketAddr,
    /// The comment above it.
    pub subcluster: Option<SubclusterComment>,
    /// Its members.
    pub members: Vec<MbusMember>,
    /// Its header.
    pub span: Span,
}

impl Segment {
    /// The name of its subcluster, or `default`.
    pub fn subcluster_name<'a>(&'a self, default: &'a str) -> &'a str {
        self.subcluster
            .as_ref()
            .map_or(default, |comment| &comment.name)
    }
}

/// One file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MbusConf {
    /// The segments, in the order of writing.
    pub segments: Vec<Segment>,
    /// Times, from the keywords `TokenTimeout` and so on.
    pub timeouts: Timeouts,
    /// Flow control, from `Window`, `PersonalWindow` and `AcceleratedWindow`.
    pub windows: Windows,
    /// Every setting as written: the words behind each keyword. Those that are neither times nor windows have
    /// no effect: they are about files and users of the old daemon.
    pub settings: BTreeMap<String, Vec<String>>,
}

/// What follows a keyword.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A word.
    Word,
    /// Nothing, or a word.
    Maybe,
    /// `{ word … }`.
    Braces,
    /// Milliseconds.
    Time,
    /// A number.
    Count,
    /// true or false, yes or no, on or off.
    Flag,
    /// One of three words.
    Reuse,
}

const KEYWORDS: [(&str, Form); 30] = [
    ("DebugFlags", Form::Braces),
    ("EventPriority", Form::Word),
    ("EventLogFile", Form::Word),
    ("EventTimeStamp", Form::Maybe),
    ("EventPreciseTimeStamp", Form::Maybe),
    ("DangerousMonitor", Form::Flag),
    ("SocketPortReuse", Form::Reuse),
    ("RuntimeDir", Form::Word),
    ("DaemonUser", Form::Word),
    ("DaemonGroup", Form::Word),
    ("RequiredAuthMethods", Form::Word),
    ("AllowedAuthMethods", Form::Word),
    ("AccessControlPolicy", Form::Word),
    ("MaxSessionMessages", Form::Count),
    ("LinkProtocol", Form::Word),
    ("Window", Form::Count),
    ("PersonalWindow", Form::Count),
    ("AcceleratedRing", Form::Flag),
    ("AcceleratedWindow", Form::Count),
    ("TokenTimeout", Form::Time),
    ("HurryTimeout", Form::Time),
    ("AliveTimeout", Form::Time),
    ("JoinTimeout", Form::Time),
    ("RepTimeout", Form::Time),
    ("SegTimeout", Form::Time),
    ("GatherTimeout", Form::Time),
    ("FormTimeout", Form::Time),
    ("LookupTimeout", Form::Time),
    ("RouteMatrix", Form::Braces),
    ("Spread_Segment", Form::Braces),
];

impl MbusConf {
    /// Reads `text`, which the caller has added to its sources as `source`. With an error among the
    /// diagnostics, the value must not be used.
    pub fn parse(source: SourceId, text: &str) -> (Self, Vec<Diagnostic>) {
        let mut parser = Parser {
            tokens: tokens(source, text),
            end: Span::new(source, text.len() as u32, text.len() as u32),
            at: 0,
            conf: Self::default(),
            comment: None,
            diagnostics: Vec::new(),
        };
        if text.len() > crate::FILE_LIMIT_BYTES {
            let diagnostic = Diagnostic::error(Span::new(source, 0, 0), "this file is too large");
            return (Self::default(), [diagnostic].into());
        }
        while parser.at < parser.tokens.len() && parser.diagnostics.len() < REPORT_LIMIT {
            parser.statement();
        }
        parser.finish()
    }

    /// Reads a text that stands alone.
    pub fn parse_str(path: &str, text: &str) -> (Self, Vec<Diagnostic>, Sources) {
        let mut sources = Sources::new();
        let source = sources.add(path, text);
        let (conf, diagnostics) = Self::parse(source, text);
        (conf, diagnostics, sources)
    }
}

struct Parser {
    tokens: Vec<Token>,
    end: Span,
    at: usize,
    conf: MbusConf,
    /// The last structured comment, until a segment takes it.
    comment: Option<SubclusterComment>,
    diagnostics: Vec<Diagnostic>,
}

impl Parser {
    fn finish(self) -> (MbusConf, Vec<Diagnostic>) {
        let mut diagnostics = self.diagnostics;
        super::extract::tidy(&mut diagnostics);
        (self.conf, diagnostics)
    }

    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or("", |token| &token.text)
    }

    fn here(&self) -> Span {
        self.tokens
            .get(self.at)
            .map_or(self.end, |token| token.span)
    }

    fn take(&mut self, symbol: &str) -> bool {
        let found = self
            .tokens
            .get(self.at)
            .is_some_and(|token| token.is_symbol(symbol));
        self.at += usize::from(found);
        found
    }

    /// The next token if it is a word.
    fn word(&mut self) -> Option<(String, Span)> {
        let token = self.tokens.get(self.at).filter(|token| token.is_word())?;
        let word = (token.text.clone(), token.span);
        self.at += 1;
        Some(word)
    }

    fn unexpected(&mut self, expected: &str) {
        let found = match self.peek() {
            "" => String::from("the end of the file"),
            text => format!("`{text}`"),
        };
        let span = self.here();
        self.diagnostics
            .push(Diagnostic::error(span, format!("unexpected {found}")).expected(expected));
        self.at += 1;
    }

    fn statement(&mut self) {
        if let Some(comment) = self.tokens[self.at].subcluster() {
            self.comment = Some(comment);
            self.at += 1;
            return;
        }
        let Some((keyword, span)) = self.word() else {
            self.unexpected("a keyword");
            return;
        };
        if keyword == "Spread_Segment" {
            self.segment(span);
            return;
        }
        match KEYWORDS.iter().find(|(known, _)| *known == keyword) {
            Some(&(_, form)) => self.setting(keyword, form, span),
            None => {
                let near = nearest(&keyword, KEYWORDS.iter().map(|&(name, _)| name));
                self.diagnostics.push(
                    Diagnostic::error(span, format!("unknown keyword `{keyword}`"))
                        .expected("a keyword of mbus.conf, in its exact spelling")
                        .suggest(near),
                );
                if self.take("=") && !self.skip_braces() {
                    self.at += 1;
                }
            }
        }
    }

    /// Skips `{ … }` if it is next.
    fn skip_braces(&mut self) -> bool {
        if !self.take("{") {
            return false;
        }
        while self.at < self.tokens.len() && !self.take("}") {
            self.at += 1;
        }
        true
    }

    fn setting(&mut self, keyword: String, form: Form, span: Span) {
        let mut words = Vec::new();
        let mut value_span = span;
        if self.take("=") {
            if self.take("{") {
                while let Some((word, _)) = self.word() {
                    words.push(word);
                }
                if !self.take("}") {
                    self.unexpected("`}`");
                }
            } else if let Some((word, place)) = self.word() {
                value_span = place;
                words.push(word);
            } else {
                self.unexpected("a value");
            }
        }
        self.check(&keyword, form, &words, value_span);
        self.conf.settings.insert(keyword, words);
    }

    fn check(&mut self, keyword: &str, form: Form, words: &[String], span: Span) {
        let word = words.first().map(String::as_str);
        let is = |allowed: &[&str]| word.is_some_and(|word| allowed.contains(&word));
        let (right, expected) = match form {
            Form::Maybe | Form::Braces => (true, ""),
            Form::Word => (word.is_some(), "a word"),
            Form::Flag => (self.flag(keyword, word), "true or false"),
            Form::Reuse => (is(&["on", "off", "auto"]), "on, off or auto"),
            Form::Time => (self.time(keyword, word), "milliseconds"),
            Form::Count => (self.count(keyword, word), "a whole number"),
        };
        if !right {
            let message = match word {
                Some(word) => format!("`{word}` is not a value of `{keyword}`"),
                None => format!("`{keyword}` has no value"),
            };
            self.diagnostics
                .push(Diagnostic::error(span, message).expected(expected));
        }
    }

    fn time(&mut self, keyword: &str, word: Option<&str>) -> bool {
        let Some(time) = word.and_then(values::count).map(Duration::from_millis) else {
            return false;
        };
        let times = &mut self.conf.timeouts;
        let field = match keyword {
            "TokenTimeout" => &mut times.token,
            "HurryTimeout" => &mut times.hurry,
            "AliveTimeout" => &mut times.alive,
            "JoinTimeout" => &mut times.join,
            "RepTimeout" => &mut times.representative,
            "SegTimeout" => &mut times.segment,
            "GatherTimeout" => &mut times.gather,
            "FormTimeout" => &mut times.form,
            _ => &mut times.lookup,
        };
        *field = Some(time);
        true
    }

    fn flag(&mut self, keyword: &str, word: Option<&str>) -> bool {
        let flag = word.and_then(values::flag);
        if keyword == "AcceleratedRing" && flag == Some(false) {
            self.conf.windows.accelerated = Some(0);
        }
        flag.is_some()
    }

    fn count(&mut self, keyword: &str, word: Option<&str>) -> bool {
        let Some(count) = word
            .and_then(values::count)
            .and_then(|count| u32::try_from(count).ok())
        else {
            return false;
        };
        let windows = &mut self.conf.windows;
        match keyword {
            "Window" => windows.ring = Some(count),
            "PersonalWindow" => windows.personal = Some(count),
            // A ring that is not accelerated stays so, whichever line comes first.
            "AcceleratedWindow" if windows.accelerated != Some(0) => {
                windows.accelerated = Some(count);
            }
            _ => {}
        }
        true
    }

    fn segment(&mut self, keyword: Span) {
        let Some((text, place)) = self.word() else {
            self.unexpected("the address of the segment, such as 10.0.0.255:4803");
            return;
        };
        let address = values::socket(&text, DEFAULT_PORT);
        if address.is_none() {
            let message = format!("`{text}` is not the address of a segment");
            self.diagnostics.push(
                Diagnostic::error(place, message)
                    .expected("the broadcast or multicast address of the network, and a port"),
            );
        }
        let opened = self.here();
        if !self.take("{") {
            self.unexpected("`{` and the members of the segment");
            return;
        }
        let subcluster = self.comment.take();
        let mut members = Vec::new();
        loop {
            if self.take("}") {
                break;
            }
            if self.at >= self.tokens.len() {
                self.diagnostics.push(
                    Diagnostic::error(opened, "`{` is never closed")
                        .expected("`}` before the end of the file")
                        .label(self.end, "the file ends here"),
                );
                break;
            }
            if self.tokens[self.at].subcluster().is_some() {
                self.at += 1; // only above a segment does it mean anything
                continue;
            }
            members.extend(self.member());
        }
        if let Some(address) = address {
            self.conf.segments.push(Segment {
                address,
                subcluster,
                members,
                span: keyword.to(place),
            });
        }
    }

    fn member(&mut self) -> Option<MbusMember> {
        let Some((name, span)) = self.word() else {
            self.unexpected("the name of a member, or `}`");
            return None;
        };
        let mut whole = span;
        let mut primary = None;
        // The next word is the address of this member or the name of the next one.
        if let Some(address) = self
            .tokens
            .get(self.at)
            .filter(|token| token.is_word())
            .and_then(|token| values::socket(&token.text, 0))
        {
            primary = Some(address);
            whole = whole.to(self.here());
            self.at += 1;
        }
        let mut interfaces = Vec::new();
        if self.take("{") {
            self.interfaces(&mut interfaces);
        }
        Some(MbusMember {
            name: name.to_string(),
            primary,
            interfaces,
            span: whole,
        })
    }

    fn interfaces(&mut self, interfaces: &mut Vec<Interface>) {
        let mut uses = InterfaceUse::default();
        while !self.take("}") {
            let Some((word, span)) = self.word() else {
                self.unexpected("an interface of the member, or `}`");
                return;
            };
            match word.as_str() {
                "M" => uses.monitor = true,
                "C" => uses.client = true,
                "D" => uses.daemon = true,
                _ => match values::socket(&word, 0) {
                    Some(address) => {
                        interfaces.push(Interface { uses, address });
                        uses = InterfaceUse::default();
                    }
                    None => self.diagnostics.push(
                        Diagnostic::error(span, format!("`{word}` is not an interface"))
                            .expected("M, C, D or an address"),
                    ),
                },
            }
        }
    }
}

/// The port of a segment that names none.
const DEFAULT_PORT: u16 = 4803;
