//! Goal: whatever the network and the processes do, extended virtual synchrony holds, and once the weather is
//! fair all live processes come together and everything submitted is delivered.
//! Method: seeded random stories of faults over virtual time; the judge reads the logs of all processes.
//!
//! `EVS_SEEDS=from..to` runs other seeds than the default ones, `EVS_SHOW=1` prints the notes of a failing run.
#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

mod common;

use std::env;

use common::story::Story;
use common::world::Did;

fn seeds() -> std::ops::Range<u64> {
    let Ok(range) = env::var("EVS_SEEDS") else {
        return 0..300;
    };
    let (from, to) = range.split_once("..").expect("EVS_SEEDS=from..to");
    from.parse().unwrap()..to.parse().unwrap()
}

#[test]
fn random_stories_keep_extended_virtual_synchrony() {
    let show = env::var_os("EVS_SHOW").is_some();
    let mut failed = Vec::new();
    for number in seeds() {
        let mut story = Story::new(number);
        story.world.keep_notes = show;
        let complaints = story.run();
        if !complaints.is_empty() {
            println!(
                "seed {number}: {} hosts at {}",
                story.world.hosts.len(),
                story.world.now
            );
            for complaint in &complaints {
                println!("  {complaint}");
            }
            if show {
                for (at, host, note) in &story.world.notes {
                    println!("{at} {host} {note:?}");
                }
                for (process, life) in &story.world.lives {
                    for (at, did) in &life.log {
                        if let Did::Installed(configuration) = did {
                            let members: Vec<String> = configuration
                                .members
                                .iter()
                                .map(|m| m.process.to_string())
                                .collect();
                            println!("{at} {process} installs {} {members:?}", configuration.id);
                        }
                    }
                }
            }
            failed.push(number);
        }
    }
    assert!(
        failed.is_empty(),
        "failed: {} seeds, {failed:?}",
        failed.len()
    );
}
