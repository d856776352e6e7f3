//! The libFuzzer front of `seal`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ringfort_fuzz::once("seal", input));
