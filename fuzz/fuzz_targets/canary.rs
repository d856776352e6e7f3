//! The libFuzzer front of `canary`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ringfort_fuzz::once("canary", input));
