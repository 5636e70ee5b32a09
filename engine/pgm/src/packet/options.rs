//! The options of a packet (RFC 3208, section 9).

use super::error::PacketError;
use super::fields::{put_sqn, take, take_sqn, take_u16, take_u32};
use super::sqn::Sqn;

/// Sequence numbers that one OPT_NAK_LIST may hold, beside the one in the body.
pub const NAK_LIST_MAX: usize = 62;
/// Options that one packet may have (section 9.1).
const OPTIONS_MAX: usize = 16;
/// The mark of the last option.
const LAST: u8 = 0x80;

const LENGTH: u8 = 0x00;
const FRAGMENT: u8 = 0x01;
const NAK_LIST: u8 = 0x02;
const JOIN: u8 = 0x03;
const PARITY_PRM: u8 = 0x08;
const PARITY_GRP: u8 = 0x09;
const CURR_TGSIZE: u8 = 0x0A;
const SYN: u8 = 0x0D;
const FIN: u8 = 0x0E;
const RST: u8 = 0x0F;

/// The octets before the data of an option that has a reserved octet and then data: kind, length, the
/// reserved one of every option, and that one.
const HEAD: usize = 4;

/// The options that are understood. Others are skipped, whatever they ask of those who do not know them:
/// senders in the field leave garbage where that is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PgmOptions<'a> {
    /// OPT_FRAGMENT: the data are a part of something larger.
    pub fragment: Option<Fragment>,
    /// OPT_NAK_LIST: more sequence numbers.
    pub nak_list: NakList<'a>,
    /// OPT_JOIN: the first sequence number that a late receiver may ask for.
    pub join: Option<Sqn>,
    /// OPT_PARITY_PRM: how parity packets are made.
    pub parity_prm: Option<ParityParameters>,
    /// OPT_PARITY_GRP: the transmission group of a parity packet.
    pub parity_grp: Option<u32>,
    /// OPT_CURR_TGSIZE: the packets in the last transmission group.
    pub curr_tgsize: Option<u32>,
    /// OPT_SYN: the session begins.
    pub syn: bool,
    /// OPT_FIN: the session ends.
    pub fin: bool,
    /// OPT_RST: the session ended in disorder; the octet has a flag and an error code.
    pub rst: Option<u8>,
}

/// A part of something that is larger than one packet takes ("APDU"; section 9.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The packet that has the first part.
    pub first: Sqn,
    /// Where this part begins, in octets.
    pub offset: u32,
    /// The octets of all parts.
    pub length: u32,
}

/// How parity packets are made (section 11.8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParityParameters {
    /// Bit 0: on demand; bit 1: proactive.
    pub flags: u8,
    /// Packets in a transmission group.
    pub group_size: u32,
}

/// Sequence numbers as they stand in a packet, at most [`NAK_LIST_MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NakList<'a>(&'a [[u8; 4]]);

impl<'a> NakList<'a> {
    /// A list out of numbers in network order; those that are too many are left out.
    pub fn new(numbers: &'a [[u8; 4]]) -> Self {
        NakList(&numbers[..numbers.len().min(NAK_LIST_MAX)])
    }

    /// The numbers.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Sqn> + 'a {
        self.0.iter().map(|number| Sqn(u32::from_be_bytes(*number)))
    }

    /// Whether there is no number.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> PgmOptions<'a> {
    /// Takes the options from the front of `rest`.
    pub(super) fn take(rest: &mut &'a [u8]) -> Result<Self, PacketError> {
        let whole = *rest;
        let [kind, length] = take(rest)?;
        if kind & !LAST != LENGTH || length != 4 {
            return Err(PacketError::NoOptionLength);
        }
        let said = take_u16(rest)?;
        let wrong = PacketError::OptionsLength { said };
        if said < 4 {
            return Err(wrong);
        }
        let (mut list, after) = whole.split_at_checked(usize::from(said)).ok_or(wrong)?;
        take::<4>(&mut list)?;
        *rest = after;
        let mut options = PgmOptions::default();
        let mut last = kind & LAST != 0;
        // The first of all is OPT_LENGTH.
        for _ in 1..OPTIONS_MAX {
            if last {
                return Ok(options);
            }
            let [kind, said] = match list {
                [kind, said, ..] => [*kind, *said],
                _ => return Err(PacketError::NoLastOption),
            };
            last = kind & LAST != 0;
            let kind = kind & !LAST;
            let wrong = PacketError::OptionLength { kind, said };
            if said < 3 {
                return Err(wrong);
            }
            let (option, after) = list.split_at_checked(usize::from(said)).ok_or(wrong)?;
            list = after;
            options.understand(kind, option).ok_or(wrong)?;
        }
        if last { Ok(options) } else { Err(PacketError::TooManyOptions) }
    }

    /// Keeps what an option says. `None` if it has not the length of its kind.
    fn understand(&mut self, kind: u8, option: &'a [u8]) -> Option<()> {
        let data = option.get(HEAD..);
        match kind {
            FRAGMENT => {
                let mut data: &[u8] = data.filter(|data| data.len() == 12)?;
                let first = take_sqn(&mut data).ok()?;
                let offset = take_u32(&mut data).ok()?;
                let length = take_u32(&mut data).ok()?;
                self.fragment = Some(Fragment { first, offset, length });
            }
            NAK_LIST => {
                let (numbers, odd) = data?.as_chunks();
                if numbers.is_empty() || numbers.len() > NAK_LIST_MAX || !odd.is_empty() {
                    return None;
                }
                self.nak_list = NakList(numbers);
            }
            JOIN => self.join = Some(Sqn(number(data)?)),
            PARITY_PRM => {
                let flags = *option.get(HEAD - 1)?;
                self.parity_prm = Some(ParityParameters { flags, group_size: number(data)? });
            }
            PARITY_GRP => self.parity_grp = Some(number(data)?),
            CURR_TGSIZE => self.curr_tgsize = Some(number(data)?),
            SYN => self.syn = true,
            FIN => self.fin = true,
            RST => self.rst = Some(*option.get(HEAD - 1)?),
            // OPT_LENGTH has no place here, and the kinds that are not known have nothing for us.
            _ => {}
        }
        Some(())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == PgmOptions::default()
    }

    /// Whether elements of the network have to look at one of them (section 8, "Options").
    pub fn for_network(&self) -> bool {
        !self.nak_list.is_empty() || self.parity_prm.is_some() || self.curr_tgsize.is_some()
    }

    /// Puts the options, if there are any.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        if self.is_empty() {
            return;
        }
        let begin = out.len();
        out.extend_from_slice(&[LENGTH, 4, 0, 0]);
        let mut last = begin;
        let mut head = |out: &mut Vec<u8>, kind: u8, data: usize, flags: u8| {
            last = out.len();
            // At most 62 numbers: the length has room in an octet.
            out.extend_from_slice(&[kind, (HEAD + data) as u8, 0, flags]);
        };
        if let Some(Fragment { first, offset, length }) = self.fragment {
            head(out, FRAGMENT, 12, 0);
            put_sqn(out, first);
            out.extend_from_slice(&offset.to_be_bytes());
            out.extend_from_slice(&length.to_be_bytes());
        }
        if !self.nak_list.is_empty() {
            head(out, NAK_LIST, self.nak_list.0.as_flattened().len(), 0);
            out.extend_from_slice(self.nak_list.0.as_flattened());
        }
        let numbers = [
            (JOIN, 0, self.join.map(|sqn| sqn.0)),
            (PARITY_PRM, self.parity_prm.map_or(0, |prm| prm.flags), self.group_size()),
            (PARITY_GRP, 0, self.parity_grp),
            (CURR_TGSIZE, 0, self.curr_tgsize),
        ];
        for (kind, flags, number) in numbers {
            if let Some(number) = number {
                head(out, kind, 4, flags);
                out.extend_from_slice(&number.to_be_bytes());
            }
        }
        let signs = [(SYN, self.syn.then_some(0)), (FIN, self.fin.then_some(0)), (RST, self.rst)];
        for (kind, flags) in signs {
            if let Some(flags) = flags {
                head(out, kind, 0, flags);
            }
        }
        out[last] |= LAST;
        // All options together have less than 400 octets.
        let total = (out.len() - begin) as u16;
        out[begin + 2..begin + 4].copy_from_slice(&total.to_be_bytes());
    }

    fn group_size(&self) -> Option<u32> {
        self.parity_prm.map(|prm| prm.group_size)
    }
}

/// The number that is all of an option's data.
fn number(data: Option<&[u8]>) -> Option<u32> {
    data?.try_into().ok().map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn parse(bytes: &[u8]) -> Result<(PgmOptions<'_>, usize), PacketError> {
        let mut rest = bytes;
        PgmOptions::take(&mut rest).map(|options| (options, rest.len()))
    }

    #[test]
    fn unknown_options_are_skipped_and_what_follows_the_last_is_not_read() {
        let bytes = [0, 4, 0, 19, 0x55, 3, 9, 0x11, 4, 0, 0, 0x8E, 4, 0, 0, 0xFF, 0xFF, 0, 0, 7, 7];
        let (options, left) = parse(&bytes).unwrap();
        assert_eq!(options, PgmOptions { fin: true, ..PgmOptions::default() });
        assert_eq!(left, 2);
        assert_eq!(parse(&[0x80, 4, 0, 4]), Ok((PgmOptions::default(), 0)));
    }

    #[test]
    fn each_fault_has_its_reason() {
        for (bytes, error) in [
            (&[][..], PacketError::Truncated),
            (&[0, 4, 0], PacketError::Truncated),
            (&[0x8E, 4, 0, 0], PacketError::NoOptionLength),
            (&[0, 8, 0, 8, 0x8E, 4, 0, 0], PacketError::NoOptionLength),
            (&[0, 4, 0, 3], PacketError::OptionsLength { said: 3 }),
            (&[0, 4, 0, 9, 0x8E, 4, 0, 0], PacketError::OptionsLength { said: 9 }),
            (&[0, 4, 0, 4], PacketError::NoLastOption),
            (&[0, 4, 0, 8, 0x0E, 4, 0, 0], PacketError::NoLastOption),
            (&[0, 4, 0, 8, 0x8E, 5, 0, 0], PacketError::OptionLength { kind: FIN, said: 5 }),
            (&[0, 4, 0, 8, 0x8E, 0, 0, 0], PacketError::OptionLength { kind: FIN, said: 0 }),
            (&[0, 4, 0, 8, 0x82, 4, 0, 0], PacketError::OptionLength { kind: NAK_LIST, said: 4 }),
            (&[0, 4, 0, 8, 0x83, 4, 0, 0], PacketError::OptionLength { kind: JOIN, said: 4 }),
        ] {
            assert_eq!(parse(bytes), Err(error), "{bytes:?}");
        }
        let mut many = vec![0, 4, 0, 4 + 16 * 3];
        (0..15).for_each(|_| many.extend([0x55, 3, 0]));
        many.extend([0xD5, 3, 0]);
        assert_eq!(parse(&many), Err(PacketError::TooManyOptions));
        many.drain(4..7);
        many[3] -= 3;
        assert!(parse(&many).is_ok());
    }

    #[test]
    fn a_list_has_62_numbers_at_most() {
        let numbers = [[0, 0, 0, 1]; 64];
        assert_eq!(NakList::new(&numbers).iter().len(), NAK_LIST_MAX);
        let mut bytes = vec![0, 4, 1, 4, 0x82, 0, 0, 0];
        bytes.extend_from_slice(numbers.as_flattened());
        for (count, fits) in [(62, true), (1, true)] {
            bytes[5] = (HEAD + 4 * count) as u8;
            assert_eq!(parse(&bytes).is_ok(), fits, "{count}");
        }
    }
}
