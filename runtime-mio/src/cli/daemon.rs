//! `ringfort node` and `ringfort manager`: one daemon in the foreground.

use std::path::PathBuf;

use clap::Args;
use ringfort_config::settings::Role;

use super::Verdict;
use crate::{BootError, Daemon, Loaded, sys};

#[derive(Args, Debug)]
pub(super) struct Options {
    /// The configuration file.
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    config: PathBuf,
    /// End when the process with this id, which started this one, ends.
    #[arg(long, value_name = "PID", hide = true)]
    parent: Option<u32>,
}

/// What kind of daemon.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Node,
    Manager,
}

/// Runs until asked to leave.
pub(super) fn run(options: &Options, kind: Kind) -> Result<Verdict, BootError> {
    if let Some(parent) = options.parent
        && !sys::die_with_parent(parent)
    {
        return Err(BootError::Ended(
            "the process that started this one is gone".into(),
        ));
    }
    let role = match kind {
        Kind::Node => Role::Node,
        Kind::Manager => Role::Manager,
    };
    let loaded = Loaded::read(&options.config, Some(role))?;
    Daemon::start(loaded)?.run()?;
    Ok(Verdict::Good)
}
