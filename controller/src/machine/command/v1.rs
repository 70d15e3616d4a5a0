//! What did the entries of version 1 say? The shapes that have changed since; read, never written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_policies::time::{Millis, WallTime};

use super::encoding::whole;
use super::{BeginGrant, EnrollHost, Operate, RecordReports, StoreBlob, TierSpec};
use crate::machine::ids::{HostId, NodeId};

/// The commands of version 1, in their order.
#[derive(Deserialize)]
enum Command {
    Bootstrap(Bootstrap),
    Tick(Tick),
    StoreBlob(StoreBlob),
    EnrollHost(Box<EnrollHost>),
    BeginGrant(BeginGrant),
    RecordReports(RecordReports),
    Operate(Operate),
}

#[derive(Serialize, Deserialize)]
struct Bootstrap {
    cluster: String,
    members: BTreeMap<NodeId, String>,
    ladder: Vec<TierSpec>,
}

#[derive(Deserialize)]
struct Tick {
    step: Millis,
    wall: WallTime,
    heard: Vec<HostId>,
    asking: Vec<HostId>,
}

/// The command that `body`, an entry of version 1 without its version, says today.
pub(super) fn decode(body: &[u8]) -> Option<super::Command> {
    Some(match whole(body)? {
        Command::Bootstrap(bootstrap) => super::Command::Bootstrap(bootstrap.now()),
        Command::Tick(Tick { step, wall, heard, asking }) => {
            let readings = BTreeMap::new();
            super::Command::Tick(super::Tick { step, wall, heard, asking, readings })
        }
        Command::StoreBlob(stored) => super::Command::StoreBlob(stored),
        Command::EnrollHost(enroll) => super::Command::EnrollHost(enroll),
        Command::BeginGrant(begin) => super::Command::BeginGrant(begin),
        Command::RecordReports(reports) => super::Command::RecordReports(reports),
        Command::Operate(operate) if operate.action.needs_version() > 1 => return None,
        Command::Operate(operate) => super::Command::Operate(operate),
    })
}

impl Bootstrap {
    /// A cluster of version 1 had no id: its name and members make one, the same on every replica.
    #[expect(clippy::expect_used, reason = "serialising plain data into memory cannot fail")]
    fn now(self) -> super::Bootstrap {
        let bytes = postcard::to_stdvec(&self).expect("plain data can be written");
        let hash = blake3::derive_key("tidegate cluster id of version 1", &bytes);
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        let Self { cluster, members, ladder } = self;
        super::Bootstrap { cluster, id, members, ladder }
    }
}
