//! A schedule as a file: the head, the parameters, and one line for each step.

use std::fmt::Write as _;

use super::{Schedule, Step, line};
use crate::options::{
    NodePlan, Options,
    text::{Setting, SettingError, node, time},
};

/// No step comes later than this, in seconds.
const LATEST_S: u64 = 1_000_000;

/// The first line of a schedule.
const HEAD: &str = "# ringfort-sim schedule 1";

/// A file that is no schedule.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// It begins otherwise.
    #[error("line 1: a schedule begins with `{HEAD}`")]
    Head,
    /// A line cannot be read.
    #[error("line {line}: {message}; expected {expected}")]
    Line {
        /// Which, counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
        /// What would be right.
        expected: &'static str,
    },
    /// A parameter cannot be set.
    #[error("line {line}: {source}")]
    Setting {
        /// Which, counted from 1.
        line: usize,
        /// Why.
        source: SettingError,
    },
    /// The head lacks a line.
    #[error("there is no line `{0} …`; it has to come before the first `set` and the first `at`")]
    Missing(&'static str),
}

/// Whether a file with this beginning is a schedule.
pub fn is_schedule(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.trim() == HEAD)
}

/// What stands in front of the first parameter.
#[derive(Default)]
struct Head {
    seed: Option<u64>,
    nodes: Vec<NodePlan>,
    expect: Option<String>,
    defect: Option<String>,
}

impl Head {
    /// Whether a line that begins with `word` has not been there yet.
    fn takes(&self, word: &str) -> bool {
        match word {
            "seed" => self.seed.is_none(),
            "nodes" => self.nodes.is_empty(),
            "expect" => self.expect.is_none(),
            _ => self.defect.is_none(),
        }
    }

    fn options(&self) -> Result<Options, ScheduleError> {
        let seed = self.seed.ok_or(ScheduleError::Missing("seed"))?;
        if self.nodes.is_empty() {
            return Err(ScheduleError::Missing("nodes"));
        }
        Ok(Options::quiet_with(seed, self.nodes.clone()))
    }
}

impl Schedule {
    /// As text.
    pub fn render(&self) -> String {
        let mut text = format!("{HEAD}\nseed {}\nnodes", self.options.seed);
        for plan in &self.options.nodes {
            write!(text, " {}", plan.name).expect("writing to a string does not fail");
        }
        text.push('\n');
        let mut put = |line: String| {
            text.push_str(&line);
            text.push('\n');
        };
        put(format!("expect {}", self.expect));
        if let Some(defect) = &self.defect {
            put(format!("defect {defect}"));
        }
        for Setting { path, value } in self.options.settings() {
            put(format!("set {path} = {value}"));
        }
        let name = |host: usize| self.options.nodes[host].name.as_str();
        for Step { at, act } in &self.steps {
            put(format!(
                "at {} {}",
                time::format(*at),
                line::render(act, &name)
            ));
        }
        text
    }

    /// From text.
    ///
    /// # Errors
    /// [`ScheduleError`] with the line.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        if !is_schedule(text) {
            return Err(ScheduleError::Head);
        }
        let mut head = Head::default();
        let mut options: Option<Options> = None;
        let mut steps = Vec::new();
        for (index, full) in text.lines().enumerate() {
            let number = index + 1;
            let line = full.split('#').next().unwrap_or_default().trim();
            let Some((word, rest)) = line.split_once(' ') else {
                if line.is_empty() {
                    continue;
                }
                return Err(wrong(number, line));
            };
            let rest = rest.trim();
            let in_head = matches!(word, "seed" | "nodes" | "expect" | "defect");
            if in_head && (options.is_some() || !head.takes(word)) {
                return Err(wrong(number, line)); // too late, or for the second time
            }
            match word {
                "seed" => head.seed = Some(rest.parse().map_err(|_| wrong(number, line))?),
                "nodes" => head.nodes = nodes(rest).ok_or_else(|| wrong(number, line))?,
                "expect" => head.expect = Some(rest.to_owned()),
                "defect" => head.defect = Some(rest.to_owned()),
                "set" => {
                    let options = get(&mut options, &head)?;
                    set(options, number, rest)?;
                }
                "at" => {
                    let options = get(&mut options, &head)?;
                    steps.push(step(options, number, rest)?);
                }
                _ => return Err(wrong(number, line)),
            }
        }
        let options = match options {
            Some(options) => options,
            None => head.options()?,
        };
        steps.sort_by_key(|step| step.at);
        Ok(Self {
            options,
            expect: head.expect.unwrap_or_else(|| "ok".to_owned()),
            defect: head.defect,
            steps,
        })
    }
}

fn get<'a>(
    options: &'a mut Option<Options>,
    head: &Head,
) -> Result<&'a mut Options, ScheduleError> {
    if options.is_none() {
        *options = Some(head.options()?);
    }
    Ok(options.as_mut().expect("it has just been set"))
}

fn nodes(text: &str) -> Option<Vec<NodePlan>> {
    let names: Vec<&str> = text.split_whitespace().collect();
    let valid = |name: &&str| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let unique = |(index, name): (usize, &&str)| !names[..index].contains(name);
    let mut all = names.iter().enumerate();
    (!names.is_empty() && names.len() <= 128 && names.iter().all(valid) && all.all(unique))
        .then(|| names.iter().map(|name| node(name)).collect())
}

fn set(options: &mut Options, line: usize, rest: &str) -> Result<(), ScheduleError> {
    let (path, value) = rest.split_once('=').ok_or_else(|| wrong(line, rest))?;
    let setting = Setting {
        path: path.trim().to_owned(),
        value: value.trim().to_owned(),
    };
    options
        .set(&setting)
        .map_err(|source| ScheduleError::Setting { line, source })
}

fn step(options: &Options, line: usize, rest: &str) -> Result<Step, ScheduleError> {
    let (at, act) = rest.split_once(' ').ok_or_else(|| wrong(line, rest))?;
    let at = time::parse(at)
        .filter(|at| at.as_secs() <= LATEST_S)
        .ok_or_else(|| wrong(line, at))?;
    let host = |name: &str| options.nodes.iter().position(|node| node.name == name);
    let act = line::parse(act.trim(), &host).map_err(|expected| ScheduleError::Line {
        line,
        message: format!("`{act}` is no step"),
        expected,
    })?;
    Ok(Step { at, act })
}

fn wrong(line: usize, text: &str) -> ScheduleError {
    ScheduleError::Line {
        line,
        message: format!("`{text}` cannot be read"),
        expected: "once each and first `seed N`, `nodes NAME…` (different, of small letters and digits, \
                   managers with m), `expect VERDICT`, `defect NAME`; then `set PARAMETER = VALUE` and \
                   `at SECONDSs STEP`",
    }
}
