//! The sending half of a session.

mod bucket;
mod config;
mod counters;
mod repairs;
mod run;
mod schedule;
mod window;

use std::time::Instant;

use bucket::TokenBucket;
pub use config::{FRAGMENT_RESERVE, PgmSourceConfig, UDP_OVERHEAD, window_packets};
pub use counters::SourceCounters;
use repairs::Repairs;
pub use run::PacketRun;
use schedule::SpmSchedule;
use window::TransmitWindow;

use crate::packet::{Body, DATA_AT, DataHeader, NakBody, Packet, Sqn, Tsi};

/// Packets of repairs that are sent before new data get a turn.
const REPAIR_TURN: usize = 16;

/// Whether a source can take data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransmitRoom {
    /// It can.
    Open,
    /// Not before this time, because of the rate.
    At(Instant),
    /// Not before something was sent: the window is full of what is still to be.
    AfterSend,
    /// Never again: the session ends.
    Closed,
}

/// What packets of a source are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketKind {
    /// An SPM.
    Spm,
    /// An NCF.
    Ncf,
    /// Data, sent again.
    Rdata,
    /// Data.
    Odata,
}

/// Packets to be sent to the group.
#[derive(Clone, Copy, Debug)]
pub struct Transmission<'a> {
    /// What they are. All but ODATA ask for the router alert option of IP, where that can be set.
    pub what: PacketKind,
    /// The packets.
    pub run: PacketRun<'a>,
}

/// What was given out to be sent.
#[derive(Clone, Copy, Debug)]
struct Given {
    what: PacketKind,
    packets: usize,
    /// Octets of each packet but the last, and of all.
    segment: usize,
    octets: usize,
}

impl Given {
    /// How many packets the first `packets` are, and their octets.
    fn first(&self, packets: usize) -> (usize, usize) {
        if packets < self.packets {
            (packets, packets * self.segment)
        } else {
            (self.packets, self.octets)
        }
    }
}

/// The source of one session: keeps what was sent, and answers receivers.
///
/// Data are written in place: [`slot`](Self::slot), then [`commit`](Self::commit). Packets leave by
/// [`transmit`](Self::transmit), then [`sent`](Self::sent). What receivers send comes in by
/// [`on_packet`](Self::on_packet). At [`timeout`](Self::timeout) `transmit` is to be called again.
///
/// ```
/// use ringmq_pgm::{Gsi, PgmSource, PgmSourceConfig, Tsi};
/// use std::time::Instant;
///
/// let session = Tsi { gsi: Gsi([1, 2, 3, 4, 5, 6]), port: 7 };
/// let (path, group) = ("10.0.0.1".parse()?, "239.192.1.1".parse()?);
/// let now = Instant::now();
/// let mut source = PgmSource::new(PgmSourceConfig::new(session, 5555, path, group), now);
///
/// source.slot(now).expect("there is room")[..5].copy_from_slice(b"Hello");
/// source.commit(5);
/// let mut packets = 0;
/// while let Some(transmission) = source.transmit(now, 64) {
///     let run = transmission.run.len(); // All of them go to the kernel here.
///     source.sent(now, run);
///     packets += run;
/// }
/// assert_eq!(packets, 4); // Three SPMs, and the data.
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug)]
pub struct PgmSource {
    config: PgmSourceConfig,
    window: TransmitWindow,
    bucket: TokenBucket,
    repairs: Repairs,
    schedule: SpmSchedule,
    /// The number of the next SPM.
    spm: Sqn,
    /// The control packet that is to be sent.
    control: Vec<u8>,
    /// What [`transmit`](Self::transmit) has given out last.
    given: Option<Given>,
    /// Packets of repairs sent since new data had a turn.
    repair_turn: usize,
    closing: bool,
    /// The SPMs that end the session were sent.
    closed: bool,
    counters: SourceCounters,
}

impl PgmSource {
    /// A session begins.
    pub fn new(config: PgmSourceConfig, now: Instant) -> Self {
        let header = DataHeader::new(config.session, config.data_port);
        let window = TransmitWindow::new(&config, header);
        PgmSource {
            window,
            bucket: TokenBucket::new(config.rate, config.bucket(), now),
            repairs: Repairs::new(&config, now),
            schedule: SpmSchedule::new(&config, now),
            spm: Sqn(0),
            control: Vec::new(),
            given: None,
            repair_turn: 0,
            closing: false,
            closed: false,
            counters: SourceCounters::default(),
            config,
        }
    }

    /// The session.
    pub fn session(&self) -> Tsi {
        self.config.session
    }

    /// Octets of data that fit one packet.
    pub fn capacity(&self) -> usize {
        self.config.slot() - DATA_AT
    }

    /// What was sent and heard.
    pub fn counters(&self) -> &SourceCounters {
        &self.counters
    }

    /// Whether data can be taken now.
    pub fn room(&mut self, now: Instant) -> TransmitRoom {
        let packet = self.config.slot() + self.config.overhead;
        if self.closing {
            TransmitRoom::Closed
        } else if !self.window.has_room() {
            TransmitRoom::AfterSend
        } else if self.bucket.has(packet, now) {
            TransmitRoom::Open
        } else {
            TransmitRoom::At(self.bucket.ready_at(packet))
        }
    }

    /// Where the data of the next packet can be written, [`capacity`](Self::capacity) octets; `None` if there
    /// is no [`room`](Self::room) now. What it holds before is of no meaning.
    pub fn slot(&mut self, now: Instant) -> Option<&mut [u8]> {
        (self.room(now) == TransmitRoom::Open).then(|| self.window.next_tsdu())
    }

    /// Makes a packet of the first `length` octets that were written to the [`slot`](Self::slot). The oldest of the
    /// packets that were sent leaves the window, if that is full. Nothing happens if all in it are still to be
    /// sent, or after [`close`](Self::close).
    pub fn commit(&mut self, length: usize) {
        if self.window.has_room() && !self.closing {
            let octets = self.window.commit(length);
            self.bucket.take(octets + self.config.overhead);
        }
    }

    /// Data packets that are still to be sent.
    pub fn unsent(&self) -> usize {
        self.window.unsent()
    }

    /// No more data will come. What is there is sent, and then the SPMs that end the session. Receivers may
    /// still ask for repairs, for as long as the caller likes.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// Whether all data, and the SPMs that end the session, were sent. Repairs may still wait, and such SPMs go
    /// on in growing intervals.
    pub fn is_closed(&self) -> bool {
        self.closed && !self.schedule.in_a_row()
    }

    /// The packets that are to be sent now, at most `most` of them; `None` if there is nothing to send.
    /// Which of them were sent has to be [told](Self::sent) before it is called again; else they come again.
    ///
    /// NCFs and SPMs go before data. Repairs and new data take turns.
    pub fn transmit(&mut self, now: Instant, most: usize) -> Option<Transmission<'_>> {
        let most = most.max(1);
        if self.closing && !self.closed && self.window.unsent() == 0 {
            self.closed = true;
            self.schedule.end(&self.config, now);
        }
        self.given = None;
        self.control.clear();
        if self.repairs.write_ncf(&self.config, &mut self.control) {
            let run = PacketRun::single(&self.control);
            return Some(give(&mut self.given, PacketKind::Ncf, run));
        }
        if self.schedule.is_due(now) {
            self.write_spm();
            let run = PacketRun::single(&self.control);
            return Some(give(&mut self.given, PacketKind::Spm, run));
        }
        let new = self.window.unsent() > 0;
        if !new || self.repair_turn < REPAIR_TURN {
            let limit = if new { most.min(REPAIR_TURN - self.repair_turn) } else { most };
            let overhead = self.config.overhead;
            if let Some((sqn, packets)) = self.repairs.next(&self.window, overhead, limit, now) {
                let run = self.window.repair_run(sqn, packets);
                return Some(give(&mut self.given, PacketKind::Rdata, run));
            }
        }
        new.then(|| give(&mut self.given, PacketKind::Odata, self.window.unsent_run(most)))
    }

    /// The first `packets` of what [`transmit`](Self::transmit) gave out last were sent. This is told once for
    /// each time; data and packets may come in between. Packets that were refused after this was told of them are
    /// as if they had got lost.
    pub fn sent(&mut self, now: Instant, packets: usize) {
        if packets == 0 {
            return;
        }
        let Some(given) = self.given.take() else { return };
        let (packets, octets) = given.first(packets);
        match given.what {
            PacketKind::Ncf => {
                self.repairs.ncf_sent();
                self.counters.ncfs += 1;
            }
            PacketKind::Spm => {
                self.schedule.on_sent(&self.config, now);
                self.spm = self.spm.next();
                self.counters.spms += 1;
            }
            PacketKind::Rdata => {
                let cost = octets + packets * self.config.overhead;
                self.repairs.repaired(&mut self.window, packets, cost);
                self.bucket.take(cost);
                self.schedule.on_data(&self.config, now);
                self.repair_turn += packets;
                self.counters.repairs += packets as u64;
                self.counters.repair_bytes += octets as u64;
            }
            PacketKind::Odata => {
                self.window.mark_sent(packets);
                self.schedule.on_data(&self.config, now);
                self.repair_turn = 0;
                self.counters.packets += packets as u64;
                self.counters.bytes += octets as u64;
            }
        }
    }

    /// When [`transmit`](Self::transmit) has something to send though nothing else happens until then. Now,
    /// or a time that is past, if it has something already, or nobody has [told](Self::sent) that what it gave out
    /// was sent. When there will be [`room`](Self::room) is told by that.
    pub fn timeout(&self, now: Instant) -> Instant {
        let ready = self.window.unsent() > 0
            || self.repairs.has_ncf()
            || self.schedule.in_a_row()
            || (self.closing && !self.closed);
        if ready {
            return now;
        }
        let repair = self.repairs.next_at(&self.window, self.config.overhead);
        repair.map_or(self.schedule.next(), |repair| repair.min(self.schedule.next()))
    }

    /// Takes a packet that came in for the port of the session.
    pub fn on_packet(&mut self, now: Instant, bytes: &[u8]) {
        let packet = match Packet::parse(bytes) {
            Ok(packet) => packet,
            Err(_) => {
                self.counters.malformed += 1;
                return;
            }
        };
        let ours = packet.tsi() == self.config.session;
        match packet.body {
            Body::Nak(body) if ours => self.on_nak(now, &packet, &body, bytes.len()),
            Body::Spmr if ours && packet.data_port() == self.config.data_port => {
                self.counters.spmrs += 1;
                if !self.closed {
                    self.schedule.on_request(&self.config, now);
                }
            }
            _ => self.counters.ignored += 1,
        }
    }

    fn on_nak(&mut self, now: Instant, packet: &Packet<'_>, body: &NakBody, length: usize) {
        let config = &self.config;
        let addresses = (body.source, body.group) == (config.path, config.group);
        if !addresses || packet.data_port() != config.data_port || packet.parity {
            self.counters.naks_refused += 1;
            return;
        }
        let numbers = packet.numbers(body.sqn).count() as u64;
        let (queued, confirmed) =
            self.repairs.on_nak((packet, body), length, &mut self.window, now);
        self.counters.naks += 1;
        self.counters.nak_numbers += numbers;
        self.counters.nak_numbers_idle += numbers - queued;
        self.counters.ncfs_held_back += u64::from(!confirmed);
    }

    fn write_spm(&mut self) {
        let (trail, lead) = (self.window.trail(), self.window.lead());
        let body = Body::Spm { sqn: self.spm, trail, lead, path: self.config.path };
        let mut spm = Packet::downstream(self.config.session, self.config.data_port, body);
        spm.options.fin = self.closed;
        spm.write(&mut self.control);
    }
}

/// Gives packets out, and notes which.
fn give<'a>(given: &mut Option<Given>, what: PacketKind, run: PacketRun<'a>) -> Transmission<'a> {
    let (packets, segment, octets) = (run.len(), run.segment(), run.octets());
    *given = Some(Given { what, packets, segment, octets });
    Transmission { what, run }
}
