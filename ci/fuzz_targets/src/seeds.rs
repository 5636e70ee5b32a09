//! What fuzzing begins with, made of the vectors of the protocol's tests.

use ringmq_zmtp::SocketType;
use serde_json::Value;

use crate::common::{bytes, opening};

/// Each file of vectors.
const VECTORS: [(&str, &str); 6] = [
    ("downgrade", include_str!("../../../engine/zmtp/tests/vectors/downgrade.json")),
    ("draft", include_str!("../../../engine/zmtp/tests/vectors/draft.json")),
    ("greeting", include_str!("../../../engine/zmtp/tests/vectors/greeting.json")),
    ("heartbeat", include_str!("../../../engine/zmtp/tests/vectors/heartbeat.json")),
    ("messages", include_str!("../../../engine/zmtp/tests/vectors/messages.json")),
    ("plain", include_str!("../../../engine/zmtp/tests/vectors/plain.json")),
];

/// Openings that are none of ZeroMQ's.
pub(crate) const OPENINGS: [&[u8]; 3] =
    [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\0\x01\0\x01\xFC\x03\x03", b"SSH-2.0-x\r\n"];

fn file(name: &str) -> Value {
    let text = VECTORS.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text);
    serde_json::from_str(text).unwrap_or_default()
}

/// The bytes of one vector of a file.
pub(crate) fn vector(name: &str, key: &str) -> Vec<u8> {
    bytes(file(name)[key].as_str().unwrap_or_default())
}

/// All texts, and lists of them, that stand behind `key` in a file.
fn found(value: &Value, key: &str, out: &mut Vec<Vec<u8>>) {
    let text = |value: &Value| bytes(value.as_str().unwrap_or_default());
    match value {
        Value::Array(values) => values.iter().for_each(|value| found(value, key, out)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(_) if name == key => out.push(text(value)),
                    Value::Array(steps) if name == key => {
                        out.push(steps.iter().flat_map(text).collect());
                    }
                    _ => found(value, key, out),
                }
            }
        }
        _ => {}
    }
}

fn all(key: &str) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    VECTORS.iter().for_each(|(name, _)| found(&file(name), key, &mut out));
    out
}

/// What is sent after handshakes.
pub(crate) fn wires() -> Vec<Vec<u8>> {
    let mut wires = all("wire");
    wires.extend(all("ping"));
    wires.extend(all("pong"));
    // What is wrong: a subscription inside a message, a command without a name, a body that never ends.
    wires.push(b"\x01\x01a\x04\x0b\x09SUBSCRIBEa\0\x01b".to_vec());
    wires.push(b"\x04\x01\0".to_vec());
    wires.push(b"\x02\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFFabc".to_vec());
    wires.sort();
    wires.dedup();
    wires
}

/// What peers begin with, and the number of the type that is to hear it.
pub(crate) fn openings() -> Vec<(u8, Vec<u8>)> {
    let mut openings: Vec<_> = (0..).zip(SocketType::ALL).collect::<Vec<_>>();
    let mut out: Vec<(u8, Vec<u8>)> =
        openings.drain(..).map(|(own, peer)| (own, opening(own % 2, peer))).collect();
    let (steps, readies) = (all("steps"), all("ready"));
    let modern = steps.iter().zip(&readies).map(|(steps, ready)| [&steps[..], ready].concat());
    out.extend((0..).zip(modern));
    out.extend((0..).zip(all("peer")));
    out.extend((0..).zip(all("greeting")));
    out.extend(OPENINGS.map(|opening| (0, opening.to_vec())));
    out
}
