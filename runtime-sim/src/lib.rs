//! Being laid out.
pub mod check;
pub mod checker;
pub mod disk;
pub mod fabric;
mod queue;
pub mod stack;
pub mod trace;
