//! What happens to a simulated host, and when? Pure: the seed, the host and the patch decide, so
//! that a run can be repeated and the simulator can use its own time.

use sha2::{Digest as _, Sha256};
use tidegate_proto::v1::{HostFacts, KernelEvidence};

use super::artifact::{Fault, FaultKind, SimulatedLivepatch};
use crate::core::{BootTime, DriverEvent, Insertion, Millis, Trouble};

/// One simulated host's kernel.
#[derive(Clone, Debug)]
pub struct SimulatedKernel {
    seed: u64,
    machine_id: String,
    facts: HostFacts,
}

/// Something that happens to a simulated host.
#[derive(Clone, Debug)]
pub enum Happening {
    /// The agent hears this from its driver.
    Heard(DriverEvent),
    /// The kernel goes down, and the agent with it.
    Crashed {
        /// Whether the host comes back.
        reboot: Reboot,
        /// What the next boot finds.
        evidence: KernelEvidence,
    },
}

/// Whether a host that crashed comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reboot {
    /// It stays down, silent.
    Never,
    /// It comes back with a new boot id after this long.
    After(Millis),
}

/// What a draw is for; each has its own stream.
#[derive(Clone, Copy)]
enum Draw {
    Transition,
    Hit,
    Moment,
    Reboots,
    Down,
}

impl SimulatedKernel {
    /// The kernel of the host `machine_id`, whose fate `seed` decides.
    #[must_use]
    pub fn new(seed: u64, machine_id: String, facts: HostFacts) -> Self {
        Self { seed, machine_id, facts }
    }

    /// All that follows from inserting `artifact` at `at`, in the order of time. The lease is
    /// not checked here: whoever calls has done so. Of the same seed, host and bytes it is always
    /// the same.
    #[must_use]
    pub fn insert(
        &self,
        insertion: &Insertion,
        artifact: &[u8],
        at: BootTime,
    ) -> Vec<(BootTime, Happening)> {
        let failed =
            |message: String| vec![(at, Happening::Heard(DriverEvent::InsertFailed { message }))];
        let patch = match SimulatedLivepatch::parse(artifact) {
            Ok(patch) if patch.module == insertion.artifact.module.as_str() => patch,
            Ok(patch) => return failed(format!("the module is `{}`", patch.module)),
            Err(error) => return failed(error.to_string()),
        };
        let draws = Draws { kernel: self, digest: Sha256::digest(artifact).into() };
        let hits: Vec<(u64, &Fault)> = (0_u64..)
            .zip(&patch.faults)
            .filter(|(number, fault)| {
                fault.matches(&self.facts) && draws.share(Draw::Hit, *number, fault.percent)
            })
            .collect();
        if hits.iter().any(|(_, fault)| fault.kind == FaultKind::ApplyFail) {
            return failed("simulated: Invalid argument".to_owned());
        }
        let mut happenings = vec![(at, Happening::Heard(DriverEvent::Inserted))];
        let stalls = hits.iter().any(|(_, fault)| fault.kind == FaultKind::Stall);
        happenings.push(if stalls {
            let waited = insertion.transition_timeout;
            (at + waited, Happening::Heard(DriverEvent::TransitionStalled { waited }))
        } else {
            let transition = draws.within(Draw::Transition, 0, patch.transition_ms);
            (at + transition, Happening::Heard(DriverEvent::TransitionDone { transition }))
        });
        for (number, fault) in hits {
            let moment = at + draws.within(Draw::Moment, number, fault.after_ms);
            happenings.extend(draws.harm(number, fault, &patch.module).map(|it| (moment, it)));
        }
        in_order(happenings)
    }
}

/// By time, and nothing after a crash.
fn in_order(mut happenings: Vec<(BootTime, Happening)>) -> Vec<(BootTime, Happening)> {
    happenings.sort_by_key(|(at, _)| *at);
    let crash = happenings.iter().position(|(_, it)| matches!(it, Happening::Crashed { .. }));
    if let Some(crash) = crash {
        happenings.truncate(crash + 1);
    }
    happenings
}

struct Draws<'a> {
    kernel: &'a SimulatedKernel,
    digest: [u8; 32],
}

impl Draws<'_> {
    fn draw(&self, what: Draw, fault: u64) -> u64 {
        let mut hash = Sha256::new();
        hash.update(self.kernel.seed.to_le_bytes());
        hash.update(self.kernel.machine_id.as_bytes());
        hash.update(self.digest);
        hash.update(fault.to_le_bytes());
        hash.update([what as u8]);
        hash.finalize().iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    }

    fn share(&self, what: Draw, fault: u64, percent: u8) -> bool {
        self.draw(what, fault) % 100 < u64::from(percent)
    }

    fn within(&self, what: Draw, fault: u64, [least, most]: [u64; 2]) -> Millis {
        let span = (most - least).saturating_add(1);
        Millis(least + self.draw(what, fault) % span)
    }

    fn harm(&self, number: u64, fault: &Fault, module: &str) -> Option<Happening> {
        match fault.kind {
            FaultKind::ApplyFail | FaultKind::Stall => None,
            FaultKind::Degrade => {
                let message = format!("a probe fails since {module}");
                let probe = "simulated".to_owned();
                let trouble = Trouble::Degraded { probe, message };
                Some(Happening::Heard(DriverEvent::Troubled(trouble)))
            }
            FaultKind::Crash => {
                let reboot = if self.share(Draw::Reboots, number, fault.reboots_percent) {
                    Reboot::After(self.within(Draw::Down, number, fault.down_ms))
                } else {
                    Reboot::Never
                };
                let signature = format!("simulated panic in {module}");
                let evidence = KernelEvidence { signature, names_module: true };
                Some(Happening::Crashed { reboot, evidence })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Happening, SimulatedKernel};
    use crate::core::config::Check;
    use crate::core::{BootTime, Digest, DriverEvent, Insertion, Lease, Millis, OfferedArtifact};
    use crate::driver::simulated::simulated_facts;

    const HALF: &str = r#"{"format":"tidegate-simulated-livepatch/1","module":"m",
        "transition_ms":[200,900],"faults":[{"kind":"crash","percent":50,"after_ms":[300,2000],
        "reboots_percent":70,"down_ms":[1000,3000]}]}"#;

    fn insertion() -> Insertion {
        Insertion {
            grant_id: 1,
            patch_set: "patchSets/1".to_owned(),
            artifact: OfferedArtifact {
                digest: Digest([0; 32]),
                size_bytes: 1,
                module: "m".to_owned().try_into().unwrap(),
                kernel_release: String::new(),
                flavour: String::new(),
                arch: String::new(),
            },
            lease: Lease::until(BootTime::from_millis(0), Check::Made),
            transition_timeout: Millis(5_000),
        }
    }

    fn fate(seed: u64, host: u64, artifact: &str) -> Vec<(BootTime, Happening)> {
        let kernel =
            SimulatedKernel::new(seed, format!("host-{host}"), simulated_facts(seed, host));
        kernel.insert(&insertion(), artifact.as_bytes(), BootTime::from_millis(1_000))
    }

    fn crashes(seed: u64, artifact: &str) -> Vec<u64> {
        let crashes = |host: &u64| {
            fate(seed, *host, artifact)
                .iter()
                .any(|(_, it)| matches!(it, Happening::Crashed { .. }))
        };
        (0..200).filter(crashes).collect()
    }

    #[test]
    fn the_same_seed_repeats_every_fate_and_another_seed_does_not() {
        let repeated =
            |host| format!("{:?}", fate(1, host, HALF)) == format!("{:?}", fate(1, host, HALF));
        assert!((0..200).all(repeated));
        assert_ne!(crashes(1, HALF), crashes(2, HALF));
    }

    #[test]
    fn about_the_named_share_of_hosts_is_hit() {
        let hit = crashes(1, HALF).len();
        assert!((70..130).contains(&hit), "{hit} of 200");
    }

    #[test]
    fn nothing_is_heard_after_a_crash() {
        for host in crashes(3, HALF) {
            let fate = fate(3, host, HALF);
            assert!(matches!(fate.last(), Some((_, Happening::Crashed { .. }))), "{fate:?}");
        }
    }

    #[test]
    fn a_fault_for_another_kernel_hits_nobody() {
        let other = HALF.replace("\"percent\":50", "\"percent\":100,\"kernel_release\":\"9.9\"");
        assert_eq!(crashes(1, &other), Vec::<u64>::new());
    }

    #[test]
    fn bytes_that_are_no_simulated_livepatch_fail_to_insert() {
        for artifact in ["", "{}", &HALF.replace("\"m\"", "\"n\""), &HALF.replace("50", "101")] {
            let fate = fate(1, 1, artifact);
            assert!(
                matches!(fate[..], [(_, Happening::Heard(DriverEvent::InsertFailed { .. }))]),
                "{artifact}: {fate:?}"
            );
        }
    }
}
