//! Virtual addresses on Linux: put on an interface, taken off it, found again, and made known on the segment.
//!
//! The intuition: the kernel is the only record. Every address put here carries a tag that the kernel keeps
//! with it (`IFA_PROTO`, Linux 5.18 and later), so a process that starts after a crash finds what its former
//! life has left without any file. Each call is one short exchange over netlink and is complete when it
//! returns: the address is there, or it is not.
//!
//! [`Platform`] changes the machine and needs CAP_NET_ADMIN and CAP_NET_RAW. [`LoopbackMode`] has the same
//! surface for 127.0.0.0/8, where every address already is on every machine: for trying a whole cluster out
//! on one host without any privilege.
//!
//! What this crate deliberately is not: it decides nothing, remembers nothing that matters, and knows no other
//! crate of Ringfort. There is no trait: `platform-solaris` has the same methods, and the runtime chooses by `cfg`.
#![cfg(target_os = "linux")]

mod error;
mod frame;
mod loopback;
mod netlink;
mod platform;
mod sys;

pub use error::PlatformError;
pub use loopback::LoopbackMode;
pub use platform::{Found, Platform, TAG};
