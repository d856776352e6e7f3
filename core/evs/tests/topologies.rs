//! Goal: whatever links work, in whichever directions, the processes come to rest in some rings and stay in
//! them, and come together again once all links work.
//! Method: every directed graph on three processes, and every so-manieth on four; under virtual time, from a
//! whole ring and from processes alone.
//!
//! `EVS_GRAPHS=all` runs all 4096 graphs on four processes instead of some.
#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

mod common;

use std::env;
use std::time::Duration;

use ringfort_machine::Seed;

use common::judge::judge;
use common::world::World;

const MS: Duration = Duration::from_millis(1);

/// The links of `hosts` processes that graph number `graph` lacks.
fn cuts(hosts: usize, graph: u64) -> Vec<(usize, usize)> {
    let pairs = (0..hosts).flat_map(|from| (0..hosts).map(move |to| (from, to)));
    let links = pairs.filter(|(from, to)| from != to);
    let numbered = links.enumerate();
    numbered
        .filter(|(bit, _)| graph >> bit & 1 == 1)
        .map(|(_, link)| link)
        .collect()
}

fn total_changes(world: &World) -> u64 {
    let status = |host: usize| world.hosts[host].evs.as_ref().unwrap().status().changes;
    world.up().into_iter().map(status).sum()
}

/// What is wrong with how `graph` ends, if anything.
fn try_graph(hosts: usize, graph: u64, whole: bool) -> Vec<String> {
    let mut world = World::new(hosts, Seed::from_number(graph));
    world.keep_notes = false;
    let all: Vec<usize> = (0..hosts).collect();
    if !whole {
        world.cuts = cuts(hosts, graph).into_iter().collect();
    }
    for host in &all {
        world.start(*host);
    }
    if whole {
        assert!(world.run_while(MS * 3000, |world| !world.is_together(&all)));
        world.cuts = cuts(hosts, graph).into_iter().collect();
    }
    let mut complaints = Vec::new();
    world.run_for(MS * 10_000);
    let before = total_changes(&world);
    world.run_for(MS * 8_000);
    let changes = total_changes(&world) - before;
    if changes > 0 {
        complaints.push(format!("{changes} changes after ten seconds"));
    }
    world.cuts.clear();
    if !world.run_while(MS * 8_000, |world| !world.is_together(&all)) {
        complaints.push("they did not come together".to_owned());
    }
    complaints.extend(judge(&world.lives));
    complaints
}

fn try_graphs(hosts: usize, graphs: impl Iterator<Item = u64>) {
    let mut failed = Vec::new();
    for graph in graphs {
        for whole in [true, false] {
            let complaints = try_graph(hosts, graph, whole);
            if !complaints.is_empty() {
                let cuts = cuts(hosts, graph);
                failed.push(format!(
                    "graph {graph}, whole {whole}, cut {cuts:?}: {complaints:?}"
                ));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_graph_on_three_processes_comes_to_rest() {
    try_graphs(3, 0..64);
}

#[test]
fn graphs_on_four_processes_come_to_rest() {
    let all = env::var_os("EVS_GRAPHS").is_some();
    let step = if all { 1 } else { 61 };
    try_graphs(4, (0..4096).step_by(step));
}
