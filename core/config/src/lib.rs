//! The configuration of a Ringfort process: the language of momentum-features.md section 2, and the typed
//! [`Settings`] it yields.
//!
//! What this crate deliberately is not: it opens no file (the caller's [`Loader`] does) and applies nothing.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod diagnostic;
pub mod settings;
mod span;

pub use diagnostic::{Diagnostic, Label, Severity, render};
pub use settings::Settings;
pub use span::{Place, Source, SourceId, Sources, Span};
