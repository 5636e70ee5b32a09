//! The table of context options.
//!
//! What they take is checked when a context is built: by the engine, which knows the machine.

use super::codec::{
    BACKEND, BYTE_NOT_ZERO, FLAG, LENGTH_OR_NONE, LIST, MICROS, MICROS_NOT_ZERO, NANOS_NOT_ZERO,
    SIZE, SPIN_MICROS, TEXT, ValueCodec,
};
use super::invalid;
use super::row::{Described, OptionFacts};
use super::value::{OptionValue, ValueType};
use crate::context_builder::ContextOptions;
use crate::error::Error;
use crate::wait::Spin;
use ringmq_engine::BackendChoice;
use std::time::Duration;

/// All that there is to know of one option of a context. What it starts with is what
/// [`ContextOptions`] have.
pub(crate) struct ContextRow<T: 'static> {
    facts: OptionFacts,
    codec: &'static ValueCodec<T>,
    pub(crate) set: fn(&mut ContextOptions, T),
    pub(crate) get: fn(&ContextOptions) -> T,
}

/// A row, whatever the type of its values.
pub(crate) trait AnyContextRow: Described {
    fn set_value(&self, options: &mut ContextOptions, value: &OptionValue) -> Result<(), Error>;
    fn value(&self, options: &ContextOptions) -> OptionValue;
}

impl<T> Described for ContextRow<T> {
    fn facts(&self) -> &OptionFacts {
        &self.facts
    }

    fn value_type(&self) -> ValueType {
        self.codec.value_type
    }

    fn takes(&self) -> &'static str {
        if self.facts.takes.is_empty() { self.codec.takes } else { self.facts.takes }
    }
}

impl<T> AnyContextRow for ContextRow<T> {
    fn set_value(&self, options: &mut ContextOptions, value: &OptionValue) -> Result<(), Error> {
        let decoded = (self.codec.decode)(value);
        let value = decoded
            .ok_or_else(|| invalid(self.facts.label(), format!("it takes {}", self.codec.takes)))?;
        (self.set)(options, value);
        Ok(())
    }

    fn value(&self, options: &ContextOptions) -> OptionValue {
        (self.codec.encode)(&(self.get)(options))
    }
}

/// Makes the rows, and the list of them: each is a field of the options.
macro_rules! rows {
    ($($row:ident: $type:ty = $facts:expr, $codec:ident, $($field:ident).+ $(as $taken:expr)?;)*) => {
        $(
            pub(crate) static $row: ContextRow<$type> = ContextRow {
                facts: $facts,
                codec: &$codec,
                set: |options, value| options.$($field).+ = $($taken)?(value),
                get: |options| options.$($field).+.clone(),
            };
        )*
        /// All of them.
        pub(crate) static ROWS: &[&dyn AnyContextRow] = &[$(&$row),*];
    };
}

rows! {
    IO_THREADS: usize = OptionFacts::libzmq(1, "io_threads", "io_threads")
        .takes("1 to 1024; 0 is taken for 1")
        .note("libzmq makes none for 0"),
        SIZE, engine.io_threads as |threads: usize| threads.max(1);

    THREAD_NAME_PREFIX: String = OptionFacts::libzmq(9, "thread_name_prefix", "thread_name")
        .takes("text without a zero byte")
        .note("threads are called prefix/number; libzmq takes 16 bytes, and a number too"),
        TEXT, engine.thread_name;

    PIN_IO_THREADS: Vec<usize> = OptionFacts::own("pin_io_threads", "pin_io_threads")
        .unit("cores")
        .note("the first is the first thread's (libzmq's thread_affinity_cpu_add is of all threads)"),
        LIST, engine.cores;

    BACKEND_CHOICE: BackendChoice = OptionFacts::own("backend", "backend"),
        BACKEND, engine.backend;

    IO_PATIENCE: Duration = OptionFacts::own("io_patience", "io_patience").unit("us"),
        MICROS, engine.patience;

    CONTEXT_BUSY_POLL: Option<Duration> = OptionFacts::own("busy_poll", "busy_poll")
        .unit("us")
        .takes("1 microsecond to 1 second, or 0 for none")
        .note("a wish"),
        MICROS_NOT_ZERO, engine.busy_poll;

    TIMER_SLACK: Option<Duration> = OptionFacts::own("timer_slack", "timer_slack")
        .unit("ns")
        .takes("1 nanosecond to 1 second, or 0 for what the thread has that builds the context")
        .note("Linux only"),
        NANOS_NOT_ZERO, engine.timer_slack;

    REALTIME: Option<u8> = OptionFacts::own("realtime", "realtime")
        .takes("1 (lowest) to 99, or 0 for none")
        .note("Linux only, with CAP_SYS_NICE or a limit that allows it"),
        BYTE_NOT_ZERO, engine.realtime;

    LOCK_MEMORY: bool = OptionFacts::own("lock_memory", "lock_memory").note("Linux only"),
        FLAG, engine.lock_memory;

    CONTEXT_MAX_WAITING_BYTES: Option<u64> =
        OptionFacts::own("max_waiting_bytes", "max_waiting_bytes")
        .unit("bytes")
        .note("of all peers; who is in the midst of a large message then loses the connection, with an event"),
        LENGTH_OR_NONE, engine.max_waiting_bytes;

    CONTEXT_SPIN: Spin = OptionFacts::own("spin", "spin")
        .unit("us")
        .note("what its sockets start with"),
        SPIN_MICROS, spin;
}
