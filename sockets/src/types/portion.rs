//! How much of what peers have sent is looked at in one go.
//!
//! What is thrown away, or heeded and not kept, gives nobody a reason to stop: a peer that sends it faster than
//! it is looked at would have whoever looks do so for ever, with the socket's lock held.

/// See the [module's documentation](self). Counted in frames, long ones as several.
#[derive(Debug)]
pub(crate) struct Portion(usize);

/// So many bytes cost as much as a frame.
const BYTES: usize = 256;

impl Portion {
    /// As much as takes less than a few milliseconds: more than waits of a few peers with the usual marks.
    pub(crate) const WHOLE: Self = Self(4096);
    /// As much as is looked at between two looks at the clock.
    pub(crate) const SMALL: Self = Self(16);

    /// So many of the whole ones.
    pub(crate) const fn times(count: usize) -> Self {
        Self(Self::WHOLE.0 * count)
    }

    /// A frame of so many bytes was looked at.
    pub(crate) fn take(&mut self, bytes: usize) {
        self.0 = self.0.saturating_sub(1 + bytes / BYTES);
    }

    pub(crate) const fn is_used_up(&self) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(mut portion: Portion, bytes: usize) -> usize {
        let mut frames = 0;
        while !portion.is_used_up() {
            portion.take(bytes);
            frames += 1;
        }
        frames
    }

    #[test]
    fn a_portion_is_so_many_frames_or_so_many_bytes() {
        assert_eq!(frames(Portion::SMALL, 0), 16);
        assert_eq!(frames(Portion::SMALL, 60_000), 1);
        assert_eq!(frames(Portion::WHOLE, 5), 4096);
        assert_eq!(frames(Portion::times(3), 5), 3 * 4096);
        assert_eq!(frames(Portion::WHOLE, usize::MAX - 1), 1);
        let bytes = frames(Portion::WHOLE, 10_000) * 10_000;
        assert!(bytes < 2 << 20, "{bytes}");
    }
}
