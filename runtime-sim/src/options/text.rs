//! Parameters as lines of text, for schedules: `weather.loss_millionths = 30000`. Only what differs from a quiet
//! cluster is written, so that a line is a reason; whoever shortens a schedule tries to do without each of them.

use serde_json::{Map, Value};

use super::{NodePlan, Options, Role};

const HOUR_NS: u64 = 3_600_000_000_000;

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
    /// The value is out of range.
    #[error("`{path}`: {expected}")]
    Range {
        /// The parameter.
        path: String,
        /// What would be right.
        expected: &'static str,
    },
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
        if setting.path == "nodes" || setting.path.starts_with("nodes.") {
            return Err(SettingError::Unknown(setting.path.clone())); // they have a line of their own
        }
        let value: Value = serde_json::from_str(&setting.value).map_err(wrong)?;
        let mut fields = Value::Object(self.fields());
        let pointer = format!("/{}", setting.path.replace('.', "/"));
        let known = fields.pointer_mut(&pointer);
        *known.ok_or_else(|| SettingError::Unknown(setting.path.clone()))? = value;
        let mut options: Self = serde_json::from_value(fields).map_err(wrong)?;
        options.seed = self.seed;
        if let Some(expected) = options.objection() {
            let path = setting.path.clone();
            return Err(SettingError::Range { path, expected });
        }
        *self = options;
        Ok(())
    }

    /// What a world could not be made of, or would never come to its end with.
    fn objection(&self) -> Option<&'static str> {
        let (weather, load, disk) = (&self.weather, &self.load, &self.disk);
        let rates = [
            weather.loss_millionths,
            weather.stream_loss_millionths,
            weather.duplicate_millionths,
            weather.overtake_millionths,
            weather.corrupt_millionths,
            self.pace.inside_millionths,
        ];
        let times = [
            weather.latency_most_ns,
            weather.jitter_ns,
            weather.overtake_ns,
            weather.stale_ns,
            disk.access_most_ns,
            disk.sync_most_ns,
            self.address_ns,
            self.balance_ns,
            self.mature_ns,
        ];
        let rules = [
            (
                rates.iter().all(|rate| *rate <= 1_000_000),
                "rates are at most 1000000 millionths",
            ),
            (
                times.iter().all(|ns| *ns <= HOUR_NS),
                "times are at most an hour",
            ),
            (
                self.drift_millionths <= 500_000,
                "clocks are wrong by at most 500000 millionths",
            ),
            (
                load.probe_ns >= 1_000_000,
                "probes are at least 1000000 ns apart",
            ),
            (
                load.count_pending <= 1_000_000,
                "at most 1000000 changes wait",
            ),
            (
                self.faults_for.as_secs() <= 86_400,
                "faults strike for at most 86400s",
            ),
            (
                !self.core || self.nodes.len() > 1,
                "a core needs a rest: two nodes or more",
            ),
            (self.vips.len() <= 200, "at most 200 addresses"),
            (
                self.seal
                    .is_none_or(|seal| seal.attack_ns >= 10_000 && seal.rotate_ns >= 10_000_000),
                "attacks are at least 10000 ns apart, and rotations 10000000 ns",
            ),
        ];
        rules
            .into_iter()
            .find_map(|(holds, expected)| (!holds).then_some(expected))
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
