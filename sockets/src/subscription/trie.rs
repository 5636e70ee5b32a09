//! A prefix trie: topics of bytes, each with a value, found by a message they are a prefix of.
//!
//! What always holds:
//! - A node other than the root has a value, or at least two children, or is a link of a chain whose
//!   label would not fit into that of its only child. So the number of nodes is bounded by the
//!   number of topics and their bytes, whatever came and went before.
//! - A [`Position`] names its topic until the topic is removed: splitting and joining nodes moves
//!   those without a value, never one that has it.
//! - Everything is a loop: no topic is long enough to overflow the stack, not even in drop.

use super::arena::Arena;
use super::children::{Below, Blocks, Children, Edge};
use super::node::{LABEL_MAX, Node};
use std::ops::ControlFlow;

const ROOT: u32 = 0;

/// Where a topic is stored: valid from the topic's insertion until its removal, then reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position(u32);

/// Topics with a value each.
#[derive(Debug)]
pub(super) struct Trie<V> {
    nodes: Arena<Node<V>>,
    blocks: Blocks,
    /// How many nodes have a value.
    topics: usize,
}

impl<V: Copy> Trie<V> {
    /// A trie without topics.
    pub(super) fn new() -> Self {
        let mut nodes = Arena::new();
        nodes.insert(Node::default());
        Self { nodes, blocks: Blocks::new(), topics: 0 }
    }

    /// How many topics have a value.
    pub(super) const fn len(&self) -> usize {
        self.topics
    }

    /// Gives the topic the value that `update` makes of the one it has, and says where it is.
    pub(super) fn upsert(&mut self, topic: &[u8], update: impl FnOnce(Option<V>) -> V) -> Position {
        let key = self.make(topic);
        let value = &mut self.nodes[key].value;
        self.topics += usize::from(value.is_none());
        *value = Some(update(*value));
        Position(key)
    }

    /// Where the topic is, and its value.
    pub(super) fn find(&self, topic: &[u8]) -> Option<(Position, V)> {
        let (mut key, mut rest) = (ROOT, topic);
        while let [byte, ..] = *rest {
            key = self.child(key, byte)?;
            rest = rest.strip_prefix(self.nodes[key].label())?;
        }
        self.nodes[key].value.map(|value| (Position(key), value))
    }

    /// The value at a place: of the topic it was given for or, after that one's removal, of whatever
    /// topic is there now.
    pub(super) fn get(&self, place: Position) -> Option<V> {
        self.nodes.get(place.0)?.value
    }

    /// Puts another value in the place of a topic that is stored.
    pub(super) fn replace(&mut self, place: Position, value: V) {
        debug_assert!(self.get(place).is_some(), "only a stored topic has a value to replace");
        self.nodes[place.0].value = Some(value);
    }

    /// Removes a topic that is stored. The last one gives all memory back.
    pub(super) fn remove(&mut self, place: Position) {
        debug_assert!(self.get(place).is_some(), "only a stored topic can be removed");
        self.topics -= 1;
        if self.topics == 0 {
            *self = Self::new();
            return;
        }
        self.nodes[place.0].value = None;
        self.prune(place.0);
    }

    /// Gives back memory of topics that were removed, as far as it can be; after many were.
    pub(super) fn trim(&mut self) {
        self.nodes.trim();
        self.blocks.trim();
    }

    /// Shows the value of every topic that is a prefix of the message, the shortest topic first,
    /// until told to stop. Allocates nothing.
    // Always, as `child`.
    #[inline(always)]
    pub(super) fn try_for_each_prefix(
        &self,
        message: &[u8],
        mut show: impl FnMut(V) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let (mut key, mut rest) = (ROOT, message);
        loop {
            let node = &self.nodes[key];
            if let Some(value) = node.value {
                show(value)?;
            }
            let [byte, ..] = *rest else { break };
            let Some(child) = self.child(key, byte) else { break };
            let Some(tail) = rest.strip_prefix(self.nodes[child].label()) else { break };
            (key, rest) = (child, tail);
        }
        ControlFlow::Continue(())
    }

    /// Shows every topic, in the order of their bytes.
    pub(super) fn for_each(&self, mut show: impl FnMut(&[u8])) {
        let mut topic = Vec::new();
        // Nodes to go to, each with the length of the topic above it.
        let mut ahead = vec![(ROOT, 0)];
        while let Some((key, above)) = ahead.pop() {
            let node = &self.nodes[key];
            topic.truncate(above);
            topic.extend_from_slice(node.label());
            if node.value.is_some() {
                show(&topic);
            }
            match node.children.below() {
                Below::Nothing => {}
                Below::One(child) => ahead.push((child, topic.len())),
                Below::Several => {
                    let children = self.blocks.iter(node.children).rev();
                    ahead.extend(children.map(|child| (child, topic.len())));
                }
            }
        }
    }

    /// Writes the topic that is stored at the place into `topic`, over what is there.
    pub(super) fn topic_at(&self, place: Position, topic: &mut Vec<u8>) {
        topic.clear();
        let mut key = place.0;
        while key != ROOT {
            let node = &self.nodes[key];
            topic.extend(node.label().iter().rev());
            key = node.parent;
        }
        topic.reverse();
    }

    /// The only node below `key` that topics with this next byte can go on in. An only child is
    /// not looked at: the caller compares its whole label anyway.
    // Always: a call for each node on the way costs a tenth of a match.
    #[inline(always)]
    fn child(&self, key: u32, byte: u8) -> Option<u32> {
        let children = self.nodes[key].children;
        match children.below() {
            Below::Nothing => None,
            Below::One(child) => Some(child),
            Below::Several => self.blocks.find(children, byte),
        }
    }

    /// The node of the topic, made if there is none. A new one must be given a value at once.
    fn make(&mut self, topic: &[u8]) -> u32 {
        let (mut key, mut rest) = (ROOT, topic);
        while let [byte, ..] = *rest {
            let child = self.child(key, byte);
            let shared = child.map_or(0, |child| shared(self.nodes[child].label(), rest));
            key = match child {
                Some(child) if shared == self.nodes[child].label().len() => child,
                Some(child) if shared > 0 => self.split(child, shared),
                _ => return self.append(key, rest),
            };
            rest = &rest[shared..];
        }
        key
    }

    /// Hangs a chain for the rest of a topic below a node that has no child for it. Says where the
    /// chain ends.
    fn append(&mut self, mut key: u32, rest: &[u8]) -> u32 {
        for label in rest.chunks(LABEL_MAX) {
            let child = self.nodes.insert(Node::new(key, label));
            self.add_child(key, label[0], child);
            key = child;
        }
        key
    }

    /// Puts a new node between `lower` and its parent, with the first `at` bytes of the label. The
    /// new one must be given a value or another child at once.
    fn split(&mut self, lower: u32, at: usize) -> u32 {
        let byte = self.nodes[lower].label()[0];
        let mut head = self.nodes[lower].behead(at);
        head.children = Children::one(lower);
        let parent = head.parent;
        let upper = self.nodes.insert(head);
        self.replace_child(parent, byte, upper);
        self.nodes[lower].parent = upper;
        // The links of a chain on both sides have a shorter label beside them now.
        self.join(lower);
        self.join(parent);
        upper
    }

    /// Frees what is of no use after a node lost its value.
    fn prune(&mut self, mut key: u32) {
        while key != ROOT && self.nodes[key].value.is_none() {
            let parent = self.nodes[key].parent;
            match self.nodes[key].children.below() {
                Below::Nothing => {
                    let node = self.nodes.take(key);
                    self.remove_child(parent, node.label()[0]);
                    key = parent;
                }
                Below::One(_) => {
                    self.join(key);
                    self.join(parent);
                    return;
                }
                Below::Several => return,
            }
        }
    }

    /// Moves a node's label into its only child and frees the node, if the node is a mere link and
    /// the labels fit into one. The child keeps its key.
    fn join(&mut self, upper: u32) {
        let node = &self.nodes[upper];
        let Below::One(lower) = node.children.below() else { return };
        let length = node.label().len() + self.nodes[lower].label().len();
        if upper == ROOT || node.value.is_some() || length > LABEL_MAX {
            return;
        }
        let node = self.nodes.take(upper);
        self.replace_child(node.parent, node.label()[0], lower);
        self.nodes[lower].parent = node.parent;
        self.nodes[lower].prepend(node.label());
    }

    /// Adds a child whose label begins with a byte that no other child begins with.
    fn add_child(&mut self, parent: u32, byte: u8, child: u32) {
        let children = self.nodes[parent].children;
        let edge = Edge::new(byte, child);
        self.nodes[parent].children = match children.below() {
            Below::Nothing => Children::one(child),
            Below::One(sibling) => {
                let first = self.nodes[sibling].label()[0];
                self.blocks.of_two(Edge::new(first, sibling), edge)
            }
            Below::Several => self.blocks.add(children, edge),
        };
    }

    /// Puts a child in the place of the one whose label begins with the same byte.
    fn replace_child(&mut self, parent: u32, byte: u8, child: u32) {
        let children = &mut self.nodes[parent].children;
        match children.below() {
            Below::Several => self.blocks.replace(*children, Edge::new(byte, child)),
            Below::Nothing | Below::One(_) => *children = Children::one(child),
        }
    }

    /// Forgets the child whose label begins with the byte.
    fn remove_child(&mut self, parent: u32, byte: u8) {
        let children = &mut self.nodes[parent].children;
        *children = match children.below() {
            Below::Several => self.blocks.remove(*children, byte),
            Below::Nothing | Below::One(_) => Children::NONE,
        };
    }
}

/// How many bytes two topics begin with in common.
fn shared(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
impl<V: Copy> Trie<V> {
    /// How many nodes and edges there is memory for.
    pub(super) fn room(&self) -> usize {
        self.nodes.room() + self.blocks.room()
    }

    /// Checks what always holds, and says how many nodes there are.
    pub(super) fn check(&self) -> usize {
        let (mut nodes, mut blocks, mut topics) = (0, 0, 0);
        let mut ahead = vec![ROOT];
        while let Some(key) = ahead.pop() {
            let node = &self.nodes[key];
            nodes += 1;
            topics += usize::from(node.value.is_some());
            let link = key != ROOT && node.value.is_none();
            let below = match node.children.below() {
                Below::Nothing => Vec::new(),
                Below::One(child) => {
                    let length = node.label().len() + self.nodes[child].label().len();
                    assert!(!link || length > LABEL_MAX, "a link that could be joined");
                    vec![child]
                }
                Below::Several => {
                    blocks += 1;
                    self.blocks.iter(node.children).collect()
                }
            };
            assert!(!link || !below.is_empty(), "a leaf without a value");
            for &child in &below {
                let byte = self.nodes[child].label()[0];
                assert_eq!(self.child(key, byte), Some(child));
                assert_eq!(self.nodes[child].parent, key);
            }
            ahead.extend(below);
        }
        assert_eq!((nodes, blocks), (self.nodes.len(), self.blocks.len()), "something leaked");
        assert_eq!(topics, self.topics);
        nodes
    }
}
