//! The libFuzzer front of `log_store`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ringfort_fuzz::once("log_store", input));
