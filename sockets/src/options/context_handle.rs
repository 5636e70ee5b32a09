//! Options of contexts by number and by name.

use super::context_table::{AnyContextRow, ROWS};
use super::handle::{OptionHandle, OptionTable};
use super::value::OptionValue;
use crate::context::Context;
use crate::context_builder::{ContextBuilder, ContextOptions};
use crate::error::Error;

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
pub type ContextOption = OptionHandle<OfContext>;

/// Makes an [`OptionHandle`] one of contexts.
#[derive(Clone, Copy)]
pub struct OfContext(&'static dyn AnyContextRow);

impl OptionTable for OfContext {
    const HANDLE: &'static str = "ContextOption";

    fn handles() -> impl Iterator<Item = ContextOption> {
        ROWS.iter().map(|row| OptionHandle { described: *row, row: OfContext(*row) })
    }
}

impl ContextOption {
    /// What a context has unless it is set.
    ///
    /// ```
    /// use ringmq::options::ContextOption;
    /// assert_eq!(ContextOption::by_name("io_threads")?.default().to_string(), "1");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn default(self) -> OptionValue {
        self.row.0.value(&ContextOptions::default())
    }
}

impl ContextBuilder {
    /// Sets an option that is known at run time only; see [`options`](crate::options).
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for what is no value of the option. One that cannot be had is an
    /// error of [`build`](Self::build).
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
        option.row.0.set_value(self.options_mut(), value)?;
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
        option.row.0.value(self.options())
    }
}
