//! Clustered logging on a node: what writes where, and which journals may be pulled (reference 1.8).

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{Extract, View};
use crate::{
    Diagnostic, Span,
    model::Scope,
    settings::{Destination, LogPath, Logger, Settings},
    tree::{Entry, Value},
    values,
};

/// Modules that write logs, and which of their options are destinations.
fn is_destination(module: &str, option: &str) -> bool {
    let is = |names: &[&str]| names.iter().any(|name| option.eq_ignore_ascii_case(name));
    match module {
        "ec_logger" => is(&["mainlog", "paniclog", "rejectlog", "acctlog"]),
        "bounce_logger" => is(&["bouncelog"]),
        "custom_logger" => option.to_ascii_lowercase().ends_with("_logfile"),
        "fbl" => is(&["Log_Path"]),
        _ => false,
    }
}

impl Extract<'_> {
    pub(crate) fn loggers(&mut self, model: &Scope) -> Vec<Logger> {
        let mut loggers = Vec::new();
        for scope in &model.scopes {
            // Of a repeated option the last value counts; the order is that of first writing.
            let mut last: BTreeMap<String, &Entry> = BTreeMap::new();
            for entry in &scope.settings {
                if is_destination(&scope.kind, &entry.key.text) {
                    last.insert(entry.key.text.to_ascii_lowercase(), entry);
                }
            }
            let mut entries: Vec<&Entry> = last.into_values().collect();
            entries.sort_by_key(|entry| entry.span);
            for entry in entries {
                loggers.extend(self.logger(scope, entry));
            }
        }
        loggers
    }

    fn logger(&mut self, scope: &Scope, entry: &Entry) -> Option<Logger> {
        let words = match &entry.value {
            Some(Value::Word(word)) => word,
            Some(Value::List(_) | Value::Dictionary(_) | Value::Block(_)) | None => {
                let message = format!("`{}` is not a word", entry.key.text);
                self.diagnostics
                    .push(Diagnostic::error(entry.span, message).expected("a path or a URI"));
                return None;
            }
        };
        let destination = match destination(&words.text) {
            Ok(destination) => destination,
            Err(expected) => {
                let message = format!("`{}` is not a place for a log", words.text);
                self.diagnostics
                    .push(Diagnostic::error(words.span, message).expected(expected));
                return None;
            }
        };
        let option = entry.key.text.to_ascii_lowercase();
        Some(Logger {
            instance: match scope.name_text() {
                "" => scope.kind.clone(),
                name => name.to_string(),
            },
            connection_record: scope.kind == "ec_logger" && option == "mainlog",
            module: scope.kind.clone(),
            option,
            destination,
            span: words.span,
        })
    }

    pub(crate) fn logs(&mut self, model: &Scope) -> Vec<LogPath> {
        let view = View::of("cluster", model.child("cluster"));
        let Some(pairs) = self.dictionary(view, "logs") else {
            return Vec::new();
        };
        let mut logs: Vec<LogPath> = Vec::new();
        let mut seen: BTreeMap<String, Span> = BTreeMap::new();
        for pair in &pairs.entries {
            let Some(path) = self.pair_word(pair) else {
                continue;
            };
            let key = pair.key.text.clone();
            if values::name(&key).is_none_or(|key| key.contains('/')) || key.starts_with('.') {
                let message = format!("`{key}` is not a key of a log");
                self.diagnostics
                    .push(Diagnostic::error(pair.key.span, message).expected(
                        "a name that can be part of a path: the manager writes it there",
                    ));
            }
            if !path.text.starts_with('/') {
                let message = format!("`{}` is not the directory of a journal", path.text);
                self.diagnostics
                    .push(Diagnostic::error(path.span, message).expected("an absolute path"));
            }
            if let Some(first) = seen.insert(key.clone(), pair.span) {
                self.diagnostics.push(
                    Diagnostic::error(pair.span, format!("the log `{key}` is published twice"))
                        .label(first, "first here"),
                );
            }
            logs.push(LogPath {
                key,
                path: path.text.clone(),
                span: pair.span,
            });
        }
        logs
    }

    /// A journal that is written must be published, and one that is published must be written (LG-6).
    pub(crate) fn check_journals(&mut self, settings: &Settings) {
        let journals: BTreeMap<&str, Span> = settings
            .loggers
            .iter()
            .filter_map(|logger| match &logger.destination {
                Destination::Journal { path, .. } => Some((trimmed(path), logger.span)),
                Destination::File(_) | Destination::Other(_) => None,
            })
            .collect();
        let published: BTreeMap<&str, Span> = settings
            .logs
            .iter()
            .map(|log| (trimmed(&log.path), log.span))
            .collect();
        if published.is_empty() || journals.is_empty() {
            return; // one of the two is in another file: nothing can be said
        }
        for (path, &span) in journals
            .iter()
            .filter(|(path, _)| !published.contains_key(*path))
        {
            self.diagnostics.push(
                Diagnostic::warning(span, format!("the journal `{path}` is not published"))
                    .help("add it to `logs` of `cluster`; else it is kept until the disk is full"),
            );
        }
        for (path, &span) in published
            .iter()
            .filter(|(path, _)| !journals.contains_key(*path))
        {
            let near = crate::suggest::nearest(path, journals.keys().copied());
            self.diagnostics.push(
                Diagnostic::warning(span, format!("no logger writes the journal `{path}`"))
                    .expected("the same path as in a `cluster://` URI")
                    .suggest(near),
            );
        }
    }
}

fn trimmed(path: &str) -> &str {
    path.trim_end_matches('/')
}

/// `cluster://dir=>sub`, `cluster://dir?subscribers=a,b`, `jlog://…`, `file://…` or a path (LG-2, LG-3).
fn destination(text: &str) -> Result<Destination, &'static str> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return if text.starts_with('/') {
            Ok(Destination::File(text.to_string()))
        } else if text.contains(':') {
            Ok(Destination::Other(text.to_string())) // such as `syslog:facility`
        } else {
            Err("an absolute path, or a URI such as cluster:///var/log/x=>master")
        };
    };
    match scheme.to_ascii_lowercase().as_str() {
        "file" => Ok(Destination::File(rest.to_string())),
        "cluster" | "jlog" => journal(rest),
        _ => Ok(Destination::Other(text.to_string())),
    }
}

fn journal(rest: &str) -> Result<Destination, &'static str> {
    let (path, names) = if let Some((path, name)) = rest.split_once("=>") {
        (path, name)
    } else if let Some((path, query)) = rest.split_once('?') {
        let names = query.strip_prefix("subscribers=");
        (path, names.ok_or("`?subscribers=a,b` behind the path")?)
    } else {
        (rest, "")
    };
    if !path.starts_with('/') {
        return Err("an absolute path behind `cluster://`, so three slashes");
    }
    let mut subscribers: Vec<String> = Vec::new();
    for name in names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        let name = values::name(name).ok_or("names of subscribers: letters, digits, `_`, `-`")?;
        if !subscribers.contains(&name) {
            subscribers.push(name);
        }
    }
    Ok(Destination::Journal {
        path: path.to_string(),
        subscribers,
    })
}
