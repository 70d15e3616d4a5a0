//! Against whom is measured? Three etcd servers, where etcd is installed and wanted.

use std::path::Path;

use super::BenchError;
use super::cluster::Cluster;
use super::etcd::{self, Etcd};
use super::show::Show;

/// Whom to measure beside Tidegate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Against {
    /// Three etcd servers, if etcd is installed.
    Etcd,
    /// Nobody.
    Nobody,
}

/// The other system: its version where it is measured.
#[derive(Clone, Debug)]
pub(super) struct Rival {
    etcd: Option<String>,
}

impl Rival {
    /// Looks whether it is there, and says so if it is not.
    pub(super) fn find(against: Against, show: &Show) -> Self {
        let etcd = match against {
            Against::Etcd => etcd::installed(),
            Against::Nobody => None,
        };
        if etcd.is_none() && against == Against::Etcd {
            show.say(
                "etcd is not installed, so that nothing is measured beside Tidegate: \
                 apt-get install etcd-server",
            );
        }
        Self { etcd }
    }

    /// The version that is measured.
    pub(super) fn version(&self) -> Option<String> {
        self.etcd.clone()
    }

    /// Starts it with empty folders below `base`; nothing where it is not measured.
    pub(super) async fn start(
        &self,
        base: &Path,
        show: &Show,
    ) -> Result<Option<Cluster<Etcd>>, BenchError> {
        if self.etcd.is_none() {
            return Ok(None);
        }
        show.say("starting three etcd servers");
        Cluster::start(base).await.map(Some)
    }
}
