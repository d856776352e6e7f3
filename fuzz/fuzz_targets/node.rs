//! The libFuzzer front of `node`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ringfort_fuzz::once("node", input));
