//! In which words peers tell each other what they want: topics, which are prefixes of messages, or groups, which
//! messages belong to as a whole.

use crate::Message;
use ringmq_pipe::frame::COMMAND;
use ringmq_zmtp::{
    Subscription, cancel_frame, join_frame, leave_frame, parse_membership, parse_subscription,
    subscribe_frame,
};

/// See the [module's documentation](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vocabulary {
    /// SUBSCRIBE and CANCEL: publishers and subscribers (RFC 29).
    Topics,
    /// JOIN and LEAVE: RADIO and DISH (RFC 48).
    Groups,
}

impl Vocabulary {
    /// Appends the frame that tells of a subscription or of its end.
    pub(crate) fn write(self, subscribe: bool, topic: &[u8], out: &mut Vec<u8>) {
        let write = match (self, subscribe) {
            (Self::Topics, true) => subscribe_frame,
            (Self::Topics, false) => cancel_frame,
            (Self::Groups, true) => join_frame,
            (Self::Groups, false) => leave_frame,
        };
        write(topic, out);
    }

    /// The same frame, as it is written to a pipe.
    pub(crate) fn command(self, subscribe: bool, topic: &[u8]) -> Message {
        let mut frame = Vec::new();
        self.write(subscribe, topic, &mut frame);
        let header = ringmq_pipe::frame::parse(&frame).map_or(0, |header| header.size);
        let mut body = Message::copy_from(&frame[header..]);
        body.set_flags(COMMAND);
        body
    }

    /// What a frame says in these words, if it says something.
    pub(crate) fn parse(self, flags: u8, body: &[u8]) -> Option<Subscription<'_>> {
        match self {
            Self::Topics => parse_subscription(flags, body),
            Self::Groups => parse_membership(flags, body),
        }
    }
}

/// How an application is told of a subscription or cancellation.
pub(crate) fn notification(subscribe: bool, topic: &[u8]) -> Message {
    let mut body = Vec::with_capacity(topic.len() + 1);
    body.push(u8::from(subscribe));
    body.extend_from_slice(topic);
    body.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_in_the_same_words_and_in_no_others() {
        for (words, others) in
            [(Vocabulary::Topics, Vocabulary::Groups), (Vocabulary::Groups, Vocabulary::Topics)]
        {
            for subscribe in [true, false] {
                let frame = words.command(subscribe, b"weather");
                let said = Some(Subscription { subscribe, topic: b"weather" });
                assert_eq!(words.parse(frame.flags(), &frame), said);
                assert_eq!(others.parse(frame.flags(), &frame), None);
            }
        }
        let long = Vocabulary::Groups.command(true, &[b'x'; 256]);
        assert_eq!(Vocabulary::Groups.parse(long.flags(), &long), None);
    }
}
