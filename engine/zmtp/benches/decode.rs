//! How long the decoder takes for a frame: runs of whole small frames, as they come out of a read.
#![allow(missing_docs)] // What the macros of criterion make.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ringmq_zmtp::{APART, Command, Decoder, Encoder, Sink, Version};

/// Bytes decoded at a time: what one read brings when it is busy.
const READ: usize = 64 * 1024;

/// Copies every frame, as a log does, so that the figure with it is what a session pays.
struct Log {
    bytes: Vec<u8>,
    copy: bool,
}

impl Sink for Log {
    fn span(&mut self, frames: &[u8], _messages: usize, _tail: usize) {
        if self.copy {
            self.bytes.clear();
            self.bytes.extend_from_slice(frames);
        }
        black_box(frames);
    }
    fn begin(&mut self, _flags: u8, body: u64) {
        black_box(body);
    }
    fn body(&mut self, bytes: &[u8]) {
        black_box(bytes);
    }
    fn end(&mut self) {}
    fn command(&mut self, command: Command<'_>) {
        black_box(command);
    }
}

fn decode(c: &mut Criterion) {
    for (name, version, copy) in [
        ("walk", Version::V3_1, false),
        ("walk and copy", Version::V3_1, true),
        ("ZMTP 1.0", Version::V1_0, false),
    ] {
        let mut group = c.benchmark_group(name);
        for size in [16, 64, 256, 1024] {
            let mut stream = Vec::new();
            let mut frames = 0;
            while stream.len() + size + 10 <= READ {
                Encoder::new(version).translate(0, &vec![0; size], &mut stream);
                frames += 1;
            }
            let mut log = Log { bytes: Vec::with_capacity(READ), copy };
            let mut decoder = Decoder::new(version, None, APART);
            let decoded = decoder.decode(&stream, usize::MAX, &mut log).expect("well-formed");
            assert_eq!((decoded.consumed, decoded.messages), (stream.len(), frames));

            group.throughput(Throughput::Elements(frames as u64));
            group.bench_with_input(BenchmarkId::from_parameter(size), &stream, |b, stream| {
                b.iter(|| decoder.decode(black_box(stream), black_box(usize::MAX), &mut log));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, decode);
criterion_main!(benches);
