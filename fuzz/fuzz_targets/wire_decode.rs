//! The libFuzzer front of `wire_decode`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ringfort_fuzz::once("wire_decode", input));
