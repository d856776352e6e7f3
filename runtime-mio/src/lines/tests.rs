//! Goal: the same lines come out however the stream is cut, and no line grows without bound. Method: cut the
//! same text at arbitrary places and compare with the split of the standard library.

use proptest::prelude::*;

use super::{Lines, TooLong};

#[test]
fn a_carriage_return_is_dropped() {
    let mut lines = Lines::new(100);
    lines.push(b"cluster info\r\n\r\nquit\n");
    assert_eq!(lines.take(), Ok(Some("cluster info".into())));
    assert_eq!(lines.take(), Ok(Some(String::new())));
    assert_eq!(lines.take(), Ok(Some("quit".into())));
    assert_eq!(lines.take(), Ok(None));
}

#[test]
fn a_line_over_the_limit_is_an_error_with_and_without_its_end() {
    let mut lines = Lines::new(4);
    lines.push(b"12345");
    assert_eq!(lines.take(), Err(TooLong));
    let mut lines = Lines::new(4);
    lines.push(b"12345\n");
    assert_eq!(lines.take(), Err(TooLong));
    let mut lines = Lines::new(4);
    lines.push(b"1234\n");
    assert_eq!(lines.take(), Ok(Some("1234".into())));
}

#[test]
fn what_is_not_text_is_replaced() {
    let mut lines = Lines::new(100);
    lines.push(b"\xff\xfe\n");
    assert_eq!(lines.take(), Ok(Some("\u{fffd}\u{fffd}".into())));
}

proptest! {
    #[test]
    fn cuts_do_not_matter(text in "[a-z \n]{0,80}", cut in 1usize..7) {
        let mut lines = Lines::new(1000);
        let mut seen = Vec::new();
        for piece in text.as_bytes().chunks(cut) {
            lines.push(piece);
            while let Some(line) = lines.take().unwrap() {
                seen.push(line);
            }
        }
        let mut expected: Vec<_> = text.split('\n').map(str::to_owned).collect();
        expected.pop(); // what follows the last line end is no line yet
        prop_assert_eq!(seen, expected);
    }
}
