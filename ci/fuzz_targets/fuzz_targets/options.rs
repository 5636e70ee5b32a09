//! See `ringmq_fuzz::targets::options`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::targets::options::run(data));
