//! May a node with an empty data directory begin at all? Not under an id that the cluster knows
//! already: its disk promised things that this one does not know of.

use std::io;
use std::path::Path;

use tidegate_proto::v1::GreetResponse;

use crate::config::Arrival;
use crate::machine::ids::NodeId;
use crate::peers::{PeersConfig, greet};

/// The folder of the journal, as `runtime` calls it.
const JOURNAL: &str = "journal";

/// A node may not begin with an empty data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwelcome {
    /// It had another one.
    #[error(
        "node {node} has an empty data directory, but the cluster knows it with another: a lost disk \
         comes back under a new id. Take it out with `tidegate cluster remove {node}`, give this \
         machine a new node id, add it with `tidegate cluster add`, and start it with --join; or \
         bring the old directory back"
    )]
    DirectoryLost {
        /// The node.
        node: NodeId,
    },
    /// It was removed.
    #[error(
        "node {node} was removed from the cluster, and its id is never used again: give this machine \
         a new node id, add it with `tidegate cluster add`, and start it with --join"
    )]
    Removed {
        /// The node.
        node: NodeId,
    },
    /// The cluster exists, and was founded without it.
    #[error(
        "the cluster exists already, and node {node} is no member of it: add it with `tidegate cluster \
         add {node} ADDRESS`, and start it with --join"
    )]
    NoMember {
        /// The node.
        node: NodeId,
    },
}

/// Whether there is no journal below `data_dir`: nothing that this node ever promised.
pub(super) fn is_empty(data_dir: &Path) -> io::Result<bool> {
    match std::fs::read_dir(data_dir.join(JOURNAL)) {
        Ok(mut files) => Ok(files.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Asks the peers whether a node with an empty data directory may begin. Where none can be asked it
/// may: they refuse it at their doors if it may not.
pub(super) async fn ask(config: &PeersConfig) -> Result<(), Unwelcome> {
    let answers = greet(config).await;
    tracing::info!(node = config.id.0, answers = answers.len(), "peers.greeted");
    answers.iter().try_for_each(|answer| judge(config.id, config.arrival, answer))
}

fn judge(node: NodeId, arrival: Arrival, answer: &GreetResponse) -> Result<(), Unwelcome> {
    if answer.cluster_id.is_empty() {
        return Ok(()); // No cluster yet, as far as that peer knows.
    }
    if answer.removed_node_ids.contains(&node.0) {
        return Err(Unwelcome::Removed { node });
    }
    let member = answer.members.iter().find(|member| member.node_id == node.0);
    match (member, arrival) {
        (Some(member), _) if !member.incarnation.is_empty() => {
            Err(Unwelcome::DirectoryLost { node })
        }
        // A founder that starts after the others, or a node that was added and starts now.
        (Some(_), _) | (None, Arrival::Joins) => Ok(()),
        (None, Arrival::Founds) => Err(Unwelcome::NoMember { node }),
    }
}

#[cfg(test)]
mod tests {
    use tidegate_proto::v1::GreetMember;

    use super::*;

    const NODE: NodeId = NodeId(3);

    fn answer(incarnation: Option<&[u8]>, removed: &[u64]) -> GreetResponse {
        let member = |incarnation: &[u8]| GreetMember {
            node_id: NODE.0,
            incarnation: incarnation.to_vec(),
            ..GreetMember::default()
        };
        GreetResponse {
            cluster_id: vec![7; 16],
            members: incarnation.map(member).into_iter().collect(),
            removed_node_ids: removed.to_vec(),
        }
    }

    #[test]
    fn an_empty_directory_is_welcome_only_under_an_id_that_never_had_another() {
        let check = |answer: &GreetResponse, founds, joins| {
            assert_eq!(judge(NODE, Arrival::Founds, answer), founds, "{answer:?}");
            assert_eq!(judge(NODE, Arrival::Joins, answer), joins, "{answer:?}");
        };
        let lost = Err(Unwelcome::DirectoryLost { node: NODE });
        let removed = Err(Unwelcome::Removed { node: NODE });
        check(&GreetResponse::default(), Ok(()), Ok(()));
        check(&answer(Some(&[]), &[]), Ok(()), Ok(()));
        check(&answer(Some(&[5; 16]), &[]), lost, lost);
        check(&answer(None, &[3]), removed, removed);
        check(&answer(None, &[4]), Err(Unwelcome::NoMember { node: NODE }), Ok(()));
    }

    #[test]
    fn a_directory_is_empty_until_something_is_in_its_journal() {
        let dir = tempfile::tempdir().unwrap();
        assert!(is_empty(dir.path()).unwrap());
        std::fs::create_dir(dir.path().join(JOURNAL)).unwrap();
        assert!(is_empty(dir.path()).unwrap());
        std::fs::write(dir.path().join(JOURNAL).join("LOCK"), b"").unwrap();
        assert!(!is_empty(dir.path()).unwrap());
    }
}
