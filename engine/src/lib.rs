//! The engine of ringmq: I/O threads, sessions and timers over io_uring or mio.
//!
//! It knows streams, completions and pipes. It never sees endpoint text or what kind of socket a
//! pipe belongs to: the transports make streams, the sockets own the other ends of the pipes.

pub mod backend;
mod batch;
mod carriage;
mod connection_span;
mod context_bytes;
mod direct;
mod discard;
mod engine;
mod io_thread;
mod monitor;
mod options;
mod owner;
mod session;
mod tuning;
mod unix_peer;

#[cfg(unix)]
pub use backend::ReadySet;
pub use backend::background::spawn_in_background;
pub use backend::memory::default_max_waiting_bytes;
pub use backend::{
    BackendChoice, BackendKind, BackendReport, BackendUnavailable, Ended, Found, Receive, RingSize,
    Stream, UringCause, UringFeature, UringRefusal, UringReport, uring_available, uring_report,
};
pub use backend::{
    DATAGRAMS, Datagram, DatagramBatch, DatagramPart, DatagramReceive, LONGEST_DATAGRAM,
    LONGEST_RUN, MOST_IN_RUN, OutgoingDatagram, SendTally, report_destination,
};
#[cfg(all(unix, feature = "tokio"))]
pub use backend::{Readable, StreamWatch};
pub use batch::{Batch, BatchPart};
pub use carriage::{Carriage, Unpacked};
pub use connection_span::ConnectionSpan;
pub use direct::{
    Attendant, DatagramGrant, DatagramHalf, DatagramReport, Direct, Fetch, Parker, Reader,
};
pub use engine::{Engine, StartError};
pub use io_thread::handler::{Completion, Cx, Handler, Notice};
pub use io_thread::timers::TimerKind;
pub use io_thread::token::Token;
pub use io_thread::{IoHandle, is_io_thread};
pub use monitor::{
    ConnectFailure, DisconnectReason, DropReason, MonitorEvent, PeerLimit, Problem, RoutingIdText,
};
pub use options::{CoreSet, EngineOptions};
pub use owner::{Applicant, Attach, Connection, Descriptor, EndpointId, SessionOwner};
pub use session::outbound::{FrameBody, frames};
pub use session::{DetachedPipe, OutputSource, Session, SessionEnd, SessionOptions, random};
/// One end of a pipe, of which one end is a socket's and the other a session's.
pub type PipeEnd = ringmq_pipe::PipeEnd<Direct>;
/// What both ends of such a pipe see.
pub type PipeState = ringmq_pipe::PipeState<Direct>;

pub use tuning::{Granted, SettingError, TuningReport};
pub use unix_peer::UnixPeer;
