//! Parameters as lines of text, for schedules: `weather.loss_millionths = 30000`. Only what differs from a quiet
//! cluster is written, so that a line is a reason; whoever shortens a schedule tries to do without each of them.

use serde_json::{Map, Value};

use super::{NodePlan, Options, Role};

/// One parameter: its path through the structure, and its value as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) path: String,
    pub(crate) value: String,
}

/// A line that is no parameter.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// There is no such parameter.
    #[error(
        "there is no parameter `{0}`; the lines that `ringfort-sim shrink` writes show which there are"
    )]
    Unknown(String),
    /// The value is of another kind.
    #[error("`{path} = {value}`: {source}")]
    Value {
        /// The parameter.
        path: String,
        /// What was written.
        value: String,
        /// What the parser said.
        source: serde_json::Error,
    },
}

impl Options {
    /// A quiet cluster of these nodes: what a schedule starts from.
    pub(crate) fn quiet_with(seed: u64, nodes: Vec<NodePlan>) -> Self {
        let count = nodes.len().max(1) as u64;
        let mut quiet = Self::quiet(seed, count);
        quiet.nodes = nodes;
        quiet.load.probe_ns = 1_000_000_000; // or nobody could say in the end that an address can be reached
        quiet
    }

    /// What differs from a quiet cluster of the same nodes.
    pub(crate) fn settings(&self) -> Vec<Setting> {
        let quiet = Self::quiet_with(self.seed, self.nodes.clone()).fields();
        let mut all = Vec::new();
        flatten("", &self.fields(), &quiet, &mut all);
        all
    }

    /// Sets one parameter.
    pub(crate) fn set(&mut self, setting: &Setting) -> Result<(), SettingError> {
        let wrong = |source| SettingError::Value {
            path: setting.path.clone(),
            value: setting.value.clone(),
            source,
        };
        let value: Value = serde_json::from_str(&setting.value).map_err(wrong)?;
        let mut fields = Value::Object(self.fields());
        let pointer = format!("/{}", setting.path.replace('.', "/"));
        let known = fields.pointer_mut(&pointer);
        *known.ok_or_else(|| SettingError::Unknown(setting.path.clone()))? = value;
        let seed = self.seed;
        *self = serde_json::from_value(fields).map_err(wrong)?;
        self.seed = seed;
        Ok(())
    }
}

fn flatten(
    prefix: &str,
    fields: &Map<String, Value>,
    quiet: &Map<String, Value>,
    all: &mut Vec<Setting>,
) {
    for (name, value) in fields {
        let path = format!("{prefix}{name}");
        match (value, quiet.get(name)) {
            (_, Some(same)) if same == value => {}
            (_, _) if path == "nodes" => {}
            (Value::Object(fields), Some(Value::Object(quiet))) => {
                flatten(&format!("{path}."), fields, quiet, all);
            }
            (value, _) => all.push(Setting {
                path,
                value: value.to_string(),
            }),
        }
    }
}

/// A node by its name: managers begin with `m`.
pub(crate) fn node(name: &str) -> NodePlan {
    NodePlan {
        name: name.to_owned(),
        role: if name.starts_with('m') {
            Role::Manager
        } else {
            Role::Mail
        },
    }
}

/// Times as `1.25s`.
pub(crate) mod time {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format(*time))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(from)?;
        parse(&text).ok_or_else(|| de::Error::custom(format!("`{text}` is no time like `1.25s`")))
    }

    /// Seconds with as many decimals as it takes.
    pub(crate) fn format(time: Duration) -> String {
        let text = format!("{}.{:09}", time.as_secs(), time.subsec_nanos());
        let text = text.trim_end_matches('0').trim_end_matches('.');
        format!("{text}s")
    }

    /// The way back.
    pub(crate) fn parse(text: &str) -> Option<Duration> {
        let text = text.strip_suffix('s')?;
        let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
        if fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let nanos: u32 = format!("{fraction:0<9}").parse().ok()?;
        Some(Duration::new(seconds.parse().ok()?, nanos))
    }
}

/// Addresses as text.
pub(super) mod vips {
    use ipnet::IpNet;
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(in crate::options) fn serialize<S: Serializer>(
        vips: &[IpNet],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(vips.iter().map(ToString::to_string))
    }

    pub(in crate::options) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<IpNet>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        let parse = |text: &String| {
            text.parse()
                .map_err(|_| de::Error::custom(format!("`{text}` is no network")))
        };
        texts.iter().map(parse).collect()
    }
}

#[cfg(test)]
mod tests;
