//! Packets as they go on the wire (RFC 3208, section 8), behind whatever carries them.

mod checksum;
mod data_header;
mod error;
mod fields;
mod options;
mod sqn;

use core::net::IpAddr;
use std::fmt;

pub use checksum::checksum;
use checksum::{replaced, sum};
pub(crate) use data_header::DataHeader;
pub use error::PacketError;
use fields::{put_nla, put_sqn, take, take_nla, take_sqn, take_u16};
pub use options::{Fragment, NAK_LIST_MAX, NakList, ParityParameters, PgmOptions};
pub use sqn::Sqn;

/// Octets of the header that all packets have.
pub const HEADER: usize = 16;
/// Octets before the data of a packet without options: header, sequence number, trail.
pub const DATA_AT: usize = HEADER + 8;

const OPTIONS_PRESENT: u8 = 0x01;
const OPTIONS_FOR_NETWORK: u8 = 0x02;
const VAR_PKTLEN: u8 = 0x40;
const PARITY: u8 = 0x80;

/// Where the checksum stands in a header.
const CHECKSUM_AT: usize = 6;

/// The global source id: six octets that no other source has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gsi(pub [u8; 6]);

impl fmt::Display for Gsi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Gsi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The transport session id: which session of which source.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tsi {
    /// The source.
    pub gsi: Gsi,
    /// The source's port, which is no port of UDP.
    pub port: u16,
}

impl fmt::Display for Tsi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.gsi, self.port)
    }
}

impl fmt::Debug for Tsi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A packet, with its data borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Who sends. Upstream (NAK, NNAK, SPMR, POLR, ACK) this is the port of the data's destination.
    pub source_port: u16,
    /// Whom it is for. Upstream this is the port of the source.
    pub destination_port: u16,
    /// The source of the data that it is about, in both directions.
    pub gsi: Gsi,
    /// It is parity, or asks for parity: its sequence numbers count something else.
    pub parity: bool,
    /// The parity covers packets of different lengths.
    pub var_pktlen: bool,
    /// What is particular to its type.
    pub body: Body<'a>,
    /// Its options.
    pub options: PgmOptions<'a>,
}

/// What is particular to a type of packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// The source's path message (section 8.1).
    Spm {
        /// The number of the SPM itself.
        sqn: Sqn,
        /// The first packet of the transmit window.
        trail: Sqn,
        /// The last packet that was sent; `trail - 1` if there is none.
        lead: Sqn,
        /// Where to send NAKs.
        path: IpAddr,
    },
    /// A question of the source that it asks all receivers; not read further.
    Poll,
    /// An answer to it; not read further.
    Polr,
    /// Data (section 8.2).
    Odata(DataBody<'a>),
    /// Data sent again.
    Rdata(DataBody<'a>),
    /// Packets are missing (section 8.3).
    Nak(NakBody),
    /// Packets were missing, somebody has asked for them.
    Nnak(NakBody),
    /// The answer to a NAK: packets will be sent again.
    Ncf(NakBody),
    /// A receiver asks for an SPM (section 13.3).
    Spmr,
    /// Feedback of PGMCC; not read further.
    Ack,
}

/// The body of ODATA and RDATA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataBody<'a> {
    /// The number of the packet.
    pub sqn: Sqn,
    /// The first packet of the transmit window.
    pub trail: Sqn,
    /// The data: at most 65,535 octets.
    pub tsdu: &'a [u8],
}

/// The body of NAK, NNAK and NCF. More numbers are in [`PgmOptions::nak_list`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NakBody {
    /// The first, or only, packet that is missing.
    pub sqn: Sqn,
    /// The address of the source, as its SPM told it.
    pub source: IpAddr,
    /// The group that the data are sent to.
    pub group: IpAddr,
}

impl Body<'_> {
    /// The octet that stands for the type.
    fn kind(&self) -> u8 {
        match self {
            Body::Spm { .. } => 0x00,
            Body::Poll => 0x01,
            Body::Polr => 0x02,
            Body::Odata(_) => 0x04,
            Body::Rdata(_) => 0x05,
            Body::Nak(_) => 0x08,
            Body::Nnak(_) => 0x09,
            Body::Ncf(_) => 0x0A,
            Body::Spmr => 0x0C,
            Body::Ack => 0x0D,
        }
    }

    /// Whether it goes from receivers to the source.
    pub fn is_upstream(&self) -> bool {
        matches!(self, Body::Polr | Body::Nak(_) | Body::Nnak(_) | Body::Spmr | Body::Ack)
    }
}

impl<'a> Packet<'a> {
    /// A packet without options that goes from the source to receivers, at port `destination_port`.
    pub fn downstream(session: Tsi, destination_port: u16, body: Body<'a>) -> Self {
        Packet {
            source_port: session.port,
            destination_port,
            gsi: session.gsi,
            parity: false,
            var_pktlen: false,
            body,
            options: PgmOptions::default(),
        }
    }

    /// The same from a receiver to the source: the ports change places.
    pub fn upstream(session: Tsi, destination_port: u16, body: Body<'a>) -> Self {
        let packet = Packet::downstream(session, destination_port, body);
        Packet { source_port: destination_port, destination_port: session.port, ..packet }
    }

    /// The session that it is about.
    pub fn tsi(&self) -> Tsi {
        let upstream = self.body.is_upstream();
        Tsi { gsi: self.gsi, port: if upstream { self.destination_port } else { self.source_port } }
    }

    /// The port that data of the session are sent to.
    pub fn data_port(&self) -> u16 {
        if self.body.is_upstream() { self.source_port } else { self.destination_port }
    }

    /// All numbers of a NAK, NNAK or NCF: `first` of its body, and those of its list.
    pub fn numbers(&self, first: Sqn) -> impl Iterator<Item = Sqn> + 'a {
        std::iter::once(first).chain(self.options.nak_list.iter())
    }

    /// Reads a packet that is all of `bytes`. Nothing is copied.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, PacketError> {
        let mut rest = bytes;
        let source_port = take_u16(&mut rest)?;
        let destination_port = take_u16(&mut rest)?;
        let [kind, flags] = take(&mut rest)?;
        let checksum = take_u16(&mut rest)?;
        let gsi = Gsi(take(&mut rest)?);
        let said = take_u16(&mut rest)?;
        if checksum != 0 {
            if sum(bytes) != 0xFFFF {
                return Err(PacketError::Checksum);
            }
        } else if matches!(kind, 0x04 | 0x05) {
            return Err(PacketError::NoChecksum);
        }
        let mut body = take_body(kind, &mut rest)?;
        let has_options = flags & OPTIONS_PRESENT != 0;
        let options = match body {
            // Where their options would begin is not known.
            Body::Poll | Body::Polr | Body::Ack => PgmOptions::default(),
            _ if has_options => PgmOptions::take(&mut rest)?,
            _ => PgmOptions::default(),
        };
        if let Body::Odata(data) | Body::Rdata(data) = &mut body {
            if rest.len() != usize::from(said) {
                return Err(PacketError::TsduLength { said, found: rest.len() });
            }
            data.tsdu = rest;
        }
        let (parity, var_pktlen) = (flags & PARITY != 0, flags & VAR_PKTLEN != 0);
        Ok(Packet { source_port, destination_port, gsi, parity, var_pktlen, body, options })
    }

    /// Appends the packet as it goes on the wire, with its checksum. Of POLL, POLR and ACK this is a header
    /// only. Data beyond what a header can tell the length of are left out.
    pub fn write(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        let mut tsdu: &[u8] = &[];
        if let Body::Odata(data) | Body::Rdata(data) = &self.body {
            tsdu = &data.tsdu[..data.tsdu.len().min(usize::from(u16::MAX))];
        }
        out.extend_from_slice(&self.source_port.to_be_bytes());
        out.extend_from_slice(&self.destination_port.to_be_bytes());
        out.extend_from_slice(&[self.body.kind(), self.flags(), 0, 0]);
        out.extend_from_slice(&self.gsi.0);
        out.extend_from_slice(&(tsdu.len() as u16).to_be_bytes());
        match self.body {
            Body::Spm { sqn, trail, lead, path } => {
                [sqn, trail, lead].into_iter().for_each(|number| put_sqn(out, number));
                put_nla(out, path);
            }
            Body::Odata(data) | Body::Rdata(data) => {
                put_sqn(out, data.sqn);
                put_sqn(out, data.trail);
            }
            Body::Nak(body) | Body::Nnak(body) | Body::Ncf(body) => {
                put_sqn(out, body.sqn);
                put_nla(out, body.source);
                put_nla(out, body.group);
            }
            Body::Poll | Body::Polr | Body::Spmr | Body::Ack => {}
        }
        self.options.put(out);
        out.extend_from_slice(tsdu);
        let checksum = checksum(&out[begin..]);
        out[begin + CHECKSUM_AT..begin + CHECKSUM_AT + 2].copy_from_slice(&checksum.to_be_bytes());
    }

    fn flags(&self) -> u8 {
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        flag(!self.options.is_empty(), OPTIONS_PRESENT)
            | flag(self.options.for_network(), OPTIONS_FOR_NETWORK)
            | flag(self.var_pktlen, VAR_PKTLEN)
            | flag(self.parity, PARITY)
    }
}

/// Takes what follows the header; data are still to come.
fn take_body<'a>(kind: u8, rest: &mut &'a [u8]) -> Result<Body<'a>, PacketError> {
    let mut nak = || {
        let sqn = take_sqn(rest)?;
        let source = take_nla(rest)?;
        Ok(NakBody { sqn, source, group: take_nla(rest)? })
    };
    match kind {
        0x00 => {
            let (sqn, trail, lead) = (take_sqn(rest)?, take_sqn(rest)?, take_sqn(rest)?);
            Ok(Body::Spm { sqn, trail, lead, path: take_nla(rest)? })
        }
        0x01 => Ok(Body::Poll),
        0x02 => Ok(Body::Polr),
        0x04 | 0x05 => {
            let (sqn, trail) = (take_sqn(rest)?, take_sqn(rest)?);
            let data = DataBody { sqn, trail, tsdu: &[] };
            Ok(if kind == 0x04 { Body::Odata(data) } else { Body::Rdata(data) })
        }
        0x08 => nak().map(Body::Nak),
        0x09 => nak().map(Body::Nnak),
        0x0A => nak().map(Body::Ncf),
        0x0C => Ok(Body::Spmr),
        0x0D => Ok(Body::Ack),
        found => Err(PacketError::UnknownType { found }),
    }
}
