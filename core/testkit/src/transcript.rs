//! Scenario transcripts: a command, what it printed, and the next (after the data-driven tests of etcd).
//!
//! ```text
//! # A comment.
//! form 1 2 3
//! ----
//! 1 installs 4.1 {1 2 3}
//!
//! submit 1 agreed hello
//! further lines up to the rule are input
//! ----
//! ok
//! ```
//!
//! A step ends at the first empty line after its rule. With `UPDATE=1` in the environment the expected output
//! is rewritten with the actual one, to be reviewed as a difference; otherwise a mismatch fails the test with
//! both texts. Empty lines in an output are written as a single dot.

use std::{env, fmt::Write as _, fs, path::Path};

/// One command of a story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The line of the command in the file, from 1.
    pub line: usize,
    /// The first word.
    pub command: String,
    /// The other words.
    pub arguments: Vec<String>,
    /// The lines between the command and the rule.
    pub input: Vec<String>,
    /// The output in the file.
    pub expected: String,
    /// Comments and empty lines before it, kept as they are.
    lead: String,
}

impl Step {
    /// The argument at `index`, from 0.
    ///
    /// # Panics
    /// If there is none; the message names the line.
    pub fn argument(&self, index: usize) -> &str {
        match self.arguments.get(index) {
            Some(argument) => argument,
            None => panic!(
                "line {}: `{}` needs argument {}",
                self.line,
                self.command,
                index + 1
            ),
        }
    }

    /// The argument at `index` as a number.
    ///
    /// # Panics
    /// If it is missing or not a number; the message names the line.
    pub fn number(&self, index: usize) -> u64 {
        let text = self.argument(index);
        match text.parse() {
            Ok(number) => number,
            Err(_) => panic!("line {}: `{text}` is not a number", self.line),
        }
    }

    /// The value of the argument `name=value`, if it is there.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.arguments
            .iter()
            .find_map(|argument| argument.strip_prefix(name)?.strip_prefix('='))
    }
}

/// A whole story.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    /// Its steps.
    pub steps: Vec<Step>,
    tail: String,
}

impl Transcript {
    /// Takes a story apart.
    ///
    /// # Errors
    /// A sentence that names the line of a command without a rule.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut story = Self::default();
        let mut lead = String::new();
        let mut lines = text.lines().enumerate().peekable();
        while let Some((index, line)) = lines.next() {
            if line.trim().is_empty() || line.starts_with('#') {
                lead.push_str(line);
                lead.push('\n');
                continue;
            }
            let mut words = line.split_whitespace().map(str::to_owned);
            let mut step = Step {
                line: index + 1,
                command: words.next().unwrap_or_default(),
                arguments: words.collect(),
                input: Vec::new(),
                expected: String::new(),
                lead: std::mem::take(&mut lead),
            };
            loop {
                match lines.next() {
                    Some((_, RULE)) => break,
                    Some((_, input)) => step.input.push(input.to_owned()),
                    None => return Err(format!("line {}: no `{RULE}` after `{line}`", index + 1)),
                }
            }
            while let Some((_, output)) = lines.next_if(|(_, line)| !line.is_empty()) {
                step.expected.push_str(output);
                step.expected.push('\n');
            }
            story.steps.push(step);
        }
        story.tail = lead;
        Ok(story)
    }

    /// The story as text. Parsing it again gives the same story.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for step in &self.steps {
            text.push_str(&step.lead);
            text.push_str(&step.command);
            for argument in &step.arguments {
                let _ = write!(text, " {argument}");
            }
            text.push('\n');
            for input in &step.input {
                let _ = writeln!(text, "{input}");
            }
            let _ = writeln!(text, "{RULE}");
            text.push_str(&step.expected);
        }
        text.push_str(&self.tail);
        text
    }

    /// Runs every step. Returns the story with the outputs that `run` gave.
    pub fn replay(&self, mut run: impl FnMut(&Step) -> String) -> Self {
        let mut actual = self.clone();
        for step in &mut actual.steps {
            step.expected = normal(&run(step));
        }
        actual
    }
}

/// Replays the story at `path` and compares it with what it says.
///
/// # Panics
/// With the first step that printed something else, or if the file cannot be read or parsed.
pub fn run_file(path: &Path, run: impl FnMut(&Step) -> String) {
    let shown = path.display();
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{shown}: {error}"));
    let story = Transcript::parse(&text).unwrap_or_else(|error| panic!("{shown}: {error}"));
    let actual = story.replay(run);
    if env::var_os("UPDATE").is_some_and(|value| value == "1") {
        let rendered = spaced(&actual).render();
        if rendered != text {
            fs::write(path, rendered).unwrap_or_else(|error| panic!("{shown}: {error}"));
        }
        return;
    }
    for (expected, actual) in story.steps.iter().zip(&actual.steps) {
        assert!(
            expected.expected == actual.expected,
            "{shown}:{}: `{} {}`\n--- expected\n{}--- actual\n{}(UPDATE=1 rewrites the file)",
            expected.line,
            expected.command,
            expected.arguments.join(" "),
            expected.expected,
            actual.expected,
        );
    }
}

/// Replays every `.txt` file of `directory`, in the order of names, each with a fresh runner from `start`.
///
/// # Panics
/// As [`run_file`], and if the directory holds no story at all.
pub fn run_directory<R: FnMut(&Step) -> String>(
    directory: &Path,
    mut start: impl FnMut(&Path) -> R,
) {
    let shown = directory.display();
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{shown}: {error}"));
    let mut stories: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    stories.sort();
    assert!(!stories.is_empty(), "{shown}: no stories");
    for story in stories {
        let runner = start(&story);
        run_file(&story, runner);
    }
}

/// The line between a command and its output.
const RULE: &str = "----";

/// `output` with exactly one line feed at the end and no empty line.
fn normal(output: &str) -> String {
    let mut text = String::new();
    for line in output.trim_end().lines() {
        let line = line.trim_end();
        text.push_str(if line.is_empty() { "." } else { line });
        text.push('\n');
    }
    text
}

/// Makes sure that every step but the first begins after an empty line, without which its output would not end.
fn spaced(story: &Transcript) -> Transcript {
    let mut story = story.clone();
    for step in story.steps.iter_mut().skip(1) {
        if !step.lead.starts_with('\n') {
            step.lead.insert(0, '\n');
        }
    }
    if !story.tail.is_empty() && !story.tail.starts_with('\n') {
        story.tail.insert(0, '\n');
    }
    story
}

#[cfg(test)]
mod tests;
