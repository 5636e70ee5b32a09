//! What a socket knows of whoever attends to its connections.

use crate::wait::Reading;
use ringmq_engine::Attendant;
use std::sync::{Arc, Weak};

/// Who asks for messages in between is told for so many times that there are none, without a look.
const SPARED: u32 = 2;

/// Somebody who attends to the connections of a socket.
pub(super) struct Attention {
    attendant: Arc<Attendant>,
    reading: Weak<Reading>,
    /// How often it had come by when somebody last asked, and how often somebody has asked since then.
    turns: u32,
    asked: u32,
}

/// Where one who asks in between has to look.
pub(crate) enum Look {
    /// Nowhere: everything has been looked at just now.
    Spared,
    /// At all that is attended to.
    AtAll(Arc<Reading>),
    /// At each connection by itself.
    AtEach,
}

impl Attention {
    pub(super) fn of(attendant: &Arc<Attendant>, reading: &Arc<Reading>) -> Self {
        let (attendant, reading) = (attendant.clone(), Arc::downgrade(reading));
        Self { turns: attendant.turns(), attendant, reading, asked: SPARED }
    }

    pub(super) fn look(&mut self) -> Look {
        let turns = self.attendant.turns();
        if std::mem::replace(&mut self.turns, turns) != turns {
            self.asked = 0;
        }
        self.asked = self.asked.saturating_add(1);
        if self.asked <= SPARED {
            return Look::Spared;
        }
        self.reading.upgrade().map_or(Look::AtEach, Look::AtAll)
    }
}
