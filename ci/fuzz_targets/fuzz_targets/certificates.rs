//! See `ringmq_fuzz::targets::certificates`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::targets::certificates::run(data));
