//! Goal: the nearest name is found where a person would see it, and nothing is suggested where not.
//! Method: distances known by hand, and words with and without a near name.

use super::*;

#[test]
fn distances_known_by_hand() {
    let table = [
        ("", "", 0),
        ("", "abc", 3),
        ("abc", "", 3),
        ("kitten", "sitting", 3),
        ("ab", "ba", 1),
        ("Bus", "bUS", 0),
        ("größe", "grösse", 2),
    ];
    for (left, right, expected) in table {
        assert_eq!(distance(left, right), expected, "{left} {right}");
        assert_eq!(distance(right, left), expected, "{right} {left}");
    }
}

#[test]
fn only_near_names_are_suggested() {
    let known = ["interface", "cidrmask", "cidr"];
    assert_eq!(nearest("interfcae", known), Some("interface"));
    assert_eq!(nearest("CIDRmask", known), Some("cidrmask"));
    assert_eq!(nearest("colour", known), None);
    assert_eq!(nearest(&"x".repeat(1000), known), None);
    assert_eq!(nearest("x", []), None);
}
