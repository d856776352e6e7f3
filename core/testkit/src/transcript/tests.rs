//! The runner's own promises: stories survive parsing and rendering, and a wrong output is found.

use super::{Transcript, spaced};

const STORY: &str = "\
# A story.
add 1 2
----
3

add 3 4 base=8
more
----
7

# The end.
";

#[test]
fn a_story_survives() {
    let story = Transcript::parse(STORY).unwrap();
    assert_eq!(story.render(), STORY);
    assert_eq!(story.steps[1].input, ["more"]);
    assert_eq!(story.steps[1].option("base"), Some("8"));
    assert_eq!(story.steps[1].option("bas"), None);
    assert_eq!(story.steps[1].number(0), 3);
    assert_eq!(story.steps[1].line, 6);
}

#[test]
fn outputs_are_compared_and_rewritten() {
    let story = Transcript::parse(STORY).unwrap();
    let sum = story.replay(|step| (step.number(0) + step.number(1)).to_string());
    assert_eq!(sum, story);
    let other = story.replay(|_| "a\n\nb".to_owned());
    assert_ne!(other, story);
    let again = Transcript::parse(&spaced(&other).render()).unwrap();
    assert_eq!(again.steps[0].expected, "a\n.\nb\n");
}

#[test]
fn a_new_story_gets_its_empty_lines() {
    let story = Transcript::parse("one\n----\n\ntwo\n----\n").unwrap();
    let filled = story.replay(|step| step.command.clone());
    assert_eq!(
        spaced(&filled).render(),
        "one\n----\none\n\ntwo\n----\ntwo\n"
    );
}

#[test]
fn a_command_without_a_rule_is_an_error() {
    assert!(Transcript::parse("one\n").unwrap_err().contains("line 1"));
}
