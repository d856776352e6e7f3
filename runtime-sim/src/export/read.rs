//! A trace file as events. More forgiving than `check`: the hash is not looked at, a missing last line is no
//! error, and a `run` line may lack options, since a picture of half a run is better than none. What cannot be
//! read at all is an error with the number of its line.

use std::io::BufRead;

use serde_json::{Value, json};

use crate::{replay::TraceError, trace::Event};

/// The events of a trace, one a line.
#[derive(Debug)]
pub struct Lines<R> {
    input: R,
    text: Vec<u8>,
    line: u64,
    last: u64,
    done: bool,
}

/// Reads the trace that `input` yields.
pub const fn read<R: BufRead>(input: R) -> Lines<R> {
    Lines {
        input,
        text: Vec::new(),
        line: 0,
        last: 0,
        done: false,
    }
}

impl<R: BufRead> Lines<R> {
    fn event(&mut self) -> Result<Option<Event>, TraceError> {
        loop {
            self.text.clear();
            if self.input.read_until(b'\n', &mut self.text)? == 0 {
                return Ok(None);
            }
            self.line += 1;
            if !self.text.trim_ascii().is_empty() {
                break;
            }
        }
        let line = self.line;
        let event = parse(&self.text).map_err(|source| TraceError::Line { line, source })?;
        if event.t < self.last {
            return Err(TraceError::Time { line });
        }
        self.last = event.t;
        Ok(Some(event))
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<Event, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.event().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

fn parse(text: &[u8]) -> Result<Event, serde_json::Error> {
    serde_json::from_slice(text).or_else(|error| completed_run(text).ok_or(error))
}

/// The `run` line with what it lacks filled in, if it is one.
fn completed_run(text: &[u8]) -> Option<Event> {
    let mut line: Value = serde_json::from_slice(text).ok()?;
    let fields = line.as_object_mut()?;
    if fields.get("ev") != Some(&json!("run")) {
        return None;
    }
    for (name, empty) in [
        ("schema", json!(0)),
        ("seed", json!(0)),
        ("commit", json!("")),
        ("nodes", json!([])),
        ("options", json!({})),
    ] {
        fields.entry(name).or_insert(empty);
    }
    let options = fields.get_mut("options")?.as_object_mut()?;
    for name in ["faults", "vips", "services"] {
        options.entry(name).or_insert_with(|| json!([]));
    }
    options.entry("gaps").or_insert(json!(false));
    serde_json::from_value(line).ok()
}
