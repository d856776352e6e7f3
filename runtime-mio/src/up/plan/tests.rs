//! Goal: what `up` writes is a configuration that `check` accepts without a word, and no port is used twice.
//! Method: plan clusters in a directory of the test and judge every file.

use std::collections::BTreeSet;

use super::Plan;
use crate::configuration::judge;

#[test]
fn every_file_is_valid() {
    let directory = tempfile::tempdir().unwrap();
    let plan = Plan::new(3, Some(directory.path()), None).unwrap();
    plan.write().unwrap();
    for process in &plan.processes {
        let judged = judge(&process.configuration(), None);
        assert_eq!(judged.report, "", "{}", process.name);
        let settings = judged.settings.unwrap();
        assert_eq!(settings.node_name.as_deref(), Some(process.name.as_str()));
        assert_eq!(settings.manager.is_some(), process.manager);
        assert_eq!(settings.bus.peers.len(), 4);
    }
}

#[test]
fn ports_are_all_different() {
    let directory = tempfile::tempdir().unwrap();
    let plan = Plan::new(5, Some(directory.path()), None).unwrap();
    let bus: BTreeSet<_> = plan.processes.iter().map(|process| process.bus).collect();
    let cluster: BTreeSet<_> = plan
        .processes
        .iter()
        .map(|process| process.cluster)
        .collect();
    assert_eq!((bus.len(), cluster.len()), (6, 6));
    assert_eq!(plan.addresses.len(), 10);
}
