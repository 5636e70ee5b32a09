//! A message of several frames, sent and received as a whole.

use crate::Message;
use crate::socket::frames::{FrameIter, FrameIterMut, Frames, IntoFrames};
use std::fmt;
use std::ops::{Index, IndexMut};

/// The frames of one message, in order. Up to four of them need no memory of their own beside it.
///
/// # Examples
/// ```
/// use ringmq::Multipart;
/// let mut message = Multipart::from(["topic", "body"]);
/// message.push_front("envelope");
/// assert_eq!(message.len(), 3);
/// assert_eq!(message[2], *b"body");
/// ```
///
/// Made of an array, a vector or an iterator of parts of one type, or a tuple of up to twelve parts of any,
/// and taken apart into an array, if it has so many frames:
/// ```
/// use ringmq::Context;
/// let context = Context::new();
/// let (router, dealer) = (context.router()?, context.dealer()?);
/// router.bind("inproc://parts of all kinds")?;
/// dealer.set_routing_id("alice")?;
/// dealer.connect("inproc://parts of all kinds")?;
/// dealer.send_multipart(("", vec![1, 2, 3]))?;
/// let [id, empty, body] = router.recv_multipart()?.try_into()?;
/// assert!(id == "alice" && empty.is_empty() && body == [1, 2, 3]);
/// router.send_multipart((id, empty, "thanks"))?;
/// assert_eq!(dealer.recv_multipart()?, ["", "thanks"].into());
/// # Ok::<(), ringmq::Error>(())
/// ```
/// If it has not, the error gives it back:
/// ```
/// use ringmq::{FrameCountError, Message, Multipart};
/// let taken = <[Message; 3]>::try_from(Multipart::from(("head", "body")));
/// let FrameCountError { expected, message } = taken.unwrap_err();
/// assert_eq!((expected, message.len()), (3, 2));
/// ```
#[derive(Clone, Default)]
pub struct Multipart(Frames);

impl Multipart {
    /// No frames.
    ///
    /// # Examples
    /// ```
    /// assert!(ringmq::Multipart::new().is_empty());
    /// ```
    pub const fn new() -> Self {
        Self(Frames::new())
    }

    /// The number of frames.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(ringmq::Multipart::from(["head", "body"]).len(), 2);
    /// ```
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no frames.
    ///
    /// # Examples
    /// ```
    /// assert!(!ringmq::Multipart::from("").is_empty()); // one frame, of no bytes
    /// ```
    pub fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    /// Adds a frame at the end.
    ///
    /// # Examples
    /// ```
    /// let mut message = ringmq::Multipart::from("head");
    /// message.push_back(vec![1, 2, 3]);
    /// assert_eq!(message[1], [1, 2, 3]);
    /// ```
    pub fn push_back(&mut self, frame: impl Into<Message>) {
        self.0.push_back(frame.into());
    }

    /// Adds a frame at the start.
    ///
    /// # Examples
    /// ```
    /// let mut message = ringmq::Multipart::from("body");
    /// message.push_front("head");
    /// assert_eq!(message, ["head", "body"].into());
    /// ```
    pub fn push_front(&mut self, frame: impl Into<Message>) {
        self.0.push_front(frame.into());
    }

    /// Takes the last frame.
    ///
    /// # Examples
    /// ```
    /// let mut message = ringmq::Multipart::from(["head", "body"]);
    /// assert_eq!(message.pop_back().unwrap(), "body");
    /// assert_eq!(message.len(), 1);
    /// ```
    pub fn pop_back(&mut self) -> Option<Message> {
        self.0.pop_back()
    }

    /// Takes the first frame.
    ///
    /// # Examples
    /// ```
    /// let mut message = ringmq::Multipart::from(["head", "body"]);
    /// assert_eq!(message.pop_front().unwrap(), "head");
    /// assert_eq!(message.len(), 1);
    /// ```
    pub fn pop_front(&mut self) -> Option<Message> {
        self.0.pop_front()
    }

    /// The frame at `index`.
    ///
    /// # Examples
    /// ```
    /// let message = ringmq::Multipart::from(["head", "body"]);
    /// assert_eq!(message.get(1).unwrap(), "body");
    /// assert!(message.get(2).is_none());
    /// ```
    pub fn get(&self, index: usize) -> Option<&Message> {
        self.0.get(index)
    }

    /// The frames in order.
    ///
    /// # Examples
    /// ```
    /// let message = ringmq::Multipart::from(["head", "body"]);
    /// assert_eq!(message.iter().map(|frame| frame.len()).sum::<usize>(), 8);
    /// ```
    pub fn iter(&self) -> FrameIter<'_> {
        self.0.iter()
    }

    /// The frames in order, to be changed.
    ///
    /// # Examples
    /// ```
    /// let mut message = ringmq::Multipart::from(["head", "body"]);
    /// for frame in message.iter_mut() {
    ///     *frame = frame.to_ascii_uppercase().into();
    /// }
    /// assert_eq!(message, ["HEAD", "BODY"].into());
    /// ```
    pub fn iter_mut(&mut self) -> FrameIterMut<'_> {
        self.0.iter_mut()
    }

    /// Sets each frame's `more` flag: on all but the last.
    pub(crate) fn mark(&mut self) {
        let last = self.0.len().saturating_sub(1);
        for index in 0..=last {
            if let Some(frame) = self.0.get_mut(index) {
                frame.set_more(index < last);
            }
        }
    }

    pub(crate) fn frame_mut(&mut self, index: usize) -> Option<&mut Message> {
        self.0.get_mut(index)
    }
}

impl fmt::Debug for Multipart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl PartialEq for Multipart {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other)
    }
}

impl Eq for Multipart {}

impl Index<usize> for Multipart {
    type Output = Message;

    /// # Panics
    /// If there are not so many frames; see [`get`](Multipart::get).
    #[track_caller]
    fn index(&self, index: usize) -> &Message {
        self.0.get(index).expect("a message has as many frames as are asked for")
    }
}

impl IndexMut<usize> for Multipart {
    #[track_caller]
    fn index_mut(&mut self, index: usize) -> &mut Message {
        self.0.get_mut(index).expect("a message has as many frames as are asked for")
    }
}

impl<T: Into<Message>> FromIterator<T> for Multipart {
    fn from_iter<I: IntoIterator<Item = T>>(frames: I) -> Self {
        let mut message = Self::new();
        message.extend(frames);
        message
    }
}

impl<T: Into<Message>> Extend<T> for Multipart {
    fn extend<I: IntoIterator<Item = T>>(&mut self, frames: I) {
        frames.into_iter().for_each(|frame| self.push_back(frame));
    }
}

impl IntoIterator for Multipart {
    type Item = Message;
    type IntoIter = IntoFrames;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Multipart {
    type Item = &'a Message;
    type IntoIter = FrameIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a mut Multipart {
    type Item = &'a mut Message;
    type IntoIter = FrameIterMut<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter_mut()
    }
}

impl<T: Into<Message>> From<Vec<T>> for Multipart {
    fn from(frames: Vec<T>) -> Self {
        frames.into_iter().collect()
    }
}

impl<T: Into<Message>, const N: usize> From<[T; N]> for Multipart {
    fn from(frames: [T; N]) -> Self {
        frames.into_iter().collect()
    }
}

impl From<Message> for Multipart {
    fn from(frame: Message) -> Self {
        let mut message = Self::new();
        message.push_back(frame);
        message
    }
}

impl From<&str> for Multipart {
    fn from(frame: &str) -> Self {
        Message::from(frame).into()
    }
}
