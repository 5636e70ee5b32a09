//! What is wrong with a packet, one variant a reason.

/// Why octets are no packet of PGM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PacketError {
    /// The packet ends within its header or its body.
    #[error("the packet ends too early")]
    Truncated,
    /// A type that RFC 3208 does not know.
    #[error("there is no packet of type {found:#04x}")]
    UnknownType {
        /// The octet.
        found: u8,
    },
    /// Data without a checksum, which section 8 forbids.
    #[error("data without a checksum")]
    NoChecksum,
    /// The checksum is another one.
    #[error("the checksum is wrong")]
    Checksum,
    /// An address of a family that is neither IPv4 (1) nor IPv6 (2).
    #[error("an address of family {found}")]
    AddressFamily {
        /// The number of the family.
        found: u16,
    },
    /// What follows the headers of a data packet is not as long as its header says.
    #[error("the header says {said} octets of data, there are {found}")]
    TsduLength {
        /// In the header.
        said: u16,
        /// In the packet.
        found: usize,
    },
    /// The options do not begin with their length (section 9.1).
    #[error("the options do not begin with their length")]
    NoOptionLength,
    /// The options are said to be longer than the packet, or shorter than their first.
    #[error("the options are said to have {said} octets")]
    OptionsLength {
        /// What OPT_LENGTH says.
        said: u16,
    },
    /// An option is longer than all of them, or has not the length of its kind.
    #[error("option {kind:#04x} cannot have {said} octets")]
    OptionLength {
        /// The kind of option, without the mark of the last.
        kind: u8,
        /// Its length.
        said: u8,
    },
    /// None of the options is marked as the last.
    #[error("none of the options is marked as the last")]
    NoLastOption,
    /// More than 16 options.
    #[error("more options than a packet may have")]
    TooManyOptions,
}
