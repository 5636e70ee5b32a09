//! One row of the table of attacks: what is done to what server, and what the server has to say to it.

use super::acts::Act;
use super::part::{Guard, Shape};

/// Memory that a server may take for those who are no use to it, in MiB, unless the attack needs more to be one.
const HEAP_MIB: usize = 48;

/// How the server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Ipc,
}

/// When one more good client has to get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Newcomer {
    Meanwhile,
    /// The attackers are let in, and have taken all the room there is.
    Afterwards,
}

/// An attack.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    /// What is done, in a sentence.
    pub(crate) sentence: &'static str,
    pub(crate) act: Act,
    pub(crate) shape: Shape,
    pub(crate) guard: Guard,
    pub(crate) transport: Transport,
    /// Options of the server, as the option table names them.
    pub(crate) options: &'static [&'static str],
    /// Descriptors that the server may have.
    pub(crate) descriptors: Option<u64>,
    /// Events that the server's monitor tells, as often as this at least.
    pub(crate) expects: &'static [(&'static str, u64)],
    /// Connections that the server's counter says it has turned away, at least.
    pub(crate) refused: u64,
    /// What the server takes of memory beyond what it had, in MiB at the most.
    pub(crate) heap_mib: usize,
    pub(crate) newcomer: Newcomer,
    /// Nothing that the attackers say may be received.
    pub(crate) is_unheard: bool,
}

impl Attack {
    /// An attack on a PULL over tcp that lets everybody in.
    pub(crate) const fn new(name: &'static str, sentence: &'static str, act: Act) -> Self {
        Self {
            name,
            sentence,
            act,
            shape: Shape::Pull,
            guard: Guard::Nobody,
            transport: Transport::Tcp,
            options: &[],
            descriptors: None,
            expects: &[],
            refused: 0,
            heap_mib: HEAP_MIB,
            newcomer: Newcomer::Meanwhile,
            is_unheard: false,
        }
    }

    pub(crate) const fn on(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }

    pub(crate) const fn over_ipc(self) -> Self {
        Self { transport: Transport::Ipc, ..self }
    }

    /// Nobody is to be heard whom the guard does not let in.
    pub(crate) const fn guarded_by(self, guard: Guard) -> Self {
        Self { guard, is_unheard: true, ..self }
    }

    /// What an attacker repeats may have been said by somebody good.
    pub(crate) const fn heard(self) -> Self {
        Self { is_unheard: false, ..self }
    }

    pub(crate) const fn unheard(self) -> Self {
        Self { is_unheard: true, ..self }
    }

    pub(crate) const fn options(self, options: &'static [&'static str]) -> Self {
        Self { options, ..self }
    }

    pub(crate) const fn descriptors(self, limit: u64) -> Self {
        Self { descriptors: Some(limit), ..self }
    }

    pub(crate) const fn expects(self, expects: &'static [(&'static str, u64)]) -> Self {
        Self { expects, ..self }
    }

    pub(crate) const fn refused(self, refused: u64) -> Self {
        Self { refused, ..self }
    }

    pub(crate) const fn heap_mib(self, heap_mib: usize) -> Self {
        Self { heap_mib, ..self }
    }

    pub(crate) const fn newcomer_afterwards(self) -> Self {
        Self { newcomer: Newcomer::Afterwards, ..self }
    }
}
