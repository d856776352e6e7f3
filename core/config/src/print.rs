//! A syntax tree as text that parses to the same tree. Comments and layout are gone: this writes a
//! configuration that was put together by a program, it does not edit one that people wrote.

use alloc::string::String;

use crate::{
    lex::is_bare,
    tree::{Attribute, Block, Entry, Form, Item, Value, Word},
};

/// `items` as text, four spaces for each level.
pub fn print(items: &[Item]) -> String {
    let mut out = String::new();
    print_items(&mut out, items, 0);
    out
}

fn print_items(out: &mut String, items: &[Item], depth: usize) {
    for item in items {
        out.push_str(&"    ".repeat(depth));
        match item {
            Item::Include(include) => {
                out.push_str(if include.readonly {
                    "readonly_include "
                } else {
                    "include "
                });
                print_word(out, &include.path);
            }
            Item::Setting(entry) => print_entry(out, entry, depth),
            Item::Scope(block) => print_block(out, block, depth),
        }
        out.push('\n');
    }
}

fn print_block(out: &mut String, block: &Block, depth: usize) {
    for word in &block.header {
        print_word(out, word);
        out.push(' ');
    }
    print_attributes(out, &block.attributes);
    out.push_str("{\n");
    print_items(out, &block.items, depth + 1);
    out.push_str(&"    ".repeat(depth));
    out.push('}');
}

fn print_attributes(out: &mut String, attributes: &[Attribute]) {
    if attributes.is_empty() {
        return;
    }
    out.push('<');
    for (index, attribute) in attributes.iter().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        print_word(out, &attribute.key);
        out.push('=');
        print_word(out, &attribute.value);
        if attribute.value.form == Form::Regex {
            out.push(' '); // only white space ends a regex token
        }
    }
    out.push_str("> ");
}

fn print_entry(out: &mut String, entry: &Entry, depth: usize) {
    print_word(out, &entry.key);
    out.push(' ');
    print_attributes(out, &entry.attributes);
    if entry.equals {
        out.push_str("= ");
    }
    let (open, entries, close) = match &entry.value {
        None => return,
        Some(Value::Word(word)) => return print_word(out, word),
        Some(Value::Block(block)) => return print_block(out, block, depth),
        Some(Value::List(list)) => ("(\n", &list.entries, ')'),
        Some(Value::Dictionary(dictionary)) => ("[\n", &dictionary.entries, ']'),
    };
    out.push_str(open);
    for entry in entries {
        out.push_str(&"    ".repeat(depth + 1));
        print_entry(out, entry, depth + 1);
        out.push('\n');
    }
    out.push_str(&"    ".repeat(depth));
    out.push(close);
}

fn print_word(out: &mut String, word: &Word) {
    let plain = !word.text.is_empty()
        && word.text.bytes().all(is_bare)
        && !word.text.starts_with(['/', ',', '\u{feff}'])
        && !word.text.ends_with(',');
    match word.form {
        Form::Regex => return out.push_str(&word.text),
        Form::Bare if plain => return out.push_str(&word.text),
        Form::Bare | Form::Quoted => {}
    }
    out.push('"');
    for character in word.text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\r' => out.push_str("\\r"),
            _ => out.push(character),
        }
    }
    out.push('"');
}
