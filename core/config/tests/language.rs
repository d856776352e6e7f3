//! Goal: every odd case of the language (reference 2.1, 2.2) has the meaning that the reference gives it.
//! Method: small texts, and the tree they give, written down as one line.

use ringfort_config::{
    SourceId, parse, print,
    tree::{Block, Entry, Item, Sequence, Value},
};

/// The tree as one line: `key=value`, `key:[…]` without `=`, `"…"` never shown.
fn shape(text: &str) -> String {
    let (items, diagnostics) = parse(SourceId(0), text);
    let messages: Vec<&str> = diagnostics.iter().map(|one| one.message.as_str()).collect();
    assert!(messages.is_empty(), "{text}: {messages:?}");
    items_shape(&items)
}

fn items_shape(items: &[Item]) -> String {
    let shapes: Vec<String> = items
        .iter()
        .map(|item| match item {
            Item::Include(include) => {
                format!(
                    "{}({})",
                    if include.readonly {
                        "readonly"
                    } else {
                        "include"
                    },
                    include.path.text
                )
            }
            Item::Setting(entry) => entry_shape(entry),
            Item::Scope(block) => block_shape(block),
        })
        .collect();
    shapes.join(" ; ")
}

fn block_shape(block: &Block) -> String {
    let words: Vec<&str> = block.header.iter().map(|word| word.text.as_str()).collect();
    let attributes: Vec<String> = block
        .attributes
        .iter()
        .map(|one| format!("<{}={}>", one.key.text, one.value.text))
        .collect();
    format!(
        "{}{}{{{}}}",
        words.join("|"),
        attributes.concat(),
        items_shape(&block.items)
    )
}

fn entry_shape(entry: &Entry) -> String {
    let attributes: Vec<String> = entry
        .attributes
        .iter()
        .map(|one| format!("<{}={}>", one.key.text, one.value.text))
        .collect();
    let key = format!("{}{}", entry.key.text, attributes.concat());
    let sequence = |sequence: &Sequence| {
        let entries: Vec<String> = sequence.entries.iter().map(entry_shape).collect();
        entries.join(" ")
    };
    let sign = if entry.equals { "=" } else { ":" };
    match &entry.value {
        None => key,
        Some(Value::Word(word)) => format!("{key}{sign}{}", word.text),
        Some(Value::List(list)) => format!("{key}{sign}({})", sequence(list)),
        Some(Value::Dictionary(pairs)) => format!("{key}{sign}[{}]", sequence(pairs)),
        Some(Value::Block(block)) => format!("{key}{sign}{}", block_shape(block)),
    }
}

/// Text and shape.
const CASES: &[(&str, &str)] = &[
    // Words.
    ("a = *:25,200~4", "a=*:25,200~4"),
    ("a = user@host%b", "a=user@host%b"),
    ("a = c:\\x?y!&;z|+-~_.", "a=c:\\x?y!&;z|+-~_."),
    ("a=/tmp/2026", "a=/tmp/2026"),
    ("a = digest:///opt/x", "a=digest:///opt/x"),
    ("a = b#c\nd = e", "a=b ; d=e"),
    ("a = b // d = e", ""),
    ("a = /var/*", "a=/var/*"),
    ("a = größe", "a=größe"),
    ("\u{feff}a = b", "a=b"),
    // Strings.
    ("a = \"x # y\"", "a=x # y"),
    ("a = 'x \"y\" z'", "a=x \"y\" z"),
    ("a = \"x \\\"y\\\" \\\\ \\d\\. z\"", "a=x \"y\" \\ \\d\\. z"),
    ("a = \"1\\r\\n2\"", "a=1\r\n2"),
    ("a = \"SELECT *\n  FROM t\"", "a=SELECT *\n  FROM t"),
    ("a = \"\" b = ''", "a= ; b="),
    ("a = \"128\" b = 128", "a=128 ; b=128"),
    // Comments.
    ("# x\na /* y */ = /* z\n # { */ b # {", "a=b"),
    // Lists.
    ("a = ()", "a=()"),
    ("a = ( b c )", "a=(b c)"),
    ("a = ( \"b\", \"c\" )", "a=(b c)"),
    ("a = ( b, c,d , e )", "a=(b c,d e)"),
    (
        "a = ( b <x=\"1\" y=2> [ c = d ] e )",
        "a=(b<x=1><y=2>:[c=d] e)",
    ),
    ("a ( b )", "a:(b)"),
    ("a = ( b = c d = [ e ] )", "a=(b=c d=[e])"),
    // Dictionaries.
    ("logs [ a = b c = \"d\" ]", "logs:[a=b c=d]"),
    ("logs = [ ]", "logs=[]"),
    ("192.168.0.0/24 [ x = y ]", "192.168.0.0/24:[x=y]"),
    (
        "a = [ 10.0.0.0/8 = ( p [ i = 3 ] continue ) ]",
        "a=[10.0.0.0/8=(p:[i=3] continue)]",
    ),
    ("a = [ b b = c b = d b [ e ] ]", "a=[b b=c b=d b:[e]]"),
    (
        "a = [ mta1.example.com = x fe80::/10 = y ]",
        "a=[mta1.example.com=x fe80::/10=y]",
    ),
    ("r [ type = x ] r [ type = y ]", "r:[type=x] ; r:[type=y]"),
    // IPv6 in brackets is a word; everything else in brackets is a dictionary.
    (
        "a = ( [2001:db8::1]:25,200 [::]:25 [*]:25 [fe80::1%eth0]:25 )",
        "a=([2001:db8::1]:25,200 [::]:25 [*]:25 [fe80::1%eth0]:25)",
    ),
    ("a = ( *:25\n [::1]:25 )", "a=(*:25 [::1]:25)"),
    ("a [b:c = d]", "a:[b:c=d]"),
    ("a [ab:1]", "a:[ab:1]"),
    // Scopes.
    ("a {}", "a{}"),
    ("a \"b\"\n{\n c = d }", "a|b{c=d}"),
    ("Logger x/y z passive { }", "Logger|x/y|z|passive{}"),
    (
        "Binding b <duravip=\"enabled\"> { c = d }",
        "Binding|b<duravip=enabled>{c=d}",
    ),
    ("a { b { c { } } } a { }", "a{b{c{}}} ; a{}"),
    (
        "Domain /^(a|b)[.]\"x\"$/ { y = 1 }",
        "Domain|/^(a|b)[.]\"x\"$/{y=1}",
    ),
    ("Domain /a\\/b/{ }", "Domain|/a\\/b/{}"),
    ("Domain \"/a b/\" { }", "Domain|/a b/{}"),
    ("a = { b = c }", "a={b=c}"),
    ("Replicate = \"x\" { b = c }", "Replicate|x{b=c}"),
    // Includes, anywhere, and only where a path follows.
    (
        "include \"x\" a { readonly_include y.conf }",
        "include(x) ; a{readonly(y.conf)}",
    ),
    ("include = x", "include=x"),
    (
        "include eccmgr://u:p@h:2026/boot/x",
        "include(eccmgr://u:p@h:2026/boot/x)",
    ),
];

#[test]
fn odd_cases() {
    for (text, expected) in CASES.iter().filter(|(_, expected)| !expected.is_empty()) {
        assert_eq!(shape(text), *expected, "{text}");
    }
}

#[test]
fn what_is_printed_is_the_same_tree() {
    for (text, expected) in CASES.iter().filter(|(_, expected)| !expected.is_empty()) {
        let (items, _) = parse(SourceId(0), text);
        assert_eq!(shape(&print(&items)), *expected, "{text}");
    }
}

#[test]
fn two_slashes_are_no_comment() {
    let (_, diagnostics) = parse(SourceId(0), "a = b // d = e");
    assert_eq!(diagnostics.len(), 1);
}

#[test]
fn spans_are_those_of_the_words() {
    let text = "cluster {\n  name = \"v w\"\n}";
    let (items, _) = parse(SourceId(3), text);
    let Item::Scope(block) = &items[0] else {
        panic!("a scope");
    };
    let Item::Setting(entry) = &block.items[0] else {
        panic!("a setting");
    };
    let span = entry.value.as_ref().unwrap().span();
    assert_eq!(span.source, SourceId(3));
    assert_eq!(&text[span.start as usize..span.end as usize], "\"v w\"");
    assert_eq!(
        &text[entry.span.start as usize..entry.span.end as usize],
        "name = \"v w\""
    );
    assert_eq!((block.span.start, block.span.end as usize), (0, text.len()));
}

#[test]
fn deep_nesting_is_refused_and_not_overflown() {
    let limit = ringfort_config::NESTING_LIMIT;
    let nested = |depth: usize| format!("{}{}", "a { ".repeat(depth), "}".repeat(depth));
    assert_eq!(parse(SourceId(0), &nested(limit)).1, []);
    assert_eq!(parse(SourceId(0), &nested(limit + 1)).1.len(), 1);
    assert_eq!(parse(SourceId(0), &"(".repeat(1_000_000)).1.len(), 1);
}
