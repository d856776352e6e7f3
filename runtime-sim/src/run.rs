//! One seed from its first draw to its verdict.

use std::{
    fmt::Write as _,
    fs::File,
    io,
    io::BufWriter,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    time::Duration,
};

use crate::{
    check,
    checker::Violation,
    cluster::Cluster,
    journal::Journals,
    options::Options,
    recorder::Recorder,
    schedule::Schedule,
    world::{Report, World},
};

/// Which run, and where its trace goes.
#[derive(Clone, Debug)]
pub struct Request {
    /// The number from which everything is drawn.
    pub seed: u64,
    /// How many nodes; drawn if absent.
    pub nodes: Option<u64>,
    /// How long faults strike.
    pub faults_for: Duration,
    /// Whether the traffic is sealed, and attacked.
    pub sealed: bool,
    /// Where to write the trace.
    pub trace: Option<PathBuf>,
}

/// A run that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A configuration was refused. If it was drawn that is a fault of the simulator.
    #[error(
        "a configuration was refused: change the `set` line of the schedule that it comes from; if there is no \
         schedule, this is a fault of the simulator: {0}"
    )]
    Configuration(String),
    /// Something in the cluster or the simulator panicked: always a fault.
    #[error("panic: {0}")]
    Panic(String),
    /// A run that should only have been measured broke a property.
    #[error("the run that was measured broke a property: {0}")]
    Violation(Violation),
    /// The trace could not be written.
    #[error("the trace could not be written to {path}: {source}; choose another file with --trace")]
    Trace {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The node whose journal is wanted is not in the run.
    #[error("there is no node `{name}` in this run; there are {names}")]
    NoNode {
        /// The name that was given.
        name: String,
        /// Those that there are.
        names: String,
    },
}

/// The world of a run, not begun yet.
///
/// # Errors
/// [`RunError`] if it cannot be built.
pub fn world(request: &Request) -> Result<World, RunError> {
    world_of(drawn(request), request.trace.as_ref())
}

/// The same, with the lives of the node called `node` recorded.
///
/// # Errors
/// As [`world`], and [`RunError::NoNode`].
pub fn recorded_world(request: &Request, node: &str) -> Result<(World, Journals), RunError> {
    let options = drawn(request);
    let host = options.nodes.iter().position(|plan| plan.name == node);
    let Some(host) = host else {
        let names: Vec<&str> = options.nodes.iter().map(|plan| &*plan.name).collect();
        return Err(RunError::NoNode {
            name: node.into(),
            names: names.join(", "),
        });
    };
    let mut cluster = Cluster::new(&options).map_err(RunError::Configuration)?;
    let journals = cluster.record(host);
    Ok((built(options, cluster, request.trace.as_ref())?, journals))
}

fn drawn(request: &Request) -> Options {
    let options = Options::draw(request.seed, request.nodes, request.faults_for);
    if request.sealed {
        options.sealed()
    } else {
        options
    }
}

fn world_of(options: Options, trace: Option<&PathBuf>) -> Result<World, RunError> {
    let cluster = Cluster::new(&options).map_err(RunError::Configuration)?;
    built(options, cluster, trace)
}

fn built(options: Options, cluster: Cluster, trace: Option<&PathBuf>) -> Result<World, RunError> {
    let mut recorder = Recorder::new(check::all());
    if let Some(path) = trace {
        let failed = |source| RunError::Trace {
            path: path.display().to_string(),
            source,
        };
        recorder = recorder.writing_to(Box::new(BufWriter::new(
            File::create(path).map_err(failed)?,
        )));
    }
    Ok(World::new(options, Box::new(cluster), recorder))
}

/// Makes a run.
///
/// # Errors
/// [`RunError`] if it could not be made; a violation is no error but part of the report.
pub fn run(request: &Request) -> Result<Report, RunError> {
    guarded(|| finish(request, world(request)?))
}

/// A panic of a machine ends its run, not the search.
fn guarded<T>(run: impl FnOnce() -> Result<T, RunError>) -> Result<T, RunError> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Err(RunError::Panic(message.unwrap_or("no message").to_owned()))
    })
}

/// Runs a world of [`world`] to its end.
///
/// # Errors
/// [`RunError::Trace`] if the trace could not be written.
pub fn finish(request: &Request, mut world: World) -> Result<Report, RunError> {
    world.run_to_end();
    finish_here(request.trace.as_ref(), world)
}

/// Runs a world that keeps its steps to its end: the schedule of the run, and the hash of its trace, which is empty
/// after a panic.
///
/// # Errors
/// [`RunError::Trace`] if the trace could not be written.
pub fn keep(request: &Request, mut world: World) -> Result<(Schedule, String), RunError> {
    let panicked = guarded(|| {
        world.run_to_end();
        Ok(())
    })
    .is_err();
    let mut schedule = Schedule {
        options: world.options().clone(),
        expect: "panic".to_owned(),
        defect: None,
        steps: world.take_steps(),
    };
    if panicked {
        return Ok((schedule, String::new()));
    }
    let report = finish_here(request.trace.as_ref(), world)?;
    let verdict = report.violation.map_or("ok", |violation| violation.checker);
    schedule.expect = verdict.to_owned();
    Ok((schedule, report.hash))
}

/// Makes the run of a schedule.
///
/// # Errors
/// [`RunError`] if it could not be made; a violation is no error but part of the report.
pub fn follow(schedule: &Schedule, trace: Option<&PathBuf>) -> Result<Report, RunError> {
    guarded(|| {
        let mut world = world_of(schedule.options(), trace)?;
        world.follow(schedule.steps.clone());
        world.run_to_end();
        finish_here(trace, world)
    })
}

fn finish_here(trace: Option<&PathBuf>, world: World) -> Result<Report, RunError> {
    world.finish().map_err(|source| RunError::Trace {
        path: trace
            .map(|path| path.display().to_string())
            .unwrap_or_default(),
        source,
    })
}

/// The commit that the program was built from.
pub const fn commit() -> &'static str {
    match option_env!("RINGFORT_COMMIT") {
        Some(commit) => commit,
        None => "unknown",
    }
}

/// How to see a run again.
pub fn replay_command(request: &Request) -> String {
    let mut command = format!("ringfort-sim run --seed {}", request.seed);
    if let Some(nodes) = request.nodes {
        write!(command, " --nodes {nodes}").expect("writing to a string does not fail");
    }
    if request.sealed {
        command.push_str(" --sealed");
    }
    write!(
        command,
        " --for {} --trace {}.jsonl",
        request.faults_for.as_secs(),
        request.seed
    )
    .expect("writing to a string does not fail");
    command
}
