//! How a message is shown: to programmers, and to people.

use super::Message;
use std::fmt;

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Bytes shown of a long body.
        const SHOWN: usize = 32;
        let shown = &self[..self.len().min(SHOWN)];
        write!(f, "Message({} bytes", self.len())?;
        if self.more() {
            f.write_str(", more")?;
        }
        let dots = if shown.len() < self.len() { ".." } else { "" };
        write!(f, ": \"{}{dots}\")", shown.escape_ascii())
    }
}

/// The body as text, all of it, with U+FFFD for what is not UTF-8. Width and precision count as for a
/// string: `{message:.32}` shows at most 32 characters.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf8_lossy(self))
    }
}
