//! Settings for those who count microseconds, in one place. Documentation only.
//!
//! The defaults are for machines that do other things too. What follows trades processor time, memory
//! or the freedom of the scheduler for fewer and shorter delays. Change one thing at a time and measure
//! it where it is going to run: `ringmq-bench latency` shows percentiles with and without pauses, and
//! ratios to bare sockets.
//!
//! | Setting | What it does | Default | Effect as measured |
//! |---|---|---|---|
//! | [`ContextBuilder::spin`], [`Socket::set_spin`] | How long a thread in `recv` looks for a message before it blocks. | [`Spin::Adaptive`]: up to 50 us, or 200 on a schedule, while it pays | The most of all: 64 B round trips of bare sockets took 7.9 us spinning and 61 us blocking over tcp, 3.4 and 37 us over ipc. [`Spin::Fixed`] with a core to spare, [`Spin::Off`] without. |
//! | [`ContextBuilder::io_patience`] | How long an I/O thread stays awake after work. | 50 us | Waking a thread that sleeps took 12 to 25 us until it ran, and 7 to 9 us of whoever woke it. |
//! | [`ContextBuilder::io_threads`], [`ContextBuilder::pin_io_threads`] | How many I/O threads, and a core for each. | 1, not pinned | Not to be shown with two cores: the application's threads want both. It keeps the I/O thread from being moved, and from a core that an application's thread spins on. |
//! | [`Socket::set_affinity`] | Which I/O threads serve a socket, bit 0 for the first: one that must not wait has one to itself. | any, the least busy | As above. |
//! | [`ContextBuilder::busy_poll`], [`Socket::set_busy_poll`] | The kernel polls the network device for those who wait: NAPI busy polling by the I/O threads' rings (`IORING_REGISTER_NAPI`, Linux 6.9), and `SO_BUSY_POLL` on tcp connections, which counts for threads that read their connections themselves. For threads that block in the kernel the sysctl `net.core.busy_poll` has to be set as well. | off | Not to be shown over loopback, which has no device to poll. A wish: [`Context::tuning`] says what became of it. |
//! | [`ContextBuilder::timer_slack`] | How late the kernel may wake the I/O threads for a timer: heartbeats, reconnects, batches. | the creating thread's, 50 us as a rule | A sleep of 200 us took 278 us with a slack of 50 us and 228 us with 1 ns. Messages do not wait for timers, so latency stays as it is. |
//! | [`ContextBuilder::realtime`] | The I/O threads run in real time (`SCHED_FIFO`), before everything else on their cores. | as other threads | Not to be shown with two cores. **Pin them**, to cores that nothing else needs: an I/O thread that is awake gives its core to none of the others. |
//! | [`ContextBuilder::lock_memory`] | Keeps the memory of the process from being paged out, and has what it takes from now on there from the start (`mlockall`). | no | No effect on a machine that does not page. The stack of each thread counts in full, 2 MiB as a rule, against `RLIMIT_MEMLOCK`. |
//! | [`Socket::recv_into`], [`Socket::recv_with`] | Receive into a message that is there already; look at a message where it lies. | [`Socket::recv`] moves it out | The first saves a move of 64 bytes for each message: 64 B over tcp 34.8 M/s instead of 32.1. The second saves one more, which does not show here: within the spread of the rounds. |
//! | [`Socket::set_tos`], [`Socket::set_priority`], [`Socket::set_send_buffer`], [`Socket::set_recv_buffer`] | What the network and the kernel do with packets. | the system's; 1 MiB for ipc | The kernel's own sizes were best for tcp. Of its 208 KiB for ipc a blocking reader lost 40 to 60 % of the throughput. |
//!
//! Measured on one machine: two virtual cores (AMD Zen 5), Linux 6.18, loopback. Waking a thread costs
//! several times as much there as on bare metal.
//!
//! A tcp connection over loopback does without BBR where that is the system's congestion control: it
//! sends no faster than it has measured, and measured how soon the receiver had its turn, which cost
//! messages of 64 KiB up to half of their rate. Other connections have what the system gives them.
//!
//! There is no setting for **huge pages**. Behind the blocks in which messages lie (8 MiB, handed
//! out in scattered order; messages of 64, 1024 and 8192 bytes copied in and out) they gave 1.01,
//! 1.13 and 1.10 times the throughput in one run and 1.20, 0.90 and 1.06 times in the next, each
//! the median of 15 interleaved rounds that differed by far more: nothing that could be told from
//! chance. A program that wants them anyway can have its allocator or the system
//! (`transparent_hugepage=always`) use them.
//!
//! # What is refused
//! A value that a setting cannot have, a core that the process may not use, real time or locked
//! memory without the right to it: [`build`](crate::ContextBuilder::build) gives
//! [`Error::InvalidOption`], which names the setting and says what to do. Busy polling alone is a
//! wish, and [`Context::tuning`] reports on it.
//!
//! # Example
//! A feed handler with cores 2 and 3 for I/O, one of them for the socket that must not wait, and cores
//! to spare for its own threads.
//!
//! ```no_run
//! use ringmq::{Context, Granted, Spin};
//! use std::time::Duration;
//!
//! let context = Context::builder()
//!     .io_threads(2)
//!     .pin_io_threads([2, 3])
//!     .io_patience(Duration::from_millis(1))
//!     .spin(Spin::Fixed(Duration::from_millis(1)))
//!     .busy_poll(Some(Duration::from_micros(50)))
//!     .timer_slack(Duration::from_nanos(1))
//!     .realtime(50)
//!     .lock_memory(true)
//!     .build()?;
//! if let Granted::No(reason) = context.tuning()?.ring_busy_poll {
//!     eprintln!("going on without busy polling: {reason}");
//! }
//!
//! let feed = context.subscriber()?;
//! feed.set_affinity(0b01)?; // core 2
//! feed.subscribe("")?;
//! feed.connect("tcp://198.51.100.7:5555")?;
//!
//! let log = context.push()?;
//! log.set_affinity(0b10)?; // core 3
//! log.connect("tcp://198.51.100.8:5556")?;
//!
//! loop {
//!     let tick = feed.recv()?;
//!     // ...
//!     log.send(tick)?;
//! }
//! # #[allow(unreachable_code)]
//! # Ok::<(), ringmq::Error>(())
//! ```
//!
//! [`Context::tuning`]: crate::Context::tuning
//! [`ContextBuilder::busy_poll`]: crate::ContextBuilder::busy_poll
//! [`ContextBuilder::io_patience`]: crate::ContextBuilder::io_patience
//! [`ContextBuilder::io_threads`]: crate::ContextBuilder::io_threads
//! [`ContextBuilder::lock_memory`]: crate::ContextBuilder::lock_memory
//! [`ContextBuilder::pin_io_threads`]: crate::ContextBuilder::pin_io_threads
//! [`ContextBuilder::realtime`]: crate::ContextBuilder::realtime
//! [`ContextBuilder::spin`]: crate::ContextBuilder::spin
//! [`ContextBuilder::timer_slack`]: crate::ContextBuilder::timer_slack
//! [`Error::InvalidOption`]: crate::Error::InvalidOption
//! [`Socket::recv`]: crate::Socket::recv
//! [`Socket::recv_into`]: crate::Socket::recv_into
//! [`Socket::recv_with`]: crate::Socket::recv_with
//! [`Socket::set_affinity`]: crate::Socket::set_affinity
//! [`Socket::set_busy_poll`]: crate::Socket::set_busy_poll
//! [`Socket::set_priority`]: crate::Socket::set_priority
//! [`Socket::set_recv_buffer`]: crate::Socket::set_recv_buffer
//! [`Socket::set_send_buffer`]: crate::Socket::set_send_buffer
//! [`Socket::set_spin`]: crate::Socket::set_spin
//! [`Socket::set_tos`]: crate::Socket::set_tos
//! [`Spin::Adaptive`]: crate::Spin::Adaptive
//! [`Spin::Fixed`]: crate::Spin::Fixed
//! [`Spin::Off`]: crate::Spin::Off
