//! What hangs below a node: nothing, one node, or a sorted block of several.
//!
//! Nearly all nodes are leaves or have one child and need no block. A block is exactly as long as
//! it has children: in a large trie, room for growth would cost more than growing does.

use super::arena::TAG;

/// A node's children in four octets: 0 for none (no child is the root, whose key is 0), the key of
/// the only child, or the key of a block with the top bit set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Children(u32);

/// [`Children`], taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Below {
    Nothing,
    /// The key of the only child.
    One(u32),
    /// The key of a block with two or more children.
    Block(u32),
}

impl Children {
    pub(super) const NONE: Self = Self(0);

    pub(super) const fn one(child: u32) -> Self {
        Self(child)
    }

    pub(super) const fn block(block: u32) -> Self {
        Self(block | TAG)
    }

    #[inline]
    pub(super) const fn below(self) -> Below {
        match self.0 {
            0 => Below::Nothing,
            tagged if tagged >= TAG => Below::Block(tagged & !TAG),
            child => Below::One(child),
        }
    }
}

/// The way to one child. The key is kept as octets, so that an edge takes five of them, not eight.
#[derive(Debug, Clone, Copy)]
struct Edge {
    /// The first octet of the child's label.
    octet: u8,
    child: [u8; 4],
}

impl Edge {
    const fn new(octet: u8, child: u32) -> Self {
        Self { octet, child: child.to_ne_bytes() }
    }

    #[inline]
    const fn child(self) -> u32 {
        u32::from_ne_bytes(self.child)
    }
}

/// Several children, sorted by their first octet, no two with the same.
#[derive(Debug, Default)]
pub(super) struct Block(Box<[Edge]>);

impl Block {
    /// A block of two children, each with the first octet of its label.
    pub(super) fn of_two(first: (u8, u32), second: (u8, u32)) -> Self {
        let (low, high) = if first.0 < second.0 { (first, second) } else { (second, first) };
        Self(Box::new([Edge::new(low.0, low.1), Edge::new(high.0, high.1)]))
    }

    /// The child whose label begins with the octet.
    #[inline]
    pub(super) fn find(&self, octet: u8) -> Option<u32> {
        let edge = self.0.get(self.position(octet))?;
        (edge.octet == octet).then(|| edge.child())
    }

    /// Adds a child, or puts it in the place of the one that began with the same octet.
    pub(super) fn set(&mut self, octet: u8, child: u32) {
        let at = self.position(octet);
        let edge = Edge::new(octet, child);
        match self.0.get_mut(at) {
            Some(present) if present.octet == octet => *present = edge,
            _ => self.rebuild(|edges| {
                edges.reserve_exact(1);
                edges.insert(at, edge);
            }),
        }
    }

    /// Removes the child whose label begins with the octet. Says which child is left when it is
    /// only one: that one needs no block any more.
    pub(super) fn remove(&mut self, octet: u8) -> Option<u32> {
        self.rebuild(|edges| edges.retain(|edge| edge.octet != octet));
        match *self.0 {
            [last] => Some(last.child()),
            _ => None,
        }
    }

    /// The children, in the order of their labels.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = u32> {
        self.0.iter().map(|edge| edge.child())
    }

    /// Where the octet is, or would be.
    #[inline]
    fn position(&self, octet: u8) -> usize {
        self.0.partition_point(|edge| edge.octet < octet)
    }

    fn rebuild(&mut self, change: impl FnOnce(&mut Vec<Edge>)) {
        let mut edges = std::mem::take(&mut self.0).into_vec();
        change(&mut edges);
        self.0 = edges.into_boxed_slice();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_come_apart_as_they_were_put_together() {
        assert_eq!(Children::NONE.below(), Below::Nothing);
        assert_eq!(Children::one(1).below(), Below::One(1));
        assert_eq!(Children::one(TAG - 1).below(), Below::One(TAG - 1));
        assert_eq!(Children::block(0).below(), Below::Block(0));
        assert_eq!(Children::block(TAG - 1).below(), Below::Block(TAG - 1));
    }

    #[test]
    fn a_block_finds_every_octet_it_was_given_and_no_other() {
        assert_eq!(size_of::<Edge>(), 5);
        let mut block = Block::of_two((7, 70), (3, 30));
        for octet in (0..=255).rev().filter(|octet| octet % 2 == 1) {
            block.set(octet, u32::from(octet) * 10);
        }
        for octet in 0..=255 {
            assert_eq!(block.find(octet), (octet % 2 == 1).then_some(u32::from(octet) * 10));
        }
        assert!(block.iter().is_sorted());
        assert_eq!(block.iter().count(), 128);
    }

    #[test]
    fn a_block_tells_when_one_child_is_left() {
        let mut block = Block::of_two((1, 10), (2, 20));
        block.set(3, 30);
        assert_eq!(block.remove(2), None);
        assert_eq!(block.remove(3), Some(10));
    }
}
