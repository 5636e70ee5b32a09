//! New keys.

use crate::error::Error;
use ringmq_engine::random;
use ringmq_zmtp::CurveKeyPair;
use std::io;

/// Makes a new pair of keys for CURVE, of the system's random bytes.
///
/// # Errors
/// [`Error::Io`], if the system has none.
///
/// # Examples
/// ```
/// let keys = ringmq::auth::curve_keypair()?;
/// println!("give this one away: {}", keys.public);
/// assert_eq!(keys.secret.public_key(), keys.public);
/// # Ok::<(), ringmq::Error>(())
/// ```
#[doc(alias = "zmq_curve_keypair")]
pub fn curve_keypair() -> Result<CurveKeyPair, Error> {
    CurveKeyPair::generate(&mut random)
        .map_err(|error| Error::io("making a pair of keys", io::Error::other(error)))
}
