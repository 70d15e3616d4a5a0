//! How does a refusal cross the wire, told apart from a failure of the wire?
//!
//! A forwarded command that failed without one of these marks may have been carried out.

use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

use super::door::Refused;
use crate::node::NodeId;
use crate::runtime::{DiskState, ProposeError, TurnedAway};

/// Names the refusal.
const REFUSAL: &str = "tidegate-refusal";
/// The leader's id, where a refusal knows it.
const LEADER: &str = "tidegate-leader";
/// The command's size, in bytes.
const BYTES: &str = "tidegate-bytes";
/// The numbers of a refusal, in the order of its fields.
const NUMBERS: &str = "tidegate-numbers";

const NOT_LEADER: &str = "not-leader";
const BUSY: &str = "busy";
const TOO_LARGE: &str = "too-large";
const DISK_SCARCE: &str = "disk-scarce";
const DISK_CRITICAL: &str = "disk-critical";
const CHANGE_PENDING: &str = "change-pending";
const WOULD_LOSE_QUORUM: &str = "would-lose-quorum";
const LEADER_MUST_MOVE: &str = "leader-must-move";
const NOT_CAUGHT_UP: &str = "not-caught-up";
const NEEDS_VERSION: &str = "needs-version";
const NOT_ADMITTED: &str = "not-admitted";
const REMOVED: &str = "removed";
const OTHER_INCARNATION: &str = "other-incarnation";
const STOPPED: &str = "stopped";
const UNKNOWN: &str = "unknown";

/// `error` as a status.
pub(super) fn to_status(error: &ProposeError) -> Status {
    let (code, word) = match error {
        ProposeError::NotLeader { .. } => (Code::FailedPrecondition, NOT_LEADER),
        ProposeError::Busy => (Code::ResourceExhausted, BUSY),
        ProposeError::TooLarge { .. } => (Code::InvalidArgument, TOO_LARGE),
        ProposeError::DiskLow { state } => match state {
            DiskState::Critical => (Code::ResourceExhausted, DISK_CRITICAL),
            DiskState::Fine | DiskState::Low | DiskState::Scarce => {
                (Code::ResourceExhausted, DISK_SCARCE)
            }
        },
        ProposeError::ChangePending => (Code::FailedPrecondition, CHANGE_PENDING),
        ProposeError::WouldLoseQuorum { .. } => (Code::FailedPrecondition, WOULD_LOSE_QUORUM),
        ProposeError::LeaderMustMove => (Code::FailedPrecondition, LEADER_MUST_MOVE),
        ProposeError::NotCaughtUp { .. } => (Code::FailedPrecondition, NOT_CAUGHT_UP),
        ProposeError::NeedsVersion { .. } => (Code::FailedPrecondition, NEEDS_VERSION),
        ProposeError::Stopped => (Code::Unavailable, STOPPED),
        ProposeError::Unknown => (Code::Unknown, UNKNOWN),
    };
    let mut status = marked(Status::new(code, error.to_string()), word);
    let mut put = |key, number: u64| {
        status.metadata_mut().insert(key, MetadataValue::from(number));
    };
    match *error {
        ProposeError::NotLeader { leader: Some(leader) } => put(LEADER, leader.0),
        ProposeError::TooLarge { bytes } => put(BYTES, bytes as u64),
        ProposeError::WouldLoseQuorum { active, needed } => {
            put_two(&mut status, active as u64, needed as u64);
        }
        ProposeError::NotCaughtUp { behind } => put(NUMBERS, behind),
        ProposeError::NeedsVersion { needs, cluster } => {
            put_two(&mut status, needs.into(), cluster.into());
        }
        ProposeError::NotLeader { leader: None }
        | ProposeError::Busy
        | ProposeError::DiskLow { .. }
        | ProposeError::ChangePending
        | ProposeError::LeaderMustMove
        | ProposeError::Stopped
        | ProposeError::Unknown => (),
    }
    status
}

fn put_two(status: &mut Status, first: u64, second: u64) {
    // Digits and a space are always metadata.
    if let Ok(numbers) = format!("{first} {second}").parse() {
        status.metadata_mut().insert(NUMBERS, numbers);
    }
}

/// A status for a call that the door did not admit.
pub(super) fn not_admitted(refused: &Refused) -> Status {
    let word = match refused {
        Refused::Removed { .. } => REMOVED,
        Refused::OtherIncarnation { .. } => OTHER_INCARNATION,
        Refused::NoHeader
        | Refused::OtherCluster { .. }
        | Refused::OtherReceiver { .. }
        | Refused::Stranger { .. } => NOT_ADMITTED,
    };
    marked(Status::permission_denied(refused.to_string()), word)
}

/// A status for a command that no peer may ask for.
pub(super) fn not_for_peers(message: impl Into<String>) -> Status {
    marked(Status::invalid_argument(message), NOT_ADMITTED)
}

fn marked(mut status: Status, word: &'static str) -> Status {
    status.metadata_mut().insert(REFUSAL, MetadataValue::from_static(word));
    status
}

fn text<'s>(status: &'s Status, key: &str) -> Option<&'s str> {
    status.metadata().get(key).and_then(|value| value.to_str().ok())
}

/// Why the peer that answered `status` will never let this node in again, if that is so.
pub(super) fn turned_away(status: &Status) -> Option<TurnedAway> {
    match text(status, REFUSAL) {
        Some(REMOVED) => Some(TurnedAway::Removed),
        Some(OTHER_INCARNATION) => Some(TurnedAway::OtherIncarnation),
        Some(_) | None => None,
    }
}

/// The refusal in `status`; `Unknown` for every status that is not a leader's own.
pub(super) fn from_status(status: &Status) -> ProposeError {
    let numbers = text(status, NUMBERS).unwrap_or_default().split(' ');
    let numbers: Vec<u64> = numbers.filter_map(|number| number.parse().ok()).collect();
    let number = |key| text(status, key).and_then(|text| text.parse::<u64>().ok());
    let count = |at: usize| usize::try_from(nth(&numbers, at)).unwrap_or(usize::MAX);
    let version = |at: usize| u16::try_from(nth(&numbers, at)).unwrap_or(u16::MAX);
    match text(status, REFUSAL) {
        Some(NOT_LEADER) => ProposeError::NotLeader { leader: number(LEADER).map(NodeId) },
        // Whoever that node is, it is not this cluster's leader.
        Some(NOT_ADMITTED | REMOVED | OTHER_INCARNATION) => {
            ProposeError::NotLeader { leader: None }
        }
        Some(BUSY) => ProposeError::Busy,
        Some(TOO_LARGE) => {
            let bytes = number(BYTES).and_then(|bytes| usize::try_from(bytes).ok());
            ProposeError::TooLarge { bytes: bytes.unwrap_or(usize::MAX) }
        }
        Some(DISK_SCARCE) => ProposeError::DiskLow { state: DiskState::Scarce },
        Some(DISK_CRITICAL) => ProposeError::DiskLow { state: DiskState::Critical },
        Some(CHANGE_PENDING) => ProposeError::ChangePending,
        Some(WOULD_LOSE_QUORUM) => {
            ProposeError::WouldLoseQuorum { active: count(0), needed: count(1) }
        }
        Some(LEADER_MUST_MOVE) => ProposeError::LeaderMustMove,
        Some(NOT_CAUGHT_UP) => ProposeError::NotCaughtUp { behind: nth(&numbers, 0) },
        Some(NEEDS_VERSION) => {
            ProposeError::NeedsVersion { needs: version(0), cluster: version(1) }
        }
        Some(STOPPED) => ProposeError::Stopped,
        Some(_) | None => ProposeError::Unknown,
    }
}

/// A number that a peer of another version left out is none that matters.
fn nth(numbers: &[u64], at: usize) -> u64 {
    numbers.get(at).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_survives_the_wire_and_a_broken_wire_is_no_refusal() {
        for error in [
            ProposeError::NotLeader { leader: Some(NodeId(3)) },
            ProposeError::NotLeader { leader: None },
            ProposeError::Busy,
            ProposeError::TooLarge { bytes: 70_000 },
            ProposeError::DiskLow { state: DiskState::Scarce },
            ProposeError::DiskLow { state: DiskState::Critical },
            ProposeError::ChangePending,
            ProposeError::WouldLoseQuorum { active: 1, needed: 2 },
            ProposeError::LeaderMustMove,
            ProposeError::NotCaughtUp { behind: 12_000 },
            ProposeError::NeedsVersion { needs: 3, cluster: 2 },
            ProposeError::Stopped,
            ProposeError::Unknown,
        ] {
            assert_eq!(from_status(&to_status(&error)), error);
            assert_eq!(turned_away(&to_status(&error)), None);
        }
        assert_eq!(from_status(&Status::unavailable("connection reset")), ProposeError::Unknown);
    }

    #[test]
    fn who_was_removed_or_lost_its_disk_learns_that_it_need_not_knock_again() {
        let from = NodeId(2);
        let check = |refused: Refused, expected| {
            let status = not_admitted(&refused);
            assert_eq!(from_status(&status), ProposeError::NotLeader { leader: None });
            assert_eq!(turned_away(&status), expected, "{refused:?}");
        };
        check(Refused::Removed { from }, Some(TurnedAway::Removed));
        check(Refused::OtherIncarnation { from }, Some(TurnedAway::OtherIncarnation));
        check(Refused::Stranger { from }, None);
        check(Refused::NoHeader, None);
        check(Refused::OtherReceiver { to: 3 }, None);
        check(Refused::OtherCluster { what: String::new() }, None);
    }
}
