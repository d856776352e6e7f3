//! Goal: every form of the reference is read as Spread reads it, and what Spread reads by accident is refused.
//! Method: a table.

extern crate std;

use std::string::ToString;

use super::Address;

#[test]
fn every_form_and_what_is_none() {
    let tcp = |host: &str, port| {
        Some(Address::Tcp {
            host: host.into(),
            port,
        })
    };
    let unix = |path: &str| Some(Address::Unix(path.into()));
    let cases = [
        ("", unix("/tmp/4803")),
        ("4804", unix("/tmp/4804")),
        ("./bus", unix("./bus")),
        ("4803@localhost", tcp("localhost", 4803)),
        ("4803@127.0.0.2", tcp("127.0.0.2", 4803)),
        ("4803@::1", tcp("::1", 4803)),
        ("[::1]:4803", tcp("::1", 4803)),
        ("bus1:1", tcp("bus1", 1)),
        ("::1:4803", None),
        ("70000", None), // Spread takes this for another port
        ("0", None),
        ("+4803", None),
        ("4803@", None),
        ("@host", None),
        ("4803x@host", None),
        ("host:", None),
        (":4803", None),
        ("host", None),
    ];
    for (text, expected) in cases {
        let read = text.parse::<Address>().ok();
        assert_eq!(read, expected, "{text:?}");
        if let Some(address) = read {
            assert_eq!(address.to_string().parse(), Ok(address), "{text:?}");
        }
    }
}
