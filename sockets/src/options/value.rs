//! Values of options outside of Rust: in libzmq's C interface, in files and on command lines.

use std::fmt::{self, Write};
use zeroize::Zeroizing;

/// What libzmq's C interface takes for an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueType {
    /// `int`, 4 bytes.
    Int,
    /// `int64_t`, 8 bytes.
    Int64,
    /// `uint64_t`, 8 bytes.
    Uint64,
    /// Any number of bytes.
    Bytes,
}

impl ValueType {
    /// Its name in the documentation.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Uint64 => "uint64",
            Self::Bytes => "bytes",
        }
    }
}

/// The value of an option, as libzmq's C interface has it: numbers are in the option's unit.
///
/// As text numbers are decimal, and bytes are themselves; one that is no UTF-8, a control character
/// or a backslash is written as `\x` and two hexadecimal digits, which are read anywhere. Of a secret
/// there is only `(secret)`, if there is one.
///
/// ```
/// use ringmq::options::{OptionValue, ValueType};
/// let value = OptionValue::from_bytes(ValueType::Int, &(-1_i32).to_ne_bytes());
/// assert_eq!(value, Some(OptionValue::Int(-1)));
/// assert_eq!(OptionValue::Int(-1).to_string(), "-1");
/// assert_eq!(OptionValue::Bytes(b"a\0b".to_vec()).to_string(), r"a\x00b");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionValue {
    /// An `int`: also switches, 0 or 1.
    Int(i32),
    /// An `int64_t`.
    Int64(i64),
    /// A `uint64_t`.
    Uint64(u64),
    /// Bytes, or text without a zero byte at its end.
    Bytes(Vec<u8>),
    /// The same, of what nobody is to see: a password or a key.
    Secret(Secret),
}

/// Bytes that are not shown, and wiped when they are dropped.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Keeps a copy of these.
    ///
    /// ```
    /// use ringmq::options::Secret;
    /// let secret = Secret::new("wonderland");
    /// assert_eq!((secret.as_bytes(), format!("{secret:?}")), (&b"wonderland"[..], "(secret)".into()));
    /// ```
    pub fn new(bytes: impl AsRef<[u8]>) -> Self {
        Self(Zeroizing::new(bytes.as_ref().to_vec()))
    }

    /// The bytes themselves.
    ///
    /// ```
    /// assert_eq!(ringmq::options::Secret::default().as_bytes(), b"");
    /// ```
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Secret {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl OptionValue {
    /// From memory as C has it; `None` if the length is not the type's.
    ///
    /// ```
    /// use ringmq::options::{OptionValue, ValueType};
    /// assert_eq!(OptionValue::from_bytes(ValueType::Int, &[0; 8]), None);
    /// ```
    pub fn from_bytes(value_type: ValueType, bytes: &[u8]) -> Option<Self> {
        Some(match value_type {
            ValueType::Int => Self::Int(i32::from_ne_bytes(bytes.try_into().ok()?)),
            ValueType::Int64 => Self::Int64(i64::from_ne_bytes(bytes.try_into().ok()?)),
            ValueType::Uint64 => Self::Uint64(u64::from_ne_bytes(bytes.try_into().ok()?)),
            ValueType::Bytes => Self::Bytes(bytes.to_vec()),
        })
    }

    /// As C has it in memory.
    ///
    /// ```
    /// use ringmq::options::OptionValue;
    /// assert_eq!(OptionValue::Int64(-1).to_bytes(), [0xFF; 8]);
    /// ```
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Int(number) => number.to_ne_bytes().to_vec(),
            Self::Int64(number) => number.to_ne_bytes().to_vec(),
            Self::Uint64(number) => number.to_ne_bytes().to_vec(),
            Self::Bytes(bytes) => bytes.clone(),
            Self::Secret(Secret(bytes)) => bytes.to_vec(),
        }
    }

    /// Which of C's types it is.
    ///
    /// ```
    /// use ringmq::options::{OptionValue, ValueType};
    /// assert_eq!(OptionValue::Int(1).value_type(), ValueType::Int);
    /// ```
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::Int(_) => ValueType::Int,
            Self::Int64(_) => ValueType::Int64,
            Self::Uint64(_) => ValueType::Uint64,
            Self::Bytes(_) | Self::Secret(_) => ValueType::Bytes,
        }
    }

    /// From text, as it is displayed; `None` if it is no number where that is wanted, or too large.
    pub(crate) fn from_text(value_type: ValueType, text: &str) -> Option<Self> {
        Some(match value_type {
            ValueType::Int => Self::Int(text.trim().parse().ok()?),
            ValueType::Int64 => Self::Int64(text.trim().parse().ok()?),
            ValueType::Uint64 => Self::Uint64(text.trim().parse().ok()?),
            ValueType::Bytes => Self::Bytes(unescape(text)),
        })
    }
}

impl fmt::Display for OptionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => write!(f, "{number}"),
            Self::Int64(number) => write!(f, "{number}"),
            Self::Uint64(number) => write!(f, "{number}"),
            Self::Bytes(bytes) => escape(bytes, f),
            Self::Secret(secret) if secret.as_bytes().is_empty() => Ok(()),
            Self::Secret(secret) => write!(f, "{secret:?}"),
        }
    }
}

fn escape(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let hex = |f: &mut fmt::Formatter<'_>, bytes: &[u8]| {
        bytes.iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))
    };
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() || c == '\\' {
                hex(f, c.encode_utf8(&mut [0; 4]).as_bytes())?;
            } else {
                f.write_char(c)?;
            }
        }
        hex(f, chunk.invalid())?;
    }
    Ok(())
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digit =
            |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let escaped = match rest {
            [b'\\', b'x', high, low, after @ ..] => {
                digit(*high).zip(digit(*low)).map(|(high, low)| (high << 4 | low, after))
            }
            _ => None,
        };
        let (byte, after) = escaped.unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    bytes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn bytes_are_the_same_after_they_were_text() {
        for bytes in [&b"plain"[..], b"", b"a\\b", b"\\x41", b"\0\xFF\n", "zürich".as_bytes()] {
            let text = OptionValue::Bytes(bytes.to_vec()).to_string();
            let back = OptionValue::from_text(ValueType::Bytes, &text).unwrap();
            assert_eq!(back, OptionValue::Bytes(bytes.to_vec()), "{text}");
        }
        let literally = OptionValue::from_text(ValueType::Bytes, r"C:\x\xg1").unwrap();
        assert_eq!(literally.to_bytes(), br"C:\x\xg1");
    }

    #[test]
    fn numbers_are_the_same_in_memory_and_as_text() {
        let numbers = [
            OptionValue::Int(i32::MIN),
            OptionValue::Int(i32::MAX),
            OptionValue::Int64(-1),
            OptionValue::Uint64(u64::MAX),
        ];
        for number in numbers {
            let value_type = number.value_type();
            let bytes = number.to_bytes();
            assert_eq!(OptionValue::from_bytes(value_type, &bytes).as_ref(), Some(&number));
            assert_eq!(OptionValue::from_bytes(value_type, &bytes[1..]), None);
            let text = number.to_string();
            assert_eq!(OptionValue::from_text(value_type, &text).as_ref(), Some(&number));
            assert_eq!(OptionValue::from_text(value_type, &format!("{text}x")), None);
        }
        assert_eq!(OptionValue::from_text(ValueType::Int, "2147483648"), None);
    }
}
