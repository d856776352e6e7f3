//! Goal: places are counted as people count, in every kind of text.
//! Method: offsets and places written down by hand.

use super::*;

fn source(text: &str) -> Sources {
    let mut sources = Sources::new();
    sources.add("f", text);
    sources
}

#[test]
fn lines_and_columns_start_at_one_and_count_characters() {
    let sources = source("ab\r\n\u{e9}x\n\nlast");
    let source = sources.get(SourceId(0)).unwrap();
    let at = |offset| {
        let place = source.place(offset);
        (place.line, place.column)
    };
    assert_eq!(at(0), (1, 1));
    assert_eq!(at(1), (1, 2));
    assert_eq!(at(4), (2, 1));
    assert_eq!(at(6), (2, 2)); // behind a character of two bytes
    assert_eq!(at(8), (3, 1));
    assert_eq!(at(13), (4, 5)); // the end
    assert_eq!(at(999), (4, 5)); // behind it
    assert_eq!(source.line(1), "ab");
    assert_eq!(source.line(4), "last");
    assert_eq!((source.line(0), source.line(5)), ("", ""));
}

#[test]
fn a_span_of_no_text_is_harmless() {
    let sources = source("abc");
    assert_eq!(sources.slice(Span::new(SourceId(7), 0, 9)), "");
    assert_eq!(sources.slice(Span::new(SourceId(0), 2, 9)), "");
    assert_eq!(sources.slice(Span::new(SourceId(0), 1, 3)), "bc");
    assert_eq!(sources.locate(Span::new(SourceId(7), 0, 0)), "");
    assert_eq!(sources.locate(Span::new(SourceId(0), 2, 3)), "f:1:3");
    let joined = Span::new(SourceId(0), 4, 5).to(Span::new(SourceId(1), 8, 9));
    assert_eq!(joined, Span::new(SourceId(0), 4, 5));
}
