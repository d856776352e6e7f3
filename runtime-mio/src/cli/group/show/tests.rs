//! Goal: what others say cannot drive a terminal, and JSON keeps every byte. Method: examples.

use super::{escaped, hex};

#[test]
fn control_characters_are_escaped() {
    assert_eq!(escaped("plain \u{e9}\t".as_bytes()), "plain \u{e9}\t");
    assert_eq!(escaped(b"\x1b[2J\r\n\x07"), "\\u{1b}[2J\\r\\n\\u{7}");
    assert_eq!(escaped(&[0xff, b'a']), "\u{fffd}a");
    assert_eq!(hex(&[0, 0xff, 0x1b]), "00ff1b");
}
