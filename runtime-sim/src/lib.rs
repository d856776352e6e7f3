//! Being laid out.
pub mod check;
pub mod checker;
pub mod trace;
