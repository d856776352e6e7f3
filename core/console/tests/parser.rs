//! Goal: every line means what the reference says, and every other line is refused with what to do instead.
//! Method: tables of lines and their meaning, and random lines.

use proptest::prelude::*;
use ringfort_console::{COMMANDS, Command, Format, Help, ParseError, Place, Scope, parse};

fn meaning(place: Place, line: &str) -> Command {
    let parsed = parse(place, line).unwrap_or_else(|error| panic!("{line}: {error}"));
    assert_eq!(parsed.format, Format::Text, "{line}");
    parsed.command
}

fn refusal(place: Place, line: &str) -> ParseError {
    parse(place, line).expect_err(line)
}

#[test]
fn node_commands() {
    let shared = |object: &str, from: Option<&str>| Command::SharedShow {
        object: object.into(),
        from: from.map(Into::into),
    };
    for (line, command) in [
        ("help", Command::Help),
        ("version", Command::Version),
        ("info", Command::Info),
        ("shutdown", Command::Shutdown),
        ("quit", Command::Quit),
        ("cluster help", Command::ClusterHelp),
        ("cluster info", Command::ClusterInfo),
        ("  CLUSTER\t Membership ", Command::ClusterMembership),
        ("cluster nodename", Command::ClusterNodeName),
        ("cluster nodeaddr", Command::ClusterNodeAddress),
        ("cluster duravip show", Command::DuravipShow),
        ("cluster duravip announce view", Command::DuravipAnnounce),
        (
            "cluster duravip move 10.0.5.139 TO mta2.Example",
            Command::DuravipMove {
                address: [10, 0, 5, 139].into(),
                node: "mta2.Example".into(),
            },
        ),
        ("cluster shared list", Command::SharedList),
        (
            "cluster shared show inbound_cidr",
            shared("inbound_cidr", None),
        ),
        (
            "cluster shared show inbound_cidr from mta1",
            shared("inbound_cidr", Some("mta1")),
        ),
        ("cluster show logs", Command::ShowLogs),
    ] {
        assert_eq!(meaning(Place::Node, line), command);
    }
}

#[test]
fn manager_commands_and_the_text_they_carry() {
    let line = || "sieve:sieve1 flush Cache".into();
    let node = || "Mta1".into();
    for (typed, scope) in [
        (
            "broadcast sieve:sieve1  flush Cache",
            Scope::Broadcast { line: line() },
        ),
        (
            "unicast Mta1 sieve:sieve1 flush Cache",
            Scope::Unicast {
                node: node(),
                line: line(),
            },
        ),
        (
            "retrieve sieve:sieve1 flush Cache",
            Scope::Retrieve { line: line() },
        ),
        (
            "retrieve_node Mta1 sieve:sieve1 flush Cache",
            Scope::RetrieveNode {
                node: node(),
                line: line(),
            },
        ),
        ("flush control cache", Scope::FlushCache),
    ] {
        assert_eq!(meaning(Place::Manager, typed), Command::Routed(scope));
    }
    let show = meaning(Place::Manager, "show cluster membership");
    assert_eq!(show, Command::ShowClusterMembership);
}

#[test]
fn json_is_asked_for_at_either_end() {
    for line in ["--json cluster info", "cluster info --JSON"] {
        let parsed = parse(Place::Node, line).expect(line);
        assert_eq!(
            (parsed.command, parsed.format),
            (Command::ClusterInfo, Format::Json)
        );
    }
    let parsed = parse(Place::Manager, "broadcast cluster info --json").expect("a command");
    let line = "cluster info".into();
    assert_eq!(parsed.command, Command::Routed(Scope::Broadcast { line }));
    assert_eq!(parsed.format, Format::Json);
    assert_eq!(refusal(Place::Node, "--json"), ParseError::Empty);
}

#[test]
fn a_command_in_the_wrong_place_is_refused_with_the_reason() {
    let error = refusal(Place::Manager, "cluster duravip show");
    assert_eq!(
        error,
        ParseError::NodeOnly {
            name: "cluster duravip show"
        }
    );
    let text = error.to_string();
    assert!(text.contains("can only be issued from a node"), "{text}");
    assert!(text.contains("broadcast cluster duravip show"), "{text}");
    let error = refusal(Place::Node, "broadcast version");
    assert_eq!(error, ParseError::ManagerOnly { name: "broadcast" });
    // What is wrong with the place is said before what is wrong with the words.
    let error = refusal(Place::Manager, "cluster duravip move");
    assert_eq!(
        error,
        ParseError::NodeOnly {
            name: "cluster duravip move"
        }
    );
}

#[test]
fn arguments_that_do_not_fit_are_answered_with_the_usage() {
    for (place, line, problem) in [
        (
            Place::Node,
            "cluster duravip move",
            "An address and a node are missing",
        ),
        (
            Place::Node,
            "cluster duravip move 10.0.5 to n",
            "'10.0.5' is not an IP address",
        ),
        (
            Place::Node,
            "cluster duravip move 10.0.5.1 n",
            "Expected <ip> to <node>",
        ),
        (Place::Node, "cluster shared show", "An object is missing"),
        (
            Place::Node,
            "cluster shared show a of b",
            "Expected <object> [from <node>]",
        ),
        (
            Place::Node,
            "cluster info now",
            "'now' is not expected here",
        ),
        (Place::Manager, "broadcast", "A command is missing"),
        (
            Place::Manager,
            "unicast",
            "A node and a command are missing",
        ),
        (Place::Manager, "retrieve_node mta1", "A command is missing"),
    ] {
        let error = refusal(place, line);
        assert!(
            matches!(&error, ParseError::Usage { problem: found, .. } if found == problem),
            "{line}: {error}"
        );
    }
    let error = refusal(Place::Node, "cluster duravip move x to y").to_string();
    assert_eq!(
        error,
        "'x' is not an IP address. Usage: cluster duravip move <ip> to <node>"
    );
}

#[test]
fn an_unknown_command_suggests_the_nearest_one_allowed_here() {
    for (place, line, nearest) in [
        (Place::Node, "cluster membershp", Some("cluster membership")),
        (
            Place::Node,
            "clsuter duravip show",
            Some("cluster duravip show"),
        ),
        (
            Place::Node,
            "cluster duravip moev 1.2.3.4 to n",
            Some("cluster duravip move <ip> to <node>"),
        ),
        (
            Place::Manager,
            "brodcast version",
            Some("broadcast <command>"),
        ),
        (Place::Node, "brodcast version", None),
        (Place::Node, "frobnicate everything", None),
    ] {
        let error = refusal(place, line);
        assert_eq!(
            error,
            ParseError::Unknown {
                line: line.into(),
                nearest
            }
        );
    }
    let text = refusal(Place::Node, "hepl").to_string();
    assert_eq!(text, "Unknown command 'hepl'. Did you mean 'help'?");
    let text = refusal(Place::Node, "xyzzy plugh").to_string();
    assert_eq!(
        text,
        "Unknown command 'xyzzy plugh'. 'help' lists all commands."
    );
}

#[test]
fn long_lines_empty_lines_and_xml_are_refused() {
    let long = "x".repeat(4097);
    let error = refusal(Place::Node, &long);
    assert_eq!(
        error,
        ParseError::TooLong {
            found: 4097,
            limit: 4096
        }
    );
    let ParseError::Unknown { line, .. } = refusal(Place::Node, &long[1..]) else {
        panic!("4096 bytes are accepted");
    };
    assert_eq!(line.len(), 60, "an error repeats little of it");
    assert_eq!(refusal(Place::Node, " \t "), ParseError::Empty);
    assert_eq!(refusal(Place::Node, "XML cluster info"), ParseError::Xml);
}

#[test]
fn help_lists_what_is_allowed_and_every_usage_parses_to_its_own_entry() {
    let usages = |place, cluster| -> Vec<_> {
        let help = Help::of(place, cluster).commands;
        help.into_iter().map(|line| line.usage).collect()
    };
    assert!(
        usages(Place::Node, true)
            .iter()
            .all(|usage| usage.starts_with("cluster "))
    );
    assert!(usages(Place::Manager, true).is_empty());
    assert!(usages(Place::Manager, false).contains(&"broadcast <command>"));
    assert!(!usages(Place::Node, false).contains(&"broadcast <command>"));
    for entry in COMMANDS {
        assert!(entry.usage.starts_with(entry.name));
        let line = entry
            .usage
            .replace("<ip>", "10.0.0.1")
            .replace(['<', '>', '[', ']'], "");
        let place = entry.only.unwrap_or(Place::Node);
        assert!(parse(place, &line).is_ok(), "{line}");
    }
}

proptest! {
    #[test]
    fn no_line_panics(line in ".{0,200}", words in prop::collection::vec("[a-z_<>-]{1,8}|cluster|show|duravip|move|to|--json|unicast", 0..8)) {
        for place in [Place::Node, Place::Manager] {
            for line in [&line, &words.join(" ")] {
                if let Err(error) = parse(place, line) {
                    prop_assert!(!error.to_string().is_empty());
                }
            }
        }
    }
}
