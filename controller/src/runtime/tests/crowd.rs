//! Does an operator get through while more wait than the node can serve?

use std::sync::mpsc;

use tokio::sync::oneshot;

use super::{elected, quiet, start, stop, tick, within_a_minute};
use crate::machine::Command;
use crate::machine::command::{Action, Operate, WithReason};
use crate::meters::Shed;
use crate::runtime::inbox::{MAX_QUEUED_REQUESTS, Request};
use crate::runtime::{Handle, ProposeError, QueryError};

/// The node's thread, held up by a look until the test lets it go.
struct HeldUp {
    go_on: mpsc::Sender<()>,
}

impl HeldUp {
    async fn new(handle: &Handle) -> Self {
        let (go_on, gate) = mpsc::channel::<()>();
        let (begun, seen) = oneshot::channel();
        let look = Request::Look(Box::new(move |_| {
            begun.send(()).unwrap();
            gate.recv().unwrap();
        }));
        assert!(handle.requests.try_send(look).is_ok());
        seen.await.unwrap();
        Self { go_on }
    }

    fn go_on(self) {
        self.go_on.send(()).unwrap();
    }
}

/// Queues `count` looks, each of which tells what was applied when its turn came.
fn crowd(handle: &Handle, count: usize) -> mpsc::Receiver<u64> {
    let (sender, seen) = mpsc::channel();
    for _ in 0..count {
        let sender = sender.clone();
        let look = Request::Look(Box::new(move |node| sender.send(node.applied()).unwrap()));
        assert!(handle.requests.try_send(look).is_ok());
    }
    seen
}

fn halt() -> Command {
    let (rollout, reason) = ("113.1".parse().unwrap(), "kernel panics".to_owned());
    let action = Action::HaltRollout(WithReason { rollout, reason });
    Command::Operate(Operate { request: "1".to_owned(), actor: "ada".to_owned(), action })
}

#[tokio::test]
async fn a_halt_is_applied_before_anything_of_a_full_queue_has_its_turn() {
    within_a_minute(async {
        let dir = tempfile::tempdir().unwrap();
        let handle = start(&quiet(dir.path()));
        elected(&handle).await;
        let held_up = HeldUp::new(&handle).await;
        let seen = crowd(&handle, MAX_QUEUED_REQUESTS);
        assert_eq!(handle.propose(tick(1)).await, Err(ProposeError::Busy));
        assert_eq!(handle.meters().seen().shed, [(Shed::Command, 1)].into());
        let halted = {
            let mut halted = std::pin::pin!(handle.propose(halt()));
            tokio::select! {
                biased;
                settled = &mut halted => panic!("settled by a node that is held up: {settled:?}"),
                () = std::future::ready(()) => (),
            }
            held_up.go_on();
            halted.await.unwrap().0
        };
        // The one look that is awaited is the last in the queue.
        let applied = handle.query(|machine| machine.cluster().is_none()).await;
        assert_eq!(applied, Ok(true));
        let seen: Vec<u64> = seen.try_iter().collect();
        assert_eq!(seen.len(), MAX_QUEUED_REQUESTS);
        assert!(seen.iter().all(|&applied| applied >= halted.index), "{:?}", seen.first());
        stop(handle).await;
    })
    .await;
}

#[tokio::test]
async fn agents_looks_are_shed_while_more_than_half_of_the_queue_is_taken() {
    within_a_minute(async {
        let dir = tempfile::tempdir().unwrap();
        let handle = start(&quiet(dir.path()));
        elected(&handle).await;
        let held_up = HeldUp::new(&handle).await;
        let _half = crowd(&handle, MAX_QUEUED_REQUESTS / 2);
        let mut patient = std::pin::pin!(handle.query_or_shed(|_| ()));
        tokio::select! {
            biased;
            looked = &mut patient => panic!("answered by a node that is held up: {looked:?}"),
            () = std::future::ready(()) => (),
        }
        assert_eq!(handle.query_or_shed(|_| ()).await, Err(QueryError::Shed));
        assert_eq!(handle.meters().seen().shed, [(Shed::Beat, 1)].into());
        held_up.go_on();
        assert_eq!(patient.await, Ok(()));
        assert_eq!(handle.query_or_shed(|_| ()).await, Ok(()));
        stop(handle.clone()).await;
        assert!(matches!(handle.query_or_shed(|_| ()).await, Err(QueryError::Stopped(_))));
    })
    .await;
}
