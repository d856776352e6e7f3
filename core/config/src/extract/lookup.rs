//! Fetching one option by its row in the table: find it, check its type and range, or take its default.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use core::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::Extract;
use crate::{
    Diagnostic, Span,
    model::Scope,
    options::{self, Kind, OptionSpec},
    settings::Endpoint,
    suggest::nearest,
    tree::{Entry, Sequence, Value, Word},
    values,
};

/// Where options are looked up: a scope and those it falls back to, innermost first (reference SP-10).
#[derive(Clone, Copy)]
pub(crate) struct View<'m> {
    table: &'static str,
    chain: [Option<&'m Scope>; 3],
}

impl<'m> View<'m> {
    /// One scope, which may be absent.
    pub(crate) const fn of(table: &'static str, scope: Option<&'m Scope>) -> Self {
        Self {
            table,
            chain: [scope, None, None],
        }
    }

    /// The same with an inner scope in front. At most two times.
    pub(crate) const fn within(self, inner: &'m Scope) -> Self {
        Self {
            table: self.table,
            chain: [Some(inner), self.chain[0], self.chain[1]],
        }
    }

    fn spec(&self, name: &str) -> &'static OptionSpec {
        options::find(self.table, name)
            .expect("every option that is fetched has a row in the table")
    }

    /// The setting that counts: the last one of the innermost scope that has any.
    pub(crate) fn entry(&self, name: &str) -> Option<&'m Entry> {
        let spec = self.spec(name);
        let names = || spec.aliases.iter().copied().chain([spec.name]);
        let mut scopes = self.chain.iter().flatten();
        scopes.find_map(|scope| scope.last(names()))
    }

    /// Whether it is written anywhere.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// Where it is written; the scope, if it is not.
    pub(crate) fn span(&self, name: &str) -> Span {
        let scope = self.chain.iter().flatten().next();
        self.entry(name)
            .map(|entry| entry.span)
            .or_else(|| scope.map(|scope| scope.span))
            .unwrap_or_default()
    }
}

impl Extract<'_> {
    /// The word of an option, wherever it is; a mistake if it is anything else.
    fn word<'m>(&mut self, view: View<'m>, name: &str) -> Option<&'m Word> {
        let entry = view.entry(name)?;
        match &entry.value {
            Some(Value::Word(word)) => Some(word),
            Some(value @ (Value::List(_) | Value::Dictionary(_) | Value::Block(_))) => {
                self.wrong_type(view.spec(name), entry, value);
                None
            }
            None => {
                let message = format!("`{}` has no value", entry.key.text);
                let expected = view.spec(name).expected();
                self.diagnostics
                    .push(Diagnostic::error(entry.span, message).expected(expected));
                None
            }
        }
    }

    fn wrong_type(&mut self, spec: &OptionSpec, entry: &Entry, value: &Value) {
        let message = format!("`{}` is {}", entry.key.text, value.describe());
        self.diagnostics
            .push(Diagnostic::error(value.span(), message).expected(spec.expected()));
    }

    fn wrong_value(&mut self, spec: &OptionSpec, word: &Word) {
        let message = format!("`{}` is not a value of `{}`", word.text, spec.name);
        let near = match spec.kind {
            Kind::Choice(words) => nearest(&word.text, words.iter().copied()),
            Kind::Flag => nearest(&word.text, ["true", "false", "enabled", "disabled"]),
            Kind::Text
            | Kind::Path
            | Kind::Name
            | Kind::Names
            | Kind::Count
            | Kind::Seconds
            | Kind::Octal
            | Kind::Address
            | Kind::Socket
            | Kind::Endpoint
            | Kind::Endpoints
            | Kind::Dictionary
            | Kind::Anything => None,
        };
        self.diagnostics.push(
            Diagnostic::error(word.span, message)
                .expected(spec.expected())
                .suggest(near),
        );
    }

    /// The value of an option, or its default, or nothing.
    fn typed<T>(
        &mut self,
        view: View<'_>,
        name: &str,
        parse: impl Fn(&OptionSpec, &str) -> Option<T>,
    ) -> Option<T> {
        let spec = view.spec(name);
        if let Some(word) = self.word(view, name) {
            match parse(spec, &word.text) {
                Some(value) => return Some(value),
                None => self.wrong_value(spec, word),
            }
        }
        match spec.default {
            "" => None,
            default => parse(spec, default),
        }
    }

    pub(crate) fn text(&mut self, view: View<'_>, name: &str) -> Option<String> {
        self.typed(view, name, |_, text| Some(text.to_owned()))
    }

    pub(crate) fn path(&mut self, view: View<'_>, name: &str) -> Option<String> {
        self.typed(view, name, |_, text| {
            (!text.is_empty() && !text.contains('\0')).then(|| text.to_owned())
        })
    }

    pub(crate) fn name(&mut self, view: View<'_>, name: &str) -> Option<String> {
        self.typed(view, name, |_, text| values::name(text))
    }

    pub(crate) fn optional_flag(&mut self, view: View<'_>, name: &str) -> Option<bool> {
        self.typed(view, name, |_, text| values::flag(text))
    }

    pub(crate) fn flag(&mut self, view: View<'_>, name: &str) -> bool {
        self.optional_flag(view, name).unwrap_or(false)
    }

    pub(crate) fn optional_count(&mut self, view: View<'_>, name: &str) -> Option<u64> {
        self.typed(view, name, |spec, text| {
            let (low, high) = spec.range.unwrap_or((0, u64::MAX));
            values::count(text).filter(|&count| low <= count && count <= high)
        })
    }

    /// A count with a default and a range within 32 bits.
    pub(crate) fn count(&mut self, view: View<'_>, name: &str) -> u32 {
        let count = self.optional_count(view, name);
        count
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(0)
    }

    pub(crate) fn optional_seconds(&mut self, view: View<'_>, name: &str) -> Option<Duration> {
        self.typed(view, name, |spec, text| {
            let (low, high) = spec.range.unwrap_or((0, u64::MAX));
            let range = Duration::from_secs(low)..=Duration::from_secs(high);
            values::seconds(text).filter(|time| range.contains(time))
        })
    }

    pub(crate) fn seconds(&mut self, view: View<'_>, name: &str) -> Duration {
        self.optional_seconds(view, name).unwrap_or_default()
    }

    pub(crate) fn octal(&mut self, view: View<'_>, name: &str) -> u32 {
        self.typed(view, name, |_, text| values::octal(text))
            .unwrap_or(0)
    }

    pub(crate) fn address(&mut self, view: View<'_>, name: &str) -> Option<IpAddr> {
        self.typed(view, name, |_, text| values::address(text))
    }

    pub(crate) fn socket(
        &mut self,
        view: View<'_>,
        name: &str,
        default_port: u16,
    ) -> Option<SocketAddr> {
        self.typed(view, name, |_, text| values::socket(text, default_port))
    }

    /// One of the words of a choice, in its own spelling.
    pub(crate) fn choice(&mut self, view: View<'_>, name: &str) -> Option<&'static str> {
        self.typed(view, name, |spec, text| match spec.kind {
            Kind::Choice(words) => words
                .iter()
                .copied()
                .find(|word| word.eq_ignore_ascii_case(text)),
            Kind::Text
            | Kind::Path
            | Kind::Name
            | Kind::Names
            | Kind::Flag
            | Kind::Count
            | Kind::Seconds
            | Kind::Octal
            | Kind::Address
            | Kind::Socket
            | Kind::Endpoint
            | Kind::Endpoints
            | Kind::Dictionary
            | Kind::Anything => None,
        })
    }

    /// The words of an option that takes one or a list; `None` if it is not written.
    pub(crate) fn words<'m>(&mut self, view: View<'m>, name: &str) -> Option<Vec<&'m Word>> {
        let entry = view.entry(name)?;
        self.words_of(view.spec(name), entry)
    }

    /// The same of one setting that was already found.
    pub(crate) fn words_of<'m>(
        &mut self,
        spec: &OptionSpec,
        entry: &'m Entry,
    ) -> Option<Vec<&'m Word>> {
        match &entry.value {
            Some(Value::Word(word)) => Some([word].into()),
            Some(Value::List(list)) => {
                for element in list
                    .entries
                    .iter()
                    .filter(|element| element.value.is_some())
                {
                    let message = format!("an element of `{}` has a value", entry.key.text);
                    self.diagnostics
                        .push(Diagnostic::error(element.span, message).expected(spec.expected()));
                }
                Some(list.entries.iter().map(|element| &element.key).collect())
            }
            Some(value @ (Value::Dictionary(_) | Value::Block(_))) => {
                self.wrong_type(spec, entry, value);
                None
            }
            None => None,
        }
    }

    /// The names of an option; `None` if it is not written.
    pub(crate) fn names(&mut self, view: View<'_>, name: &str) -> Option<Vec<String>> {
        let words = self.words(view, name)?;
        Some(words.iter().map(|word| word.text.clone()).collect())
    }

    /// The endpoints of an option; `None` if it is not written and has no default.
    pub(crate) fn endpoints(
        &mut self,
        view: View<'_>,
        name: &str,
        default_port: u16,
    ) -> Option<Vec<Endpoint>> {
        let spec = view.spec(name);
        let Some(words) = self.words(view, name) else {
            return values::endpoint(spec.default, default_port).map(|endpoint| [endpoint].into());
        };
        let mut endpoints = Vec::new();
        for word in words {
            match values::endpoint(&word.text, default_port) {
                Some(endpoint) => endpoints.push(endpoint),
                None => self.wrong_value(spec, word),
            }
        }
        Some(endpoints)
    }

    /// The pairs of a dictionary.
    pub(crate) fn dictionary<'m>(&mut self, view: View<'m>, name: &str) -> Option<&'m Sequence> {
        let entry = view.entry(name)?;
        match &entry.value {
            Some(Value::Dictionary(pairs)) => Some(pairs),
            Some(value @ (Value::Word(_) | Value::List(_) | Value::Block(_))) => {
                self.wrong_type(view.spec(name), entry, value);
                None
            }
            None => None,
        }
    }

    /// The word of one pair of a dictionary; a mistake if it is anything else.
    pub(crate) fn pair_word<'m>(&mut self, pair: &'m Entry) -> Option<&'m Word> {
        match &pair.value {
            Some(Value::Word(word)) => Some(word),
            Some(Value::List(_) | Value::Dictionary(_) | Value::Block(_)) | None => {
                let message = format!("`{}` has no word as its value", pair.key.text);
                self.diagnostics
                    .push(Diagnostic::error(pair.span, message).expected("`key = value`"));
                None
            }
        }
    }
}
