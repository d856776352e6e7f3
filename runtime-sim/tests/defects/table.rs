//! docs/defects.md, written from what was found.

use std::{fmt::Write as _, fs, path::Path};

use ringfort_machine::defect::Defect;

use crate::scene::Scene;

/// What was found of a defect; nothing for one that the tests of its crate show.
pub(crate) struct Row {
    pub(crate) defect: Defect,
    /// The runs, the seed, the verdict and what was seen.
    pub(crate) found: Option<(Scene, u64, &'static str, String)>,
}

const HEAD: &str = "\
# Deliberate defects

Every row is one line of the real code path that a build with the feature `defects` can make wrong. What the checkers of the
simulator see of it is in the third column: the first verdict, the runs if they are not those drawn anyway, and how many runs it
took. Where that says *tests*, no run shows the defect soon enough, and the crate's own tests do, as they do for most others.

This page is written by

    UPDATE=1 cargo test --release -p ringfort-runtime-sim --features defects --test defects

and `cargo test` checks that it names every defect. [simulation.md](simulation.md) says how they are run.

";

/// The most characters of what was seen.
const SEEN: usize = 110;

/// Writes the page. All defects must be in `rows`.
pub(crate) fn write(rows: &[Row]) {
    assert_eq!(
        rows.len(),
        Defect::ALL.len(),
        "UPDATE=1 goes with all defects"
    );
    let mut page = String::from(HEAD);
    let shown = rows.iter().filter(|row| row.found.is_some()).count();
    let (all, tests) = (rows.len(), rows.len() - shown);
    let _ = writeln!(
        page,
        "{all} defects: {shown} shown by runs, {tests} by tests.\n"
    );
    page.push_str("| defect | crate and what is wrong | caught by | seen |\n|---|---|---|---|\n");
    for Row { defect, found } in rows {
        let (name, part, about) = (defect.name(), defect.part(), defect.about());
        let (by, seen) = match found {
            None => (
                format!("tests (`core/{part}/tests/defects.rs`)"),
                String::new(),
            ),
            Some((scene, seed, verdict, seen)) => {
                let runs = if *scene == Scene::Drawn {
                    String::new()
                } else {
                    format!(", {}", scene.name())
                };
                (format!("`{verdict}`{runs}, {seed}"), short(seen))
            }
        };
        let _ = writeln!(page, "| `{name}` | {part}: {about} | {by} | {seen} |");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/defects.md");
    fs::write(path, page).expect("docs/ can be written");
}

/// What was seen, on one line, cut, and without what a table takes for its own.
fn short(seen: &str) -> String {
    let line = seen.lines().next().unwrap_or_default().replace('|', "/");
    if line.chars().count() <= SEEN {
        return line;
    }
    line.chars().take(SEEN).chain(['…']).collect()
}
