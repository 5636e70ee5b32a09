//! Options of contexts by number and by name.

use super::context_table::{AnyContextRow, ROWS};
use super::handle::no_such;
use super::value::{OptionValue, ValueType};
use crate::context::Context;
use crate::context_builder::{ContextBuilder, ContextOptions};
use crate::error::Error;
use std::fmt;

/// An option of contexts: what there is to know of it. All of them can be set and read.
///
/// ```
/// use ringmq::Context;
/// use ringmq::options::ContextOption;
/// let threads = ContextOption::by_name("io_threads")?;
/// assert_eq!(threads.number(), Some(1));
/// let context = Context::builder().option(threads, &threads.parse("2")?)?.build()?;
/// assert_eq!(context.option(threads).to_string(), "2");
/// # Ok::<(), ringmq::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct ContextOption(&'static dyn AnyContextRow);

impl ContextOption {
    /// All of them.
    ///
    /// ```
    /// use ringmq::options::ContextOption;
    /// assert!(ContextOption::all().any(|option| option.name() == "io_threads"));
    /// ```
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().copied().map(Self)
    }

    /// The one to which libzmq gives this number.
    ///
    /// # Errors
    /// [`Error::NoSuchOption`].
    ///
    /// ```
    /// use ringmq::options::ContextOption;
    /// assert_eq!(ContextOption::by_number(1)?.name(), "io_threads");
    /// assert!(ContextOption::by_number(9999).is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn by_number(number: i32) -> Result<Self, Error> {
        let found = Self::all().find(|option| option.number() == Some(number));
        found.ok_or_else(|| no_such(number.to_string()))
    }

    /// The one of this name: libzmq's in lower case and without `ZMQ_`, if that has it.
    ///
    /// # Errors
    /// [`Error::NoSuchOption`].
    ///
    /// ```
    /// use ringmq::options::ContextOption;
    /// assert_eq!(ContextOption::by_name("spin")?.number(), None);
    /// assert!(ContextOption::by_name("linger").is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn by_name(name: &str) -> Result<Self, Error> {
        let found = Self::all().find(|option| option.name() == name);
        found.ok_or_else(|| no_such(name.to_owned()))
    }

    /// libzmq's number, if it has the option.
    ///
    /// ```
    /// use ringmq::options::ContextOption;
    /// assert_eq!(ContextOption::by_name("thread_name_prefix")?.number(), Some(9));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn number(self) -> Option<i32> {
        self.0.facts().number
    }

    /// Its name in files and on command lines.
    ///
    /// ```
    /// use ringmq::options::ContextOption;
    /// assert_eq!(ContextOption::by_number(9)?.name(), "thread_name_prefix");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn name(self) -> &'static str {
        self.0.facts().name
    }

    /// The type of its values in C.
    ///
    /// ```
    /// use ringmq::options::{ContextOption, ValueType};
    /// assert_eq!(ContextOption::by_name("io_threads")?.value_type(), ValueType::Int);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn value_type(self) -> ValueType {
        self.0.value_type()
    }

    /// The unit of its values, such as `us`; may be empty.
    ///
    /// ```
    /// use ringmq::options::ContextOption;
    /// assert_eq!(ContextOption::by_name("timer_slack")?.unit(), "ns");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn unit(self) -> &'static str {
        self.0.facts().unit
    }

    /// What it takes, in words.
    ///
    /// ```
    /// use ringmq::options::ContextOption;
    /// assert_eq!(ContextOption::by_name("backend")?.takes(), "auto, uring or mio");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn takes(self) -> &'static str {
        self.0.takes()
    }

    /// How it differs from libzmq's, and what else is worth knowing; may be empty.
    ///
    /// ```
    /// use ringmq::options::ContextOption;
    /// assert_eq!(ContextOption::by_name("lock_memory")?.note(), "Linux only");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn note(self) -> &'static str {
        self.0.facts().note
    }

    /// What a context has unless it is set.
    ///
    /// ```
    /// use ringmq::options::ContextOption;
    /// assert_eq!(ContextOption::by_name("io_threads")?.default().to_string(), "1");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn default(self) -> OptionValue {
        self.0.value(&ContextOptions::default())
    }

    /// A value from memory, as C has it.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if the length is wrong.
    ///
    /// ```
    /// use ringmq::options::{ContextOption, OptionValue};
    /// let threads = ContextOption::by_number(1)?;
    /// assert_eq!(threads.decode(&2_i32.to_ne_bytes())?, OptionValue::Int(2));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn decode(self, bytes: &[u8]) -> Result<OptionValue, Error> {
        self.0.decode(bytes)
    }

    /// A value from text, as it is displayed: numbers are in the option's unit.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if it is no number where that is wanted, or too large for its type.
    ///
    /// ```
    /// use ringmq::options::{ContextOption, OptionValue};
    /// assert_eq!(ContextOption::by_name("spin")?.parse("50")?, OptionValue::Int(50));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn parse(self, text: &str) -> Result<OptionValue, Error> {
        self.0.parse(text)
    }
}

impl fmt::Debug for ContextOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ContextOption").field(&self.name()).finish()
    }
}

impl ContextBuilder {
    /// Sets an option that is known at run time only; see [`options`](crate::options).
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for what is no value of the option. One that cannot be had is an error of
    /// [`build`](Self::build).
    ///
    /// # Examples
    /// ```
    /// use ringmq::Context;
    /// use ringmq::options::{ContextOption, OptionValue};
    /// let threads = ContextOption::by_number(1)?;
    /// let context = Context::builder().option(threads, &OptionValue::Int(2))?.build()?;
    /// assert_eq!(context.io_threads(), 2);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_ctx_set")]
    #[doc(alias = "zmq_ctx_set_ext")]
    pub fn option(mut self, option: ContextOption, value: &OptionValue) -> Result<Self, Error> {
        option.0.set_value(self.options_mut(), value)?;
        Ok(self)
    }
}

impl Context {
    /// Reads an option that is known at run time only; see [`options`](crate::options).
    ///
    /// # Examples
    /// ```
    /// use ringmq::Context;
    /// use ringmq::options::{ContextOption, OptionValue};
    /// let threads = ContextOption::by_name("io_threads")?;
    /// assert_eq!(Context::new().option(threads), OptionValue::Int(1));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_ctx_get")]
    #[doc(alias = "zmq_ctx_get_ext")]
    pub fn option(&self, option: ContextOption) -> OptionValue {
        option.0.value(self.options())
    }
}
