//! Who waits to read the newest state? All readers of a round share one question to the leader: it is
//! asked after each of them came, so that its answer is good for all.

use std::collections::BTreeMap;

use tokio::sync::oneshot;

/// Tells a reader which index it may read at; `None`: ask again.
pub(super) type ReadReply = oneshot::Sender<Option<u64>>;

/// The readers that wait, by the ticket of their question.
#[derive(Debug, Default)]
pub(super) struct Reads {
    waiting: BTreeMap<u64, Vec<ReadReply>>,
}

impl Reads {
    /// The readers of a round wait for `ticket`. Whoever has given up meanwhile is forgotten.
    pub(super) fn wait(&mut self, ticket: u64, readers: Vec<ReadReply>) {
        self.waiting.retain(|_, readers| readers.iter().any(|reader| !reader.is_closed()));
        self.waiting.insert(ticket, readers);
    }

    /// Tells those who wait for `ticket`; answers whether anybody did.
    pub(super) fn settle(&mut self, ticket: u64, readable: Option<u64>) -> bool {
        let Some(readers) = self.waiting.remove(&ticket) else { return false };
        for reader in readers {
            // Whoever asked may have gone.
            let _heard = reader.send(readable);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_readers_of_a_question_get_its_answer_and_those_who_left_are_forgotten() {
        let mut reads = Reads::default();
        let (one, mut first) = oneshot::channel();
        let (two, mut second) = oneshot::channel();
        reads.wait(1, vec![one, two]);
        let (gone, left) = oneshot::channel();
        drop(left);
        reads.wait(2, vec![gone]);
        reads.wait(3, Vec::new());
        assert!(!reads.waiting.contains_key(&2));
        assert!(reads.settle(1, Some(7)));
        assert!(!reads.settle(1, Some(8)));
        assert_eq!((first.try_recv(), second.try_recv()), (Ok(Some(7)), Ok(Some(7))));
    }
}
