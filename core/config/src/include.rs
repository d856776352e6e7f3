//! Files and includes: from a root path to one merged model (reference 1.16). All reading goes through the
//! caller's [`Loader`]; everything it can make us do is bounded.

use alloc::{borrow::ToOwned, collections::BTreeSet, format, string::String, vec::Vec};
use core::net::IpAddr;

use crate::{
    Diagnostic, Environment, SourceId, Sources, Span,
    model::Scope,
    parse::parse,
    tree::{Include, Item, Value},
};

/// Bytes of one file, at most.
pub const FILE_LIMIT_BYTES: usize = 4 << 20;
/// Bytes of all files of one load, at most.
pub const TOTAL_LIMIT_BYTES: usize = 16 << 20;
/// Files of one load, at most.
pub const FILE_COUNT_LIMIT: usize = 1024;
/// Includes within includes, at most.
pub const INCLUDE_DEPTH_LIMIT: usize = 32;

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A file.
    Text(String),
    /// A directory: the bare names of what is in it, in any order.
    Directory(Vec<String>),
}

/// Why a path could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Nothing is there. Of several places to look, the next is tried.
    #[error("there is no such file")]
    Missing,
    /// The content is not UTF-8.
    #[error("it is not text in UTF-8")]
    NotText,
    /// The caller has no way to read such a URI.
    #[error("nothing here can read this kind of URI")]
    Unsupported,
    /// Something is there and reading it failed.
    #[error("{0}")]
    Failed(String),
}

/// The caller's access to files.
pub trait Loader {
    /// What is at `path`, which is absolute, relative to the base of the caller, or a URI.
    ///
    /// # Errors
    /// [`LoadError`]; only [`LoadError::Missing`] lets the search go on.
    fn load(&mut self, path: &str) -> Result<Content, LoadError>;

    /// The address of a host name, for peers that are written by name. By default none is known.
    fn resolve(&mut self, host: &str) -> Option<IpAddr> {
        let _ = host;
        None
    }
}

/// A loader without files, for a text that must stand alone.
pub(crate) struct NoFiles;

impl Loader for NoFiles {
    fn load(&mut self, _: &str) -> Result<Content, LoadError> {
        Err(LoadError::Missing)
    }
}

/// Collects the model while files are read.
pub(crate) struct Reader<'a> {
    pub(crate) loader: &'a mut dyn Loader,
    pub(crate) environment: &'a Environment,
    pub(crate) sources: Sources,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The files that are being read, outermost first, with the place that includes the next one.
    chain: Vec<(String, Span)>,
    total_bytes: usize,
    /// Said once: a limit on the whole is reached.
    exhausted: bool,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(loader: &'a mut dyn Loader, environment: &'a Environment) -> Self {
        Self {
            loader,
            environment,
            sources: Sources::new(),
            diagnostics: Vec::new(),
            chain: Vec::new(),
            total_bytes: 0,
            exhausted: false,
        }
    }

    /// Reads the root: as it is, and if it is relative and not there, along the search path.
    pub(crate) fn root(&mut self, path: &str, model: &mut Scope) {
        let source = self.sources.len() as u32;
        let span = Span::new(SourceId(source), 0, 0);
        match self.find(path, None) {
            Ok((found, Content::Text(text))) => self.text(&found, &text, span, model),
            Ok((found, Content::Directory(_))) => {
                self.sources.add(&found, "");
                let diagnostic = Diagnostic::error(span, "the configuration is a directory");
                self.diagnostics.push(diagnostic.expected("a file"));
            }
            Err((error, tried)) => {
                self.sources.add(path, "");
                let message = format!("cannot read `{path}`: {error}");
                let diagnostic = Diagnostic::error(span, message);
                self.diagnostics.push(diagnostic.help(looked_at(&tried)));
            }
        }
    }

    /// Takes `text` as the file at `path`.
    pub(crate) fn text(&mut self, path: &str, text: &str, included: Span, model: &mut Scope) {
        self.total_bytes = self.total_bytes.saturating_add(text.len());
        let too_large = text.len() > FILE_LIMIT_BYTES || self.total_bytes > TOTAL_LIMIT_BYTES;
        if too_large || self.sources.len() >= FILE_COUNT_LIMIT {
            if !self.exhausted {
                self.exhausted = true;
                let span = if self.sources.is_empty() {
                    Span::new(self.sources.add(path, ""), 0, 0)
                } else {
                    included
                };
                self.diagnostics.push(too_much(path, span));
            }
            return;
        }
        let source = self.sources.add(path, text);
        let (items, diagnostics) = parse(source, text);
        self.diagnostics.extend(diagnostics);
        self.chain.push((normalise(path), included));
        self.items(&items, model);
        self.chain.pop();
    }

    fn items(&mut self, items: &[Item], scope: &mut Scope) {
        for item in items {
            match item {
                Item::Include(include) => self.include(include, scope),
                Item::Setting(entry) => match &entry.value {
                    // `name = { … }` is the scope `name { … }` in other words.
                    Some(Value::Block(block)) => {
                        let body = scope.open(&entry.key.text, None, entry.key.span);
                        self.items(&block.items, body);
                    }
                    Some(Value::Word(_) | Value::List(_) | Value::Dictionary(_)) | None => {
                        scope.put(entry);
                    }
                },
                Item::Scope(block) => {
                    let body = scope.open_block(block);
                    self.items(&block.items, body);
                }
            }
        }
    }

    fn include(&mut self, include: &Include, scope: &mut Scope) {
        let path = &include.path.text;
        let including = self.chain.last().map(|(path, _)| parent(path).to_owned());
        match self.find(path, including.as_deref()) {
            Ok((found, content)) => self.included(&found, content, include.path.span, scope),
            Err((error, tried)) => {
                let message = format!("cannot include `{path}`: {error}");
                let diagnostic = Diagnostic::error(include.path.span, message);
                self.diagnostics.push(diagnostic.help(looked_at(&tried)));
            }
        }
    }

    fn included(&mut self, path: &str, content: Content, span: Span, scope: &mut Scope) {
        match content {
            Content::Text(text) => {
                if self.may_enter(path, span) {
                    self.text(path, &text, span, scope);
                }
            }
            Content::Directory(names) => {
                // Lexical order; hidden files, directories within and what vanished meanwhile do not count.
                let names: BTreeSet<String> = names.into_iter().collect();
                for name in names.iter().filter(|name| !name.starts_with('.')) {
                    let file = join(path, name);
                    match self.loader.load(&file) {
                        Ok(Content::Text(text)) => {
                            if self.may_enter(&file, span) {
                                self.text(&file, &text, span, scope);
                            }
                        }
                        Ok(Content::Directory(_)) | Err(LoadError::Missing) => {}
                        Err(error) => {
                            let message = format!("cannot include `{file}`: {error}");
                            self.diagnostics.push(Diagnostic::error(span, message));
                        }
                    }
                }
            }
        }
    }

    /// Whether `path` may be read from here: not from itself, and not too deep.
    fn may_enter(&mut self, path: &str, span: Span) -> bool {
        let path = normalise(path);
        if let Some(first) = self.chain.iter().position(|(open, _)| *open == path) {
            let mut diagnostic = Diagnostic::error(span, format!("`{path}` includes itself"));
            for (open, place) in &self.chain[first + 1..] {
                diagnostic = diagnostic.label(*place, format!("includes `{open}`"));
            }
            self.diagnostics
                .push(diagnostic.help("remove one include of the circle"));
            return false;
        }
        if self.chain.len() >= INCLUDE_DEPTH_LIMIT {
            let message = format!("more than {INCLUDE_DEPTH_LIMIT} includes within each other");
            self.diagnostics.push(Diagnostic::error(span, message));
            return false;
        }
        true
    }

    /// The first place that has `path`: next to the including file, then along the search path (SP-1, SP-2).
    pub(crate) fn find(
        &mut self,
        path: &str,
        including: Option<&str>,
    ) -> Result<(String, Content), (LoadError, Vec<String>)> {
        let mut candidates = Vec::new();
        if path.starts_with('/') || path.contains("://") {
            candidates.push(path.to_owned());
        } else {
            candidates.push(including.map_or_else(|| path.to_owned(), |base| join(base, path)));
            let directories = self.environment.directories();
            candidates.extend(directories.iter().map(|directory| join(directory, path)));
        }
        for candidate in &candidates {
            match self.loader.load(candidate) {
                Ok(content) => return Ok((candidate.clone(), content)),
                Err(LoadError::Missing) => {}
                Err(error) => return Err((error, [candidate.clone()].into())),
            }
        }
        Err((LoadError::Missing, candidates))
    }

    /// The directory of the file at the root.
    pub(crate) fn directory_of(&self, source: SourceId) -> Option<&str> {
        self.sources.get(source).map(|source| parent(source.path()))
    }
}

fn too_much(path: &str, span: Span) -> Diagnostic {
    let message = format!("`{path}` is more than a configuration may have");
    Diagnostic::error(span, message).expected(format!(
        "at most {} MiB in a file, {} MiB in all, and {FILE_COUNT_LIMIT} files",
        FILE_LIMIT_BYTES >> 20,
        TOTAL_LIMIT_BYTES >> 20,
    ))
}

fn looked_at(tried: &[String]) -> String {
    format!("looked at {}", tried.join(", "))
}

/// The part before the last slash; empty for a bare name.
fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) => "/",
        Some(slash) => &path[..slash],
        None => "",
    }
}

fn join(base: &str, path: &str) -> String {
    if base.is_empty() {
        path.to_owned()
    } else {
        format!("{}/{path}", base.trim_end_matches('/'))
    }
}

/// `path` without `.` and `..`, so that one file has one spelling in the chain.
fn normalise(path: &str) -> String {
    if path.contains("://") {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|&last| last != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if path.starts_with('/') {
        format!("/{joined}")
    } else {
        joined
    }
}
