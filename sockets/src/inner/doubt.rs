//! What may be wrong with a socket whose user is about to wait: nothing can come, or not from where it is
//! expected. It is looked into once, and again when a connect gives reason to.

use super::Core;
use super::endpoints::EndpointKind;
use crate::context::is_bound_elsewhere;
use crate::types::Setting;
use ringmq_engine::Problem;
use ringmq_zmtp::SocketType;
use std::sync::Arc;

impl Core {
    /// A connect within the process waits for its bind. Where somebody in another context has that name, it
    /// waits in vain, which is told at once.
    pub(crate) fn doubt(&mut self, endpoint: &Arc<str>, elsewhere: bool) {
        if elsewhere {
            self.shared.reporter.tell_once(Problem::NameInOtherContext, endpoint);
        } else {
            self.doubts = true;
        }
    }

    /// Somebody is about to wait.
    #[inline]
    pub(crate) fn look_at_doubts(&mut self) {
        if self.doubts {
            self.look_into_doubts();
        }
    }

    #[cold]
    fn look_into_doubts(&mut self) {
        self.doubts = false;
        let shared = self.shared.clone();
        // With the matching inverted that is everything.
        let inverted = self.setting(|setting| match setting {
            Setting::Invert(on) => Some(*on),
            _ => None,
        });
        if shared.socket_type == SocketType::Sub && !inverted && self.topics() == 0 {
            shared.reporter.tell_once(Problem::NotSubscribed, &"".into());
        }
        for entry in self.endpoints.connects() {
            let EndpointKind::InprocConnect(Some((names, name, ticket))) = &entry.place else {
                continue;
            };
            if !names.is_waiting(name, *ticket) {
                continue;
            }
            let elsewhere = is_bound_elsewhere(names, name);
            let problem =
                if elsewhere { Problem::NameInOtherContext } else { Problem::NameNotBound };
            shared.reporter.tell_once(problem, &entry.endpoint);
        }
    }
}
