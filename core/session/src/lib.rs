//! Being laid out.
#![no_std]
#![forbid(unsafe_code)]
