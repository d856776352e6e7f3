//! Goal: X25519 is X25519, keys as text are read as they were written, and secrets are not printed. Method: the
//! vectors of RFC 7748 (section 6.1), and text that is no key.

use alloc::{format, string::ToString};

use super::*;

const ALICE: &str = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
const BOB: &str = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb";

fn identity(secret: &str) -> Identity {
    Identity::new(secret.parse().expect("it is a key"))
}

#[test]
fn the_vectors_of_rfc_7748() {
    let (alice, bob) = (identity(ALICE), identity(BOB));
    assert_eq!(
        alice.public().to_string(),
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    );
    assert_eq!(
        bob.public().to_string(),
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    );
    let shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
    for (one, other) in [(&alice, &bob), (&bob, &alice)] {
        let agreed = one.agree(other.public().bytes()).expect("no low order");
        assert_eq!(agreed.to_text(), shared);
    }
}

#[test]
fn a_point_of_low_order_agrees_on_nothing() {
    let alice = identity(ALICE);
    let mut one = [0; 32];
    one[0] = 1;
    assert!(alice.agree(&[0; 32]).is_none());
    assert!(alice.agree(&one).is_none());
}

#[test]
fn text_that_is_no_key_is_refused() {
    assert_eq!("12".parse::<PublicKey>(), Err(KeyError::Length(2)));
    let odd = ALICE.replace("77", "zz");
    assert_eq!(odd.parse::<PublicKey>(), Err(KeyError::Digit('z')));
    let key: PublicKey = ALICE.to_uppercase().parse().expect("case does not matter");
    assert_eq!(key.to_string(), ALICE);
}

#[test]
fn nothing_secret_is_printed() {
    let alice = identity(ALICE);
    let text = format!("{alice:?} {:?}", alice.secret());
    assert!(
        !text.contains("7707") && !text.contains("77, 07") && !text.contains("119"),
        "{text}"
    );
    assert_eq!(alice.public().fingerprint().len(), 19);
}
