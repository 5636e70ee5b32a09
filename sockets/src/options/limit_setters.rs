//! The options of a socket that say what its peers may hold at the most.

use crate::error::Error;
use crate::kind::Kind;
use crate::options::table;
use crate::socket::Socket;

impl<K: Kind> Socket<K> {
    /// How many connections each bind may have at once; `None` is no limit. One more is turned away, which is
    /// an event of the [monitor](Self::monitor) and counted in [`totals`](Self::totals). Default 100,000.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().router()?;
    /// socket.set_max_connections(Some(1000))?;
    /// socket.bind("tcp://127.0.0.1:*")?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn set_max_connections(&self, connections: Option<u32>) -> Result<(), Error> {
        self.set(&table::MAX_CONNECTIONS, connections)
    }

    /// The limit that was set.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(ringmq::Context::new().router()?.max_connections()?, Some(100_000));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn max_connections(&self) -> Result<Option<u32>, Error> {
        self.get(&table::MAX_CONNECTIONS)
    }

    /// How many connections each bind may have at once from one address; over ipc, from one process, where the
    /// system tells which it is. `None` is no limit. One more is turned away. Default 50,000.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().router()?;
    /// socket.set_max_connections_per_address(Some(10))?;
    /// socket.bind("tcp://127.0.0.1:*")?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn set_max_connections_per_address(&self, connections: Option<u32>) -> Result<(), Error> {
        self.set(&table::MAX_CONNECTIONS_PER_ADDRESS, connections)
    }

    /// The limit that was set.
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().router()?;
    /// assert_eq!(socket.max_connections_per_address()?, Some(50_000));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn max_connections_per_address(&self) -> Result<Option<u32>, Error> {
        self.get(&table::MAX_CONNECTIONS_PER_ADDRESS)
    }

    /// How many connections of each bind may be at their handshakes at once; `None` is no limit. When one more
    /// comes, the one that has been at it for longest has to go: whoever is quick gets in, however many others
    /// only hold their place. Default 8,192.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().router()?;
    /// socket.set_max_handshakes(Some(100))?;
    /// socket.bind("tcp://127.0.0.1:*")?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn set_max_handshakes(&self, connections: Option<u32>) -> Result<(), Error> {
        self.set(&table::MAX_HANDSHAKES, connections)
    }

    /// The limit that was set.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(ringmq::Context::new().router()?.max_handshakes()?, Some(8192));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn max_handshakes(&self) -> Result<Option<u32>, Error> {
        self.get(&table::MAX_HANDSHAKES)
    }

    /// How many frames a message of a peer may have; `None` is no limit. A peer that sends more loses its
    /// connection, for a message that never ends is kept until it does. Default 1,000,000.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().router()?;
    /// socket.set_max_parts(Some(10))?;
    /// socket.bind("tcp://127.0.0.1:*")?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn set_max_parts(&self, frames: Option<u32>) -> Result<(), Error> {
        self.set(&table::MAX_PARTS, frames)
    }

    /// The limit that was set.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(ringmq::Context::new().router()?.max_parts()?, Some(1_000_000));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn max_parts(&self) -> Result<Option<u32>, Error> {
        self.get(&table::MAX_PARTS)
    }
}
