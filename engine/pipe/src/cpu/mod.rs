//! What the processor is helped with.

pub(crate) mod copy;
pub(crate) mod join;
pub(crate) mod prefetch;
