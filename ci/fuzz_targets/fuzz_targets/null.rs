//! See `ringmq_fuzz::targets::null`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::targets::null::run(data));
