//! The libFuzzer front of `groups`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ringfort_fuzz::once("groups", input));
