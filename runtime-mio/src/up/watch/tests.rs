//! Goal: sums and owners are read from the console's JSON as they are meant. Method: plain examples.

use serde_json::json;

use super::{owner, total};

#[test]
fn a_tree_sums_its_outermost_prefixes() {
    let tree = json!({ "rows": [
        { "prefix": "127.0.0.0/8", "count": 5 },
        { "prefix": "127.0.0.1/32", "count": 3 },
        { "prefix": "127.0.0.2/32", "count": 2 },
        { "prefix": "192.0.2.1/32", "count": 1 },
    ]});
    assert_eq!(total(&tree), Some(6));
    assert_eq!(total(&json!({ "rows": [] })), Some(0));
    assert_eq!(total(&json!({ "report": "failed" })), None);
}

#[test]
fn an_address_on_its_way_has_no_owner() {
    let row = |ownership: &str| {
        json!({ "ownership": ownership, "members": [
            { "node": "n1", "owner": false }, { "node": "n2", "owner": true } ]})
    };
    assert_eq!(owner(&row("owned")).as_deref(), Some("n2"));
    assert_eq!(owner(&row("moving")), None);
}
