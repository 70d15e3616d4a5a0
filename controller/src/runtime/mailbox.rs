//! Where does the node leave what others carry out for it? In a bounded queue that drops the oldest:
//! what matters still is left again, or a newer one does.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// A bounded queue from the node's thread to one task.
#[derive(Debug)]
pub(super) struct Mailbox<T> {
    waiting: Mutex<VecDeque<T>>,
    most: usize,
    filled: Notify,
}

impl<T> Mailbox<T> {
    /// An empty one that holds `most`.
    pub(super) fn new(most: usize) -> Self {
        Self { waiting: Mutex::default(), most, filled: Notify::new() }
    }

    /// Leaves `item`; the oldest goes where there is no room.
    pub(super) fn leave(&self, item: T) {
        let mut waiting = self.lock();
        if waiting.len() == self.most {
            waiting.pop_front();
        }
        waiting.push_back(item);
        drop(waiting);
        self.filled.notify_one();
    }

    /// Takes the oldest, waiting for one. For one task at a time.
    pub(super) async fn next(&self) -> T {
        loop {
            if let Some(item) = self.take() {
                return item;
            }
            self.filled.notified().await;
        }
    }

    fn take(&self) -> Option<T> {
        self.lock().pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<T>> {
        // Nothing panics while it holds the lock.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::tests::within_a_minute;

    #[tokio::test]
    async fn what_is_left_is_taken_in_order_and_the_oldest_goes_first() {
        within_a_minute(async {
            let mailbox = Mailbox::new(2);
            for item in 1..=3 {
                mailbox.leave(item);
            }
            assert_eq!((mailbox.next().await, mailbox.next().await), (2, 3));
            let (taken, ()) = tokio::join!(mailbox.next(), async { mailbox.leave(4) });
            assert_eq!(taken, 4);
        })
        .await;
    }
}
