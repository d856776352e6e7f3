//! One seed from its first draw to its verdict.

use std::{fmt::Write as _, fs::File, io, io::BufWriter, path::PathBuf, time::Duration};

use crate::{
    check,
    cluster::Cluster,
    options::Options,
    recorder::Recorder,
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
    /// Where to write the trace.
    pub trace: Option<PathBuf>,
}

/// A run that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A drawn configuration was refused: a fault of the simulator.
    #[error("a drawn configuration was refused; this is a fault of the simulator: {0}")]
    Configuration(String),
    /// The trace could not be written.
    #[error("the trace could not be written to {path}: {source}; choose another file with --trace")]
    Trace {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
}

/// The world of a run, not begun yet.
///
/// # Errors
/// [`RunError`] if it cannot be built.
pub fn world(request: &Request) -> Result<World, RunError> {
    let options = Options::draw(request.seed, request.nodes, request.faults_for);
    let cluster = Cluster::new(&options).map_err(RunError::Configuration)?;
    let mut recorder = Recorder::new(check::all());
    if let Some(path) = &request.trace {
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
    finish(request, world(request)?)
}

/// Runs a world of [`world`] to its end.
///
/// # Errors
/// [`RunError::Trace`] if the trace could not be written.
pub fn finish(request: &Request, world: World) -> Result<Report, RunError> {
    let path = request.trace.clone().unwrap_or_default();
    world.run().map_err(|source| RunError::Trace {
        path: path.display().to_string(),
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
    write!(
        command,
        " --for {} --trace {}.jsonl",
        request.faults_for.as_secs(),
        request.seed
    )
    .expect("writing to a string does not fail");
    command
}
