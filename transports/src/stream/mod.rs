//! Binds and connects over byte streams: tcp and ipc.

pub(crate) mod connecter;
mod dial;
pub(crate) mod listener;
mod lots;
mod visitors;
