//! Which versions the figures belong to, read from the lock file that the build was made with.

/// The lock file of this package.
const LOCK: &str = include_str!("../Cargo.lock");

/// The crates of the rivals.
const CRATES: [&str; 7] = ["zmq", "tmq", "omq-tokio", "monocoque-rs", "rzmq", "zeromq", "tokio"];

/// All of them in one line.
pub(crate) fn line() -> String {
    let libzmq = libzmq();
    let crates = CRATES.map(|name| format!("{name} {}", locked(name).unwrap_or("?")));
    format!("ringmq {}, {libzmq}, {}", env!("CARGO_PKG_VERSION"), crates.join(", "))
}

#[cfg(feature = "libzmq")]
fn libzmq() -> String {
    let (major, minor, patch) = zmq::version();
    format!("libzmq {major}.{minor}.{patch}")
}

#[cfg(not(feature = "libzmq"))]
fn libzmq() -> String {
    "no libzmq".to_owned()
}

/// The version of a crate in the lock file.
fn locked(name: &str) -> Option<&'static str> {
    let (_, after) = LOCK.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    Some(after.split_once('"')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rival_is_locked() {
        assert!(CRATES.iter().all(|name| locked(name).is_some()));
    }
}
