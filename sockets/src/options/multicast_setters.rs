//! The options of what is sent to groups.
//!
//! They count for binds and connects made after they were set.

use crate::error::Error;
use crate::kind::Kind;
use crate::options::table;
use crate::socket::Socket;
use std::time::Duration;

impl<K: Kind> Socket<K> {
    /// How many networks a message to a group crosses, 1 to 255: routers count it down and drop it at zero. Default
    /// 1, which does not leave the own network.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for 0 or more than 255, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let radio = ringmq::Context::new().radio()?;
    /// radio.set_multicast_hops(4)?;
    /// assert!(radio.set_multicast_hops(256).is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_MULTICAST_HOPS")]
    pub fn set_multicast_hops(&self, hops: u32) -> Result<(), Error> {
        self.set(&table::MULTICAST_HOPS, hops)
    }

    /// Whether members of the group on this machine get what is sent to it. Default yes. (On Windows it is the
    /// receiving side that is asked, elsewhere the sending one.)
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let radio = ringmq::Context::new().radio()?;
    /// radio.set_multicast_loop(false)?;
    /// assert!(!radio.multicast_loop()?);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_MULTICAST_LOOP")]
    pub fn set_multicast_loop(&self, on: bool) -> Result<(), Error> {
        self.set(&table::MULTICAST_LOOP, on)
    }

    /// The longest packet of PGM, 576 to 65,535 bytes, of which the headers of IP and udp are a part. Default 1500,
    /// what Ethernet carries.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for other numbers, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let publisher = ringmq::Context::new().publisher()?;
    /// publisher.set_multicast_max_tpdu(9000)?; // where all interfaces have jumbo frames
    /// assert!(publisher.set_multicast_max_tpdu(100).is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_MULTICAST_MAXTPDU")]
    pub fn set_multicast_max_tpdu(&self, bytes: u32) -> Result<(), Error> {
        self.set(&table::MULTICAST_MAXTPDU, bytes)
    }

    /// How fast a PUB sends to a group over PGM at the most, 1 to 2,147,483,647 kilobits a second, headers
    /// counted. Default 100,000: 100 Mbit/s. (libzmq's default is 100.)
    ///
    /// What is sent faster waits, and when the queue is full it is dropped, as a PUB does. A receiver that is told a
    /// rate keeps so much more of what it has to put in order; see
    /// [`set_recovery_interval`](Self::set_recovery_interval).
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for other numbers, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let publisher = ringmq::Context::new().publisher()?;
    /// publisher.set_rate(4_000_000)?; // 4 Gbit/s
    /// assert!(publisher.set_rate(0).is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_RATE")]
    pub fn set_rate(&self, kilobits: u32) -> Result<(), Error> {
        self.set(&table::RATE, kilobits)
    }

    /// For how long a PUB keeps what it has sent over PGM, so that it can send it again to those who have missed it.
    /// Default ten seconds. At the [rate](Self::set_rate) that is set, that much memory is kept; 256 MiB at the most.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let publisher = ringmq::Context::new().publisher()?;
    /// publisher.set_recovery_interval(Duration::from_secs(2))?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_RECOVERY_IVL")]
    pub fn set_recovery_interval(&self, interval: Duration) -> Result<(), Error> {
        self.set(&table::RECOVERY_IVL, interval)
    }
}
