//! Goal: the command line is consistent and its times and sizes are read as written. Method: clap's own check; examples.

use clap::CommandFactory;

use super::*;

#[test]
fn the_definition_is_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn times_have_units() {
    assert_eq!(duration("20s"), Ok(Duration::from_secs(20)));
    assert_eq!(duration("1.5"), Ok(Duration::from_millis(1500)));
    assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
    assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
    for wrong in ["", "s", "5d", "-1s", "1e400"] {
        assert!(duration(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn sizes_have_units() {
    for (text, expected) in [
        ("4096", 4096),
        ("64K", 65_536),
        ("2m", 2 << 20),
        ("1G", 1 << 30),
    ] {
        assert_eq!(bytes(text), Ok(expected));
    }
    for wrong in [
        "",
        "K",
        "-1",
        "1.5G",
        "1T",
        "99999999999999999999",
        "18446744073709551615K",
    ] {
        assert!(bytes(wrong).is_err(), "{wrong}");
    }
}
