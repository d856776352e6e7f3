//! Flat files: `key=value` on each line (reference 2.5). Two of them have a type here.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use crate::{Diagnostic, SourceId, Span, diagnostic::REPORT_LIMIT, suggest::nearest, values};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlatEntry {
    /// The key, as written.
    pub key: String,
    /// The value, without quotes.
    pub value: String,
    /// The line without its comment.
    pub span: Span,
}

/// The entries of any flat file.
pub fn parse_flat(source: SourceId, text: &str) -> (Vec<FlatEntry>, Vec<Diagnostic>) {
    let mut entries = Vec::new();
    let mut diagnostics = Vec::new();
    let mut start = 0_usize;
    for line in text.split_inclusive('\n') {
        let content = without_comment(line).trim();
        let offset = start + line.find(content).unwrap_or(0);
        let span = Span::new(source, offset as u32, (offset + content.len()) as u32);
        start += line.len();
        if content.is_empty() || diagnostics.len() >= REPORT_LIMIT {
            continue;
        }
        match content.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => entries.push(FlatEntry {
                key: key.trim().to_string(),
                value: unquote(value.trim()).to_string(),
                span,
            }),
            Some(_) | None => diagnostics
                .push(Diagnostic::error(span, "this line is no setting").expected("`key=value`")),
        }
    }
    (entries, diagnostics)
}

/// The line up to a `#` that is not in quotes.
fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    for (offset, byte) in line.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'#' if !quoted => return &line[..offset],
            _ => {}
        }
    }
    line
}

fn unquote(value: &str) -> &str {
    value
        .strip_prefix('"')
        .and_then(|inner| inner.strip_suffix('"'))
        .unwrap_or(value)
}

/// Checks the keys of a file and finds the value of each: the last of a repeated key.
struct Keys<'a> {
    entries: &'a [FlatEntry],
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Keys<'a> {
    fn new(
        entries: &'a [FlatEntry],
        known: &[&'static str],
        mut diagnostics: Vec<Diagnostic>,
    ) -> Self {
        for entry in entries {
            if !known
                .iter()
                .any(|name| entry.key.eq_ignore_ascii_case(name))
            {
                diagnostics.push(
                    Diagnostic::error(entry.span, format!("unknown key `{}`", entry.key))
                        .expected(format!("one of {}", known.join(", ")))
                        .suggest(nearest(&entry.key, known.iter().copied())),
                );
            }
        }
        Self {
            entries,
            diagnostics,
        }
    }

    fn get(&self, key: &str) -> Option<&'a FlatEntry> {
        let mut entries = self.entries.iter().rev();
        entries.find(|entry| entry.key.eq_ignore_ascii_case(key))
    }

    fn text(&self, key: &str) -> Option<String> {
        let value = &self.get(key)?.value;
        (!value.is_empty()).then(|| value.clone())
    }

    fn flag(&mut self, key: &str, default: bool) -> bool {
        let Some(entry) = self.get(key) else {
            return default;
        };
        values::flag(&entry.value).unwrap_or_else(|| {
            self.wrong(entry, "true or false");
            default
        })
    }

    fn wrong(&mut self, entry: &FlatEntry, expected: &str) {
        let message = format!("`{}` is not a value of `{}`", entry.value, entry.key);
        self.diagnostics
            .push(Diagnostic::error(entry.span, message).expected(expected));
    }
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// A name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
}

fn host_port(text: &str, default_port: u16) -> Option<HostPort> {
    let (host, port) = values::host_port(text, default_port)?;
    let host = host.to_string();
    (!host.is_empty()).then_some(HostPort { host, port })
}

/// `eccluster-client.conf`: where a node of 2.2 pulls its configuration from (reference CR-3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientConf {
    /// Whether the node pulls at start, over local edits.
    pub enabled: bool,
    /// The manager; port 2026 by default.
    pub manager: Option<HostPort>,
    /// Which stored configuration to fetch.
    pub config: String,
    /// The name of this node.
    pub node_name: Option<String>,
}

impl ClientConf {
    /// Reads `text`. With an error among the diagnostics, the value must not be used.
    pub fn parse(source: SourceId, text: &str) -> (Self, Vec<Diagnostic>) {
        let (entries, diagnostics) = parse_flat(source, text);
        let mut keys = Keys::new(
            &entries,
            &["ENABLED", "ECCMGR", "CONFIG", "NODENAME"],
            diagnostics,
        );
        let enabled = keys.flag("ENABLED", false);
        let manager = keys.get("ECCMGR").and_then(|entry| {
            let manager = host_port(&entry.value, 2026);
            if manager.is_none() {
                keys.wrong(entry, "host:port");
            }
            manager
        });
        if enabled && keys.get("ECCMGR").is_none() {
            let span = keys
                .get("ENABLED")
                .map(|entry| entry.span)
                .unwrap_or_default();
            keys.diagnostics.push(
                Diagnostic::error(span, "there is no manager to pull from")
                    .expected("`ECCMGR=host:2026`"),
            );
        }
        let conf = Self {
            enabled,
            manager,
            config: keys.text("CONFIG").unwrap_or_else(|| "boot".to_string()),
            node_name: keys.text("NODENAME"),
        };
        (conf, keys.diagnostics)
    }
}

/// When a node of v3 updates its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoUpdate {
    /// Whenever there is something new.
    Always,
    /// Unless there are local edits.
    IfUnchanged,
    /// Never.
    Never,
}

/// Where the repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repository {
    /// Found over the bus.
    Auto,
    /// On this machine.
    Local,
    /// On these hosts; port 2027 by default.
    Hosts(Vec<HostPort>),
}

/// `cluster.boot`: how a node of v3 finds its cluster (reference CR-13).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootConf {
    /// The cluster, or subcluster.
    pub cluster_name: String,
    /// The name of this node.
    pub node_name: Option<String>,
    /// When to update.
    pub autoupdate: AutoUpdate,
    /// Where from.
    pub repository: Repository,
    /// Whether a changed configuration is loaded at once.
    pub reload_on_update: bool,
    /// `ecconfigd.1`: the host of the first repository service.
    pub service: Option<String>,
}

const BOOT_KEYS: [&str; 6] = [
    "autoupdate",
    "cluster_name",
    "node_name",
    "repo",
    "reload_config_on_update",
    "ecconfigd.1",
];

impl BootConf {
    /// Reads `text`. With an error among the diagnostics, the value must not be used.
    pub fn parse(source: SourceId, text: &str) -> (Self, Vec<Diagnostic>) {
        let (entries, diagnostics) = parse_flat(source, text);
        let mut keys = Keys::new(&entries, &BOOT_KEYS, diagnostics);
        let cluster_name = keys.text("cluster_name").unwrap_or_default();
        if cluster_name.is_empty() {
            let diagnostic = Diagnostic::error(Span::new(source, 0, 0), "no `cluster_name`");
            keys.diagnostics
                .push(diagnostic.expected("`cluster_name=…`, the only key that has no default"));
        }
        let autoupdate = match keys.get("autoupdate") {
            Some(entry) if entry.value.eq_ignore_ascii_case("ifunchanged") => {
                AutoUpdate::IfUnchanged
            }
            Some(entry) => match values::flag(&entry.value) {
                Some(true) => AutoUpdate::Always,
                Some(false) => AutoUpdate::Never,
                None => {
                    keys.wrong(entry, "true, ifunchanged or false");
                    AutoUpdate::Always
                }
            },
            None => AutoUpdate::Always,
        };
        let conf = Self {
            cluster_name,
            node_name: keys.text("node_name"),
            autoupdate,
            repository: repository(&mut keys),
            reload_on_update: keys.flag("reload_config_on_update", true),
            service: keys.text("ecconfigd.1"),
        };
        (conf, keys.diagnostics)
    }
}

fn repository(keys: &mut Keys<'_>) -> Repository {
    let Some(entry) = keys.get("repo") else {
        return Repository::Auto;
    };
    match entry.value.to_ascii_lowercase().as_str() {
        "auto" => return Repository::Auto,
        "local" => return Repository::Local,
        _ => {}
    }
    let hosts: Option<Vec<HostPort>> = entry
        .value
        .split(',')
        .map(|host| host_port(host.trim(), 2027))
        .collect();
    match hosts {
        Some(hosts) => Repository::Hosts(hosts),
        None => {
            keys.wrong(entry, "auto, local or host[:port],…");
            Repository::Auto
        }
    }
}
