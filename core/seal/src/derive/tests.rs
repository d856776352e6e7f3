//! Goal: derivations are HKDF-SHA256 (RFC 5869) with the labels written down. Method: figures computed by another
//! implementation (Python's hmac and cryptography).

use super::*;

fn counting(from: u8) -> Secret {
    Secret::new(core::array::from_fn(|at| from + at as u8))
}

#[test]
fn extract_is_hmac_of_the_parts_under_the_context() {
    let secret = extract(&[b"context", b"more"], &[&counting(0), &counting(32)]);
    assert_eq!(
        secret.to_text(),
        "60436a89c68f83f2e67f99c516db7032a13b527f544428c35d13681340df2ec8"
    );
}

#[test]
fn expand_has_domain_label_and_context() {
    let secret = expand(&counting(0), b"label", &[b"1234", b"5678"]);
    assert_eq!(
        secret.to_text(),
        "7d5a5eef07fcef64b99a7fc1dfb1b74e3d2f98f99de54b10d9d85c702950afe6"
    );
}
