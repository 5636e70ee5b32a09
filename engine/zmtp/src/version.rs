//! The protocol versions that a peer can turn out to speak.

use std::fmt;

/// A ZMTP version, as spoken on one connection: the lower of the peer's and ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// ZMTP 1.0, spoken by ZeroMQ 2.x, and by the short-lived revision 0 of the 2.0 greeting.
    V1_0,
    /// ZMTP 2.0, spoken by ZeroMQ 3.2.
    V2_0,
    /// ZMTP 3.0, spoken by ZeroMQ 4.0 to 4.2.
    V3_0,
    /// ZMTP 3.1, spoken by ZeroMQ 4.3 and by us; any later version talks 3.1 to us.
    V3_1,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Version::V1_0 => "1.0",
            Version::V2_0 => "2.0",
            Version::V3_0 => "3.0",
            Version::V3_1 => "3.1",
        })
    }
}
