//! A manager: what it pulls and where it writes it (reference 1.10).

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{Extract, View};
use crate::{
    Diagnostic,
    model::Scope,
    settings::{ManagerSettings, SubscriberOverride},
};

/// The subscriber that loggers name by custom (reference LG-4).
const DEFAULT_SUBSCRIBER: &str = "master";

/// Conversions of POSIX `strftime`, without the modifiers `E` and `O`.
const CONVERSIONS: &str = "aAbBcCdDeFgGhHIjmMnprRsStTuUVwWxXyYzZ%";

impl Extract<'_> {
    pub(crate) fn manager(&mut self, model: &Scope, node_name: Option<&str>) -> ManagerSettings {
        let logs = model.child("logs");
        let view = View::of("logs", logs);
        let own = node_name.map(ToString::to_string).into_iter();
        let default: Vec<String> = own.chain([DEFAULT_SUBSCRIBER.to_string()]).collect();
        ManagerSettings {
            logfile: self.logfile(view),
            max_open: self.count(view, "Max_Open"),
            max_idle: self.seconds(view, "Max_Idle"),
            file_mode: self.octal(view, "File_Mode"),
            dir_mode: self.octal(view, "Dir_Mode"),
            subscribers: self.names(view, "Subscriber").unwrap_or(default),
            overrides: logs.map(|logs| self.overrides(logs)).unwrap_or_default(),
            control_cache: self.path(view, "Control_Cache"),
            repository: self.path(View::of("config", model.child("config")), "Repository"),
            statistics_path: self.path(View::of("rtstats", model.child("rtstats")), "DB_Path"),
        }
    }

    fn logfile(&mut self, view: View<'_>) -> String {
        let pattern = self.path(view, "Logfile").unwrap_or_default();
        if !pattern.starts_with('/') {
            self.diagnostics.push(
                Diagnostic::error(view.span("Logfile"), format!("`{pattern}` is not absolute"))
                    .expected("an absolute path"),
            );
        }
        let mut rest = pattern.as_str();
        let mut separate = false;
        while let Some((_, after)) = rest.split_once('%') {
            let ours = ["{l}", "{n}", "{s}"]
                .into_iter()
                .find(|word| after.starts_with(word));
            let conversion = after.chars().next().filter(|&c| CONVERSIONS.contains(c));
            rest = match (ours, conversion) {
                (Some(word), _) => {
                    separate |= word == "{l}";
                    &after[word.len()..]
                }
                (None, Some(_)) => &after[1..],
                (None, None) => {
                    let shown: String = after.chars().take(3).collect();
                    let message = format!("`%{shown}` in `Logfile` stands for nothing");
                    self.diagnostics.push(
                        Diagnostic::error(view.span("Logfile"), message)
                            .expected("a conversion of strftime, %{l}, %{n} or %{s}"),
                    );
                    after
                }
            };
        }
        if !separate {
            let message = "`Logfile` has no `%{l}`: all logs go to the same file";
            self.diagnostics
                .push(Diagnostic::warning(view.span("Logfile"), message));
        }
        pattern
    }

    fn overrides(&mut self, logs: &Scope) -> Vec<SubscriberOverride> {
        let mut overrides = Vec::new();
        for manager in logs.of_kind("manager") {
            let mut add = |node: Option<&Scope>| {
                let scope = node.unwrap_or(manager);
                if let Some(subscribers) = self.names(View::of("logs", Some(scope)), "Subscriber") {
                    overrides.push(SubscriberOverride {
                        manager: manager.name_text().into(),
                        node: node.map(|node| node.name_text().into()),
                        subscribers,
                    });
                }
            };
            add(None);
            for node in manager.of_kind("node") {
                add(Some(node));
            }
        }
        overrides
    }
}
