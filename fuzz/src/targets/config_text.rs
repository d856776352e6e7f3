//! Configuration: any text in either dialect, with includes from a directory in memory, and the small formats
//! beside it (`mbus.conf`, the repository's client and boot files).
//!
//! The input is a set of files, divided by a line that is a single percent sign. Holds that loading ends, that
//! there are settings exactly if there is no error, that every place a diagnostic names lies in its text and
//! between characters, that a rendering is bounded, and that what is printed reads back as the same tree.

use std::collections::BTreeMap;

use ringfort_config::{
    BootConf, ClientConf, Content, Diagnostic, Environment, LoadError, Loaded, Loader, MbusConf,
    SourceId, Sources, Span, load, parse, parse_str, print, render, tree::Item,
};

use crate::{Marks, Target};

/// The target.
pub const TARGET: Target = Target {
    name: "config_text",
    about: "configuration in both dialects, includes, mbus.conf: no panic, spans within their text, print reads back",
    run,
    limit: 8 * 1024,
    words: WORDS,
};

const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "<",
    ">",
    "=",
    ",",
    "\"",
    "'",
    "#",
    "/*",
    "*/",
    "\n",
    "\\",
    "\\\n",
    "/a/",
    "\n%\n",
    "[::1]:25",
    "*:25,200",
    "cluster",
    "Cluster",
    "Topology",
    "10.0.0.0/8",
    "ESMTP_Listener",
    "Listen",
    "Peer",
    "Control_Listener",
    "replicate",
    "type",
    "inbound_cidr",
    "include",
    "readonly_include",
    "x",
    "5",
    "-1",
    "1.5",
    "logs",
    "Logs",
    "Bus",
    "Config",
    "f1",
    "f2",
    "f3",
    "msgc_server",
    "peers",
    "Enable_Duravip",
    "duravip",
    "true",
    "false",
    "Logger",
    "cluster/ec_cluster",
    "Binding",
    "Bind_Address",
    "interface",
    "lo",
    "eth0",
    "\u{e9}",
    "\u{0}",
    "\u{feff}",
    "Spread_Segment",
    "Logfile",
    "%{l}",
    "ec_logger",
    "mainlog",
    "cluster:///a=>b",
    "Duravip_Follow",
    "Duravip_Preference",
    "view_mature_time",
    "view_balance_interval",
    "cidrmask",
    "18446744073709551616",
    "0x10",
    "Enable",
    "Disable",
    "Authorization",
    "Password",
    "Control_Client",
    "Subclusters",
    "Nodes",
    "Manager",
];

/// The name of the first file; the others are `f1`, `f2` and so on in the same directory.
const ROOT: &str = "/etc/f0";

/// Loads the input as a set of files.
///
/// # Panics
/// If something does not hold.
pub fn run(input: &[u8], marks: &mut Marks) {
    let text = String::from_utf8_lossy(input);
    let mut files = Files::of(&text);
    let environment = Environment {
        node_name: Some("n1".into()),
        ..Environment::default()
    }
    .with_search_path("/etc:/etc/{NODENAME}");
    let loaded = load(&mut files, ROOT, &environment);
    judge(&loaded, text.len(), marks);
    let single = files.0.get(ROOT).cloned().unwrap_or_default();
    let alone = parse_str("any", &single, &environment);
    judge(&alone, single.len(), marks);
    reads_back(&single, marks);
    small_formats(&single, marks);
}

fn judge(loaded: &Loaded, length: usize, marks: &mut Marks) {
    let wrong = loaded.diagnostics.iter().any(Diagnostic::is_error);
    assert_eq!(loaded.settings.is_none(), wrong, "settings or an error");
    assert!(loaded.diagnostics.len() <= 100, "a bounded report");
    let rendered = loaded.render();
    assert!(
        rendered.len() <= 100 * 8192 + 300 * length,
        "{} bytes about {length}",
        rendered.len()
    );
    spans(&loaded.diagnostics, &loaded.sources, marks);
    marks.hit((wrong, loaded.diagnostics.len(), loaded.sources.len()));
}

fn spans(diagnostics: &[Diagnostic], sources: &Sources, marks: &mut Marks) {
    for diagnostic in diagnostics {
        assert!(!diagnostic.message.is_empty(), "an error says something");
        marks.step(Marks::shape(&diagnostic.message.split('`').next()));
        let labels = diagnostic.labels.iter().map(|label| label.span);
        for span in std::iter::once(diagnostic.span).chain(labels) {
            within(span, sources);
        }
    }
}

/// Whether `span` names a piece of a text that was read, cut between characters.
fn within(span: Span, sources: &Sources) {
    assert!(span.start <= span.end, "{span:?} is turned round");
    let Some(source) = sources.get(span.source) else {
        assert!(sources.is_empty(), "{span:?} names no text");
        return;
    };
    let range = span.start as usize..span.end as usize;
    assert!(
        source.text().get(range).is_some(),
        "{span:?} is not a piece of its text of {} bytes",
        source.text().len()
    );
}

/// What parses without an error is printed so that it parses as the same again.
fn reads_back(text: &str, marks: &mut Marks) {
    let (tree, diagnostics) = parse(SourceId(0), text);
    if diagnostics.iter().any(Diagnostic::is_error) {
        return;
    }
    let printed = print(&tree);
    let (again, diagnostics) = parse(SourceId(0), &printed);
    assert!(
        !diagnostics.iter().any(Diagnostic::is_error),
        "what was printed does not parse: {printed:?}"
    );
    assert_eq!(
        skeleton(&again),
        skeleton(&tree),
        "what was printed is another tree: {printed:?}"
    );
    marks.hit(Marks::variant(&tree.first()));
}

/// The tree as text without its places. Printing puts a word in quotation marks where it might be misread;
/// to the reader of settings both are the same word.
fn skeleton(tree: &[Item]) -> String {
    let text = format!("{tree:?}").replace("form: Quoted", "form: Bare");
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("span: Span {") {
        out.push_str(before);
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    out + rest
}

fn small_formats(text: &str, marks: &mut Marks) {
    let (_, diagnostics, sources) = MbusConf::parse_str("any", text);
    spans(&diagnostics, &sources, marks);
    render(&diagnostics, &sources);
    let mut sources = Sources::new();
    let id = sources.add("any", text);
    let (_, diagnostics) = ClientConf::parse(id, text);
    spans(&diagnostics, &sources, marks);
    let (_, diagnostics) = BootConf::parse(id, text);
    spans(&diagnostics, &sources, marks);
}

/// A directory in memory.
struct Files(BTreeMap<String, String>);

impl Files {
    fn of(text: &str) -> Self {
        let named = |(index, text): (usize, &str)| (format!("/etc/f{index}"), text.to_owned());
        Self(text.split("\n%\n").enumerate().map(named).collect())
    }
}

impl Loader for Files {
    fn load(&mut self, path: &str) -> Result<Content, LoadError> {
        match self.0.get(path) {
            Some(text) => Ok(Content::Text(text.clone())),
            None if path == "/etc" => Ok(Content::Directory(
                self.0
                    .keys()
                    .map(|path| path.replace("/etc/", ""))
                    .collect(),
            )),
            None => Err(LoadError::Missing),
        }
    }
}
