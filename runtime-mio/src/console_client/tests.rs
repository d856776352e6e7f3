//! Goal: targets are told from commands, answers from prompts, failures from answers. Method: plain examples.

use super::{Target, is_failure, without_prompt};

#[test]
fn a_target_is_a_path_or_an_address_with_a_port() {
    assert_eq!(
        Target::parse("/tmp/2025"),
        Some(Target::Unix("/tmp/2025".into()))
    );
    assert_eq!(
        Target::parse("./control"),
        Some(Target::Unix("./control".into()))
    );
    assert_eq!(
        Target::parse("mta1:2025"),
        Some(Target::Tcp("mta1:2025".into()))
    );
    assert_eq!(
        Target::parse("[::1]:2025"),
        Some(Target::Tcp("[::1]:2025".into()))
    );
    for command in ["cluster", "help", "mta1:", ":2025", "mta1:http"] {
        assert_eq!(Target::parse(command), None, "{command}");
    }
}

#[test]
fn the_prompt_in_front_of_an_answer_is_dropped() {
    assert_eq!(without_prompt("11:22:33 /tmp/2025> n1\n"), "n1\n");
    assert_eq!(without_prompt("n1 > n2\n"), "n1 > n2\n");
    assert_eq!(without_prompt(""), "");
}

#[test]
fn failures_are_recognised() {
    assert!(is_failure(
        "Unknown command 'x'. 'help' lists all commands.\n"
    ));
    assert!(is_failure(
        "{\"report\":\"failed\",\"reason\":\"no such node\"}\n"
    ));
    assert!(!is_failure("{\"report\":\"node-name\",\"name\":\"n1\"}\n"));
    assert!(!is_failure("n1\n"));
}
