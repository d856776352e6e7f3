//! Goal: no committed input ever fails again, and every target is exercised by a plain `cargo test`.
//! Method: every file of every corpus through its target, then a fixed number of seeded executions each.

use std::collections::BTreeSet;

use ringfort_fuzz::{ALL, CANARY, Marks, campaign::Campaign, corpus};

/// Seeded executions of each target, besides the corpus. Small: CI soaks in release builds as well.
const EXECUTIONS: u64 = 60;

#[test]
fn every_committed_input_passes() {
    for target in ALL {
        let inputs = corpus::read(&corpus::directory(target.name)).unwrap();
        assert!(
            inputs.len() >= 3,
            "{}: a corpus worth the name",
            target.name
        );
        for (path, input) in inputs {
            eprintln!("{}", path.display()); // the last line names the culprit
            (target.run)(&input, &mut Marks::default());
        }
    }
}

#[test]
fn seeded_executions_pass_and_are_the_same_every_time() {
    for target in ALL {
        let run = || {
            let inputs = corpus::read(&corpus::directory(target.name)).unwrap();
            let inputs = inputs.into_iter().map(|(_, input)| input).collect();
            let mut campaign = Campaign::new(target, inputs, 1, 0);
            while campaign.executions() < EXECUTIONS {
                let input = campaign.prepare();
                if let Err(found) = campaign.execute(input) {
                    panic!("{}: {}\n{:?}", target.name, found.failure, found.input);
                }
            }
            (campaign.marks(), campaign.kept().to_vec())
        };
        assert_eq!(run(), run(), "{}", target.name);
    }
}

#[test]
fn every_target_has_its_corpus_and_its_front() {
    let named = |path: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(corpus::home().join(path)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names
            .map(|name| name.trim_end_matches(".rs").to_owned())
            .collect()
    };
    let targets: BTreeSet<String> = ALL
        .iter()
        .chain([&CANARY])
        .map(|target| target.name.to_owned())
        .collect();
    assert_eq!(targets.len(), ALL.len() + 1, "names are different");
    assert_eq!(named("corpus"), targets);
    assert_eq!(named("fuzz_targets"), targets);
    let manifest = std::fs::read_to_string(corpus::home().join("Cargo.toml")).unwrap();
    for name in targets {
        let entry = format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"\n");
        assert!(manifest.contains(&entry), "Cargo.toml lacks {entry}");
    }
}
