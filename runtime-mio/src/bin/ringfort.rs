//! The one binary of Ringfort; everything it can do is a subcommand of [`ringfort_runtime_mio::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    ringfort_runtime_mio::cli::main()
}
