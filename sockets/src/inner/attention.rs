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
    /// There is one as long as it does.
    token: Weak<()>,
    /// How often it had looked when somebody last asked, and how often somebody has asked since then.
    looks: u32,
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
    pub(super) fn of(attendant: &Arc<Attendant>, token: &Arc<()>, reading: &Arc<Reading>) -> Self {
        Self {
            attendant: attendant.clone(),
            reading: Arc::downgrade(reading),
            token: Arc::downgrade(token),
            looks: attendant.looks(),
            asked: SPARED,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.token.strong_count() == 0
    }

    pub(super) fn look(&mut self) -> Look {
        let looks = self.attendant.looks();
        if std::mem::replace(&mut self.looks, looks) != looks {
            self.asked = 0;
        }
        self.asked = self.asked.saturating_add(1);
        if self.asked <= SPARED {
            return Look::Spared;
        }
        self.reading.upgrade().map_or(Look::AtEach, Look::AtAll)
    }
}
