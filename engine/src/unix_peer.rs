//! The process at the other end of a Unix socket, as the system vouches for it.

/// Who is at the other end of an ipc connection: asked of the system, which knows, when the connection is made.
/// Of a peer that connects it is the process that did; of one that listens, the process that called `listen`.
/// A descriptor that was handed on to another process tells of the first one.
///
/// Known on Linux, macOS and the BSDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnixPeer {
    /// The process; `None` where the system does not tell (the BSDs), or if it is in a process namespace that
    /// cannot be seen from here. By the time it is looked at, another process may have that number.
    pub pid: Option<u32>,
    /// Its effective user.
    pub uid: u32,
    /// Its effective group.
    pub gid: u32,
}

impl UnixPeer {
    /// Of a process, a user and a group; 0 is no process.
    ///
    /// # Examples
    /// ```
    /// use ringmq_engine::UnixPeer;
    /// assert_eq!(UnixPeer::new(4711, 1000, 100).pid, Some(4711));
    /// assert_eq!(UnixPeer::new(0, 1000, 100).pid, None);
    /// ```
    #[must_use]
    pub fn new(pid: u32, uid: u32, gid: u32) -> Self {
        Self { pid: (pid != 0).then_some(pid), uid, gid }
    }
}
