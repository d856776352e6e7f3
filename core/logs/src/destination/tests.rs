//! Destinations of the reference and of the users' own configurations, and what is wrong with others.

extern crate std;

use std::{string::String, vec::Vec};

use super::{Destination, DestinationError};
use crate::disk::Path;

fn log(directory: &str, subscribers: &[&str]) -> Result<Destination, DestinationError> {
    Ok(Destination::Log {
        directory: Path::from(directory),
        subscribers: subscribers
            .iter()
            .map(|name| String::from(*name))
            .collect::<Vec<_>>(),
    })
}

#[test]
fn destinations_of_the_field() {
    let mainlog = "/var/log/ecelerity/mainlog.cluster";
    for (text, expected) in [
        (
            "cluster:///var/log/ecelerity/mainlog.cluster=>master",
            log(mainlog, &["master"]),
        ),
        (
            "jlog:///var/log/ecelerity/mainlog.cluster",
            log(mainlog, &[]),
        ),
        (
            "cluster:///var/log/ecelerity/mainlog.cluster?subscribers=a,b, a",
            log(mainlog, &["a", "b"]),
        ),
        ("cluster:///logs/x/=>west", log("/logs/x", &["west"])),
        (
            "/var/log/mainlog",
            Ok(Destination::File("/var/log/mainlog".into())),
        ),
        (
            "file:///var/log/mainlog",
            Ok(Destination::File("/var/log/mainlog".into())),
        ),
    ] {
        assert_eq!(Destination::parse(text), expected, "{text}");
    }
}

#[test]
fn mistakes_are_named() {
    use DestinationError as Error;
    for (text, expected) in [
        ("", Error::Empty),
        ("cluster://", Error::Empty),
        ("http:///x", Error::Scheme("http".into())),
        ("cluster://var/log", Error::Relative("var/log".into())),
        ("cluster:///x?readers=a", Error::Query("readers=a".into())),
        ("cluster:///x=>", Error::Subscriber(String::new())),
        (
            "cluster:///x?subscribers=a,,b",
            Error::Subscriber(String::new()),
        ),
    ] {
        assert_eq!(Destination::parse(text), Err(expected), "{text}");
    }
}
