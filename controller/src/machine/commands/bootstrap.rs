//! `Bootstrap`: the first entry names the cluster, its members and its ladder.

use super::Decided;
use crate::machine::command::Bootstrap;
use crate::machine::event::Event;
use crate::machine::{Machine, Rejection, Reply};

impl Machine {
    pub(super) fn bootstrap(&self, bootstrap: &Bootstrap) -> Decided {
        if let Some(cluster) = self.cluster() {
            return Err(Rejection::AlreadyBootstrapped { cluster: cluster.name.clone() });
        }
        Ok((Reply::Done, vec![Event::ClusterBootstrapped(bootstrap.clone())]))
    }
}
