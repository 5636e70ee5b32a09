//! The options of a context, as they are read: a method for each.

use crate::context::Context;
use crate::options::context_table;
use crate::wait::Spin;
use ringmq_engine::BackendChoice;
use std::time::Duration;

/// Makes the methods. An example builds a context with the second value where the first one is
/// usual.
macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $row:ident, $first:literal, $set:literal, $second:literal;)*) => {
        impl Context {$(
            $(#[$doc])*
            ///
            /// # Examples
            /// ```
            /// # #[allow(unused_imports)]
            /// # use {ringmq::{BackendChoice, Context, Spin}, std::time::Duration};
            #[doc = concat!("assert_eq!(Context::new().", stringify!($name), "(), ", $first, ");")]
            #[doc = concat!("if let Ok(context) = Context::builder().", $set, ".build() {")]
            #[doc = concat!("    assert_eq!(context.", stringify!($name), "(), ", $second, ");")]
            /// }
            /// ```
            pub fn $name(&self) -> $type {
                (context_table::$row.get)(self.options())
            }
        )*}
    };
}

getters! {
    /// How many I/O threads it has.
    #[doc(alias = "ZMQ_IO_THREADS")]
    io_threads: usize = IO_THREADS, "1", "io_threads(2)", "2";
    /// The cores that its I/O threads [are pinned to](crate::ContextBuilder::pin_io_threads), one
    /// each in order.
    io_cores: Vec<usize> = PIN_IO_THREADS, "[]", "pin_io_threads([0])", "[0]";
    /// Which backend was asked for; [`backend`](Self::backend) says what became of that.
    backend_choice: BackendChoice = BACKEND_CHOICE,
        "BackendChoice::Auto", "backend(BackendChoice::Mio)", "BackendChoice::Mio";
    /// How long an I/O thread stays awake after work.
    io_patience: Duration = IO_PATIENCE,
        "Duration::from_micros(50)", "io_patience(Duration::ZERO)", "Duration::ZERO";
    /// For how long the kernel polls network devices, if it was asked to; [`tuning`](Self::tuning)
    /// says what became of that.
    busy_poll: Option<Duration> = CONTEXT_BUSY_POLL, "None",
        "busy_poll(Some(Duration::from_micros(50)))", "Some(Duration::from_micros(50))";
    /// How late the kernel may wake the I/O threads for a timer; `None` is as the thread had it
    /// that made the context.
    timer_slack: Option<Duration> = TIMER_SLACK, "None",
        "timer_slack(Duration::from_nanos(1))", "Some(Duration::from_nanos(1))";
    /// The priority of the I/O threads in real time; `None` is as other threads.
    realtime: Option<u8> = REALTIME, "None", "realtime(1)", "Some(1)";
    /// Whether all memory of the process was to be kept from being paged out.
    lock_memory: bool = LOCK_MEMORY, "false", "lock_memory(false)", "false";
    /// How long threads that wait for a message look for it before they block, unless their socket
    /// differs.
    spin: Spin = CONTEXT_SPIN, "Spin::Adaptive", "spin(Spin::Off)", "Spin::Off";
    /// What the I/O threads are called, before their numbers.
    #[doc(alias = "ZMQ_THREAD_NAME_PREFIX")]
    thread_name: String = THREAD_NAME_PREFIX,
        "\"ringmq-io\"", "thread_name(\"feed\")", "\"feed\"";
}

impl Context {
    /// How many bytes of all peers together [may wait](crate::ContextBuilder::max_waiting_bytes) to be received.
    ///
    /// # Examples
    /// ```
    /// use ringmq::Context;
    /// assert!(Context::new().max_waiting_bytes().is_some());
    /// assert_eq!(Context::builder().max_waiting_bytes(None).build()?.max_waiting_bytes(), None);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn max_waiting_bytes(&self) -> Option<u64> {
        (context_table::CONTEXT_MAX_WAITING_BYTES.get)(self.options())
    }
}
