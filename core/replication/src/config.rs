//! Which objects a node replicates, and how eagerly (reference 1.11, RP-1 to RP-4).

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use ringfort_wire::counter::{self, Kind};

/// One replicated object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectConfig {
    /// Its name in the cluster: 1 to 64 visible ASCII characters.
    pub name: String,
    /// What it counts by.
    pub kind: Kind,
    /// The longest that a change waits before it is published. Usually it waits far less, see `batch`.
    pub max_delay: Duration,
    /// The number of changes that are published without waiting any longer. At least 1.
    pub max_pending: usize,
}

impl ObjectConfig {
    /// An object with the defaults of the reference: one second, 100 changes.
    pub fn new(name: &str, kind: Kind) -> Self {
        Self {
            name: name.into(),
            kind,
            max_delay: Duration::from_secs(1),
            max_pending: 100,
        }
    }
}

/// The configuration of the whole service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The objects, in any order, with different names. At most 64.
    pub objects: Vec<ObjectConfig>,
    /// The most keys that this process contributes to one object, at most 2^20. A change that would need one
    /// more is refused.
    pub keys_limit: usize,
    /// Whether [`crate::Action::Settled`] is also wanted after every message that changes a settled object.
    pub observe: bool,
}

impl Config {
    /// These objects, 2^20 keys each, unobserved.
    pub const fn new(objects: Vec<ObjectConfig>) -> Self {
        Self {
            objects,
            keys_limit: counter::KEYS,
            observe: false,
        }
    }

    /// Whether the rules stated on the fields are kept.
    ///
    /// # Errors
    /// The first [`ConfigError`] found.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.objects.len() > counter::OBJECTS {
            return Err(ConfigError::TooManyObjects(self.objects.len()));
        }
        if !(1..=counter::KEYS).contains(&self.keys_limit) {
            return Err(ConfigError::KeysLimit(self.keys_limit));
        }
        for (index, object) in self.objects.iter().enumerate() {
            let earlier = self.objects.iter().take(index);
            if !counter::is_name(&object.name) {
                return Err(ConfigError::Name(object.name.clone()));
            }
            if earlier.clone().any(|other| other.name == object.name) {
                return Err(ConfigError::Twice(object.name.clone()));
            }
            if object.max_pending == 0 {
                return Err(ConfigError::MaxPending(object.name.clone()));
            }
        }
        Ok(())
    }
}

/// Why a configuration was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// More objects than a message can name.
    #[error("{0} replicated objects are configured; at most {max} are possible", max = counter::OBJECTS)]
    TooManyObjects(usize),
    /// No room for keys, or more than the protocol allows.
    #[error("the limit of {0} keys is out of range; use 1 to {max}", max = counter::KEYS)]
    KeysLimit(usize),
    /// Not a name.
    #[error("replicated object {0:?}: a name has 1 to {max} visible ASCII characters", max = counter::NAME)]
    Name(String),
    /// Two objects of one name.
    #[error("replicated object {0:?} is configured twice; remove one of the two")]
    Twice(String),
    /// A batch of no changes.
    #[error("replicated object {0:?}: max_pending is 0; use at least 1")]
    MaxPending(String),
}
