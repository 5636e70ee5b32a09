//! Ending well: what becomes of messages when a socket, a context, a thread or the process ends. (A page,
//! without code of its own.)
//!
//! # Where a message is
//!
//! ```text
//!  send ──▶ the socket's pipe ──▶ the system's buffers ──▶ the peer's system ──▶ the peer's recv
//!           ▲ lingers             ▲ flushed
//! ```
//!
//! `send` returns when the pipe has the message. I/O threads take it from there. When the socket is gone,
//! they go on for its [linger time](crate::Socket::set_linger), which has no limit unless it is set, also to
//! connect to a peer that is not there yet. When the process is gone, so are they: what they have not handed
//! to the system is lost, without a word and with exit code 0. So a program has to wait for them.
//!
//! # Who waits
//!
//! | what | waits for |
//! |---|---|
//! | [`Socket::flush`](crate::Socket::flush), [`flush_async`](crate::Socket::flush_async) | what this socket has accepted so far, to be the system's |
//! | [`Socket::close`](crate::Socket::close), dropping a socket | nothing; what it has sent lingers |
//! | [`Socket::close_async`](crate::Socket::close_async) | what this socket has sent, for its linger time |
//! | [`Context::shutdown`](crate::Context::shutdown) | nothing; frees who waits, closes the sockets |
//! | [`Context::term`](crate::Context::term), [`term_timeout`](crate::Context::term_timeout), [`term_async`](crate::Context::term_async) | what all sockets have sent, for their linger times |
//! | dropping the last handle of a context on the main thread | the same |
//! | dropping any handle there after `shutdown` | the same |
//! | dropping a context on any other thread | nothing: it may be a runtime's worker |
//!
//! So a program that makes its context in `main` and returns from there delivers what it has sent. One
//! where the context is in a `static`, in an `Arc` that somebody has leaked, or in a thread, has to call
//! [`term_timeout`](crate::Context::term_timeout) before it ends. `libzmq`'s `zmq_ctx_term` waits until all
//! sockets were closed by their owners; here [`shutdown`](crate::Context::shutdown) closes them, and their
//! owners get [`Error::Terminated`](crate::Error::Terminated).
//!
//! Under a runtime whose only thread is the main one, dropping a context there blocks the other tasks:
//! await [`term_async`](crate::Context::term_async) first.
//!
//! # A service
//!
//! The thread that hears of Ctrl-C has a handle of the context and shuts it down. That frees all others, from
//! whatever they wait in. They drop their sockets and return; `main` waits for what they have sent.
//!
//! ```
//! use ringmq::{Context, Error};
//! use std::time::Duration;
//!
//! fn serve(context: &Context) -> Result<(), Error> {
//!     let requests = context.rep()?;
//!     requests.bind("tcp://127.0.0.1:*")?;
//!     loop {
//!         let request = requests.recv()?;
//!         requests.send(request)?;
//!     }
//! }
//!
//! let context = Context::new();
//! std::thread::spawn({
//!     let context = context.clone();
//!     # let wait_for_ctrl_c = || ();
//!     move || {
//!         wait_for_ctrl_c();
//!         context.shutdown();
//!         wait_for_ctrl_c(); // A second time: whoever has pressed it does not want to wait.
//!         context.set_linger(Some(Duration::ZERO));
//!     }
//! });
//! match serve(&context) {
//!     Err(Error::Terminated) => {}
//!     other => other?,
//! }
//! if let Err(left) = context.term_timeout(Duration::from_secs(10)) {
//!     eprintln!("giving up: {left}"); // How many messages wait for which endpoint.
//! }
//! # Ok::<(), Error>(())
//! ```
//!
//! The example `service` is this in full. Threads that serve beside `main` are freed as well: join them
//! before `term_timeout`. Under a runtime:
//!
//! ```
//! use ringmq::{Context, Error};
//!
//! async fn run(stop: impl Future<Output = ()>) -> Result<(), Error> {
//!     let context = Context::new();
//!     let requests = context.rep()?;
//!     requests.bind("tcp://127.0.0.1:*")?;
//!     let serve = async {
//!         loop {
//!             let request = requests.recv_async().await?;
//!             requests.send_async(request).await?;
//!         }
//!     };
//!     let stop = async {
//!         stop.await;
//!         Ok(())
//!     };
//!     let served = futures_lite::future::or(serve, stop).await;
//!     context.term_async().await; // With a limit of the runtime's around it.
//!     served
//! }
//! # futures_lite::future::block_on(run(async {})).unwrap();
//! ```
//!
//! # Who is told
//!
//! A wait of [`term`](crate::Context::term), [`flush`](crate::Socket::flush),
//! [`close_async`](crate::Socket::close_async) or of a dropped context that takes longer than a second says
//! through `tracing` at WARN how many messages wait for which endpoint, and again ever more rarely. What
//! linger gives up is counted by the [socket](crate::Socket::gave_up) and by the
//! [context](crate::Context::gave_up), and is a line at WARN and, of a socket that is open, an
//! [event](crate::MonitorEvent::LingerGaveUp).
