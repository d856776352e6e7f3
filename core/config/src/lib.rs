//! The configuration of a Ringfort process: the language of momentum-features.md section 2, both of its
//! dialects, and the typed [`Settings`] it yields.
//!
//! A file goes through four stages, each a module: [`tree`] holds what was written (`lex`, `parse`); `include`
//! reads what it includes and merges all into one model, with the old dialect brought to the new one (`model`);
//! `extract` fetches typed values by the one table of [`options`] and checks them together; [`load()`] decides.
//! Every value keeps its [`Span`], so that a mistake found in the last stage shows the line of the first.
//! A configuration is accepted whole or not at all, and all its mistakes are reported at once.
//!
//! What this crate deliberately is not: it opens no file (the caller's [`Loader`] does), it applies nothing,
//! and it knows nothing of the mail server whose files it reads beyond passing its parts over.
//!
//! ```
//! let loaded = ringfort_config::parse_str(
//!     "node.conf",
//!     "cluster { view_mature_time = 7 }",
//!     &ringfort_config::Environment::default(),
//! );
//! let settings = loaded.settings.expect("no mistake");
//! assert_eq!(settings.duravip.view_mature_time.as_secs(), 7);
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod diagnostic;
mod environment;
mod extract;
mod flat;
mod include;
mod lex;
mod load;
mod mbus;
mod model;
pub mod options;
mod parse;
mod print;
pub mod settings;
mod span;
mod suggest;
pub mod tree;
mod values;

pub use diagnostic::{Diagnostic, Label, Severity, render};
pub use environment::Environment;
pub use extract::Ignored;
pub use flat::{AutoUpdate, BootConf, ClientConf, FlatEntry, HostPort, Repository, parse_flat};
pub use include::{
    Content, FILE_COUNT_LIMIT, FILE_LIMIT_BYTES, INCLUDE_DEPTH_LIMIT, LoadError, Loader,
    TOTAL_LIMIT_BYTES,
};
pub use load::{Loaded, load, parse_str};
pub use mbus::{Interface, InterfaceUse, MbusConf, MbusMember, Segment, SubclusterComment};
pub use parse::{NESTING_LIMIT, parse};
pub use print::print;
pub use settings::Settings;
pub use span::{Place, Source, SourceId, Sources, Span};
