//! See `ringmq_fuzz::targets::subscriptions`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::targets::subscriptions::run(data));
