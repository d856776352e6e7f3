//! Everything that a service and its checker are usually written with: `use ringfort_runtime_sim::lab::prelude::*`.

pub use ringfort_evs::{Delivery, Refusal};
pub use ringfort_machine::{
    Configuration, ConfigurationKind, Digest, Instant, Level, ProcessId, Rng,
};

pub use super::{Lab, Place, Ring, Service};
pub use crate::{
    checker::{Checker, Violation},
    trace::{ConfKind, Event, Kind, Process, Text},
};
