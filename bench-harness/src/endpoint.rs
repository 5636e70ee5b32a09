//! An endpoint of its own for every connection that is measured.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::case::Transport;

/// The file of a Unix socket, removed when dropped.
#[derive(Debug)]
pub struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Whoever bound it may have removed it already.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Where to bind, and what has to be kept until the connection is gone. The port of a tcp endpoint
/// is 0: any.
pub fn fresh(transport: Transport) -> (String, Option<SocketFile>) {
    static CONNECTION: AtomicU32 = AtomicU32::new(0);
    match transport {
        Transport::Tcp => ("tcp://127.0.0.1:0".to_owned(), None),
        Transport::Inproc => ("inproc://ringmq-bench".to_owned(), None),
        Transport::Ipc => {
            // Relaxed: no other memory depends on the number, which only has to be another each
            // time.
            let number = CONNECTION.fetch_add(1, Ordering::Relaxed);
            let name = format!("ringmq-bench-{}-{number}.sock", std::process::id());
            let path = std::env::temp_dir().join(name);
            (format!("ipc://{}", path.display()), Some(SocketFile(path)))
        }
    }
}
