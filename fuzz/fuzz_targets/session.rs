//! The libFuzzer front of `session`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ringfort_fuzz::once("session", input));
