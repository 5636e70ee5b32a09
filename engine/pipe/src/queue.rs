//! An unbounded queue from many threads to one, which allocates nothing while it is short.
//!
//! The first values lie in a ring; what it has no room for goes to a queue that grows. What always
//! holds: values of one thread come out in the order in which they went in. For a thread puts nothing
//! into the ring while the other queue has anything, so also nothing of its own; and the one thread that
//! takes out empties the ring first.

#[cfg(not(loom))]
pub(crate) use ring::Queue;
#[cfg(loom)]
pub(crate) use stand_in::Queue;

#[cfg(not(loom))]
mod ring {
    use crossbeam_queue::{ArrayQueue, SegQueue};

    /// Places in the ring: more than there are commands between two looks, as a rule.
    const RING: usize = 32;

    pub(crate) struct Queue<T> {
        ring: ArrayQueue<T>,
        rest: SegQueue<T>,
    }

    impl<T> Queue<T> {
        pub(crate) fn new() -> Self {
            Self { ring: ArrayQueue::new(RING), rest: SegQueue::new() }
        }

        pub(crate) fn push(&self, value: T) {
            if !self.rest.is_empty() {
                return self.rest.push(value);
            }
            if let Err(value) = self.ring.push(value) {
                self.rest.push(value);
            }
        }

        pub(crate) fn pop(&self) -> Option<T> {
            let first = self.ring.pop();
            if first.is_some() || self.rest.is_empty() {
                return first;
            }
            // A thread may have filled the ring between the two looks, and then put something here:
            // what is seen here came after what is seen there now.
            self.ring.pop().or_else(|| self.rest.pop())
        }
    }
}

/// With the same promises, and such that loom can follow.
#[cfg(loom)]
mod stand_in {
    use crate::sync::{Mutex, lock};
    use std::collections::VecDeque;

    pub(crate) struct Queue<T>(Mutex<VecDeque<T>>);

    impl<T> Queue<T> {
        pub(crate) fn new() -> Self {
            Self(Mutex::new(VecDeque::new()))
        }

        pub(crate) fn push(&self, value: T) {
            lock(&self.0).push_back(value);
        }

        pub(crate) fn pop(&self) -> Option<T> {
            lock(&self.0).pop_front()
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Queue;
    use std::sync::Arc;

    /// More than the ring has room for, so that values go both ways.
    const EACH: usize = 20_000;

    #[test]
    fn values_of_a_thread_come_in_order_whichever_way_they_go() {
        let queue = Arc::new(Queue::new());
        let threads: Vec<_> = (0..3)
            .map(|name| {
                let queue = queue.clone();
                std::thread::spawn(move || (0..EACH).for_each(|value| queue.push((name, value))))
            })
            .collect();
        let mut next = [0; 3];
        while next != [EACH; 3] {
            let Some((name, value)) = queue.pop() else {
                std::thread::yield_now();
                continue;
            };
            assert_eq!(value, next[name], "of thread {name}");
            next[name] += 1;
        }
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        assert!(queue.pop().is_none());
    }
}
