//! Errors without what they carry: to compare, to match on, to count.

use crate::error::{Error, SendError};

/// Makes the kinds of the errors there are; one that is not here does not build.
macro_rules! kinds {
    ($($(#[$condition:meta])? $kind:ident)*) => {
        /// Which [`Error`] it is, without what that carries.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {$(
            $(#[$condition])?
            #[doc = concat!("[`Error::", stringify!($kind), "`].")]
            $kind,
        )*}

        impl Error {
            /// Which error it is, to be compared.
            ///
            /// # Examples
            /// ```
            /// use ringmq::{Context, ErrorKind};
            /// let socket = Context::new().pull()?;
            /// assert_eq!(socket.bind("nowhere").unwrap_err().kind(), ErrorKind::Endpoint);
            /// # Ok::<(), ringmq::Error>(())
            /// ```
            #[doc(alias = "zmq_errno")]
            pub fn kind(&self) -> ErrorKind {
                match self {
                    $($(#[$condition])? Self::$kind { .. } => ErrorKind::$kind,)*
                }
            }
        }
    };
}

kinds! {
    Interrupted
    WouldBlock
    Terminated
    Closed
    NotSupported
    OneFrameOnly
    TwoFramesOnly
    State
    Reentered
    HostUnreachable
    GaveUp
    Endpoint
    Bind
    AddressInUse
    NoSuchEndpoint
    AmbiguousEndpoint
    InvalidOption
    NoSuchOption
    AddressRule
    #[cfg(feature = "curve")]
    Certificate
    FrameCount
    Unfinished
    BackendUnavailable
    Io
}

impl SendError {
    /// Which error it is, to match on while the message stays at hand.
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, ErrorKind, Multipart};
    /// let router = Context::new().router()?;
    /// router.set_mandatory(true)?;
    /// let mut later = Vec::<Multipart>::new();
    /// if let Err(failed) = router.try_send_multipart(["alice", "hello"]) {
    ///     match failed.kind() {
    ///         ErrorKind::WouldBlock => later.push(failed.message),
    ///         ErrorKind::HostUnreachable => println!("nobody is called {}", failed.message[0]),
    ///         _ => return Err(failed.into()),
    ///     }
    /// }
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn kind(&self) -> ErrorKind {
        self.error.kind()
    }

    /// Whether there was no room, or the time has passed: [`Error::WouldBlock`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().push()?;
    /// let failed = socket.try_send("to nobody").unwrap_err();
    /// assert!(failed.is_would_block());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn is_would_block(&self) -> bool {
        self.error.is_would_block()
    }
}
