//! Where the frames of a message are kept: a few of them in line, as most messages have no more.

use crate::Message;
use arrayvec::ArrayVec;
use std::collections::{VecDeque, vec_deque};
use std::iter::Chain;
use std::slice;

/// Frames that need no memory of their own.
const FEW_FRAMES: usize = 4;

/// The frames of a message, in order.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "the large one is the usual one")]
pub(crate) enum Frames {
    Few(ArrayVec<Message, FEW_FRAMES>),
    /// There were more than a few.
    Many(VecDeque<Message>),
}

impl Default for Frames {
    fn default() -> Self {
        Self::new()
    }
}

impl Frames {
    pub(crate) const fn new() -> Self {
        Self::Few(ArrayVec::new_const())
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Few(frames) => frames.len(),
            Self::Many(frames) => frames.len(),
        }
    }

    /// Room for one more.
    fn grow(&mut self) {
        if let Self::Few(frames) = self
            && frames.is_full()
        {
            *self = Self::Many(frames.drain(..).collect());
        }
    }

    pub(crate) fn push_back(&mut self, frame: Message) {
        self.grow();
        match self {
            Self::Few(frames) => frames.push(frame),
            Self::Many(frames) => frames.push_back(frame),
        }
    }

    pub(crate) fn push_front(&mut self, frame: Message) {
        self.grow();
        match self {
            Self::Few(frames) => frames.insert(0, frame),
            Self::Many(frames) => frames.push_front(frame),
        }
    }

    pub(crate) fn pop_back(&mut self) -> Option<Message> {
        match self {
            Self::Few(frames) => frames.pop(),
            Self::Many(frames) => frames.pop_back(),
        }
    }

    pub(crate) fn pop_front(&mut self) -> Option<Message> {
        match self {
            Self::Few(frames) => frames.pop_at(0),
            Self::Many(frames) => frames.pop_front(),
        }
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Message> {
        match self {
            Self::Few(frames) => frames.get(index),
            Self::Many(frames) => frames.get(index),
        }
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut Message> {
        match self {
            Self::Few(frames) => frames.get_mut(index),
            Self::Many(frames) => frames.get_mut(index),
        }
    }

    pub(crate) fn iter(&self) -> FrameIter<'_> {
        let (first, second) = match self {
            Self::Few(frames) => (frames.as_slice(), &[][..]),
            Self::Many(frames) => frames.as_slices(),
        };
        FrameIter(first.iter().chain(second))
    }
}

impl Frames {
    pub(crate) fn iter_mut(&mut self) -> FrameIterMut<'_> {
        let (first, second) = match self {
            Self::Few(frames) => (frames.as_mut_slice(), &mut [][..]),
            Self::Many(frames) => frames.as_mut_slices(),
        };
        FrameIterMut(first.iter_mut().chain(second))
    }
}

impl IntoIterator for Frames {
    type Item = Message;
    type IntoIter = IntoFrames;

    fn into_iter(self) -> IntoFrames {
        IntoFrames(match self {
            Self::Few(frames) => IntoRepr::Few(frames.into_iter()),
            Self::Many(frames) => IntoRepr::Many(frames.into_iter()),
        })
    }
}

/// The frames of a message, by reference: what [`Multipart::iter`](crate::Multipart::iter) gives.
#[derive(Clone, Debug)]
pub struct FrameIter<'a>(Chain<slice::Iter<'a, Message>, slice::Iter<'a, Message>>);

impl<'a> Iterator for FrameIter<'a> {
    type Item = &'a Message;

    fn next(&mut self) -> Option<&'a Message> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for FrameIter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back()
    }
}

impl ExactSizeIterator for FrameIter<'_> {}

/// The frames of a message, to be changed: what [`Multipart::iter_mut`](crate::Multipart::iter_mut) gives.
#[derive(Debug)]
pub struct FrameIterMut<'a>(Chain<slice::IterMut<'a, Message>, slice::IterMut<'a, Message>>);

impl<'a> Iterator for FrameIterMut<'a> {
    type Item = &'a mut Message;

    fn next(&mut self) -> Option<&'a mut Message> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for FrameIterMut<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back()
    }
}

impl ExactSizeIterator for FrameIterMut<'_> {}

/// The frames of a message, taken out of it.
#[derive(Debug)]
pub struct IntoFrames(IntoRepr);

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "as of what it comes from")]
enum IntoRepr {
    Few(arrayvec::IntoIter<Message, FEW_FRAMES>),
    Many(vec_deque::IntoIter<Message>),
}

impl Iterator for IntoFrames {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        match &mut self.0 {
            IntoRepr::Few(frames) => frames.next(),
            IntoRepr::Many(frames) => frames.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            IntoRepr::Few(frames) => frames.size_hint(),
            IntoRepr::Many(frames) => frames.size_hint(),
        }
    }
}

impl DoubleEndedIterator for IntoFrames {
    fn next_back(&mut self) -> Option<Message> {
        match &mut self.0 {
            IntoRepr::Few(frames) => frames.next_back(),
            IntoRepr::Many(frames) => frames.next_back(),
        }
    }
}

impl ExactSizeIterator for IntoFrames {}

#[cfg(test)]
mod tests {
    use crate::Multipart;
    use std::collections::VecDeque;

    /// Everything that can be done to a message, in some order, beside what a deque makes of it.
    #[test]
    fn few_frames_and_many_behave_as_one_deque() {
        let (mut message, mut deque) = (Multipart::new(), VecDeque::new());
        let mut dice = 1u32;
        for number in 0..5000u32 {
            dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let text = number.to_string();
            match dice >> 28 {
                0..4 => {
                    message.push_back(&text[..]);
                    deque.push_back(text);
                }
                4..8 => {
                    message.push_front(&text[..]);
                    deque.push_front(text);
                }
                8..11 => assert_eq!(message.pop_back().is_some(), deque.pop_back().is_some()),
                11..15 => assert_eq!(message.pop_front().is_some(), deque.pop_front().is_some()),
                _ => {
                    message = Multipart::new();
                    deque.clear();
                }
            }
            assert_eq!(message.len(), deque.len());
            assert_eq!(message.is_empty(), deque.is_empty());
            assert!(message.iter().eq(deque.iter().map(|text| text.as_bytes())));
            assert!(message.iter().rev().eq(deque.iter().rev().map(|text| text.as_bytes())));
            assert!(message.clone().into_iter().eq(deque.iter().map(|text| text.as_bytes())));
            let backwards = message.clone().into_iter().rev();
            assert!(backwards.eq(deque.iter().rev().map(|text| text.as_bytes())));
            assert_eq!(message, deque.iter().map(|text| &text[..]).collect());
            assert_eq!(message.get(deque.len()), None);
        }
    }
}
