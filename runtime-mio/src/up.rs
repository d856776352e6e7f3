//! `ringfort up`: a whole cluster on one machine, as real processes, with nothing to install or configure.
//!
//! N nodes and a manager run as children of this process, on loopback addresses and in one directory. Without
//! a time they run until Ctrl-C under a live view; with `--for` the cluster is put on trial (see [`trial`]):
//! clients of our own connect all the time, an owner is killed, and at the end everything must add up.
//!
//! What it deliberately is not: a supervisor. A daemon is to be run by the system's own.

mod children;
mod clients;
mod plan;
mod trial;
mod view;
mod watch;

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Args;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::{
    BootError,
    cli::{Verdict, duration, print, print_json},
};

use self::{children::Children, plan::Plan, watch::Watch};

/// Between two looks at the cluster.
const LOOK: Duration = Duration::from_millis(500);

/// Options of `ringfort up`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// How many nodes, the manager not counted.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=64))]
    nodes: u16,
    /// Where configurations, states and logs go; by default a fresh directory, which is printed.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Put the cluster on trial for so long (at least 6s), then stop it; exit code 0 only if nothing was wrong.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    time: Option<Duration>,
    /// Print JSON: one object for each look at the cluster, or the report of the trial.
    #[arg(long)]
    json: bool,
    /// Record the journal of each process as NAME.journal in this directory, for `ringfort-sim replay`.
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
    /// First of the ports to use; by default free ones are found.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1024..=60_000))]
    port_base: Option<u16>,
}

/// Runs the cluster.
pub(crate) fn run(options: &Options) -> Result<Verdict, BootError> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, stop.clone())
            .map_err(|source| BootError::system("listen to signals", source))?;
    }
    let plan = Plan::new(
        usize::from(options.nodes),
        options.dir.as_deref(),
        options.port_base,
    )?;
    plan.write()?;
    let mut children = Children::new(options.journal.as_deref())?;
    for process in &plan.processes {
        children.start(process)?;
    }
    match options.time {
        Some(time) => {
            let report = trial::run(&plan, &mut children, time.max(trial::SHORTEST), &stop);
            if options.json {
                print_json(&report)?;
            } else {
                print(report.to_string())?;
            }
            if report.ok {
                plan.clean();
            }
            Ok(if report.ok {
                Verdict::Good
            } else {
                Verdict::Bad
            })
        }
        None => live(&plan, &mut children, options.json, &stop),
    }
}

/// Shows the cluster until asked to stop.
fn live(
    plan: &Plan,
    children: &mut Children,
    json: bool,
    stop: &AtomicBool,
) -> Result<Verdict, BootError> {
    let mut watch = Watch::new(plan);
    let mut view = view::View::new(plan, io::stdout().is_terminal());
    if !json {
        print(view.introduction())?;
    }
    let mut revival = Revival::default();
    let mut outcome = Ok(());
    while !stop.load(Ordering::Relaxed) && outcome.is_ok() {
        let look = Instant::now();
        let snapshot = watch.look();
        if json {
            print_json(&snapshot)?;
        } else if let Some(text) = view.draw(&snapshot, children) {
            print(text)?;
        }
        outcome = revival.look(plan, children);
        while !stop.load(Ordering::Relaxed) && look.elapsed() < LOOK {
            std::thread::sleep(LOOK / 20); // a pace, and a quick answer to Ctrl-C
        }
    }
    let stopped = children.stop();
    outcome?;
    let unclean: Vec<_> = stopped
        .iter()
        .filter(|ended| !ended.clean)
        .map(|ended| ended.name.as_str())
        .collect();
    if unclean.is_empty() {
        return Ok(Verdict::Good);
    }
    Err(BootError::Ended(format!(
        "{} did not stop in good order; see the output files in {}",
        unclean.join(", "),
        plan.directory.display()
    )))
}

/// Starts what was killed again after a while, so that one can watch a node go and come back.
#[derive(Debug, Default)]
struct Revival {
    dead: Vec<(String, Instant)>,
}

impl Revival {
    /// How long a killed process stays away.
    const AWAY: Duration = Duration::from_secs(5);

    /// Looks for processes that have ended, and starts those that were away for long enough.
    ///
    /// # Errors
    /// [`BootError::Ended`] for a process that ended by itself: it would do so again.
    fn look(&mut self, plan: &Plan, children: &mut Children) -> Result<(), BootError> {
        while let Some(ended) = children.ended() {
            if !ended.killed {
                return Err(BootError::Ended(format!(
                    "{} ended by itself ({}); {} says why",
                    ended.name,
                    ended.how,
                    plan.output_of(&ended.name).display()
                )));
            }
            self.dead.push((ended.name, Instant::now()));
        }
        let due = |(_, since): &(String, Instant)| since.elapsed() >= Self::AWAY;
        for (name, _) in self.dead.extract_if(.., |dead| due(dead)) {
            if let Some(process) = plan.processes.iter().find(|process| process.name == name) {
                children.start(process)?;
            }
        }
        Ok(())
    }
}
