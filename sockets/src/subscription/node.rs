//! One node of the trie, in 32 bytes: two to a cache line, and nothing of it on the heap.
//!
//! A label holds at most [`LABEL_MAX`] bytes. What is longer is a chain of nodes: that costs less
//! memory than boxed labels, and an operation on a short topic never copies the label of a long one.

use super::children::Children;

/// The longest label, in bytes: what fills a node up to 32 bytes.
pub(super) const LABEL_MAX: usize = 17;

/// A stretch of topics, what hangs below it, and the value of the topic that ends with it.
#[derive(Debug)]
pub(super) struct Node<V> {
    /// The node this one hangs below; of no meaning for the root.
    pub(super) parent: u32,
    pub(super) children: Children,
    pub(super) value: Option<V>,
    length: u8,
    bytes: [u8; LABEL_MAX],
}

impl<V> Default for Node<V> {
    fn default() -> Self {
        Self { parent: 0, children: Children::NONE, value: None, length: 0, bytes: [0; LABEL_MAX] }
    }
}

impl<V> Node<V> {
    /// A node below `parent` without children or value. The label must fit.
    pub(super) fn new(parent: u32, label: &[u8]) -> Self {
        let mut node = Self { parent, ..Self::default() };
        node.prepend(label);
        node
    }

    /// The bytes that lead from the parent to here: none for the root, else 1 to [`LABEL_MAX`].
    #[inline]
    pub(super) fn label(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// Puts bytes before the label. Together they must fit.
    pub(super) fn prepend(&mut self, head: &[u8]) {
        self.bytes.copy_within(..usize::from(self.length), head.len());
        self.bytes[..head.len()].copy_from_slice(head);
        // The copies above had room, so head and label are at most LABEL_MAX long.
        self.length += head.len() as u8;
    }

    /// Takes the first bytes off the label, which must have more than that many: they become the
    /// label of a new node with the same parent.
    pub(super) fn behead(&mut self, count: usize) -> Self {
        let head = Self::new(self.parent, &self.label()[..count]);
        self.bytes.copy_within(count..usize::from(self.length), 0);
        self.length -= count as u8;
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    #[test]
    fn a_node_takes_32_bytes() {
        assert_eq!(size_of::<Node<NonZeroU32>>(), 32);
    }

    #[test]
    fn a_label_comes_apart_and_together_again() {
        let whole = b"0123456789abcdefg";
        let mut node = Node::<NonZeroU32>::new(0, whole);
        for at in 1..LABEL_MAX {
            let head = node.behead(at);
            assert_eq!((head.label(), node.label()), (&whole[..at], &whole[at..]));
            node.prepend(head.label());
            assert_eq!(node.label(), whole);
        }
    }
}
