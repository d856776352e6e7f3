//! Goal: parameters survive the way through text. Method: drawn options of many seeds, and lines that are wrong.

use std::time::Duration;

use super::*;

#[test]
fn drawn_options_come_back_from_their_lines() {
    for seed in 0..60 {
        let options = Options::draw(seed, None, Duration::from_millis(12_345));
        let mut back = Options::quiet_with(seed, options.nodes.clone());
        for setting in options.settings() {
            back.set(&setting).unwrap();
        }
        assert_eq!(back, options, "seed {seed}");
    }
    let quiet = Options::quiet_with(1, Options::quiet(1, 4).nodes);
    assert_eq!(quiet.settings(), []);
}

#[test]
fn wrong_lines_say_what_is_wrong() {
    let mut options = Options::quiet(1, 2);
    let mut set = |path: &str, value: &str| {
        let (path, value) = (path.to_owned(), value.to_owned());
        options
            .set(&Setting { path, value })
            .unwrap_err()
            .to_string()
    };
    assert!(set("weather.sunshine", "1").contains("no parameter `weather.sunshine`"));
    assert!(set("weather.loss_millionths", "\"much\"").contains("loss_millionths = \"much\""));
    assert!(set("faults", "[\"locusts\"]").contains("locusts"));
    assert!(set("faults_for", "\"soon\"").contains("no time"));
    assert!(set("vips", "[\"here\"]").contains("no network"));
    for (path, value, says) in [
        ("nodes", "[]", "no parameter"),
        ("weather.loss_millionths", "1000001", "at most 1000000"),
        ("load.probe_ns", "0", "apart"),
        ("drift_millionths", "18446744073709551615", "500000"),
        ("mature_ns", "18446744073709551615", "an hour"),
    ] {
        assert!(set(path, value).contains(says), "{path} = {value}");
    }
    assert_eq!(options, Options::quiet(1, 2));
}

#[test]
fn times_are_written_as_short_as_they_are() {
    for (nanos, text) in [
        (0, "0s"),
        (1_000_000_000, "1s"),
        (1_250_000_000, "1.25s"),
        (1, "0.000000001s"),
    ] {
        assert_eq!(time::format(Duration::from_nanos(nanos)), text);
        assert_eq!(time::parse(text), Some(Duration::from_nanos(nanos)));
    }
    for wrong in ["1", "s", "1.0000000001s", "-1s", "1.5.2s", "1.+5s"] {
        assert_eq!(time::parse(wrong), None, "{wrong}");
    }
}
