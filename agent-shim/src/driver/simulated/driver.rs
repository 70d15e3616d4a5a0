//! How does a simulated kernel run in real time? One task per insert plays what the patch does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};
use tidegate_proto::v1::{HostFacts, KernelEvidence, LivepatchState};
use tokio::sync::mpsc::UnboundedSender;

use super::artifact::{Reverts, SimulatedLivepatch};
use super::kernel::{Happening, Reboot, SimulatedKernel};
use super::truth::{InsertTruth, LeaseTruth, Truth};
use crate::clock;
use crate::core::{BootTime, Decline, Digest, DriverEvent, Insertion, ModuleName, Observation};
use crate::driver::{Driver, DriverFailed, Dumps, Following, LastWords, Words};
use crate::storage::StoredArtifact;

/// The kernel went down; told to whoever runs the host, who must drop its agent at once.
#[derive(Clone, Copy, Debug)]
pub struct Crash {
    /// Whether the host comes back.
    pub reboot: Reboot,
}

/// One simulated host. It outlives its agents, and its boots.
#[derive(Debug)]
pub struct SimulatedDriver {
    kernel: SimulatedKernel,
    facts: HostFacts,
    machine_id: String,
    crashes: UnboundedSender<Crash>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    truth: Truth,
    livepatches: BTreeMap<String, LivepatchState>,
    /// What comes of taking out each module that was inserted.
    reverts: BTreeMap<String, Reverts>,
    evidence: Option<KernelEvidence>,
    down: bool,
}

impl SimulatedDriver {
    /// A host that has just booted for the first time. Its crashes are told to `crashes`.
    #[must_use]
    pub fn new(
        seed: u64,
        machine_id: String,
        facts: HostFacts,
        crashes: UnboundedSender<Crash>,
    ) -> Self {
        let truth = Truth {
            machine_id: machine_id.clone(),
            kernel_release: facts.kernel_release.clone(),
            boots: 1,
            ..Truth::default()
        };
        let kernel = SimulatedKernel::new(seed, machine_id.clone(), facts.clone());
        let state = Mutex::new(State { truth, ..State::default() });
        Self { kernel, facts, machine_id, crashes, state }
    }

    /// The host boots again: nothing is loaded any more.
    pub fn boot_again(&self) {
        self.with(|state| {
            state.truth.boots += 1;
            state.down = false;
            state.livepatches.clear();
        });
    }

    /// The host was enrolled.
    pub fn enrolled(&self, host: &str, tier: &str) {
        self.with(|state| {
            host.clone_into(&mut state.truth.host);
            tier.clone_into(&mut state.truth.tier);
        });
    }

    /// What really happened so far.
    #[must_use]
    pub fn truth(&self) -> Truth {
        self.with(|state| {
            let enabled = state.livepatches.values().filter(|livepatch| livepatch.enabled);
            let enabled = enabled.map(|livepatch| livepatch.module.clone()).collect();
            Truth { enabled, ..state.truth.clone() }
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn boot(&self) -> u64 {
        self.with(|state| state.truth.boots)
    }

    /// Checks the artifact and the lease, and writes down what was checked.
    fn admit(&self, insertion: &Insertion, bytes: &[u8], at: BootTime) -> Result<(), Decline> {
        if Digest(Sha256::digest(bytes).into()) != insertion.artifact.digest {
            return Err(Decline::ArtifactChanged);
        }
        let passed = insertion.lease.holds(at);
        self.with(|state| {
            state.truth.lease_checks.push(LeaseTruth {
                grant_id: insertion.grant_id,
                at,
                not_after: insertion.lease.not_after(),
                passed,
            });
            if passed {
                state.truth.inserts.push(InsertTruth {
                    grant_id: insertion.grant_id,
                    patch_set: insertion.patch_set.clone(),
                    boot: state.truth.boots,
                    at,
                });
            }
        });
        if passed { Ok(()) } else { Err(Decline::LeaseExpired) }
    }

    /// Plays what the patch does, as long as the boot lasts.
    async fn play(
        &self,
        (insertion, boot): (Insertion, u64),
        happenings: Vec<(BootTime, Happening)>,
        words: Words,
    ) {
        let mut was_in = false;
        for (at, happening) in happenings {
            tokio::time::sleep(at.since(clock::boot_time()).as_duration()).await;
            let module = insertion.artifact.module.as_str();
            if self.with(|state| state.down || state.truth.boots != boot) {
                return;
            }
            // A livepatch that was taken out does nothing more.
            if was_in && self.with(|state| !state.livepatches.contains_key(module)) {
                return;
            }
            was_in |= matches!(happening, Happening::Heard(DriverEvent::Inserted));
            match happening {
                Happening::Heard(event) => {
                    self.show(module, &event);
                    say(&words, insertion.grant_id, event);
                }
                Happening::Crashed { reboot, evidence } => self.crash(reboot, evidence),
            }
        }
    }

    /// Lets `/sys/kernel/livepatch` show what has happened.
    fn show(&self, module: &str, event: &DriverEvent) {
        let transition = match event {
            DriverEvent::Inserted => true,
            DriverEvent::TransitionDone { .. } => false,
            DriverEvent::Declined(_)
            | DriverEvent::InsertFailed { .. }
            | DriverEvent::NotEnabled
            | DriverEvent::TransitionStalled { .. }
            | DriverEvent::Reverted(_)
            | DriverEvent::Troubled(_) => return,
        };
        let module = module.to_owned();
        let livepatch = LivepatchState { module: module.clone(), enabled: true, transition };
        self.with(|state| drop(state.livepatches.insert(module, livepatch)));
    }

    fn crash(&self, reboot: Reboot, evidence: KernelEvidence) {
        self.with(|state| {
            state.down = true;
            state.truth.crashes.push(clock::boot_time());
            state.truth.dead = reboot == Reboot::Never;
            state.livepatches.clear();
            state.evidence = Some(evidence);
        });
        if self.crashes.send(Crash { reboot }).is_err() {
            tracing::debug!(machine = %self.machine_id, "crashed after the fleet was stopped");
        }
    }
}

impl Driver for SimulatedDriver {
    fn boot_id(&self) -> Result<String, DriverFailed> {
        Ok(format!("{}-boot-{}", self.machine_id, self.boot()))
    }

    fn facts(&self) -> Result<HostFacts, DriverFailed> {
        Ok(self.facts.clone())
    }

    fn last_words(&self, _module: Option<&ModuleName>, _known: &Dumps) -> LastWords {
        let evidence = self.with(|state| state.evidence.take());
        LastWords { evidence, dumps: Dumps::new() }
    }

    fn observe(&self) -> Result<Observation, DriverFailed> {
        let livepatches = self.with(|state| state.livepatches.values().cloned().collect());
        Ok(Observation { at: clock::boot_time(), livepatches, taint: 0, trouble: None })
    }

    fn insert(self: Arc<Self>, insertion: Insertion, artifact: StoredArtifact, words: Words) {
        let bytes = match artifact {
            StoredArtifact::Bytes(bytes) => bytes,
            StoredArtifact::File(path) => std::fs::read(path).unwrap_or_default(),
        };
        let at = clock::boot_time();
        match self.admit(&insertion, &bytes, at) {
            Err(decline) => say(&words, insertion.grant_id, DriverEvent::Declined(decline)),
            Ok(()) => {
                let happenings = self.kernel.insert(&insertion, &bytes, at);
                let patch = SimulatedLivepatch::parse(&bytes);
                let reverts = patch.map(|patch| patch.reverts).unwrap_or_default();
                let module = insertion.artifact.module.as_str().to_owned();
                self.with(|state| state.reverts.insert(module, reverts));
                let boot = self.boot();
                tokio::spawn(async move {
                    self.play((insertion, boot), happenings, words).await;
                });
            }
        }
    }

    /// Waits until the kernel shows the transition's end. A transition that an earlier agent
    /// started goes on by itself.
    fn follow(self: Arc<Self>, following: Following, words: Words) {
        let module = following.module.as_str().to_owned();
        tokio::spawn(async move {
            loop {
                let waited = clock::boot_time().since(following.since);
                let found = self.with(|state| state.livepatches.get(&module).cloned());
                let event = match found {
                    None => DriverEvent::NotEnabled,
                    Some(LivepatchState { transition: false, .. }) => {
                        DriverEvent::TransitionDone { transition: waited }
                    }
                    Some(_) if waited >= following.transition_timeout => {
                        DriverEvent::TransitionStalled { waited }
                    }
                    Some(_) => {
                        tokio::time::sleep(FOLLOW_POLL).await;
                        continue;
                    }
                };
                say(&words, following.grant_id, event);
                return;
            }
        });
    }

    fn revert(self: Arc<Self>, grant_id: u64, module: ModuleName, words: Words) {
        let end = self.with(|state| {
            let reverts = state.reverts.get(module.as_str()).copied().unwrap_or_default();
            match reverts {
                Reverts::Goes => drop(state.livepatches.remove(module.as_str())),
                Reverts::Refused => (),
                Reverts::Stalls => {
                    if let Some(livepatch) = state.livepatches.get_mut(module.as_str()) {
                        (livepatch.enabled, livepatch.transition) = (false, true);
                    }
                }
            }
            reverts.end()
        });
        say(&words, grant_id, DriverEvent::Reverted(end));
    }
}

/// How often a transition that an earlier agent started is looked at.
const FOLLOW_POLL: std::time::Duration = std::time::Duration::from_millis(50);

fn say(words: &Words, grant_id: u64, event: DriverEvent) {
    if words.send((grant_id, event)).is_err() {
        tracing::debug!(grant_id, "the agent has stopped; a driver's word is lost");
    }
}
