//! How messages are shared out among pipes, and taken from them.

pub(crate) mod distributor;
pub(crate) mod fair_queue;
pub(crate) mod load_balancer;
pub(crate) mod round_robin;
pub(crate) mod single_frame_queue;
