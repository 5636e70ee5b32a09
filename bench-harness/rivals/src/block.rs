//! The tables of a run, in the order in which they are printed.

use crate::plan::Item;

/// One table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// Sockets as each library runs quickest.
    Sockets,
    /// The same under CURVE.
    UnderCurve,
    /// Sockets between tasks of tokio.
    Tasks,
}

impl Block {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Sockets, Self::UnderCurve, Self::Tasks];

    /// The one in which `item` stands.
    pub(crate) fn of(item: &Item) -> Self {
        match item.flavor {
            Some(_) => Self::Tasks,
            None if item.is_under_curve() => Self::UnderCurve,
            None => Self::Sockets,
        }
    }

    /// What stands between ringmq and its rivals.
    pub(crate) fn own_columns(self) -> &'static [&'static str] {
        match self {
            Self::Sockets => &["floor"],
            Self::UnderCurve => &["NULL", "cipher", "one core"],
            Self::Tasks => &["blocking"],
        }
    }

    /// How it is to be read.
    pub(crate) fn legend(self) -> &'static str {
        match self {
            Self::Sockets => {
                "Second lines: spread of the rounds; under the floor ringmq as a multiple of it, under \
                 a rival how many times better ringmq is."
            }
            Self::UnderCurve => {
                "Second lines: spread of the rounds; under NULL (ringmq without encryption, in the same \
                 run) and the bare cipher ringmq as a multiple of it, under a rival how many times \
                 better ringmq is. Cipher: one thread seals, another one opens, and nothing carries it; \
                 of a round trip two boxes sealed and opened by one thread. One core: one thread does \
                 both."
            }
            Self::Tasks => {
                "Second lines: spread of the rounds; under blocking and best ringmq as a multiple of \
                 it, under a rival how many times better ringmq is. Both ends are tasks of tokio, but \
                 blocking, which is ringmq on threads."
            }
        }
    }
}
