//! The one table of options: name, scope, type, default, range, unit and meaning. Extraction takes its
//! defaults and ranges from here, errors their suggestions, and docs/configuration.md is printed from here,
//! so that none of the three can disagree with another.

use alloc::{format, string::String};

mod table;

pub use table::{OPTIONS, SCOPES};

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any word.
    Text,
    /// A path or a URI.
    Path,
    /// A name.
    Name,
    /// One word or a list of words.
    Names,
    /// On or off.
    Flag,
    /// A whole number.
    Count,
    /// Seconds, with decimals.
    Seconds,
    /// Permissions in octal.
    Octal,
    /// One of these words, without case.
    Choice(&'static [&'static str]),
    /// An IP address; `*` for all.
    Address,
    /// `address:port`, `*:port` or `:port`.
    Socket,
    /// A socket address, or the path of a socket in the file system.
    Endpoint,
    /// One endpoint or a list of them.
    Endpoints,
    /// `[ key = value … ]`.
    Dictionary,
    /// Anything: accepted from old files and not looked at.
    Anything,
}

/// One option.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// The scope it belongs to, one of [`SCOPES`].
    pub scope: &'static str,
    /// Its name; compared without case.
    pub name: &'static str,
    /// Other spellings.
    pub aliases: &'static [&'static str],
    /// Its type.
    pub kind: Kind,
    /// Its default as it would be written; empty for none.
    pub default: &'static str,
    /// Smallest and largest value of a number.
    pub range: Option<(u64, u64)>,
    /// Unit of a number.
    pub unit: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// False for what is accepted from old files and does nothing here.
    pub effect: bool,
}

impl OptionSpec {
    /// Whether `name` is one of its spellings.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
            || self
                .aliases
                .iter()
                .any(|alias| alias.eq_ignore_ascii_case(name))
    }

    /// What may be written as its value.
    pub fn expected(&self) -> String {
        let range = |what: &str| match self.range {
            Some((low, u64::MAX)) => format!("{what} of at least {low}"),
            Some((low, high)) => format!("{what} between {low} and {high}"),
            None => what.into(),
        };
        match self.kind {
            Kind::Text => "a word".into(),
            Kind::Path => "a path".into(),
            Kind::Name => "a name: letters, digits, `_`, `-` and `.`".into(),
            Kind::Names => "a name or a list of names `( a b )`".into(),
            Kind::Flag => "true, false, on, off, enabled, disabled, yes, no, 1 or 0".into(),
            Kind::Count => range("a whole number"),
            Kind::Seconds => range("seconds, as a number"),
            Kind::Octal => "permissions in octal, such as 0640".into(),
            Kind::Choice(words) => format!("one of {}", words.join(", ")),
            Kind::Address => "an IP address".into(),
            Kind::Socket => {
                "an address and port, such as 192.0.2.1:25, [2001:db8::1]:25 or *:25".into()
            }
            Kind::Endpoint => "an address and port, or the path of a socket".into(),
            Kind::Endpoints => {
                "an address and port, the path of a socket, or a list of these".into()
            }
            Kind::Dictionary => "a dictionary `[ key = value ]`".into(),
            Kind::Anything => "anything".into(),
        }
    }
}

/// The option called `name` in `scope`.
pub fn find(scope: &str, name: &str) -> Option<&'static OptionSpec> {
    of_scope(scope).find(|option| option.is(name))
}

/// All options of `scope`.
pub fn of_scope(scope: &str) -> impl Iterator<Item = &'static OptionSpec> {
    OPTIONS.iter().filter(move |option| option.scope == scope)
}

/// The reference page, in Markdown.
pub fn markdown() -> String {
    let mut out = String::from(INTRODUCTION);
    for (scope, heading, about) in SCOPES {
        out.push_str(&format!("\n## {heading}\n\n{about}\n\n"));
        out.push_str(
            "| Option | Type | Default | Range | Unit | Meaning |\n|---|---|---|---|---|---|\n",
        );
        for option in of_scope(scope) {
            out.push_str(&row(option));
        }
    }
    out
}

fn row(option: &OptionSpec) -> String {
    let mut name = format!("`{}`", option.name);
    for alias in option.aliases {
        name.push_str(&format!(", `{alias}`"));
    }
    let kind = match option.kind {
        Kind::Text => "word".into(),
        Kind::Path => "path".into(),
        Kind::Name => "name".into(),
        Kind::Names => "names".into(),
        Kind::Flag => "flag".into(),
        Kind::Count => "count".into(),
        Kind::Seconds => "time".into(),
        Kind::Octal => "octal".into(),
        Kind::Choice(words) => words.join(" \\| "),
        Kind::Address => "address".into(),
        Kind::Socket => "socket".into(),
        Kind::Endpoint => "endpoint".into(),
        Kind::Endpoints => "endpoints".into(),
        Kind::Dictionary => "dictionary".into(),
        Kind::Anything => String::from("any"),
    };
    let default = match option.default {
        "" => String::from("–"),
        default => format!("`{default}`"),
    };
    let range = match option.range {
        None => String::from("–"),
        Some((low, u64::MAX)) => format!("≥ {low}"),
        Some((low, high)) => format!("{low} … {high}"),
    };
    let unit = if option.unit.is_empty() {
        "–"
    } else {
        option.unit
    };
    let note = if option.effect {
        ""
    } else {
        " *Accepted; no effect.*"
    };
    format!(
        "| {name} | {kind} | {default} | {range} | {unit} | {}{note} |\n",
        option.meaning
    )
}

const INTRODUCTION: &str = "\
# Configuration

This page is printed from the table of options in `core/config/src/options`; a test keeps it in step.

## The language

A file is a sequence of statements; white space and line ends separate words and mean nothing else.

| Form | Meaning |
|---|---|
| `name = value` | a setting; the later of two wins |
| `name = ( a b )` | a list; `()` is an empty list, which is not the same as no setting |
| `name = [ key = value … ]`, `name [ … ]` | a dictionary; keys may be addresses and networks |
| `type { … }`, `type \"name\" { … }` | a scope; a repeated scope adds to the first |
| `include path`, `readonly_include path` | a file, or every file of a directory in lexical order |
| `# …`, `/* … */` | comments |

Words need quotes if they contain white space or any of `# \" ' = { } [ ] ( ) < >`. In quotes `\\\"`, `\\\\`, `\\n`
and `\\r` are escapes; every other backslash stays. Names of options and scopes have no case. Flags are
`true`/`false`, `on`/`off`, `enabled`/`disabled`, `yes`/`no`, `1`/`0`. Times are seconds.

Files of the 2.2 dialect are accepted as well and mean the same:

| 2.2 | v3 |
|---|---|
| `Logger cluster/ec_cluster cluster { … }` | `cluster { … }` |
| `X_Listener = ( addr <duravip=\"enabled\"> [ 0.0.0.0/0 = ( … ) ] )` | `X_Listener { Listen \"addr\" { Enable_Duravip = true  Peer \"0.0.0.0/0\" { … } } }` |
| `Binding b <duravip=\"enabled\"> { … }` | `Binding b { Enable_Duravip = true … }` |
| `192.0.2.0/24 [ interface = eth0 ]` | `Topology \"192.0.2.0/24\" { interface = eth0 }` |
| `replicate [ type = \"x\" ]` | `Replicate \"x\" { }` |
| `DIGEST-MD5 [ uri = … ]` | `AuthDigestMD5Parameters = [ uri = … ]` |
| `cluster_listener = *:4802` | `ECCluster_Listener { Listen \"*:4802\" { } }` |

Included files are looked for next to the including file, then along the search path, in which `{NODENAME}`
stands for the name of the node. A mistake in any file refuses the whole configuration. In the scopes below an
unknown option is a mistake; scopes and options of the mail server around them are passed over. In `Listen`
scopes of services, which the mail server shares, an unknown option is refused only if it looks like a
misspelt one of these.
";
