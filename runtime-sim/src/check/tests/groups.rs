//! Groups: views, messages and who gets them, in traces written by hand.

use super::*;

fn groups(rest: &[String]) -> Result<(), &'static str> {
    judge(&format!(
        "{}{TOGETHER}{}",
        run(r#""groups""#),
        rest.concat()
    ))
}

#[test]
#[allow(
    clippy::too_many_lines,
    reason = "one table of lines and what each breaks"
)]
fn group_views_and_messages() {
    let join = |p: &str, client: &str| {
        at(
            1,
            &format!(r#""ev":"join","p":"{p}","client":"{client}","group":"g""#),
        )
    };
    let view = |client: &str, id: &str, members: &str, cause: &str, more: &str| {
        at(
            1,
            &format!(
                r#""ev":"view","p":"n1#1","client":"{client}","group":"g","view":"{id}","members":[{members}],"cause":"{cause}"{more}"#
            ),
        )
    };
    let sent = |m: &str| {
        at(
            1,
            &format!(
                r#""ev":"gsend","p":"n1#1","client":"x","m":"{m}","groups":["g"],"level":"agreed""#
            ),
        )
    };
    let got = |client: &str, m: &str| {
        at(
            1,
            &format!(
                r#""ev":"gdeliver","p":"n1#1","client":"{client}","group":"g","m":"{m}","level":"agreed""#
            ),
        )
    };
    let both = [
        join("n1#1", "x"),
        view("x", "v1", r#""x""#, "join", ""),
        join("n2#1", "y"),
        view("x", "v2", r#""x","y""#, "join", ""),
        view("y", "v2", r#""x","y""#, "join", ""),
        sent("m1"),
        sent("m2"),
    ]
    .concat();
    let settle = at(40, r#""ev":"cut","from":"n1","to":"n2""#);
    assert_eq!(
        groups(&[both.clone(), got("x", "m1"), got("y", "m1"), settle]),
        Ok(())
    );
    assert_eq!(
        groups(&[both.clone(), got("x", "m1"), got("x", "m1")]),
        Err("groups"),
        "twice"
    );
    assert_eq!(
        groups(&[both.clone(), got("x", "m3")]),
        Err("groups"),
        "nobody sent it"
    );
    let crossed = [
        got("x", "m1"),
        got("x", "m2"),
        got("y", "m2"),
        got("y", "m1"),
    ]
    .concat();
    assert_eq!(
        groups(&[both.clone(), crossed]),
        Err("groups"),
        "two orders"
    );
    let unequal = view("y", "v3", r#""y""#, "leave", "");
    assert_eq!(
        groups(&[
            both.clone(),
            view("x", "v3", r#""x","y""#, "leave", ""),
            unequal
        ]),
        Err("groups"),
        "one id, two views"
    );
    let left = [view("y", "v3", r#""x""#, "leave", ""), got("y", "m1")].concat();
    assert_eq!(
        groups(&[both.clone(), left]),
        Err("groups"),
        "after leaving"
    );
    let leave = at(1, r#""ev":"leave","p":"n2#1","client":"y","group":"g""#);
    let without = |cause: &str| view("x", "v5", r#""x""#, cause, "");
    assert_eq!(groups(&[both.clone(), leave, without("leave")]), Ok(()));
    for cause in ["leave", "disconnect", "join"] {
        let gone = groups(&[both.clone(), without(cause)]);
        assert_eq!(gone, Err("groups"), "nobody did that: {cause}");
    }
    let with = r#","with":["x","y"]"#;
    let network = [
        got("x", "m1"),
        view("x", "v4", r#""x","y""#, "network", with),
        view("y", "v4", r#""x","y""#, "network", with),
    ]
    .concat();
    assert_eq!(
        groups(&[both, network.replace("\"m1\"", "\"m2\"")]),
        Ok(()),
        "own messages may be discarded"
    );
}
