//! Goal: docs/defects.md is about the defects that there are. Method: the names in its table against the list.

use std::{fs, path::Path};

use ringfort_machine::defect::Defect;

#[test]
fn the_table_names_every_defect_once_and_in_order() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/defects.md");
    let page = fs::read_to_string(path).expect("docs/defects.md is there");
    let names: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name)
        .collect();
    let all: Vec<&str> = Defect::ALL.iter().map(|defect| defect.name()).collect();
    assert_eq!(names, all, "write it anew: the page says how");
}
