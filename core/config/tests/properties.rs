//! Goal: no text, however strange, brings the loader down, and what is printed is what was parsed.
//! Method: proptest over arbitrary text, over soups of the language's own tokens, and over generated trees.

use proptest::prelude::*;
use ringfort_config::{
    BootConf, ClientConf, Environment, MbusConf, SourceId, Span, parse, parse_str, print, render,
    tree::{Attribute, Block, Entry, Form, Include, Item, Sequence, Value, Word},
};

/// Pieces that meet each other in ways nobody writes.
fn soup() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
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
        " ",
        "\\",
        "/a/",
        "[::1]:25",
        "*:25,200",
        "cluster",
        "Topology",
        "10.0.0.0/8",
        "ESMTP_Listener",
        "Listen",
        "Control_Listener",
        "Peer",
        "replicate",
        "type",
        "inbound_cidr",
        "include",
        "x",
        "5",
        "-1",
        "logs",
        "Logs",
        "Bus",
        "msgc_server",
        "peers",
        "Enable_Duravip",
        "duravip",
        "true",
        "Logger",
        "cluster/ec_cluster",
        "Binding",
        "Bind_Address",
        "interface",
        "lo",
        "é",
        "\u{0}",
        "Spread_Segment",
        "Logfile",
        "%{l}",
        "ec_logger",
        "mainlog",
        "cluster:///a=>b",
        "Duravip_Follow",
    ]);
    prop::collection::vec(pieces, 0..60).prop_map(|pieces| {
        let mut text = String::new();
        for (index, piece) in pieces.iter().enumerate() {
            text.push_str(piece);
            if index % 3 != 0 {
                text.push(' ');
            }
        }
        text
    })
}

fn nothing_breaks(text: &str) -> Result<(), TestCaseError> {
    let loaded = parse_str("any", text, &Environment::default());
    let wrong = loaded
        .diagnostics
        .iter()
        .any(|diagnostic| diagnostic.is_error());
    prop_assert_eq!(loaded.settings.is_none(), wrong);
    prop_assert!(loaded.diagnostics.len() <= 100);
    let rendered = loaded.render();
    prop_assert!(rendered.len() <= 100 * 4096 + 300 * text.len());
    for diagnostic in &loaded.diagnostics {
        prop_assert!(diagnostic.span.end as usize <= text.len());
        prop_assert!(!diagnostic.message.is_empty());
    }
    let (_, diagnostics, sources) = MbusConf::parse_str("any", text);
    render(&diagnostics, &sources);
    ClientConf::parse(SourceId(0), text);
    BootConf::parse(SourceId(0), text);
    Ok(())
}

const NOWHERE: Span = Span::new(SourceId(0), 0, 0);

fn word() -> impl Strategy<Value = Word> {
    let quoted = any::<String>().prop_map(|text| (text.replace('\u{feff}', ""), Form::Quoted));
    let bare = "[a-z0-9/:.,*~%_@-]{1,12}".prop_map(|text| (text, Form::Bare));
    let regex = "/[a-z.()|^$]{1,8}/".prop_map(|text| (text, Form::Regex));
    prop_oneof![4 => bare, 2 => quoted, 1 => regex].prop_map(|(text, form)| Word {
        text,
        form,
        span: NOWHERE,
    })
}

/// A word that no keyword and no bracket rule can turn into something else.
fn key() -> impl Strategy<Value = Word> {
    "k[a-z0-9_]{0,8}".prop_map(|text| Word {
        text,
        form: Form::Bare,
        span: NOWHERE,
    })
}

fn entry(is_list: bool) -> impl Strategy<Value = Entry> {
    let leaf = (key(), prop::option::of(word())).prop_map(|(key, value)| Entry {
        key,
        attributes: Vec::new(),
        equals: value.is_some(),
        value: value.map(Value::Word),
        span: NOWHERE,
    });
    let attributes = prop::collection::vec((key(), word()), 0..if is_list { 3 } else { 1 });
    (leaf, attributes).prop_map(|(mut entry, attributes)| {
        entry.attributes = attributes
            .into_iter()
            .map(|(key, value)| Attribute { key, value })
            .collect();
        entry
    })
}

fn value() -> impl Strategy<Value = Value> {
    let sequence = |is_list| {
        prop::collection::vec(entry(is_list), 0..4).prop_map(|entries| Sequence {
            entries,
            span: NOWHERE,
        })
    };
    prop_oneof![
        word().prop_map(Value::Word),
        sequence(true).prop_map(Value::List),
        sequence(false).prop_map(Value::Dictionary),
    ]
}

fn item() -> impl Strategy<Value = Item> {
    let setting = (key(), value()).prop_map(|(key, value)| {
        Item::Setting(Entry {
            key,
            attributes: Vec::new(),
            equals: true,
            value: Some(value),
            span: NOWHERE,
        })
    });
    let include = (any::<bool>(), word()).prop_map(|(readonly, path)| {
        Item::Include(Include {
            readonly,
            path,
            span: NOWHERE,
        })
    });
    let leaf = prop_oneof![4 => setting, 1 => include];
    leaf.prop_recursive(4, 24, 4, |inner| {
        (
            key(),
            prop::option::of(word()),
            prop::collection::vec(inner, 0..4),
        )
            .prop_map(|(kind, name, items)| {
                Item::Scope(Block {
                    header: [kind].into_iter().chain(name).collect(),
                    attributes: Vec::new(),
                    items,
                    span: NOWHERE,
                })
            })
    })
}

/// The tree without spans and without the form of words, which the printer may change.
fn skeleton(items: &[Item]) -> String {
    let mut text = format!("{items:?}");
    for part in ["form: Bare", "form: Quoted", "form: Regex"] {
        text = text.replace(part, "");
    }
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("span: Span {") {
        out.push_str(before);
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    out + rest
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        nothing_breaks(&text)?;
    }

    #[test]
    fn any_soup_of_tokens_is_answered(text in soup()) {
        nothing_breaks(&text)?;
    }

    #[test]
    fn a_printed_tree_parses_to_itself(items in prop::collection::vec(item(), 0..6)) {
        let text = print(&items);
        let (again, diagnostics) = parse(SourceId(0), &text);
        let messages: Vec<&str> = diagnostics.iter().map(|one| one.message.as_str()).collect();
        prop_assert!(messages.is_empty(), "{text}\n{messages:?}");
        prop_assert_eq!(skeleton(&again), skeleton(&items), "{}", text);
    }
}
