//! Z85 (RFC 32): binary data as text, five characters for each four bytes. The form in which keys are
//! written.

/// The value of a character is its place here.
const DIGITS: &[u8; 85] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/// What cannot be written as Z85, or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Z85Error {
    /// Not a multiple of four bytes, or none at all.
    #[error("Z85 writes 4, 8, 12 ... bytes, not {length}")]
    BinaryLength {
        /// Bytes that there are.
        length: usize,
    },
    /// Not a multiple of five characters, or none at all.
    #[error("Z85 has 5, 10, 15 ... characters, not {length}")]
    TextLength {
        /// Bytes of the text.
        length: usize,
    },
    /// A character that is no digit of Z85, or five that stand for more than four bytes.
    #[error("no Z85: what begins at character {at}")]
    Invalid {
        /// Where those five characters begin, from 0.
        at: usize,
    },
}

/// Writes binary data as text.
///
/// # Errors
/// [`Z85Error::BinaryLength`], unless it has 4, 8, 12 ... bytes.
///
/// # Examples
/// ```
/// let bytes = [0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b];
/// assert_eq!(ringmq_zmtp::z85_encode(&bytes)?, "HelloWorld");
/// # Ok::<(), ringmq_zmtp::Z85Error>(())
/// ```
pub fn z85_encode(data: &[u8]) -> Result<String, Z85Error> {
    let (words, []) = data.as_chunks::<4>() else {
        return Err(Z85Error::BinaryLength { length: data.len() });
    };
    if words.is_empty() {
        return Err(Z85Error::BinaryLength { length: 0 });
    }
    let digits = words.iter().flat_map(|word| {
        let value = u32::from_be_bytes(*word);
        [85 * 85 * 85 * 85, 85 * 85 * 85, 85 * 85, 85, 1]
            .map(|unit| char::from(DIGITS[(value / unit % 85) as usize]))
    });
    Ok(digits.collect())
}

/// Reads what [`z85_encode`] has written.
///
/// # Errors
/// [`Z85Error`], with the place where that is wrong.
///
/// # Examples
/// ```
/// use ringmq_zmtp::Z85Error;
/// assert_eq!(ringmq_zmtp::z85_decode("%nSc0")?, [0xff; 4]);
/// assert_eq!(ringmq_zmtp::z85_decode("%nSc1"), Err(Z85Error::Invalid { at: 0 }));
/// # Ok::<(), Z85Error>(())
/// ```
pub fn z85_decode(text: &str) -> Result<Vec<u8>, Z85Error> {
    let (groups, []) = text.as_bytes().as_chunks::<5>() else {
        return Err(Z85Error::TextLength { length: text.len() });
    };
    if groups.is_empty() {
        return Err(Z85Error::TextLength { length: 0 });
    }
    let mut data = Vec::with_capacity(groups.len() * 4);
    for (number, group) in groups.iter().enumerate() {
        let word = value(group).ok_or(Z85Error::Invalid { at: number * 5 })?;
        data.extend_from_slice(&word.to_be_bytes());
    }
    Ok(data)
}

fn value(group: &[u8; 5]) -> Option<u32> {
    group.iter().try_fold(0u32, |value, character| {
        let digit = DIGITS.iter().position(|digit| digit == character)?;
        value.checked_mul(85)?.checked_add(digit as u32)
    })
}
