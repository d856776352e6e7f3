//! The log service: being laid out behind its interface.

mod api;

pub use api::{Action, Event, Stream};
