//! What a program may want to know of the library it was built with.

use ringmq_zmtp::Version;

/// The version of this library, as `major.minor.patch`.
///
/// # Examples
/// ```
/// assert_eq!(ringmq::VERSION.split('.').count(), 3);
/// ```
#[doc(alias = "zmq_version")]
#[doc(alias = "ZMQ_VERSION")]
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The newest version of ZMTP, the protocol between peers, that is spoken. With an older peer its version is
/// spoken, down to 1.0; a newer one speaks this one.
///
/// # Examples
/// ```
/// assert_eq!(ringmq::ZMTP_VERSION.to_string(), "3.1");
/// ```
pub const ZMTP_VERSION: Version = Version::V3_1;

/// Bodies of so many bytes and more are not copied when they are sent, if they are owned or shared: a `Vec`, a
/// `String`, a [`Message`](crate::Message), `Bytes`. The socket refers to their memory until the kernel, or a
/// receiver in the same process, has them. Shorter ones are copied, which costs less. (Within the process, where
/// nothing but a reference has to be handed over, that goes for shared ones of 4 KiB and more.)
///
/// # Examples
/// ```
/// use ringmq::{Context, REFERENCED_FROM};
/// let context = Context::new();
/// let (push, pull) = (context.push()?, context.pull()?);
/// pull.bind("inproc://referenced")?;
/// push.connect("inproc://referenced")?;
/// let body = vec![7; REFERENCED_FROM];
/// let memory = body.as_ptr();
/// push.send(body)?;
/// assert_eq!(pull.recv()?.as_ptr(), memory, "the very same bytes");
/// # Ok::<(), ringmq::Error>(())
/// ```
pub const REFERENCED_FROM: usize = ringmq_pipe::ATTACH;
