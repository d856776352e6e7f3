//! Goal: what a seed once found stays found. Method: the runs that uncovered a fault are made again, whole, with
//! every checker. What each of them was:
//!
//! | seed | fault |
//! |---|---|
//! | 5, 12, 94 | a record turned up after a crash that nobody had been told was written |
//! | 18, 50 | a record counted as appended while a kill could still take it |
//! | 32 | two rings that heard each other one way never merged |
//! | 54, 108 | a request for a lost packet was always answered by a member that the asker could not hear |
//! | 84 of 2 nodes | a process that left at once after its start left the addresses of its earlier life behind |
//! | 126 | a node that was killed for good kept answering for an address |
//! | 393 | a puller that was stopping was woken for ever |

use std::time::Duration;

use ringfort_runtime_sim::run::{Request, run};

#[test]
fn seeds_that_found_something() {
    let drawn = [5, 12, 18, 32, 50, 54, 94, 108, 126, 393].map(|seed| (seed, None));
    let failed: Vec<String> = drawn
        .into_iter()
        .chain([(84, Some(2))])
        .filter_map(|(seed, nodes)| {
            let request = Request {
                seed,
                nodes,
                faults_for: Duration::from_secs(60),
                trace: None,
            };
            let report = run(&request).expect("no file is written");
            report
                .violation
                .map(|violation| format!("seed {seed}: {violation}"))
        })
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}
