//! The libFuzzer front of `vip`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ringfort_fuzz::once("vip", input));
