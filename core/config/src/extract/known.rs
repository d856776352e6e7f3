//! Which options and scopes may be where. In scopes that are ours alone, anything unknown is a mistake; in
//! those that we share with the mail server, only what looks like a misspelt name of ours.

use alloc::{format, vec::Vec};

use super::{Extract, Ignored};
use crate::{
    Diagnostic,
    diagnostic::REPORT_LIMIT,
    model::Scope,
    options,
    suggest::{nearest, within},
};

/// Scopes at top level and the part of the table that their options are in.
const TOP: &[(&str, &str)] = &[
    ("cluster", "cluster"),
    ("bus", "bus"),
    ("msgc_server", "msgc_server"),
    ("msgc_client", "msgc_client"),
    ("networking", "networking"),
    ("logs", "logs"),
    ("config", "config"),
    ("rtstats", "rtstats"),
    ("eccluster_listener", "cluster_listen"),
    ("msgcserver_listener", "cluster_listen"),
    ("control_listener", "control_listen"),
    ("esmtp_listener", "listen"),
    ("ecstream_listener", "listen"),
    ("pop3_listener", "listen"),
    ("http_listener", "listen"),
    ("xmlrpc_listener", "listen"),
    ("tcp_listener", "listen"),
    ("binding", "binding"),
    ("binding_group", "binding"),
    ("authorization", "authorization"),
];

/// Parts of the table that the mail server has options in as well.
const SHARED: &[&str] = &["global", "listen", "binding"];

/// There, a name is taken for a misspelt one of ours if ours is so long and so near.
const SHARED_LENGTH: usize = 6;
const SHARED_EDITS: usize = 2;

/// Scopes within a scope of the part, and the part that their options are in.
fn children_of(table: &str) -> &'static [(&'static str, &'static str)] {
    match table {
        "global" => TOP,
        "cluster" => &[("topology", "topology"), ("replicate", "replicate")],
        "cluster_listen" => &[("listen", "cluster_listen")],
        "control_listen" => &[("listen", "control_listen"), ("peer", "control_listen")],
        "listen" => &[("listen", "listen")],
        "binding" => &[("binding", "binding")],
        "logs" => &[("manager", "logs_exception")],
        "logs_exception" => &[("node", "logs_exception")],
        "authorization" => &[("role", "role")],
        _ => &[],
    }
}

/// Whether `table` has the option. Exceptions of `Logs` have one option of it.
fn has(table: &str, name: &str) -> bool {
    match table {
        "logs_exception" => name.eq_ignore_ascii_case("Subscriber"),
        _ => options::find(table, name).is_some(),
    }
}

fn names(table: &str) -> Vec<&'static str> {
    match table {
        "logs_exception" => ["Subscriber"].into(),
        _ => options::of_scope(table)
            .filter(|option| option.effect)
            .map(|option| option.name)
            .collect(),
    }
}

impl Extract<'_> {
    /// Checks the names of the whole model.
    pub(crate) fn check_known(&mut self, model: &Scope) {
        self.check_scope(model, "global");
    }

    fn check_scope(&mut self, scope: &Scope, table: &'static str) {
        let shared = SHARED.contains(&table);
        for entry in &scope.settings {
            if !has(table, &entry.key.text) {
                let known = names(table);
                self.unknown(
                    "option",
                    &entry.key.text,
                    entry.key.span,
                    scope,
                    shared,
                    &known,
                );
            }
        }
        let children = children_of(table);
        for child in &scope.scopes {
            match children.iter().find(|(kind, _)| *kind == child.kind) {
                Some(&(_, table)) => self.check_scope(child, table),
                None => {
                    let known: Vec<&str> = children.iter().map(|&(kind, _)| kind).collect();
                    self.unknown("scope", &child.kind, child.span, scope, shared, &known);
                }
            }
        }
    }

    fn unknown(
        &mut self,
        what: &str,
        name: &str,
        span: crate::Span,
        scope: &Scope,
        shared: bool,
        known: &[&str],
    ) {
        if self.diagnostics.len() >= REPORT_LIMIT {
            return;
        }
        let near = if shared {
            let long = known
                .iter()
                .copied()
                .filter(|name| name.len() >= SHARED_LENGTH);
            within(name, long, SHARED_EDITS)
        } else {
            nearest(name, known.iter().copied())
        };
        if shared && near.is_none() {
            self.ignored.push(Ignored {
                name: name.into(),
                span,
            });
            return;
        }
        let place = match scope.kind.as_str() {
            "" => "at top level".into(),
            kind => format!("in `{kind}`"),
        };
        let mut diagnostic = Diagnostic::error(span, format!("unknown {what} `{name}` {place}"));
        diagnostic = match (near, known) {
            (Some(near), _) => diagnostic.suggest(Some(near)),
            (None, []) => diagnostic.expected(format!("no {what} here")),
            (None, _) => diagnostic.expected(format!("one of {}", known.join(", "))),
        };
        self.diagnostics.push(diagnostic);
    }
}
