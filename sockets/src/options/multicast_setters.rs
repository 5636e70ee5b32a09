//! The options of what is sent to groups.
//!
//! They count for binds and connects made after they were set.

use crate::error::Error;
use crate::kind::Kind;
use crate::options::table;
use crate::socket::Socket;

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
}
