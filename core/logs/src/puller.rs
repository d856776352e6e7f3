//! The puller: being laid out behind its interface.

mod api;

pub use api::{Action, Event, Source, SourceStatus, Status};
