//! What hangs below a node: nothing, one node, or a sorted block of several.
//!
//! Nearly all nodes are leaves or have one child and need no block. The blocks of all nodes lie in
//! one table for each capacity: a step down the trie then costs two cache misses, where an allocation
//! for each block costs three and takes more memory.

use super::arena::{FreeKeys, make_room};

/// Capacities of blocks: 2, 4, and so on up to 256, for there are as many bytes.
const CAPACITIES: usize = 8;

/// A node's children, in six bytes and with no need for alignment beyond two.
#[derive(Debug, Clone, Copy)]
pub(super) struct Children {
    count: u16,
    /// Of one child, its key; of more, the key of their block.
    key: [u8; 4],
}

/// [`Children`], as far as they tell without their block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Below {
    Nothing,
    /// The key of the only child.
    One(u32),
    Several,
}

impl Children {
    pub(super) const NONE: Self = Self::new(0, 0);

    pub(super) const fn one(child: u32) -> Self {
        Self::new(1, child)
    }

    const fn new(count: u16, key: u32) -> Self {
        Self { count, key: key.to_ne_bytes() }
    }

    #[inline]
    pub(super) const fn below(self) -> Below {
        match self.count {
            0 => Below::Nothing,
            1 => Below::One(self.key()),
            _ => Below::Several,
        }
    }

    #[inline]
    const fn key(self) -> u32 {
        u32::from_ne_bytes(self.key)
    }

    /// Which table a block of so many children is in.
    #[inline]
    const fn table(count: u16) -> usize {
        count.next_power_of_two().ilog2() as usize - 1
    }
}

/// The way to one child. The key is kept as bytes, so that an edge takes five of them, not eight.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Edge {
    /// The first byte of the child's label.
    byte: u8,
    child: [u8; 4],
}

impl Edge {
    pub(super) const fn new(byte: u8, child: u32) -> Self {
        Self { byte, child: child.to_ne_bytes() }
    }

    #[inline]
    const fn child(self) -> u32 {
        u32::from_ne_bytes(self.child)
    }
}

/// The blocks of all nodes that have several children: edges sorted by byte, no two with the same.
#[derive(Debug)]
pub(super) struct Blocks([Table; CAPACITIES]);

/// The blocks of one capacity, one after the other.
#[derive(Debug)]
struct Table {
    edges: Vec<Edge>,
    /// Keys of blocks that are not in use.
    free: FreeKeys,
}

impl Blocks {
    pub(super) const fn new() -> Self {
        Self([const { Table { edges: Vec::new(), free: FreeKeys::new() } }; CAPACITIES])
    }

    /// The child whose label begins with the byte. Asked of several children only.
    #[inline(always)]
    pub(super) fn find(&self, children: Children, byte: u8) -> Option<u32> {
        let edges = self.edges(children);
        let edge = edges.get(position(edges, byte))?;
        (edge.byte == byte).then(|| edge.child())
    }

    /// Several children, in the order of their labels.
    pub(super) fn iter(&self, children: Children) -> impl DoubleEndedIterator<Item = u32> {
        self.edges(children).iter().map(|edge| edge.child())
    }

    /// Two children, which begin with different bytes.
    pub(super) fn of_two(&mut self, one: Edge, other: Edge) -> Children {
        let pair = if one.byte < other.byte { [one, other] } else { [other, one] };
        self.store(&pair)
    }

    /// Several children and one more, which begins with another byte.
    pub(super) fn add(&mut self, children: Children, edge: Edge) -> Children {
        let mut edges = [Edge::default(); 256];
        let count = usize::from(children.count);
        edges[..count].copy_from_slice(self.edges(children));
        let at = position(&edges[..count], edge.byte);
        edges.copy_within(at..count, at + 1);
        edges[at] = edge;
        self.change(children, &edges[..=count])
    }

    /// Puts a child in the place of the one, of several, that begins with the same byte.
    pub(super) fn replace(&mut self, children: Children, edge: Edge) {
        let edges = self.edges_mut(children);
        let at = position(edges, edge.byte);
        edges[at] = edge;
    }

    /// Several children without the one that begins with the byte.
    pub(super) fn remove(&mut self, children: Children, byte: u8) -> Children {
        let mut edges = [Edge::default(); 256];
        let count = usize::from(children.count);
        edges[..count].copy_from_slice(self.edges(children));
        let at = position(&edges[..count], byte);
        edges.copy_within(at + 1..count, at);
        self.change(children, &edges[..count - 1])
    }

    /// Gives back the memory of blocks that are not in use, as far as it can be; after many have become free.
    pub(super) fn trim(&mut self) {
        for (index, table) in self.0.iter_mut().enumerate() {
            let capacity = 2 << index;
            if let Some(blocks) = table.free.trim(table.edges.len() / capacity) {
                table.edges.truncate(blocks * capacity);
                table.edges.shrink_to_fit();
            }
        }
    }

    /// How many edges there is memory for.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.0.iter().map(|table| table.edges.capacity()).sum()
    }

    /// How many blocks are in use.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let used = |(table, blocks): (usize, &Table)| {
            (blocks.edges.len() >> (table + 1)) - blocks.free.len()
        };
        self.0.iter().enumerate().map(used).sum()
    }

    #[inline]
    fn edges(&self, children: Children) -> &[Edge] {
        let table = Children::table(children.count);
        let start = (children.key() as usize) << (table + 1);
        &self.0[table].edges[start..start + usize::from(children.count)]
    }

    fn edges_mut(&mut self, children: Children) -> &mut [Edge] {
        let table = Children::table(children.count);
        let start = (children.key() as usize) << (table + 1);
        &mut self.0[table].edges[start..start + usize::from(children.count)]
    }

    /// Writes other edges over a block, into another one if they need another capacity.
    fn change(&mut self, children: Children, edges: &[Edge]) -> Children {
        // At most 256: one for each byte.
        let changed = Children { count: edges.len() as u16, ..children };
        let table = Children::table(children.count);
        if changed.count > 1 && Children::table(changed.count) == table {
            self.edges_mut(changed).copy_from_slice(edges);
            return changed;
        }
        self.0[table].free.push(children.key());
        match edges {
            [last] => Children::one(last.child()),
            _ => self.store(edges),
        }
    }

    /// Stores two or more edges in a block.
    fn store(&mut self, edges: &[Edge]) -> Children {
        let count = edges.len() as u16;
        let index = Children::table(count);
        let capacity = 2 << index;
        let table = &mut self.0[index];
        let key = table.free.pop().unwrap_or_else(|| {
            let key = table.edges.len() / capacity;
            make_room(&mut table.edges, capacity);
            table.edges.resize(table.edges.len() + capacity, Edge::default());
            u32::try_from(key).expect("there are fewer blocks than nodes, whose keys are u32")
        });
        let children = Children::new(count, key);
        self.edges_mut(children).copy_from_slice(edges);
        children
    }
}

/// Where the byte is, or would be.
#[inline]
fn position(edges: &[Edge], byte: u8) -> usize {
    edges.partition_point(|edge| edge.byte < byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_finds_every_byte_it_was_given_and_no_other() {
        assert_eq!((size_of::<Edge>(), size_of::<Children>()), (5, 6));
        let mut blocks = Blocks::new();
        let mut children = blocks.of_two(Edge::new(255, 2550), Edge::new(0, 0));
        for byte in (1..=254).rev() {
            assert_eq!(blocks.find(children, byte), None);
            children = blocks.add(children, Edge::new(byte, u32::from(byte) * 10));
            assert_eq!(blocks.len(), 1);
        }
        assert!(blocks.iter(children).eq((0..=255).map(|byte| byte * 10)));
        blocks.replace(children, Edge::new(7, 77));
        for byte in 0..=255 {
            let child = if byte == 7 { 77 } else { u32::from(byte) * 10 };
            assert_eq!(blocks.find(children, byte), Some(child));
        }
        for byte in 0..=254 {
            children = blocks.remove(children, byte);
        }
        assert_eq!((children.below(), blocks.len()), (Below::One(2550), 0));
    }
}
