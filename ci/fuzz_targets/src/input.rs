//! The bytes of a fuzzer as a sequence of choices. They are read from the front in a form that can be
//! written by hand, for seeds.

use arbitrary::Unstructured;

/// What is left of the bytes. When they are over all choices are 0, and all bytes none.
#[derive(Debug)]
pub(crate) struct Input<'a>(Unstructured<'a>);

impl<'a> Input<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Input(Unstructured::new(data))
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.0.arbitrary().unwrap_or_default()
    }

    /// Two bytes, the lower one first.
    pub(crate) fn number(&mut self) -> u16 {
        self.0.arbitrary().unwrap_or_default()
    }

    /// One of those, by a byte.
    pub(crate) fn choose<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::from(self.byte()) % of.len()]
    }

    /// Bytes after their [number](Self::number).
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.number()).min(self.0.len());
        self.0.bytes(length).unwrap_or_default()
    }

    /// All that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        self.0.bytes(self.0.len()).unwrap_or_default()
    }
}

/// Bytes as [`Input::bytes`] reads them.
pub(crate) fn counted(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_le_bytes(), bytes].concat()
}
