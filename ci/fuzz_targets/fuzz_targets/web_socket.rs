//! See `ringmq_fuzz::targets::web_socket`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringmq_fuzz::targets::web_socket::run(data));
