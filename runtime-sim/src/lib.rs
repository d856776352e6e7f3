//! Being laid out.
pub mod check;
pub mod checker;
pub mod disk;
pub mod fabric;
pub mod options;
mod queue;
pub mod recorder;
pub mod stack;
pub mod trace;
