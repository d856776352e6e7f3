//! The target that must fail: it panics on a word that no file of its corpus holds whole, and that the mutator
//! can only reach by building on inputs that came closer. If CI's short campaign does not find it, the campaign
//! is not looking.

use crate::{Marks, Target};

/// The target.
pub const TARGET: Target = Target {
    name: "canary",
    about: "fails on one word of four bytes: it shows that a campaign finds what there is to find",
    run,
    limit: 64,
    words: &[],
};

const WORD: [u8; 4] = [0xc0, 0x1d, 0xca, 0xfe];

/// Fails if the input begins with the word.
///
/// # Panics
/// That is what it is for.
pub fn run(input: &[u8], marks: &mut Marks) {
    let right = WORD
        .iter()
        .zip(input)
        .take_while(|(want, have)| want == have)
        .count();
    marks.hit(right);
    assert!(right < WORD.len(), "the canary sings");
}
