//! Closing a socket while others still hold it.

use crate::inner::ClosedBy;
use crate::kind::Kind;
use crate::socket::Socket;

impl<K: Kind> Socket<K> {
    /// Closes the socket, whoever else holds it or waits in it: every call on it, also those that wait at this
    /// moment, gives [`Error::Closed`](crate::Error::Closed), and a [`Poller`](crate::Poller) tells it by its
    /// [key](crate::Ready::closed). Returns at once; what was sent goes on being delivered for the
    /// [linger time](Self::set_linger). Dropping a socket does the same.
    ///
    /// Closing it again does nothing. From inside [`recv_with`](Socket::recv_with) of this socket it is closed
    /// when that returns. What others have sent and nobody has received is dropped.
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, Error};
    /// use std::sync::Arc;
    /// let context = Context::new();
    /// let socket = Arc::new(context.pull()?);
    /// let waiting = std::thread::spawn({
    ///     let socket = socket.clone();
    ///     move || socket.recv()
    /// });
    /// socket.close();
    /// assert!(matches!(waiting.join().unwrap(), Err(Error::Closed)));
    /// assert!(context.pull().is_ok(), "the context goes on");
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "zmq_close")]
    pub fn close(&self) {
        if !self.inner.is_inherited() {
            self.inner.close(ClosedBy::Application);
        }
    }
}
