//! `ringfort log`.
use super::Verdict;
use crate::BootError;
use clap::Subcommand;
#[derive(Debug, Subcommand)]
pub(super) enum Options {
    /// x
    Stat,
}
pub(super) fn run(_: &Options) -> Result<Verdict, BootError> {
    Ok(Verdict::Good)
}
