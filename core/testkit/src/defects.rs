//! Every deliberate defect of a crate is caught by something in that crate's tests.
//!
//! The switch of a defect is global to its process, and ordinary tests must not meet it. So each defect gets a
//! process of its own: the test binary starts itself again, with one test to run and the name of the defect in
//! the environment. A crate's `tests/defects.rs` has two tests: one calls [`every_one_is_caught`], and the
//! other, which does nothing unless it is started that way, calls [`in_this_process`].

use std::env;
use std::process::{Command, Stdio};

use ringfort_machine::defect::Defect;

/// The defect to switch on.
const NAME: &str = "RINGFORT_DEFECT";
/// Set if what plays with the defect must pass without it, too.
const SOUND: &str = "RINGFORT_DEFECT_OFF";

/// The defect that this process was started for, and whether it is to be switched on.
pub fn in_this_process() -> Option<(Defect, bool)> {
    let name = env::var(NAME).ok()?;
    let defect = Defect::from_name(&name).expect("the parent names a defect");
    Some((defect, env::var_os(SOUND).is_none()))
}

/// Runs the test `player` of this binary once for every defect of the crate `part` with the defect on, which
/// must fail, and once with it off, which must pass. Those in `elsewhere` are shown by runs of the simulator.
///
/// # Panics
/// If a defect is not caught, or something is caught without one.
pub fn every_one_is_caught(part: &str, player: &str, elsewhere: &[Defect]) {
    let binary = env::current_exe().expect("a test binary knows where it is");
    let passes = |defect: Defect, on: bool| {
        let mut command = Command::new(&binary);
        command.args(["--exact", player, "--test-threads", "1"]);
        command.env(NAME, defect.name());
        if !on {
            command.env(SOUND, "1");
        }
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.status().expect("this binary can be run").success()
    };
    let own = |defect: &&Defect| defect.part() == part && !elsewhere.contains(defect);
    let mut wrong = Vec::new();
    for defect in Defect::ALL.iter().filter(own) {
        if passes(*defect, true) {
            wrong.push(format!("{} is not caught", defect.name()));
        }
        if !passes(*defect, false) {
            wrong.push(format!("{}: its test fails without it", defect.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
