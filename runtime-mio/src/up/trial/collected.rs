//! What has arrived in the manager's files, against what was acknowledged to clients.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// The comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Judged {
    /// Records of connections in the files.
    pub(super) records: usize,
    /// Acknowledged connections without a record.
    pub(super) missing: usize,
    /// Records that are there more than once.
    pub(super) duplicates: usize,
    /// Lines that are no record: torn or mixed up.
    pub(super) strange: usize,
    /// Some of the ids that are wrong, for the report.
    pub(super) examples: Vec<String>,
}

/// How many examples are kept.
const EXAMPLES: usize = 5;

/// Reads every file below `directory`. A connection without a banner may be there as well: its client was
/// never told anything.
pub(super) fn judge(directory: &Path, acknowledged: &BTreeSet<String>) -> Judged {
    let mut judged = Judged::default();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for text in texts(directory) {
        for line in text.lines() {
            match id(line) {
                Some(id) => *seen.entry(id.to_owned()).or_default() += 1,
                None => {
                    judged.strange += 1;
                    judged.example(line);
                }
            }
        }
    }
    for (id, count) in &seen {
        judged.records += count;
        if *count > 1 {
            judged.duplicates += 1;
            judged.example(id);
        }
    }
    for id in acknowledged.iter().filter(|id| !seen.contains_key(*id)) {
        judged.missing += 1;
        judged.example(id);
    }
    judged
}

impl Judged {
    fn example(&mut self, text: &str) {
        if self.examples.len() < EXAMPLES {
            self.examples.push(text.to_owned());
        }
    }
}

/// The id in a record of a connection: `seconds.millis@C@id@listener@client@server@verdict`.
fn id(line: &str) -> Option<&str> {
    let mut fields = line.split('@');
    let (_, kind, id) = (fields.next()?, fields.next()?, fields.next()?);
    let rest = fields.count();
    (kind == "C" && rest == 4 && !id.is_empty()).then_some(id)
}

fn texts(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new(); // nothing collected yet
    };
    let mut texts = Vec::new();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() {
            texts.extend(self::texts(&path));
        } else if let Ok(bytes) = fs::read(&path) {
            // The last line may be on its way.
            let end = bytes
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1);
            texts.push(String::from_utf8_lossy(&bytes[..end]).into_owned());
        }
    }
    texts
}

#[cfg(test)]
mod tests;
