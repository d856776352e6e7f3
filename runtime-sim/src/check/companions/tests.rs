//! Goal: the checker objects to a set that names a stranger, and to nothing else. Method: traces of two clients,
//! written by hand.

use super::Companions;
use crate::{checker::Checker, trace::Event};

/// One view of group `g`, of both clients unless `alone`.
fn view(client: &str, id: &str, cause: &str, alone: bool, with: &str) -> String {
    let members = if alone {
        format!(r#""{client}""#)
    } else {
        r##""#a#n1#1","#b#n2#1""##.to_owned()
    };
    let with = if with.is_empty() {
        String::new()
    } else {
        format!(r#","with":[{with}]"#)
    };
    format!(
        r#"{{"t":1,"ev":"view","p":"n1#1","client":"{client}","group":"g","view":"{id}","members":[{members}],"cause":"{cause}"{with}}}"#
    )
}

fn judge(lines: &[String]) -> Result<(), &'static str> {
    let mut checker = Companions::default();
    for line in lines {
        let event: Event = serde_json::from_str(line).unwrap();
        checker.on(&event).map_err(|violation| violation.checker)?;
    }
    Ok(())
}

const A: &str = "#a#n1#1";
const B: &str = "#b#n2#1";
const BOTH: &str = r##""#a#n1#1","#b#n2#1""##;

#[test]
fn those_who_merge_do_not_name_each_other() {
    let alone = [
        view(A, "1", "join", true, ""),
        view(B, "2", "join", true, ""),
    ];
    let merged = |of_a: &str, of_b: &str| {
        [
            &alone[..],
            &[
                view(A, "3", "transitional", true, ""),
                view(A, "4", "network", false, of_a),
                view(B, "4", "network", false, of_b),
            ],
        ]
        .concat()
    };
    assert_eq!(judge(&merged(r##""#a#n1#1""##, r##""#b#n2#1""##)), Ok(()));
    assert_eq!(judge(&merged(BOTH, BOTH)), Err("companions"));
}

#[test]
fn those_who_were_together_do() {
    let lines = [
        view(A, "1", "join", true, ""),
        view(A, "2", "join", false, ""),
        view(B, "2", "join", false, ""),
        view(A, "3", "network", false, BOTH),
        view(B, "3", "network", false, BOTH),
    ];
    assert_eq!(judge(&lines), Ok(()));
}

#[test]
fn who_has_left_comes_from_nowhere() {
    let lines = [
        view(A, "1", "join", true, ""),
        view(B, "2", "join", true, ""),
        r##"{"t":1,"ev":"view","p":"n2#1","client":"#b#n2#1","group":"g","view":"3","members":["#a#n1#1"],"cause":"leave"}"##.to_owned(),
        view(A, "4", "network", false, BOTH),
        view(B, "4", "network", false, BOTH),
    ];
    assert_eq!(judge(&lines), Ok(()));
}
