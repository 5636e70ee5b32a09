//! The engine of ringmq: I/O threads, sessions and timers over io_uring or mio.
//!
//! It knows descriptors, completions and pipes. It never sees endpoint text or what kind of socket a
//! pipe belongs to: the transports make descriptors, the sockets own the other ends of the pipes.

pub mod backend;
mod batch;
mod bell;
mod cadence;
mod discard;
mod engine;
mod event;
mod event_loop;
mod handler;
mod io_thread;
mod options;
mod population;
mod session;
mod timers;
mod token;
mod tuning;

pub use backend::{
    BackendChoice, BackendKind, BackendReport, BackendUnavailable, Descriptor, Found, RingSize,
    UringCause, UringFeature, UringRefusal, UringReport, uring_available, uring_report,
};
pub use batch::{Batch, Part};
pub use bell::Bell;
pub use engine::{Engine, StartError};
pub use event::{Attach, DisconnectReason, Link, SessionEvent};
pub use handler::{Completion, Cx, Handler, Notice};
pub use io_thread::IoHandle;
pub use options::EngineOptions;
pub use session::{Carry, Direct, Fetch, Reader, Session, SessionEnd, SessionOptions};
pub use timers::TimerKind;
pub use token::Token;
pub use tuning::{Granted, SettingError, TuningReport};
