//! How does this very program run as three controllers, and what is written to them? With its defaults
//! and quiet logs.

use std::path::Path;
use std::process::Command;

use tidegate_proto::v1 as pb;
use tidegate_proto::v1::cluster_service_client::ClusterServiceClient;
use tonic::Status;
use tonic::transport::Channel;

use super::BenchError;
use super::cluster::{Look, Place, System};

/// This program.
#[derive(Debug)]
pub(super) struct Tidegate;

impl System for Tidegate {
    const NAME: &str = "tidegate";

    fn command(dir: &Path, place: &Place, all: &[Place]) -> Result<Command, BenchError> {
        let config = dir.join(format!("controller-{}.toml", place.number));
        std::fs::write(&config, document(place, all))
            .map_err(|error| BenchError::setup("write a controller's configuration", &error))?;
        let mut command = Command::new(own_program()?);
        command.arg("serve").arg("--config").arg(config).env_remove("TIDEGATE_LOG");
        Ok(command)
    }

    async fn look(channel: Channel) -> Result<Look, Status> {
        let request = pb::GetClusterStatusRequest {};
        let status = ClusterServiceClient::new(channel).get_cluster_status(request).await?;
        let status = status.into_inner();
        Ok(Look {
            leads: status.leader_id == status.node_id,
            knows_leader: status.leader_id != 0,
            applied: status.applied_index,
        })
    }
}

/// The file of this program.
pub(super) fn own_program() -> Result<std::path::PathBuf, BenchError> {
    std::env::current_exe().map_err(|error| BenchError::setup("find this program's file", &error))
}

fn document(place: &Place, all: &[Place]) -> String {
    let number = place.number;
    let head = format!(
        "cluster = \"bench\"\nnode-id = {number}\ndata-dir = \"data-{number}\"\n\
         mode = \"development\"\n\n[listen]\naddress = \"{}\"\n\n[telemetry]\nlog = \"warn\"\n",
        place.address()
    );
    let member = |member: &Place| {
        format!("\n[[member]]\nnode-id = {}\naddress = \"{}\"\n", member.number, member.address())
    };
    all.iter().map(member).fold(head, |text, member| text + &member)
}
