//! The libFuzzer front of `console_router`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ringfort_fuzz::once("console_router", input));
