//! How does a host get as far as having something to report? As its agent does: it enrols, beats until
//! it has an offer, begins, and reports the apply.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tidegate_proto::DEVELOPMENT_HOST_HEADER;
use tidegate_proto::v1 as pb;
use tidegate_proto::v1::agent_service_client::AgentServiceClient;
use tidegate_proto::v1::{host_report, outcome};
use tokio::task::JoinSet;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use super::cluster::connect;
use super::ids::{RequestIds, random};
use super::operator::{ARCH, ARTIFACT, FLAVOUR, KERNEL, Operator};
use super::{BenchError, call};

/// The tier of every measured host: the first, which draws from the next one, in which there is nobody.
const TIER: &str = "canary";

/// A policy that lets every host begin at once, hears them rarely and soaks for a day: nothing but the
/// reports moves while they are measured.
pub(super) const POLICY: &str = r#"
name = "bench"
description = "Everybody at once, for measurements only."

[exposure]
budget = "100%"
in-flight = "100%"

[guard-rails]
crashed = 1000000
failed = 1000000
stalled = 1000000
silent = 1000000

[timing]
beat = "5s"
silent-after-beats = 100
offer = "1d"
lease = "600s"
transition = "1d"
health-checks = ["0s"]

[[ladder]]
tier = "canary"
draw = { share = "1%", at-least-per-stratum = 0 }
soak = "30d"
coverage = "100%"
verified = "100%"
min-verified = 0
promotion = "manual"

[[ladder]]
tier = "free"
waves = ["100%"]
soak = "30d"
coverage = "100%"
verified = "100%"
min-verified = 0
promotion = "manual"
"#;

/// Pause before a host asks again.
const AGAIN: Duration = Duration::from_millis(500);
/// How often it asks.
const TRIES: u32 = 240;
/// The one boot of every measured host.
const BOOT: &str = "5f3c1f0e-0a51-4c6e-9d0b-6c0d3a5b7e11";

/// A host with a begun grant.
pub(super) struct Host {
    agents: AgentServiceClient<Channel>,
    identity: MetadataValue<Ascii>,
    grant: u64,
    spool: u64,
    sequence: u64,
}

/// As many hosts as there are targets, each with a connection of its own, and each soaking.
pub(super) async fn all_applied(
    leader: &str,
    targets: Vec<String>,
) -> Result<Vec<Host>, BenchError> {
    let secret = format!("tgt_{}", hex(&random::<32>()?));
    let mut operator = Operator::connect(leader).await?;
    operator.create_token(TIER, targets.len() as u64, &secret).await?;
    operator.publish().await?;
    let mut enrolling = JoinSet::new();
    for (number, target) in targets.into_iter().enumerate() {
        enrolling.spawn(enrol(target, number, secret.clone()));
    }
    let enrolled = all(enrolling).await?;
    operator.start(pb::create_rollout_request::Policy::PolicyToml(POLICY.to_owned())).await?;
    let mut applying = JoinSet::new();
    for host in enrolled {
        applying.spawn(host.apply());
    }
    all(applying).await
}

async fn all(mut tasks: JoinSet<Result<Host, BenchError>>) -> Result<Vec<Host>, BenchError> {
    let mut hosts = Vec::new();
    while let Some(joined) = tasks.join_next().await {
        hosts.push(joined.map_err(|error| BenchError::setup("run the hosts", &error))??);
    }
    Ok(hosts)
}

async fn enrol(target: String, number: usize, secret: String) -> Result<Host, BenchError> {
    let mut agents = AgentServiceClient::new(connect(&target).await?);
    let facts = pb::HostFacts {
        hostname: format!("bench-{number}"),
        kernel_release: KERNEL.to_owned(),
        flavour: FLAVOUR.to_owned(),
        arch: ARCH.to_owned(),
        ..pb::HostFacts::default()
    };
    let request = pb::EnrollRequest {
        request_id: RequestIds::draw()?.next(),
        token_secret: secret,
        machine_id: format!("bench-{number}"),
        facts: Some(facts),
        boot_id: BOOT.to_owned(),
        mode: pb::AgentMode::Normal.into(),
    };
    let enrolled = agents.enroll(request).await.map_err(call("enrol a host"))?.into_inner();
    let identity = enrolled.development_identity.parse().map_err(
        |error: tonic::metadata::errors::InvalidMetadataValue| {
            BenchError::setup("read a host's identity", &error)
        },
    )?;
    Ok(Host { agents, identity, grant: 0, spool: u64::from_le_bytes(random()?), sequence: 0 })
}

impl Host {
    /// Waits for its offer, begins, and reports the apply.
    async fn apply(mut self) -> Result<Self, BenchError> {
        let offer = self.offered().await?;
        self.grant = offer.grant_id;
        self.begin(&offer).await?;
        let applied = outcome::Result::Applied(pb::Applied { transition_ms: 900 });
        let body = host_report::Body::Outcome(pb::Outcome {
            grant_id: self.grant,
            patch_set: offer.patch_set,
            result: Some(applied),
        });
        let report = self.next_report(body);
        self.report(vec![report]).await.map_err(call("report an apply"))?;
        Ok(self)
    }

    async fn offered(&mut self) -> Result<pb::Offer, BenchError> {
        for beat in 1..=TRIES {
            let sync = pb::SyncRequest {
                boot_id: BOOT.to_owned(),
                beat: beat.into(),
                mode: pb::AgentMode::Normal.into(),
                livepatches: Vec::new(),
            };
            let request = self.as_host(sync);
            match self.agents.sync(request).await {
                Ok(answer) => {
                    if let Some(offer) = answer.into_inner().offer {
                        return Ok(offer);
                    }
                }
                Err(status) if status.code() == Code::Unavailable => (),
                Err(status) => return Err(call("beat as a host")(status)),
            }
            tokio::time::sleep(AGAIN).await;
        }
        let detail = "no offer came".to_owned();
        Err(BenchError::Setup { what: "get a host an offer", detail })
    }

    async fn begin(&mut self, offer: &pb::Offer) -> Result<(), BenchError> {
        let mut last = String::new();
        for _ in 0..TRIES {
            let begin = pb::BeginRequest {
                request_id: RequestIds::draw()?.next(),
                grant_id: offer.grant_id,
                patch_set: offer.patch_set.clone(),
                epoch: offer.epoch,
                boot_id: BOOT.to_owned(),
                artifact_sha256: Sha256::digest(ARTIFACT).to_vec(),
            };
            let request = self.as_host(begin);
            let answer = self.agents.begin(request).await.map_err(call("begin as a host"))?;
            match answer.into_inner().decision {
                Some(pb::begin_response::Decision::Go(_)) => return Ok(()),
                Some(pb::begin_response::Decision::NoGo(no)) => last = no.message,
                None => (),
            }
            tokio::time::sleep(AGAIN).await;
        }
        Err(BenchError::Setup { what: "get a host its go", detail: last })
    }

    /// A report that says that the livepatch is in effect.
    pub(super) fn health_report(&mut self) -> pb::HostReport {
        let livepatch = pb::LivepatchState {
            module: "livepatch_113_1".to_owned(),
            enabled: true,
            transition: false,
        };
        self.next_report(host_report::Body::Health(pb::Health {
            grant_id: self.grant,
            offset_ms: 0,
            livepatch: Some(livepatch),
            taint: 0,
        }))
    }

    fn next_report(&mut self, body: host_report::Body) -> pb::HostReport {
        self.sequence += 1;
        pb::HostReport {
            sequence: self.sequence,
            boot_id: BOOT.to_owned(),
            boot_time_ms: self.sequence,
            body: Some(body),
        }
    }

    /// Delivers reports; they are durable when this returns.
    pub(super) async fn report(
        &mut self,
        reports: Vec<pb::HostReport>,
    ) -> Result<pb::ReportResponse, Status> {
        let request = self.as_host(pb::ReportRequest { spool_id: self.spool, reports });
        Ok(self.agents.report(request).await?.into_inner())
    }

    fn as_host<B>(&self, body: B) -> Request<B> {
        let mut request = Request::new(body);
        request.metadata_mut().insert(DEVELOPMENT_HOST_HEADER, self.identity.clone());
        request
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_of_measured_hosts_is_a_good_one() {
        let policy = tidegate_policies::document::parse("bench", POLICY).unwrap();
        assert_eq!(policy.name, "bench");
    }
}
