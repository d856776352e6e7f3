//! Goal: numbers, times and addresses are read exactly, and nothing else passes for one.
//! Method: tables of words and what they mean; `None` for what must be refused.

use core::time::Duration;

use super::*;

#[test]
fn flags_are_the_ten_words() {
    for word in ["true", "ON", "Enabled", "yes", "1"] {
        assert_eq!(flag(word), Some(true), "{word}");
    }
    for word in ["false", "off", "DISABLED", "no", "0"] {
        assert_eq!(flag(word), Some(false), "{word}");
    }
    for word in ["", "2", "t", "truee"] {
        assert_eq!(flag(word), None, "{word}");
    }
}

#[test]
fn numbers_are_digits() {
    assert_eq!(count("0018"), Some(18));
    assert_eq!(count("18446744073709551615"), Some(u64::MAX));
    for word in [
        "",
        "+1",
        "-1",
        "1.0",
        "1e3",
        "0x10",
        "18446744073709551616",
        "١",
    ] {
        assert_eq!(count(word), None, "{word}");
    }
    assert_eq!(octal("0640"), Some(0o640));
    assert_eq!(octal("7777"), Some(0o7777));
    for word in ["", "0888", "10000", "rw", "+640"] {
        assert_eq!(octal(word), None, "{word}");
    }
}

#[test]
fn times_are_exact() {
    assert_eq!(seconds("5"), Some(Duration::from_secs(5)));
    assert_eq!(seconds("1.0"), Some(Duration::from_secs(1)));
    assert_eq!(seconds(".25"), Some(Duration::from_millis(250)));
    assert_eq!(
        seconds("0.1234567891"),
        Some(Duration::from_nanos(123_456_789))
    );
    for word in ["", "1.", "-1", "1.2.3", "1s", "1,5", "99999999999999999999"] {
        assert_eq!(seconds(word), None, "{word}");
    }
}

#[test]
fn socket_addresses_in_every_spelling() {
    let table = [
        ("192.0.2.1:26", Some("192.0.2.1:26")),
        ("192.0.2.1", Some("192.0.2.1:25")),
        ("*:26", Some("0.0.0.0:26")),
        (":26", Some("0.0.0.0:26")),
        ("*", Some("0.0.0.0:25")),
        ("[::1]:26", Some("[::1]:26")),
        ("[::1]", Some("[::1]:25")),
        ("::1", Some("[::1]:25")),
        ("[*]:26", Some("[::]:26")),
        ("", None),
        ("[]:26", None),
        ("[::1]26", None),
        ("[::1", None),
        ("2001:db8::1:99999", None),
        ("192.0.2.1:0", None),
        ("192.0.2.1:65536", None),
        ("192.0.2.1:", None),
        ("localhost:25", None),
        ("a:b:c", None),
    ];
    for (text, expected) in table {
        let expected = expected.map(|text| text.parse().unwrap());
        assert_eq!(socket(text, 25), expected, "{text}");
    }
}

#[test]
fn listen_addresses_carry_a_backlog() {
    let address = listen_address("192.0.2.1:25,200~4", 25).unwrap();
    assert_eq!(address.backlog, Some(200));
    assert_eq!(listen_address("[::1]:25,7", 25).unwrap().backlog, Some(7));
    assert_eq!(
        listen_address("/tmp/x", 25).unwrap().endpoint,
        Endpoint::Unix("/tmp/x".into())
    );
    for word in [
        "192.0.2.1:25,",
        "192.0.2.1:25,x",
        "192.0.2.1:25,1~",
        "host,1",
    ] {
        assert_eq!(listen_address(word, 25), None, "{word}");
    }
}
