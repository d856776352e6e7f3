//! What `explore --coverage` says of the notes of the core.

use ringfort_runtime_sim::{
    coverage::{Coverage, excuse},
    explore::Summary,
};

/// Prints the table of notes to stderr. False if one is missing that should have been heard.
pub(crate) fn tell(summary: &Summary) -> bool {
    let coverage = Coverage::of(summary);
    for ((machine, note), count) in coverage.counts() {
        match excuse((machine, note)) {
            Some(why) => eprintln!("{count:>10}  {machine} {note} (not expected: {why})"),
            None => eprintln!("{count:>10}  {machine} {note}"),
        }
    }
    let (said, all) = coverage.share();
    eprintln!("{said} of {all} notes were said");
    let mut complete = true;
    for (machine, note) in coverage.missing() {
        eprintln!("never said: {machine} {note}");
        complete = false;
    }
    complete
}
