//! How values of Rust types are told in libzmq's: what stands for "none", and in which unit times
//! are.
//!
//! What does not fit is told as the most that does; times are rounded up, so that no wait becomes
//! none.

use super::value::{OptionValue, Secret, ValueType};
use crate::inner::connection_words::RouterNotify;
use crate::wait::Spin;
use ringmq_engine::BackendChoice;
use ringmq_transports::options::ReconnectStop;
#[cfg(feature = "curve")]
use ringmq_zmtp::{CurvePublicKey, CurveSecretKey};
use std::time::Duration;

/// From a Rust type to libzmq's, and back.
pub(crate) struct ValueCodec<T> {
    pub(crate) value_type: ValueType,
    /// What values of the type there are that mean something else than their number.
    pub(crate) takes: &'static str,
    pub(crate) encode: fn(&T) -> OptionValue,
    /// `None` for what is no value of the option, whatever its range.
    pub(crate) decode: fn(&OptionValue) -> Option<T>,
}

fn int(number: u128) -> OptionValue {
    OptionValue::Int(i32::try_from(number).unwrap_or(i32::MAX))
}

/// A number of 0 or more.
fn natural(value: &OptionValue) -> Option<u32> {
    let OptionValue::Int(number) = value else { return None };
    u32::try_from(*number).ok()
}

/// Such a number, or `None` where that is -1.
fn natural_or_none(value: &OptionValue) -> Option<Option<u32>> {
    if *value == OptionValue::Int(-1) { Some(None) } else { natural(value).map(Some) }
}

fn millis(time: Duration) -> OptionValue {
    int(time.as_nanos().div_ceil(1_000_000))
}

fn from_millis(millis: u32) -> Duration {
    Duration::from_millis(millis.into())
}

/// -1 for what is not set.
fn or_minus_one<T>(value: Option<&T>, encode: impl FnOnce(&T) -> OptionValue) -> OptionValue {
    value.map_or(OptionValue::Int(-1), encode)
}

pub(crate) const FLAG: ValueCodec<bool> = ValueCodec {
    value_type: ValueType::Int,
    takes: "0 or 1",
    encode: |on| OptionValue::Int((*on).into()),
    decode: |value| natural(value).filter(|number| *number < 2).map(|number| number == 1),
};

/// Where libzmq takes any positive number for yes.
pub(crate) const POSITIVE: ValueCodec<bool> = ValueCodec {
    value_type: ValueType::Int,
    takes: "0 for no, 1 or more for yes",
    encode: FLAG.encode,
    decode: |value| natural(value).map(|number| number > 0),
};

pub(crate) const FLAG_OR_NONE: ValueCodec<Option<bool>> = ValueCodec {
    value_type: ValueType::Int,
    takes: "-1 (the system's), 0 or 1",
    encode: |on| or_minus_one(on.as_ref(), FLAG.encode),
    decode: |value| {
        let number = natural_or_none(value).filter(|number| number.is_none_or(|number| number < 2));
        number.map(|number| number.map(|number| number == 1))
    },
};

pub(crate) const COUNT: ValueCodec<u32> = ValueCodec {
    value_type: ValueType::Int,
    takes: "0 or more",
    encode: |count| int((*count).into()),
    decode: natural,
};

pub(crate) const COUNT_OR_NONE: ValueCodec<Option<u32>> = ValueCodec {
    value_type: ValueType::Int,
    takes: "-1 (none), or 0 and more",
    encode: |count| or_minus_one(count.as_ref(), COUNT.encode),
    decode: natural_or_none,
};

pub(crate) const SIZE_OR_NONE: ValueCodec<Option<usize>> = ValueCodec {
    value_type: ValueType::Int,
    takes: "-1 (the system's), or 0 and more",
    encode: |size| or_minus_one(size.as_ref(), |size| int(*size as u128)),
    decode: |value| natural_or_none(value).map(|size| size.and_then(|size| size.try_into().ok())),
};

pub(crate) const LENGTH_OR_NONE: ValueCodec<Option<u64>> = ValueCodec {
    value_type: ValueType::Int64,
    takes: "-1 (none), or 0 and more",
    encode: |length| {
        let number = length.map(|length| i64::try_from(length).unwrap_or(i64::MAX));
        OptionValue::Int64(number.unwrap_or(-1))
    },
    decode: |value| match value {
        OptionValue::Int64(-1) => Some(None),
        OptionValue::Int64(length) => u64::try_from(*length).ok().map(Some),
        _ => None,
    },
};

pub(crate) const MASK: ValueCodec<u64> = ValueCodec {
    value_type: ValueType::Uint64,
    takes: "any bits",
    encode: |mask| OptionValue::Uint64(*mask),
    decode: |value| match value {
        OptionValue::Uint64(mask) => Some(*mask),
        _ => None,
    },
};

pub(crate) const MILLIS: ValueCodec<Duration> = ValueCodec {
    value_type: ValueType::Int,
    takes: "0 or more",
    encode: |time| millis(*time),
    decode: |value| natural(value).map(from_millis),
};

/// Of a time where none is for ever, or something else that -1 stands for.
pub(crate) const MILLIS_OR_NONE: ValueCodec<Option<Duration>> = ValueCodec {
    value_type: ValueType::Int,
    takes: "-1 (none), or 0 and more",
    encode: |time| or_minus_one(time.as_ref(), MILLIS.encode),
    decode: |value| natural_or_none(value).map(|time| time.map(from_millis)),
};

/// Of a time where libzmq has 0 for none.
pub(crate) const MILLIS_NOT_ZERO: ValueCodec<Option<Duration>> = ValueCodec {
    value_type: ValueType::Int,
    takes: "0 (none) or more",
    encode: |time| time.as_ref().map_or(OptionValue::Int(0), MILLIS.encode),
    decode: |value| natural(value).map(|time| (time > 0).then(|| from_millis(time))),
};

/// Of a time where libzmq has -1 for none, and takes 0 for the same.
pub(crate) const MILLIS_POSITIVE: ValueCodec<Option<Duration>> = ValueCodec {
    value_type: ValueType::Int,
    takes: "-1 or 0 (none), or more",
    encode: MILLIS_OR_NONE.encode,
    decode: |value| {
        let time = (MILLIS_OR_NONE.decode)(value)?;
        Some(time.filter(|time| !time.is_zero()))
    },
};

pub(crate) const MICROS: ValueCodec<Duration> = ValueCodec {
    value_type: ValueType::Int,
    takes: "0 or more",
    encode: |time| int(time.as_nanos().div_ceil(1000)),
    decode: |value| natural(value).map(|micros| Duration::from_micros(micros.into())),
};

pub(crate) const SECONDS_OR_NONE: ValueCodec<Option<Duration>> = ValueCodec {
    value_type: ValueType::Int,
    takes: "-1 (the system's), or 0 and more",
    encode: |time| or_minus_one(time.as_ref(), |time| int(time.as_secs().into())),
    decode: |value| {
        let seconds = natural_or_none(value)?;
        Some(seconds.map(|seconds| Duration::from_secs(seconds.into())))
    },
};

pub(crate) const BYTES: ValueCodec<Vec<u8>> = ValueCodec {
    value_type: ValueType::Bytes,
    takes: "bytes",
    encode: |bytes| OptionValue::Bytes(bytes.clone()),
    decode: |value| match value {
        OptionValue::Bytes(bytes) => Some(bytes.clone()),
        _ => None,
    },
};

pub(crate) const TEXT: ValueCodec<String> = ValueCodec {
    value_type: ValueType::Bytes,
    takes: "text in UTF-8",
    encode: |text| OptionValue::Bytes(text.as_bytes().to_vec()),
    decode: |value| match value {
        OptionValue::Bytes(bytes) => String::from_utf8(bytes.clone()).ok(),
        _ => None,
    },
};

pub(crate) const SECRET: ValueCodec<Secret> = ValueCodec {
    value_type: ValueType::Bytes,
    takes: "bytes, none of them for none",
    encode: |secret| OptionValue::Secret(secret.clone()),
    decode: |value| match value {
        OptionValue::Bytes(bytes) => Some(Secret::new(bytes)),
        OptionValue::Secret(secret) => Some(secret.clone()),
        _ => None,
    },
};

/// Of a key: its text in Z85.
#[cfg(feature = "curve")]
pub(crate) const PUBLIC_KEY: ValueCodec<Option<CurvePublicKey>> = ValueCodec {
    value_type: ValueType::Bytes,
    takes: "32 bytes, or 40 characters of Z85; empty for none",
    encode: |key| {
        OptionValue::Bytes(key.map(|key| key.to_string()).unwrap_or_default().into_bytes())
    },
    decode: |value| match value {
        OptionValue::Bytes(bytes) if bytes.is_empty() => Some(None),
        OptionValue::Bytes(bytes) => CurvePublicKey::try_from(&bytes[..]).ok().map(Some),
        _ => None,
    },
};

#[cfg(feature = "curve")]
pub(crate) const SECRET_KEY: ValueCodec<Option<CurveSecretKey>> = ValueCodec {
    value_type: ValueType::Bytes,
    takes: PUBLIC_KEY.takes,
    encode: |key| {
        let text = key.as_ref().map(CurveSecretKey::to_z85);
        OptionValue::Secret(Secret::new(text.as_ref().map_or("", |text| text)))
    },
    decode: |value| {
        let secret = (SECRET.decode)(value)?;
        match secret.as_bytes() {
            [] => Some(None),
            bytes => CurveSecretKey::try_from(bytes).ok().map(Some),
        }
    },
};

/// Of a text where the empty one is none.
/// Of a number that the system has given, all bits of it but the one pattern of -1, which is none.
pub(crate) const ID_OR_NONE: ValueCodec<Option<u32>> = ValueCodec {
    value_type: ValueType::Int,
    takes: "-1 (none), or a number of the system's",
    encode: |id| OptionValue::Int(id.map_or(-1, u32::cast_signed)),
    decode: |value| match value {
        OptionValue::Int(-1) => Some(None),
        OptionValue::Int(id) => Some(Some(id.cast_unsigned())),
        _ => None,
    },
};

pub(crate) const TEXT_OR_NONE: ValueCodec<Option<String>> = ValueCodec {
    value_type: ValueType::Bytes,
    takes: "text in UTF-8, empty for none",
    encode: |text| OptionValue::Bytes(text.as_deref().unwrap_or("").as_bytes().to_vec()),
    decode: |value| {
        let text = (TEXT.decode)(value)?;
        Some((!text.is_empty()).then_some(text))
    },
};

/// `X-name:value`; of several, one a line.
pub(crate) const PROPERTIES: ValueCodec<Vec<(String, Vec<u8>)>> = ValueCodec {
    value_type: ValueType::Bytes,
    takes: "X-name:value",
    encode: |properties| {
        let line = |(name, value): &(String, Vec<u8>)| [name.as_bytes(), b":", value].concat();
        OptionValue::Bytes(properties.iter().map(line).collect::<Vec<_>>().join(&b'\n'))
    },
    decode: |value| {
        let OptionValue::Bytes(text) = value else { return None };
        let colon = text.iter().position(|byte| *byte == b':')?;
        let name = str::from_utf8(&text[..colon]).ok()?;
        Some(vec![(name.to_owned(), text[colon + 1..].to_vec())])
    },
};

/// libzmq's bits 1, 2 and 4.
pub(crate) const STOP_BITS: ValueCodec<ReconnectStop> = ValueCodec {
    value_type: ValueType::Int,
    takes: "a sum of 1, 2 and 4, or 0",
    encode: |stop| {
        let bit = |on, bit| if on { bit } else { 0 };
        OptionValue::Int(
            bit(stop.connection_refused, 1)
                + bit(stop.handshake_failed, 2)
                + bit(stop.after_disconnect, 4),
        )
    },
    decode: |value| {
        natural(value).filter(|bits| *bits < 8).map(|bits| ReconnectStop {
            connection_refused: bits & 1 > 0,
            handshake_failed: bits & 2 > 0,
            after_disconnect: bits & 4 > 0,
        })
    },
};

/// libzmq's bits 1 and 2.
pub(crate) const NOTIFY_BITS: ValueCodec<RouterNotify> = ValueCodec {
    value_type: ValueType::Int,
    takes: "1 (connect), 2 (disconnect), 3 (both) or 0",
    encode: |notify| OptionValue::Int(i32::from(notify.connect) + 2 * i32::from(notify.disconnect)),
    decode: |value| {
        natural(value)
            .filter(|bits| *bits < 4)
            .map(|bits| RouterNotify { connect: bits & 1 > 0, disconnect: bits & 2 > 0 })
    },
};

/// Of a time where 0 is none.
pub(crate) const MICROS_NOT_ZERO: ValueCodec<Option<Duration>> = ValueCodec {
    value_type: ValueType::Int,
    takes: "0 (none) or more",
    encode: |time| time.as_ref().map_or(OptionValue::Int(0), MICROS.encode),
    decode: |value| (MICROS.decode)(value).map(|time| (!time.is_zero()).then_some(time)),
};

/// Of a time where 0 is none.
pub(crate) const NANOS_NOT_ZERO: ValueCodec<Option<Duration>> = ValueCodec {
    value_type: ValueType::Int,
    takes: "0 (none) or more",
    encode: |time| int(time.map_or(0, |time| time.as_nanos())),
    decode: |value| {
        natural(value).map(|nanos| (nanos > 0).then(|| Duration::from_nanos(nanos.into())))
    },
};

/// A number where 0 is none.
pub(crate) const BYTE_NOT_ZERO: ValueCodec<Option<u8>> = ValueCodec {
    value_type: ValueType::Int,
    takes: "0 (none) to 255",
    encode: |number| int(number.unwrap_or(0).into()),
    decode: |value| {
        let number = u8::try_from(natural(value)?).ok()?;
        Some((number > 0).then_some(number))
    },
};

pub(crate) const SIZE: ValueCodec<usize> = ValueCodec {
    value_type: ValueType::Int,
    takes: "0 or more",
    encode: |size| int(*size as u128),
    decode: |value| natural(value)?.try_into().ok(),
};

/// Numbers with commas between them.
pub(crate) const LIST: ValueCodec<Vec<usize>> = ValueCodec {
    value_type: ValueType::Bytes,
    takes: "numbers with commas between them, or nothing",
    encode: |numbers| {
        let numbers: Vec<_> = numbers.iter().map(usize::to_string).collect();
        OptionValue::Bytes(numbers.join(",").into_bytes())
    },
    decode: |value| {
        let text = (TEXT.decode)(value)?;
        let numbers = text.split(',').filter(|_| !text.is_empty());
        numbers.map(|number| number.trim().parse().ok()).collect()
    },
};

pub(crate) const BACKEND: ValueCodec<BackendChoice> = ValueCodec {
    value_type: ValueType::Bytes,
    takes: "auto, uring or mio",
    encode: |choice| OptionValue::Bytes(choice.name().into()),
    decode: |value| BackendChoice::from_name(&(TEXT.decode)(value)?),
};

/// -1 where it adapts itself, 0 where it is off, or microseconds.
pub(crate) const SPIN_MICROS: ValueCodec<Spin> = ValueCodec {
    value_type: ValueType::Int,
    takes: "-1 (adaptive), 0 (off) or more",
    encode: |spin| match spin {
        Spin::Adaptive => OptionValue::Int(-1),
        Spin::Off => OptionValue::Int(0),
        Spin::Fixed(time) => (MICROS.encode)(time),
    },
    decode: |value| {
        Some(match natural_or_none(value)? {
            None => Spin::Adaptive,
            Some(0) => Spin::Off,
            Some(micros) => Spin::Fixed(Duration::from_micros(micros.into())),
        })
    },
};
