//! Files in memory, for tests of what reads files.

use std::{collections::BTreeMap, net::IpAddr};

use ringfort_config::{Content, LoadError, Loader};

/// Texts by path; a path that others are below is a directory.
pub(crate) struct Files {
    files: BTreeMap<String, String>,
    /// Every path that was asked for.
    pub(crate) asked: Vec<String>,
}

impl<S: Into<String>, const N: usize> From<[(&str, S); N]> for Files {
    fn from(files: [(&str, S); N]) -> Self {
        Self {
            files: files
                .into_iter()
                .map(|(path, text)| (path.into(), text.into()))
                .collect(),
            asked: Vec::new(),
        }
    }
}

/// `path` without `.` and `..`, as a file system would walk it.
fn resolved(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

impl Loader for Files {
    fn load(&mut self, path: &str) -> Result<Content, LoadError> {
        self.asked.push(path.into());
        let path = &resolved(path);
        match self.files.get(path).map(String::as_str) {
            Some("denied") => return Err(LoadError::Failed("permission denied".into())),
            Some(text) => return Ok(Content::Text(text.into())),
            None => {}
        }
        if path.contains("://") {
            return Err(LoadError::Unsupported);
        }
        let inside = format!("{}/", path.trim_end_matches('/'));
        let mut names: Vec<String> = self
            .files
            .keys()
            .filter_map(|file| file.strip_prefix(&inside))
            .map(|rest| rest.split('/').next().unwrap_or(rest).to_string())
            .collect();
        names.dedup();
        names.reverse(); // a directory has no order of its own
        if names.is_empty() {
            return Err(LoadError::Missing);
        }
        Ok(Content::Directory(names))
    }

    fn resolve(&mut self, host: &str) -> Option<IpAddr> {
        (host == "known.example.com").then_some(IpAddr::from([192, 0, 2, 7]))
    }
}

impl Files {
    /// Adds files.
    #[allow(dead_code, reason = "not every test adds any")]
    pub(crate) fn extend(&mut self, files: impl IntoIterator<Item = (String, String)>) {
        self.files.extend(files);
    }
}
