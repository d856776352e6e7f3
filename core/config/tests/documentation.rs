//! Goal: docs/configuration.md is the table of options, and the table is sound.
//! Method: compare with what the table prints (UPDATE=1 rewrites), and check the rows against each other.

use std::{collections::BTreeSet, env, fs, path::Path};

use ringfort_config::options::{self, Kind, OPTIONS, SCOPES};

#[test]
fn the_page_is_in_step_with_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let printed = options::markdown();
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, &printed).unwrap();
    }
    let page = fs::read_to_string(&path).unwrap();
    assert!(
        page == printed,
        "run `UPDATE=1 cargo test -p ringfort-config --test documentation`"
    );
}

#[test]
fn every_row_belongs_to_a_scope_and_no_name_is_taken_twice() {
    let mut names = BTreeSet::new();
    for option in OPTIONS {
        assert!(
            SCOPES.iter().any(|(scope, _, _)| *scope == option.scope),
            "{}",
            option.scope
        );
        for name in option.aliases.iter().chain([&option.name]) {
            let key = (option.scope, name.to_ascii_lowercase());
            assert!(names.insert(key), "{} {name}", option.scope);
        }
        assert!(
            option.meaning.ends_with('.'),
            "{}: {}",
            option.name,
            option.meaning
        );
    }
}

#[test]
fn every_default_can_be_written() {
    // The defaults of numbers lie within their ranges; what the loader says about all others is seen by
    // writing each of them where it belongs.
    for option in OPTIONS.iter().filter(|option| !option.default.is_empty()) {
        let is_number = matches!(option.kind, Kind::Count | Kind::Seconds);
        let whole = option.default.split('.').next().unwrap();
        let number: Option<u64> = is_number.then(|| whole.parse().unwrap());
        if let (Some(number), Some((low, high))) = (number, option.range) {
            assert!((low..=high).contains(&number), "{}", option.name);
        }
        let setting = format!("{} = \"{}\"", option.name, option.default);
        let text = match option.scope {
            "global" => setting,
            "topology" => {
                format!("cluster {{ Topology 10.0.0.0/8 {{ interface = a {setting} }} }}")
            }
            "replicate" => format!("cluster {{ Replicate cache {{ {setting} }} }}"),
            "cluster_listen" => format!("ECCluster_Listener {{ {setting} Listen :1 {{}} }}"),
            "control_listen" => format!("Control_Listener {{ {setting} Listen :1 {{}} }}"),
            "listen" => format!("ESMTP_Listener {{ {setting} Listen :1 {{}} }}"),
            "binding" => format!("Binding b {{ {setting} }}"),
            scope => format!("{scope} {{ {setting} }}"),
        };
        let loaded = ringfort_config::parse_str("x", &text, &Default::default());
        assert_eq!(loaded.render(), "", "{text}");
    }
}
