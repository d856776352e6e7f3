//! One configuration after all files are read: scopes with their settings in the order of writing, both
//! dialects brought to the v3 form (reference 2.3). Still words, no types.
//!
//! Merging follows reference SP-9: a scope may be repeated and its contents add up; of a repeated option the
//! later value counts. Nothing is dropped here, because some keys (`replicate`) are meant to repeat.

use alloc::{
    borrow::ToOwned,
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

use ipnet::IpNet;

use crate::{
    Span,
    tree::{Attribute, Block, Entry, Form, Sequence, Value, Word},
};

/// A merged scope.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// Its type in lower case; empty for the whole configuration.
    pub(crate) kind: String,
    /// Its name, if it has one.
    pub(crate) name: Option<Word>,
    /// The type as it was first written, for messages.
    pub(crate) span: Span,
    /// All settings, in the order of writing.
    pub(crate) settings: Vec<Entry>,
    /// All scopes within, in the order of first writing.
    pub(crate) scopes: Vec<Self>,
    /// Whether it was written in the form of 2.2.
    pub(crate) classic: bool,
    index: BTreeMap<(String, String), usize>,
    /// The last setting of each key, in lower case.
    latest: BTreeMap<String, usize>,
}

impl Scope {
    /// Adds a setting as it stands.
    fn push(&mut self, entry: Entry) {
        let key = entry.key.text.to_ascii_lowercase();
        self.latest.insert(key, self.settings.len());
        self.settings.push(entry);
    }

    /// The last setting of any of these names, without case.
    pub(crate) fn last<'a>(&self, names: impl Iterator<Item = &'a str>) -> Option<&Entry> {
        let index = names
            .filter_map(|name| self.latest.get(&name.to_ascii_lowercase()))
            .max()?;
        self.settings.get(*index)
    }

    /// The scopes of type `kind` (in lower case).
    pub(crate) fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Self> {
        self.scopes.iter().filter(move |scope| scope.kind == kind)
    }

    /// The only or first scope of type `kind`.
    pub(crate) fn child(&self, kind: &str) -> Option<&Self> {
        self.scopes.iter().find(|scope| scope.kind == kind)
    }

    /// Its name as text; empty if it has none.
    pub(crate) fn name_text(&self) -> &str {
        self.name.as_ref().map_or("", |name| &name.text)
    }

    /// Opens the scope of this type and name, which may exist already.
    pub(crate) fn open(&mut self, kind: &str, name: Option<Word>, span: Span) -> &mut Self {
        let kind = kind.to_ascii_lowercase();
        let label = name.as_ref().map_or("", |name| &name.text).to_owned();
        let next = self.scopes.len();
        let index = *self.index.entry((kind.clone(), label)).or_insert(next);
        if index == next {
            self.scopes.push(Self {
                kind,
                name,
                span,
                ..Self::default()
            });
        }
        &mut self.scopes[index]
    }

    /// Opens the scope that the header of `block` names and puts its attributes in. The caller adds the body.
    pub(crate) fn open_block(&mut self, block: &Block) -> &mut Self {
        let (kind, name, classic) = header(&block.header);
        let span = block.header.first().map_or(block.span, |word| word.span);
        let scope = self.open(kind, name, span);
        scope.classic |= classic;
        scope.put_attributes(&block.attributes);
        scope
    }

    fn put_attributes(&mut self, attributes: &[Attribute]) {
        for attribute in attributes {
            let mut key = attribute.key.clone();
            if key.is("duravip") {
                key.text = "Enable_Duravip".to_string();
            }
            self.push(Entry {
                span: key.span.to(attribute.value.span),
                key,
                attributes: Vec::new(),
                equals: true,
                value: Some(Value::Word(attribute.value.clone())),
            });
        }
    }

    /// Adds a setting; what 2.2 writes as a setting and v3 as a scope becomes the scope.
    pub(crate) fn put(&mut self, entry: &Entry) {
        let is_listener = self.kind.is_empty() && ends_with(&entry.key.text, "_listener");
        let in_cluster = self.kind == "cluster";
        match &entry.value {
            Some(Value::List(list)) if is_listener => {
                let scope = self.open(&entry.key.text, None, entry.key.span);
                scope.classic = true;
                for element in &list.entries {
                    scope.put_listen(element);
                }
            }
            Some(Value::Dictionary(pairs)) if in_cluster && is_net(&entry.key.text) => {
                let name = Some(entry.key.clone());
                self.open("topology", name, entry.key.span).put_pairs(pairs);
            }
            Some(Value::Dictionary(pairs)) if in_cluster && entry.key.is("replicate") => {
                self.put_replicate(entry, pairs);
            }
            Some(Value::Word(_) | Value::List(_) | Value::Dictionary(_) | Value::Block(_))
            | None => self.push(entry.clone()),
        }
    }

    fn put_pairs(&mut self, pairs: &Sequence) {
        for entry in &pairs.entries {
            self.push(entry.clone());
        }
    }

    /// `replicate [ type = "x" … ]`: `replication_name` names it (2.2 caches), else its type does.
    fn put_replicate(&mut self, entry: &Entry, pairs: &Sequence) {
        let word = |name: &str| {
            let found = pairs.entries.iter().rev().find(|pair| pair.key.is(name));
            match found.and_then(|pair| pair.value.as_ref()) {
                Some(Value::Word(word)) => Some(word.clone()),
                Some(Value::List(_) | Value::Dictionary(_) | Value::Block(_)) | None => None,
            }
        };
        let name = word("replication_name").or_else(|| word("type"));
        self.open("replicate", name, entry.key.span)
            .put_pairs(pairs);
    }

    /// `addr <attrs> [ cidr = ( … ) ]` becomes `Listen "addr" { Peer "cidr" { … } }`.
    fn put_listen(&mut self, element: &Entry) {
        let listen = self.open("listen", Some(element.key.clone()), element.key.span);
        listen.classic = true;
        listen.put_attributes(&element.attributes);
        let Some(Value::Dictionary(blocks)) = &element.value else {
            return;
        };
        for block in &blocks.entries {
            // What has a slash is meant as a network, even if it is a wrong one.
            if !is_net(&block.key.text) && !block.key.text.contains('/') {
                listen.push(block.clone());
                continue;
            }
            let peer = listen.open("peer", Some(block.key.clone()), block.key.span);
            peer.classic = true;
            match &block.value {
                Some(Value::List(properties) | Value::Dictionary(properties)) => {
                    peer.put_pairs(properties);
                }
                Some(Value::Word(word)) => peer.push(flag(word)),
                Some(Value::Block(_)) | None => {}
            }
        }
    }
}

/// A property without a value.
fn flag(word: &Word) -> Entry {
    Entry {
        key: word.clone(),
        attributes: Vec::new(),
        equals: false,
        value: None,
        span: word.span,
    }
}

/// Words that 2.2 writes before a module: where it hooks in. They say nothing to us.
const CLASSES: [&str; 5] = ["logger", "module", "validate", "io_system", "interpreter"];

/// Type, name, and whether it is the form of 2.2: `Class path/type name [passive]`.
fn header(words: &[Word]) -> (&str, Option<Word>, bool) {
    match words {
        [class, path, rest @ ..] if CLASSES.iter().any(|known| class.is(known)) => {
            let kind = path.text.rsplit('/').next().unwrap_or(&path.text);
            let name = rest.first().filter(|word| !word.is("passive")).cloned();
            if kind.eq_ignore_ascii_case("ec_cluster") {
                return ("cluster", None, true); // there is only one: its instance name says nothing
            }
            (kind, name, true)
        }
        [kind] if kind.is("ec_cluster") => ("cluster", None, false),
        [kind, rest @ ..] => {
            let single = SINGLETONS.iter().any(|known| kind.is(known));
            let name = rest.first().filter(|_| !single).cloned();
            (&kind.text, name, false)
        }
        [] => ("", None, false),
    }
}

/// Scopes that exist once: a name behind them is an instance name of the old loader and separates nothing.
const SINGLETONS: [&str; 3] = ["cluster", "msgc_server", "msgc_client"];

fn ends_with(text: &str, suffix: &str) -> bool {
    text.len() >= suffix.len()
        && text.as_bytes()[text.len() - suffix.len()..].eq_ignore_ascii_case(suffix.as_bytes())
}

/// Whether a key is a network, as in topologies and access lists.
fn is_net(text: &str) -> bool {
    text.parse::<IpNet>().is_ok()
}

/// A word that stands for a text that nobody wrote there.
pub(crate) fn word(text: &str, span: Span) -> Word {
    Word {
        text: text.into(),
        form: Form::Bare,
        span,
    }
}
