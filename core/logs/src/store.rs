//! One log: being laid out behind its interface.

mod api;
mod config;

pub use api::{Action, Event, Fetched, ReadId, Status, SubscriberStatus};
pub use config::{Config, ConfigError, READS, SEGMENTS, SUBSCRIBERS};
