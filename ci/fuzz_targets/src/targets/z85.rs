//! Z85, and keys in it.
//!
//! Input: bytes, taken as what they are and as text.

use ringmq_zmtp::{CurvePublicKey, CurveSecretKey, z85_decode, z85_encode};

use crate::memory::{FIXED, bounded};

/// Bytes, their text, and both once more.
const COPIES: usize = 8;

/// Panics if one of the two directions does not undo the other.
pub fn run(data: &[u8]) {
    bounded(FIXED + COPIES * data.len(), || {
        match z85_encode(data) {
            Ok(text) => assert_eq!(z85_decode(&text).as_deref(), Ok(data)),
            Err(_) => assert!(data.is_empty() || !data.len().is_multiple_of(4)),
        }
        if let Ok(text) = std::str::from_utf8(data) {
            if let Ok(bytes) = z85_decode(text) {
                assert_eq!(z85_encode(&bytes).as_deref(), Ok(text), "one form");
            }
            let key = text.parse::<CurvePublicKey>();
            if let Ok(key) = &key {
                assert_eq!(key.to_string(), text);
            }
            let secret = text.parse::<CurveSecretKey>();
            assert_eq!(secret.is_ok(), key.is_ok());
        }
        keys(data);
    });
}

fn keys(data: &[u8]) {
    let (public, secret) = (CurvePublicKey::try_from(data), CurveSecretKey::try_from(data));
    assert_eq!(public.is_ok(), secret.is_ok());
    assert!(public.is_ok() || data.len() != 32, "any 32 bytes are a key");
    if let (Ok(public), Ok(secret)) = (public, secret) {
        assert_eq!(public.as_bytes(), secret.as_bytes());
        assert_eq!(secret.to_z85().parse::<CurvePublicKey>(), Ok(public));
    }
}

/// The vectors' texts, and keys in both forms.
pub fn seeds() -> Vec<Vec<u8>> {
    let texts = ["HelloWorld", "00000", "%nSc0", "%nSc1", "#####", "abc~e", "", "1234"];
    let mut seeds = texts.map(|text| text.as_bytes().to_vec()).to_vec();
    seeds.push(b"clgZ-e%xUjbVPRmFBC3.xni{%HKPKMCq)ULs9%EC".to_vec());
    seeds.push((0..32).collect());
    seeds
}
