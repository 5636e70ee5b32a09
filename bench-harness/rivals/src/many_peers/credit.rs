//! The pace of a publisher whose subscribers are to miss nothing, the same for every library.
//!
//! Not every library has a publisher that waits at its high-water mark, and none but ringmq and libzmq
//! has the same mark. So the publisher keeps no more than a window of messages on their way, fewer than
//! any default mark: whenever the slowest subscriber has come a quarter of the window further, the
//! subscribers' side writes one byte to a Unix socket beside the connections, and the publisher, before
//! it would exceed its window, waits for one.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use ringmq_bench::end::Source;
use ringmq_bench::payload::Stamper;

use crate::awaited::{Sending, Sends};
use crate::job::PATIENCE;

/// Most messages on their way: half of the usual high-water mark.
const MOST: u64 = 500;
/// Fewest of them, however large they are.
const LEAST: u64 = 64;
/// Bytes of them that are enough.
const ENOUGH: u64 = 4 << 20;
/// Credits in a window.
const QUARTERS: u64 = 4;

/// Messages for which one credit stands.
fn step(size: usize) -> u64 {
    (ENOUGH / size.max(1) as u64).clamp(LEAST, MOST) / QUARTERS
}

/// How far a publisher is ahead within a phase.
struct Window {
    step: u64,
    sent: u64,
    credits: u64,
}

impl Window {
    fn new(size: usize) -> Self {
        Self { step: step(size), sent: 0, credits: 0 }
    }

    /// Whether another message has to wait for credit.
    #[inline]
    fn is_full(&self) -> bool {
        self.sent >= (self.credits + QUARTERS) * self.step
    }

    /// Whether credit for messages of this phase is still to come.
    fn awaits(&self) -> bool {
        self.credits < self.sent / self.step
    }

    /// The next phase begins with nothing on its way.
    fn begin(&mut self) {
        (self.sent, self.credits) = (0, 0);
    }
}

/// The publisher's end, before the subscribers are there.
pub(super) struct Bank {
    listener: UnixListener,
    window: Window,
}

impl Bank {
    /// For messages of `size` bytes.
    pub(super) fn open(path: &Path, size: usize) -> Result<Self> {
        let listener = UnixListener::bind(path).context("binding the socket for credit")?;
        Ok(Self { listener, window: Window::new(size) })
    }

    fn accept(&self) -> Result<UnixStream> {
        let (stream, _) = self.listener.accept().context("waiting for whoever gives credit")?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    /// Paces calls that block.
    pub(super) fn pace<S>(self, source: S) -> Result<Paced<S>> {
        let stream = self.accept()?;
        Ok(Paced { source, stream, window: self.window })
    }

    /// Paces calls that are awaited, by a thread that does nothing else.
    pub(super) fn pace_awaited<W>(self, wire: W) -> Result<PacedWire<W>> {
        let mut stream = self.accept()?;
        stream.set_read_timeout(None)?;
        let (sender, credits) = unbounded();
        thread::spawn(move || {
            while stream.read_exact(&mut [0]).is_ok() && sender.unbounded_send(()).is_ok() {}
        });
        Ok(PacedWire { wire, credits, window: self.window })
    }
}

/// A source that waits for credit.
pub(super) struct Paced<S> {
    source: S,
    stream: UnixStream,
    window: Window,
}

impl<S> Paced<S> {
    #[cold]
    fn wait(&mut self) -> Result<()> {
        self.stream.read_exact(&mut [0]).context("waiting for credit")?;
        self.window.credits += 1;
        Ok(())
    }
}

impl<S: Source> Source for Paced<S> {
    #[inline]
    fn send(&mut self, stamper: &mut Stamper) -> Result<()> {
        while self.window.is_full() {
            self.wait()?;
        }
        self.window.sent += 1;
        self.source.send(stamper)
    }

    fn flush(&mut self) -> Result<()> {
        self.source.flush()?;
        while self.window.awaits() {
            self.wait()?;
        }
        self.window.begin();
        Ok(())
    }
}

/// The same where calls are awaited.
pub(super) struct PacedWire<W> {
    wire: W,
    credits: UnboundedReceiver<()>,
    window: Window,
}

impl<W> PacedWire<W> {
    #[cold]
    async fn wait(&mut self) -> Result<()> {
        self.credits.next().await.context("nobody gives credit any more")?;
        self.window.credits += 1;
        Ok(())
    }
}

impl<W: Sends> Sends for PacedWire<W> {
    async fn send(&mut self, body: Bytes) -> Result<()> {
        self.wire.send(body).await
    }

    #[inline]
    async fn send_next(&mut self, sending: &mut Sending) -> Result<()> {
        while self.window.is_full() {
            self.wait().await?;
        }
        self.window.sent += 1;
        self.wire.send_next(sending).await
    }

    async fn flush(&mut self) -> Result<()> {
        self.wire.flush().await?;
        while self.window.awaits() {
            self.wait().await?;
        }
        self.window.begin();
        Ok(())
    }
}

/// The subscribers' end.
pub(super) struct Giver {
    stream: UnixStream,
    step: u64,
    /// Messages of each subscriber in this phase.
    received: Vec<u64>,
    given: u64,
}

impl Giver {
    /// Connects for `peers` subscribers to messages of `size` bytes.
    pub(super) fn connect(path: &Path, peers: usize, size: usize) -> Result<Self> {
        let stream = UnixStream::connect(path).context("connecting the socket for credit")?;
        Ok(Self { stream, step: step(size), received: vec![0; peers], given: 0 })
    }

    /// A phase begins.
    pub(super) fn begin(&mut self) {
        self.received.fill(0);
        self.given = 0;
    }

    /// Subscriber `at` has received a message.
    #[inline]
    pub(super) fn note(&mut self, at: usize) -> Result<()> {
        self.received[at] += 1;
        if self.received[at].is_multiple_of(self.step) { self.give() } else { Ok(()) }
    }

    fn give(&mut self) -> Result<()> {
        let slowest = self.received.iter().min().copied().unwrap_or(0);
        while self.given < slowest / self.step {
            self.stream.write_all(&[0]).context("giving credit")?;
            self.given += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use ringmq_bench::case::Transport;
    use ringmq_bench::endpoint;

    use super::*;

    /// Counts what was sent.
    struct Count(Arc<AtomicU64>);

    impl Source for Count {
        fn send(&mut self, _: &mut Stamper) -> Result<()> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    }

    #[test]
    fn a_publisher_is_never_more_than_its_window_ahead_of_the_slowest() {
        const SIZE: usize = 64 << 10;
        let (path, _file) = endpoint::fresh(Transport::Ipc);
        let path = Path::new(path.trim_start_matches("ipc://"));
        let bank = Bank::open(path, SIZE).unwrap();
        let mut giver = Giver::connect(path, 2, SIZE).unwrap();
        let sent = Arc::new(AtomicU64::new(0));
        let mut paced = bank.pace(Count(Arc::clone(&sent))).unwrap();
        let all = 4 * LEAST;
        thread::scope(|scope| {
            let publisher = scope.spawn(|| {
                let mut stamper = Stamper::new(SIZE);
                for _ in 0..2 {
                    for _ in 0..all {
                        paced.send(&mut stamper).unwrap();
                    }
                    paced.flush().unwrap();
                }
            });
            for phase in 0..2 {
                giver.begin();
                for number in 0..all {
                    // The fast one may be ahead; the slow one decides.
                    giver.note(0).unwrap();
                    assert!(sent.load(Ordering::SeqCst) <= phase * all + number + LEAST);
                    giver.note(1).unwrap();
                }
            }
            publisher.join().unwrap();
        });
        assert_eq!(sent.load(Ordering::SeqCst), 2 * all);
    }
}
