//! What every backend must do: each test runs on mio and, where it is to be had, on io_uring.

#[path = "../common/mod.rs"]
mod common;
mod harness;

mod accept;
mod connect;
mod datagram_receive;
mod datagram_run_limits;
mod datagram_runs;
mod datagram_send;
mod datagram_teardown;
mod many;
mod receive;
mod send;
mod starvation;
mod teardown;
mod wake;
