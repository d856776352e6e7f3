//! The header against bytes laid out by hand from the specification.

extern crate std;

use std::vec::Vec;

use super::header;

const SIGNATURE: [u8; 12] = [
    0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
];

#[test]
fn ipv4() {
    let bytes = header(
        ([192, 0, 2, 1], 0x1234).into(),
        ([198, 51, 100, 2], 25).into(),
    );
    let mut expected = Vec::from(SIGNATURE);
    expected.extend([
        0x21, 0x11, 0, 12, 192, 0, 2, 1, 198, 51, 100, 2, 0x12, 0x34, 0, 25,
    ]);
    assert_eq!(bytes, expected);
}

#[test]
fn mixed_families_are_written_as_ipv6() {
    let server = "[2001:db8::2]:25".parse().expect("an address");
    let bytes = header(([192, 0, 2, 1], 1).into(), server);
    assert_eq!(bytes[12..16], [0x21, 0x21, 0, 36]);
    assert_eq!(bytes[26..32], [0xff, 0xff, 192, 0, 2, 1]);
    assert_eq!(bytes.len(), 52);
}
