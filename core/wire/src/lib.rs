//! Every byte that Ringfort puts on a network, and the only codec of it.
//!
//! A frame is a fixed header ([`frame`]) and a body. Most bodies are canonical postcard ([`body`]): a value
//! has exactly one encoding, and bytes that are not that encoding are refused, trailing ones included. The
//! body of an ordered message is laid out by hand ([`ring`]) so that its payload is a slice of the datagram.
//!
//! What this crate deliberately is not: it keeps no state, decides nothing, and is never a disk format.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod body;
pub mod console;
pub mod counter;
mod error;
pub mod frame;
pub mod group;
pub mod limits;
pub mod logs;
pub mod ring;
pub mod roster;
pub mod service;
pub mod session;
pub mod vip;

pub use error::DecodeError;
pub use frame::{ClusterId, Frame, Kind};
