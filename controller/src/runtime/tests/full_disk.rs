//! Can the operator stop a rollout when the disk is full, and does all go on when it is not any more?

use super::{elected, quiet, start, stop, tick, within_a_minute};
use crate::machine::Command;
use crate::machine::command::{Action, Operate, WithReason};
use crate::runtime::{DiskState, ProposeError};

fn operate(action: Action) -> Command {
    Command::Operate(Operate { request: "1".to_owned(), actor: "ada".to_owned(), action })
}

fn halt() -> Command {
    let (rollout, reason) = ("113.1".parse().unwrap(), "kernel panics".to_owned());
    operate(Action::HaltRollout(WithReason { rollout, reason }))
}

#[tokio::test]
async fn a_halt_passes_a_critical_disk_and_the_rest_is_refused_until_there_is_room() {
    within_a_minute(async {
        let dir = tempfile::tempdir().unwrap();
        let config = quiet(dir.path());
        let handle = start(&config);
        elected(&handle).await;
        let start = operate(Action::StartRollout("113.1".parse().unwrap()));
        let check = async |state, passes_start, passes_check| {
            config.disk.set(state);
            let refused = Err(ProposeError::DiskLow { state });
            let started = handle.propose(start.clone()).await;
            assert_eq!(started.is_ok(), passes_start, "{state}: {started:?}");
            let checked = handle.propose(operate(Action::CheckState)).await;
            assert_eq!(checked.is_ok(), passes_check, "{state}: {checked:?}");
            for outcome in [started, checked] {
                assert!(outcome.is_ok() || outcome == refused, "{state}: {outcome:?}");
            }
            // There is no such rollout, and that is for the machine to say: both are in the log.
            for passes in [handle.propose(halt()).await, handle.propose(tick(1)).await] {
                assert!(passes.is_ok(), "{state}: {passes:?}");
            }
        };
        check(DiskState::Fine, true, true).await;
        check(DiskState::Low, true, true).await;
        check(DiskState::Scarce, false, true).await;
        check(DiskState::Critical, false, false).await;
        check(DiskState::Fine, true, true).await;
        stop(handle).await;
    })
    .await;
}
