//! The connections of a socket, as those reach them who wait on it: who reads them, and what is to be sent
//! before a wait.

use super::attention::{Attention, Look};
use super::{Core, Pipe};
use crate::wait::{DirectConnections, Reading};
use ringmq_engine::Attendant;
use std::sync::Arc;

impl Core {
    /// The connections that a thread may read itself while it waits.
    pub(crate) fn direct_connections(&mut self) -> DirectConnections {
        self.known_connections().clone()
    }

    /// The same, to look at.
    pub(crate) fn known_connections(&mut self) -> &DirectConnections {
        if self.shared.take_connections_changed() {
            let of_pipe = |(_, pipe): (usize, &Pipe)| pipe.end.state.direct();
            // One more than what makes a difference will do.
            let direct_connections =
                self.pipes.iter().filter_map(of_pipe).take(DirectConnections::MOST).collect();
            self.direct_connections =
                std::mem::take(&mut self.direct_connections).replace(direct_connections);
        }
        &self.direct_connections
    }

    /// Whoever is about to wait sends first what is left of bursts: what is waited for may be the answer.
    #[inline]
    pub(crate) fn finish_bursts(&mut self) {
        if self.shared.take_bursts() {
            self.known_connections().finish_bursts();
        }
    }

    /// Somebody attends to the connections, as long as there is the `token`, in turns of `reading`.
    #[cfg_attr(not(unix), expect(dead_code, reason = "nobody attends to anything there"))]
    pub(crate) fn attended_by(
        &mut self,
        attendant: &Arc<Attendant>,
        token: &Arc<()>,
        reading: &Arc<Reading>,
    ) {
        self.attention = Some(Attention::of(attendant, token, reading));
    }

    /// Where somebody has to look who asks for messages and does not wait.
    pub(crate) fn look_in_between(&mut self) -> Look {
        match &mut self.attention {
            Some(attention) if attention.is_over() || self.shared.have_connections_changed() => {
                Look::AtEach
            }
            Some(attention) => attention.look(),
            None => Look::AtEach,
        }
    }

    /// Leaves reading to the I/O threads, unless somebody else attends to the connections.
    pub(crate) fn leave_reading(&mut self) {
        let was_attended = self.attention.take_if(|attention| attention.is_over()).is_some();
        // To many nobody else ever does.
        if self.attention.is_none() && (was_attended || !self.known_connections().are_many()) {
            self.known_connections().give_back();
        }
    }

    /// The connections, if any of them is a thread's to read now.
    pub(crate) fn lent_connections(&mut self) -> Option<DirectConnections> {
        let known = !self.shared.have_connections_changed();
        if known && self.direct_connections.are_with_owner() {
            None
        } else {
            Some(self.direct_connections())
        }
    }
}
