//! Runs of messages of one short frame each, in ZMTP 1.0 and in a log: such a frame has as many bytes in both, so that
//! a run is copied in one piece and only its headers are written anew.

use crate::header::{V1_LONG, V1_SHORT_BODY};

/// Bytes of the header of a short frame, in both.
const HEADER: usize = 2;

/// A run of whole messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShortRun {
    /// Bytes of it.
    pub bytes: usize,
    /// Messages in it.
    pub messages: u32,
}

impl ShortRun {
    /// No message in it has a longer body.
    pub const LONGEST_BODY: u64 = V1_SHORT_BODY;
}

/// Appends to `out`, as frames of a log, the messages of one short frame each at the start of `input`, which has frames
/// of ZMTP 1.0. What comes after the run is something else, or is not whole.
///
/// ```
/// use ringmq_zmtp::{ShortRun, short_frames_from_v1};
/// let (mut out, input) = (Vec::new(), [3, 0, b'h', b'i', 1, 0, 9, 0, b'.']);
/// assert_eq!(short_frames_from_v1(&input, &mut out), ShortRun { bytes: 6, messages: 2 });
/// assert_eq!(out, [0, 2, b'h', b'i', 0, 0]);
/// ```
pub fn short_frames_from_v1(input: &[u8], out: &mut Vec<u8>) -> ShortRun {
    let mut run = ShortRun::default();
    // The length that stands first counts the flags too.
    while let Some(&[first, flags]) = input[run.bytes..].first_chunk::<HEADER>() {
        let bytes = usize::from(first) + 1;
        if first == 0 || first == V1_LONG || flags != 0 || input.len() - run.bytes < bytes {
            break;
        }
        run.bytes += bytes;
        run.messages += 1;
    }
    let begin = out.len();
    out.extend_from_slice(&input[..run.bytes]);
    let mut rest = &mut out[begin..];
    while let Some((header, behind)) = rest.split_first_chunk_mut::<HEADER>() {
        let body = header[0] - 1;
        *header = [0, body];
        rest = &mut behind[usize::from(body)..];
    }
    run
}

/// Appends to `out`, as frames of ZMTP 1.0, the messages of one short frame each at the start of `frames`, which are
/// those of a log; tells `begins` where in `out` each begins. What comes after the run is something else.
///
/// ```
/// use ringmq_zmtp::{ShortRun, short_frames_to_v1};
/// let (mut out, mut begins) = (Vec::new(), Vec::new());
/// let run = short_frames_to_v1(&[0, 2, b'h', b'i', 0, 0, 1, 0], &mut out, |at| begins.push(at));
/// assert_eq!((run, begins), (ShortRun { bytes: 6, messages: 2 }, vec![0, 4]));
/// assert_eq!(out, [3, 0, b'h', b'i', 1, 0]);
/// ```
pub fn short_frames_to_v1(
    frames: &[u8],
    out: &mut Vec<u8>,
    mut begins: impl FnMut(usize),
) -> ShortRun {
    let mut run = ShortRun::default();
    let begin = out.len();
    while let Some(&[flags, body]) = frames[run.bytes..].first_chunk::<HEADER>() {
        let bytes = usize::from(body) + HEADER;
        let is_short = u64::from(body) <= V1_SHORT_BODY;
        if flags != 0 || !is_short || frames.len() - run.bytes < bytes {
            break;
        }
        begins(begin + run.bytes);
        run.bytes += bytes;
        run.messages += 1;
    }
    out.extend_from_slice(&frames[..run.bytes]);
    let mut rest = &mut out[begin..];
    while let Some((header, behind)) = rest.split_first_chunk_mut::<HEADER>() {
        let body = header[1];
        *header = [body + 1, 0];
        rest = &mut behind[usize::from(body)..];
    }
    run
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ringmq_pipe::frame;

    /// Frames of a log with bodies of these lengths and flags.
    fn log(frames: &[(u8, usize)]) -> Vec<u8> {
        let mut all = Vec::new();
        for &(flags, len) in frames {
            let mut header = [0; frame::LONG_HEADER];
            let size = frame::write(&mut header, flags, len);
            all.extend_from_slice(&header[..size]);
            all.extend((0..len).map(|at| at as u8));
        }
        all
    }

    #[test]
    fn there_and_back_is_the_same() {
        for lens in [&[0usize, 1, 64, 253, 0][..], &[253, 253], &[], &[7]] {
            let frames = log(&lens.iter().map(|&len| (0, len)).collect::<Vec<_>>());
            let (mut octets, mut back, mut begins) = (vec![9, 9], Vec::new(), Vec::new());
            let run = short_frames_to_v1(&frames, &mut octets, |at| begins.push(at));
            assert_eq!((run.bytes, run.messages as usize), (frames.len(), lens.len()));
            assert_eq!(begins.len(), lens.len());
            assert!(begins.iter().zip(lens).all(|(at, len)| usize::from(octets[*at]) == len + 1));
            assert_eq!(short_frames_from_v1(&octets[2..], &mut back), run);
            assert_eq!(back, frames);
        }
    }

    #[test]
    fn it_ends_before_what_is_not_one_short_frame() {
        for other in [(frame::MORE, 3), (frame::COMMAND, 3), (0, 254), (0, 255), (0, 300)] {
            let frames = log(&[(0, 5), other, (0, 5)]);
            let mut octets = Vec::new();
            let run = short_frames_to_v1(&frames, &mut octets, |_| {});
            assert_eq!(run, ShortRun { bytes: 7, messages: 1 }, "{other:?}");
        }
        for other in [&[0, 0][..], &[255, 0, 0, 0, 0, 0, 0, 0, 9, 0], &[2, 1, 7], &[4, 0, 1], &[3]]
        {
            let input = [&[2, 0, 8][..], other].concat();
            let mut frames = Vec::new();
            let run = short_frames_from_v1(&input, &mut frames);
            assert_eq!((run, &frames[..]), (ShortRun { bytes: 3, messages: 1 }, &[0, 1, 8][..]));
        }
    }
}
