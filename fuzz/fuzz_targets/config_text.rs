//! The libFuzzer front of `config_text`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ringfort_fuzz::once("config_text", input));
