//! What several commands take from the command line, and how it is read.

use std::{ops::Range, path::PathBuf, time::Duration};

use clap::Args;
use ringfort_runtime_sim::run::Request;

#[derive(Args, Debug)]
pub(crate) struct Common {
    /// How many nodes; drawn from the seed by default.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..=128))]
    pub(crate) nodes: Option<u64>,
    /// How long faults strike, for example 60, 60s, 5m.
    #[arg(long = "for", value_name = "T", default_value = "60s", value_parser = time)]
    pub(crate) faults_for: Duration,
    /// Seal the traffic of the cluster, and let attackers loose on it.
    #[arg(long)]
    pub(crate) sealed: bool,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Switch a deliberate fault on, to see it caught.
    #[cfg(feature = "defects")]
    #[arg(long, value_name = "NAME", value_parser = defect)]
    pub(crate) defect: Option<ringfort_machine::defect::Defect>,
}

impl Common {
    pub(crate) fn request(&self, seed: u64, trace: Option<PathBuf>) -> Request {
        #[cfg(feature = "defects")]
        ringfort_machine::defect::activate(self.defect);
        Request {
            seed,
            nodes: self.nodes,
            faults_for: self.faults_for,
            sealed: self.sealed,
            trace,
        }
    }
}

pub(crate) fn range(text: &str) -> Result<Range<u64>, String> {
    let wrong = || format!("`{text}` is no range of seeds; write A..B, for example 0..100");
    let (low, high) = text.split_once("..").ok_or_else(wrong)?;
    let low = low.parse().map_err(|_| wrong())?;
    let high = high.parse().map_err(|_| wrong())?;
    if low < high {
        Ok(low..high)
    } else {
        Err(wrong())
    }
}

pub(crate) fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time; write seconds, or 90s, 5m, 1h");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let scaled = |unit: u64| {
        let seconds = number.checked_mul(unit).filter(|s| *s <= 1_000_000);
        seconds.map(Duration::from_secs).ok_or_else(wrong)
    };
    match &text[digits.len()..] {
        "" | "s" => scaled(1),
        "m" => scaled(60),
        "h" => scaled(3600),
        _ => Err(wrong()),
    }
}

#[cfg(feature = "defects")]
fn defect(name: &str) -> Result<ringfort_machine::defect::Defect, String> {
    use ringfort_machine::defect::Defect;
    Defect::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Defect::ALL.iter().map(|defect| defect.name()).collect();
        format!(
            "there is no defect `{name}`; there are {}",
            names.join(", ")
        )
    })
}
