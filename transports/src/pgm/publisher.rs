//! The sending side of a group: a source of PGM.

use super::IpHeaders;
use super::octets::OctetStream;
use bytes::{Bytes, BytesMut};
use ringmq_engine::{
    Carriage, Datagram, DatagramBatch, LONGEST_RUN, MOST_IN_RUN, OutgoingDatagram, Unpacked,
};
use ringmq_pgm::{DATA_AT, PacketKind, PacketRun, PgmSource, Transmission, TransmitRoom};
use ringmq_pipe::{Piece, PipeWriter};
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

/// How long after the last data, or the last repair, the session stays when the socket is closed: those who have
/// missed the end learn of it from an SPM after 100 ms, and ask for it within 50 more.
const LAST_REPAIRS: Duration = Duration::from_millis(250);
/// Runs of packets that are made before the first of them is sent.
const AHEAD: usize = 4;

/// See the [module's documentation](self).
pub(super) struct PgmPublisher {
    source: PgmSource,
    to: SocketAddr,
    stream: OctetStream,
    /// Packets of one run.
    run: usize,
    /// Bytes before the packet in what is received: the header of IP.
    headers: IpHeaders,
    /// When data or repairs were sent last.
    last_sent: Option<Instant>,
    ending: bool,
}

impl PgmPublisher {
    pub(super) fn new(source: PgmSource, to: SocketAddr, headers: IpHeaders) -> Self {
        // A packet of IP is one by itself.
        let most = if headers == IpHeaders::Udp { MOST_IN_RUN } else { 1 };
        let run = (LONGEST_RUN / (source.capacity() + DATA_AT)).clamp(1, most);
        let stream = OctetStream::new();
        Self { source, to, stream, run, headers, last_sent: None, ending: false }
    }

    /// Makes packets of what waits, as far as there is room.
    fn fill(&mut self, now: Instant) {
        // No more than goes out soon: what is not sent takes the place of what could be asked for again.
        while !self.stream.is_empty()
            && self.source.unsent() < self.run * AHEAD
            && let Some(slot) = self.source.slot(now)
        {
            let length = self.stream.pack(slot);
            self.source.commit(length);
        }
    }
}

/// Adds packets of one length, of which the last may be shorter, as one run.
fn push_run(batch: &mut DatagramBatch, run: &PacketRun<'_>, to: SocketAddr) {
    let bytes = match run.contiguous() {
        Some(bytes) => Bytes::copy_from_slice(bytes),
        None => {
            let mut bytes = BytesMut::with_capacity(run.octets());
            run.iter().for_each(|packet| bytes.extend_from_slice(packet));
            bytes.freeze()
        }
    };
    let segment = u16::try_from(run.segment()).ok().filter(|_| run.len() > 1);
    let segment = segment.and_then(NonZeroU16::new);
    batch.push(OutgoingDatagram { bytes, to: Some(to), segment });
}

impl Carriage for PgmPublisher {
    fn has_room(&self) -> bool {
        self.stream.is_empty()
    }

    fn pack(&mut self, _: Instant, messages: &[Piece], _: &mut DatagramBatch) -> u64 {
        self.stream.add(messages);
        0
    }

    fn next(&mut self, now: Instant, batch: &mut DatagramBatch) {
        while batch.len() < self.run * AHEAD {
            self.fill(now);
            let Some(transmission) = self.source.transmit(now, self.run) else { return };
            let Transmission { what, run } = transmission;
            if matches!(what, PacketKind::Odata | PacketKind::Rdata) {
                self.last_sent = Some(now);
            }
            push_run(batch, &run, self.to);
            let packets = run.len();
            // What the system refuses is as if it had got lost: whoever misses it asks for it.
            self.source.sent(now, packets);
        }
    }

    fn unpack(&mut self, now: Instant, datagram: &Datagram<'_>, _: &mut PipeWriter) -> Unpacked {
        for part in datagram.parts() {
            if let Some(packet) = self.headers.strip(part.bytes) {
                self.source.on_packet(now, packet);
            }
        }
        Unpacked::default()
    }

    fn timeout(&mut self, now: Instant) -> Option<Instant> {
        let mut at = self.source.timeout(now);
        if !self.stream.is_empty()
            && let TransmitRoom::At(ready) = self.source.room(now)
        {
            at = at.min(ready);
        }
        if self.ending
            && let Some(last_sent) = self.last_sent
        {
            at = at.min(last_sent + LAST_REPAIRS);
        }
        Some(at)
    }

    fn finish(&mut self, now: Instant) -> bool {
        self.ending = true;
        let repairs = self.last_sent.is_some_and(|last_sent| now < last_sent + LAST_REPAIRS);
        if self.stream.is_empty() && self.source.unsent() == 0 && !repairs {
            self.source.close();
        }
        self.source.is_closed()
    }
}
