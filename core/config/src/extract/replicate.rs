//! Replicated objects (reference 1.11).

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{Extract, View};
use crate::{
    Diagnostic, Span,
    model::{Scope, word},
    settings::{Replicate, ReplicateClass},
    suggest::nearest,
    values,
};

/// What `parameters` may name (reference RP-3).
const PARAMETERS: [&str; 9] = [
    "snapshot",
    "connect",
    "delivery",
    "transfail",
    "permfail",
    "reception",
    "rejection",
    "audit_series",
    "gauge_cache",
];

/// What is shared if nothing is declared (reference section 4 #16).
const DEFAULT: [&str; 2] = ["inbound_cidr", "shared_named_throttles"];

impl Extract<'_> {
    pub(crate) fn replicate(&mut self, model: &Scope) -> Vec<Replicate> {
        let declared: Vec<&Scope> = model
            .child("cluster")
            .map_or_else(Vec::new, |cluster| cluster.of_kind("replicate").collect());
        if declared.is_empty() {
            let mut defaults = Scope::default();
            for name in DEFAULT {
                defaults.open(
                    "replicate",
                    Some(word(name, Span::default())),
                    Span::default(),
                );
            }
            return defaults
                .scopes
                .iter()
                .filter_map(|scope| self.object(scope))
                .collect();
        }
        let objects: Vec<Replicate> = declared
            .iter()
            .filter_map(|scope| self.object(scope))
            .collect();
        self.check_single(&objects);
        objects
    }

    /// There is one set of named throttles (PANIC 1562).
    fn check_single(&mut self, objects: &[Replicate]) {
        let mut throttles = objects
            .iter()
            .filter(|object| object.class == ReplicateClass::SharedNamedThrottles);
        if let (Some(first), Some(second)) = (throttles.next(), throttles.next()) {
            self.diagnostics.push(
                Diagnostic::error(second.span, "`shared_named_throttles` exists twice")
                    .expected("one object of this kind")
                    .label(first.span, "first here"),
            );
        }
    }

    fn object(&mut self, scope: &Scope) -> Option<Replicate> {
        let view = View::of("replicate", Some(scope));
        let span = scope.name.as_ref().map_or(scope.span, |name| name.span);
        let kind = if view.has("class") { "class" } else { "type" };
        let written = self.name(view, kind);
        let name = scope.name_text();
        if name.is_empty() {
            self.diagnostics.push(
                Diagnostic::error(span, "this object has neither a name nor a type")
                    .expected("`Replicate \"inbound_cidr\" { … }` or the like"),
            );
            return None;
        }
        let wanted = written.as_deref().unwrap_or(name);
        let Some(class) = ReplicateClass::from_name(wanted) else {
            let known = || ReplicateClass::NAMES.iter().map(|&(name, _)| name);
            let place = if written.is_some() {
                view.span(kind)
            } else {
                span
            };
            let names: Vec<&str> = known().collect();
            let diagnostic =
                Diagnostic::error(place, format!("`{wanted}` is not a kind of object"))
                    .expected(format!("one of {}", names.join(", ")));
            self.diagnostics.push(match nearest(wanted, known()) {
                Some(near) => diagnostic.suggest(Some(near)),
                None => diagnostic.help("an object with a name of its own needs `class = …`"),
            });
            return None;
        };
        let binding_group = self.text(view, "binding_group");
        let grouped = [
            ReplicateClass::OutboundCidr,
            ReplicateClass::OutboundDomains,
        ];
        if binding_group.is_some() && !grouped.contains(&class) {
            let message = format!("`binding_group` has no meaning for `{wanted}`");
            self.diagnostics.push(
                Diagnostic::error(view.span("binding_group"), message)
                    .expected("an object of the kind outbound_cidr or outbound_domains"),
            );
        }
        Some(Replicate {
            name: name.to_owned(),
            class,
            binding_group,
            parameters: self.parameters(view),
            max_delay: self.seconds(view, "max_delay"),
            max_pending: self.count(view, "max_pending"),
            max_size: self.max_size(view, class),
            span,
        })
    }

    fn parameters(&mut self, view: View<'_>) -> Vec<String> {
        let text = self.text(view, "parameters").unwrap_or_default();
        let mut parameters = Vec::new();
        for name in text
            .split(';')
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            match PARAMETERS
                .iter()
                .find(|known| known.eq_ignore_ascii_case(name))
            {
                Some(known) => parameters.push((*known).to_string()),
                None => {
                    let message = format!("`{name}` is not a parameter of a replicated object");
                    self.diagnostics.push(
                        Diagnostic::error(view.span("parameters"), message)
                            .expected(format!(
                                "one of {}, separated by `;`",
                                PARAMETERS.join(", ")
                            ))
                            .suggest(nearest(name, PARAMETERS)),
                    );
                }
            }
        }
        parameters
    }

    /// `-1` is no limit.
    fn max_size(&mut self, view: View<'_>, class: ReplicateClass) -> Option<u64> {
        let text = self.text(view, "max_size")?;
        if view.has("max_size") && class != ReplicateClass::Cache {
            self.diagnostics.push(Diagnostic::warning(
                view.span("max_size"),
                "`max_size` has a meaning for caches only",
            ));
        }
        match (text.as_str(), values::count(&text)) {
            ("-1", _) => None,
            (_, Some(size)) if size > 0 => Some(size),
            _ => {
                let message = format!("`{text}` is not a value of `max_size`");
                self.diagnostics.push(
                    Diagnostic::error(view.span("max_size"), message)
                        .expected("a whole number of at least 1, or -1 for no limit"),
                );
                None
            }
        }
    }
}
