//! The floor over Unix stream sockets, with kernel buffers of 1 MiB: the usual 208 KiB cost a reader
//! that blocks a third of its throughput.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use anyhow::{Context as _, Result};
use socket2::SockRef;

use super::stream::{self, Stream};
use crate::case::Side;
use crate::connect;
use crate::end::Opening;
use crate::job::Job;

/// Bytes of kernel buffer to ask for in each direction; the kernel grants what its limits allow.
const KERNEL_BUFFER: usize = 1 << 20;

impl Stream for UnixStream {
    fn prepare(&self, blocking: bool, limit: Duration) -> io::Result<()> {
        let socket = SockRef::from(self);
        socket.set_send_buffer_size(KERNEL_BUFFER)?;
        socket.set_recv_buffer_size(KERNEL_BUFFER)?;
        self.set_nonblocking(!blocking)?;
        if blocking {
            self.set_read_timeout(Some(limit))?;
            self.set_write_timeout(Some(limit))?;
        }
        Ok(())
    }
}

/// Opens one end of `job`.
pub(super) fn open(job: &Job, side: Side) -> Result<Opening> {
    let job = job.clone();
    let path = job.endpoint.strip_prefix("ipc://").unwrap_or(&job.endpoint).to_owned();
    let opened = super::opened(&job, job.endpoint.clone());
    match side {
        Side::Bind => {
            let listener = UnixListener::bind(&path)
                .with_context(|| format!("binding a bare Unix socket to {path}"))?;
            listener.set_nonblocking(true)?;
            let finish = Box::new(move || {
                let stream = connect::until(job.patience(), || Ok(listener.accept()?.0))?;
                stream::end(stream, &job, side)
            });
            Ok(Opening { opened, finish })
        }
        Side::Connect => {
            let finish = Box::new(move || {
                let stream = connect::until(job.patience(), || UnixStream::connect(&path))
                    .with_context(|| format!("connecting a bare Unix socket to {path}"))?;
                stream::end(stream, &job, side)
            });
            Ok(Opening { opened, finish })
        }
    }
}
