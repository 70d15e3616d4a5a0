//! How does one simulated host live? It enrols, runs its agent, crashes, boots again, or stays
//! down.

use std::sync::Arc;

use tidegate_proto::v1::{AgentMode, EnrollRequest};
use tokio::sync::mpsc;
use tracing::Instrument as _;

use super::FleetConfig;
use crate::core::{Chance, Millis, Mode};
use crate::driver::Driver as _;
use crate::driver::simulated::{Crash, Reboot, SimulatedDriver};
use crate::shell::{Host, run};
use crate::storage::MemoryStorage;
use crate::transport::{Endpoints, Transport};

/// Longest wait between two attempts to enrol.
const ENROL_RETRY: Millis = Millis(5_000);
/// How long the supervisor of a host waits before it starts a failed agent again.
const RESTART_AFTER: Millis = Millis(1_000);

/// One host of the fleet.
pub(super) struct Life {
    pub(super) driver: Arc<SimulatedDriver>,
    pub(super) machine_id: String,
    pub(super) secret: String,
    pub(super) endpoints: Endpoints,
    pub(super) lane: usize,
    pub(super) chance: Chance,
    pub(super) config: Arc<FleetConfig>,
}

impl Life {
    pub(super) async fn live(mut self, mut crashes: mpsc::UnboundedReceiver<Crash>) {
        let Some(transport) = self.enrol().await else { return };
        let storage = MemoryStorage::new(self.chance.draw());
        loop {
            // The agent obeys nobody but its kernel here: the sender lives as long as the agent.
            let (_commands, receiver) = mpsc::channel(1);
            let host = Host {
                driver: Arc::clone(&self.driver),
                storage: storage.clone(),
                transport: transport.clone(),
                config: self.config.agent.clone(),
                mode: self.config.mode,
                seed: self.chance.draw(),
            };
            let span = tracing::info_span!("host", machine = %self.machine_id);
            tokio::select! {
                biased;
                crash = crashes.recv() => match crash.map(|crash| crash.reboot) {
                    Some(Reboot::After(down)) => {
                        tokio::time::sleep(down.as_duration()).await;
                        self.driver.boot_again();
                    }
                    Some(Reboot::Never) | None => return,
                },
                ended = run(host, receiver).instrument(span) => {
                    if let Err(error) = ended {
                        tracing::error!(machine = %self.machine_id, %error, "the agent stopped");
                    }
                    tokio::time::sleep(RESTART_AFTER.as_duration()).await;
                }
            }
        }
    }

    /// Enrols, and tries until it is; `None` where the answer makes no sense.
    async fn enrol(&mut self) -> Option<Transport> {
        let mut transport = Transport::new(self.endpoints.clone(), self.lane);
        tokio::time::sleep(self.chance.jitter(self.config.enrol_within).as_duration()).await;
        let request = EnrollRequest {
            request_id: self.chance.uuid(),
            token_secret: self.secret.clone(),
            machine_id: self.machine_id.clone(),
            facts: self.driver.facts().ok(),
            boot_id: self.driver.boot_id().ok()?,
            mode: match self.config.mode {
                Mode::Normal => AgentMode::Normal,
                Mode::NoApply => AgentMode::NoApply,
            }
            .into(),
        };
        loop {
            match transport.enroll(request.clone()).await {
                Ok(enrolled) => {
                    self.driver.enrolled(&enrolled.host, &enrolled.tier);
                    return transport.with_identity(&enrolled.development_identity).ok();
                }
                Err(failed) => {
                    let wait =
                        failed.retry_after.unwrap_or_else(|| self.chance.jitter(ENROL_RETRY));
                    tracing::warn!(
                        machine = %self.machine_id, why = failed.message, again_in_ms = wait.0,
                        "could not enrol"
                    );
                    transport.next_controller();
                    tokio::time::sleep(wait.as_duration()).await;
                }
            }
        }
    }
}
