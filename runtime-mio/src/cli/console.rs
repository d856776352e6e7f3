//! `ringfort console`: a prompt, or one command and its exit code.

use std::io::{self, IsTerminal};

use clap::Args;

use super::{Verdict, print};
use crate::{
    BootError,
    console_client::{Console, Target, interact, is_failure},
};

#[derive(Args, Debug)]
pub(super) struct Options {
    /// Where to connect (a Unix socket's path or host:port; by default the control socket in /var/lib/ringfort),
    /// then the command to run; without one, a prompt, or commands from standard input.
    #[arg(
        value_name = "TARGET] [COMMAND",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    words: Vec<String>,
}

/// Opens the console. A command that the daemon refuses makes the exit code 1.
pub(super) fn run(options: &Options) -> Result<Verdict, BootError> {
    let named = options.words.first().and_then(|word| Target::parse(word));
    let command = options.words[usize::from(named.is_some())..].join(" ");
    let target = named.unwrap_or_else(|| Target::Unix(Target::DEFAULT.into()));
    if !command.is_empty() {
        let mut console = Console::open(&target, None)?;
        return ask(&mut console, &target, &command);
    }
    if io::stdin().is_terminal() {
        interact(&target)?;
        return Ok(Verdict::Good);
    }
    let mut console = Console::open(&target, None)?;
    let mut verdict = Verdict::Good;
    for line in io::stdin().lines() {
        let line = line.map_err(|source| BootError::system("read standard input", source))?;
        if line.trim() == "quit" {
            break;
        }
        if !line.trim().is_empty() && ask(&mut console, &target, line.trim())? == Verdict::Bad {
            verdict = Verdict::Bad;
        }
    }
    Ok(verdict)
}

fn ask(console: &mut Console, target: &Target, command: &str) -> Result<Verdict, BootError> {
    let answer = console
        .ask(command)
        .map_err(|error| BootError::Ended(format!("`{command}` at {target}: {error}")))?;
    print(&answer)?;
    Ok(if is_failure(&answer) {
        Verdict::Bad
    } else {
        Verdict::Good
    })
}
