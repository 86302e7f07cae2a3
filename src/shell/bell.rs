//! A shared queue of the host that the filter rings for itself: a call that has to leave from the
//! root, and is asked for in a request's callback, leaves as soon as that callback has returned. The
//! tick of a millisecond, which takes two, is for hosts without queues.

use std::cell::RefCell;

use super::host;
use super::random::HostRandom;

thread_local! {
    /// Names of the queues whose filters are gone. No host forgets a queue, so that each is used
    /// again after a reload.
    static UNUSED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// One filter's queue in one worker.
pub(super) struct Bell {
    name: String,
    queue: u32,
}

impl Bell {
    /// Must be called in a callback of the root, which the host then calls when it rings; `None` where
    /// the host has no queues.
    pub(super) fn hang(random: &HostRandom) -> Option<Self> {
        let unused = UNUSED.with_borrow_mut(Vec::pop);
        // Workers share their queues, but for the name.
        let name = unused.unwrap_or_else(|| format!("tg1/leave/{:016x}", random.reserved()));
        Some(Self { queue: host::register_queue(&name)?, name })
    }

    /// Has the host call the root, once this callback is over.
    pub(super) fn ring(&self) {
        host::enqueue(self.queue);
    }

    /// Takes what rang out of the queue, so that it stays short.
    pub(super) fn silence(&self) {
        host::dequeue(self.queue);
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        UNUSED.with_borrow_mut(|unused| unused.push(std::mem::take(&mut self.name)));
    }
}
