//! `ringfort node`, `ringfort manager` and `ringfort bus`: one daemon in the foreground.

use std::path::PathBuf;

use clap::Args;
use ringfort_config::settings::Role;

use super::{Verdict, bytes};
use crate::{BootError, Daemon, JournalOptions, Loaded, sys};

#[derive(Args, Debug)]
pub(super) struct Options {
    /// The configuration file.
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    config: PathBuf,
    /// Record everything that the node is told, so that `ringfort-sim replay FILE` can do it again. It contains
    /// payloads and addresses of clients. An earlier journal is kept as FILE.old.
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Stop recording when the journal has this many bytes; K, M and G are understood.
    #[arg(long, value_name = "BYTES", default_value = "1G", value_parser = bytes, requires = "journal")]
    journal_limit: u64,
    /// End when the process with this id, which started this one, ends.
    #[arg(long, value_name = "PID", hide = true)]
    parent: Option<u32>,
}

/// What kind of daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Node,
    Manager,
    /// The bus and its console, without addresses, counters and logs.
    Bus,
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
    sys::raise_descriptor_limit();
    let role = match kind {
        Kind::Node | Kind::Bus => Role::Node,
        Kind::Manager => Role::Manager,
    };
    let mut loaded = Loaded::read(&options.config, Some(role))?;
    if kind == Kind::Bus {
        loaded = loaded.bus_only();
    }
    let journal = options.journal.as_ref().map(|path| JournalOptions {
        path: path.clone(),
        limit_bytes: options.journal_limit,
    });
    Daemon::start(loaded, journal.as_ref())?.run()?;
    Ok(Verdict::Good)
}
