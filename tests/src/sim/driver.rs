//! What does a host's driver do with its kernel? As the real one does: the lease is looked at last.

use tidegate_agent::core::{
    Decline, DriverEvent, Input, Insertion, Millis, ModuleName, Output, RevertEnd,
};
use tidegate_proto::v1::KernelEvidence;

use super::checks::host::Insert;
use super::happening::{Happening, HostHappening, Permission};
use super::kernel::{Bite, Inserted};
use super::world::World;

impl World {
    /// Carries out what an agent asks of its driver.
    pub(super) fn drive(&mut self, at: usize, output: Output) {
        let slow = self.faults.hosts.slow_driver;
        let Some(host) = self.hosts.get_mut(at) else { return };
        let run = host.run;
        let quick = host.luck.between(1, 30);
        let (delay, what) = match output {
            Output::Insert(insertion) => {
                let Some(permission) = host.permission else { return };
                let late = if host.luck.happens(slow) { host.luck.below(5_000) } else { 0 };
                (quick + late, HostHappening::Insert { run, insertion, permission })
            }
            Output::Follow { grant_id, module, since, transition_timeout } => {
                let what = HostHappening::TransitionDue { run, grant: grant_id, module, since };
                self.follow(at, transition_timeout, what);
                return;
            }
            Output::Revert { grant_id, module } => {
                (quick * 10, HostHappening::Reverted { run, grant: grant_id, module })
            }
            Output::Observe => {
                let clock = host.clock(self.queue.now());
                (quick, HostHappening::Observed { run, at: clock })
            }
            Output::Sync { .. }
            | Output::Begin { .. }
            | Output::Report { .. }
            | Output::Fetch { .. }
            | Output::NextController
            | Output::Spool(_)
            | Output::SpoolDrop { .. }
            | Output::SpoolTrim { .. }
            | Output::WriteMarker(_)
            | Output::ClearMarker
            | Output::Remember { .. }
            | Output::KeepHeard(_)
            | Output::WakeAt(_)
            | Output::Log(_) => return,
        };
        self.queue.after(delay, Happening::Host { host: at, what });
    }

    /// Something happens between a host's driver and its kernel.
    pub(super) fn driver_happens(&mut self, at: usize, what: HostHappening) {
        match what {
            HostHappening::Insert { run, insertion, permission } => {
                self.insert(at, run, &insertion, permission);
            }
            HostHappening::TransitionDue { run, grant, module, since } => {
                self.transition_due(at, run, (grant, &module), since);
            }
            HostHappening::Reverted { run, grant, module } => {
                let Some(host) = self.hosts.get_mut(at).filter(|host| host.run == run) else {
                    return;
                };
                let end = if self.scenario.never_reverts(at) {
                    RevertEnd::Refused
                } else {
                    host.kernel.disable(&module);
                    self.stats.reverts += 1;
                    RevertEnd::Done
                };
                let event = DriverEvent::Reverted(end);
                self.step_agent(at, run, Input::Driver { grant_id: grant, event });
            }
            HostHappening::Observed { run, at: seen } => {
                let Some(host) = self.hosts.get(at).filter(|host| host.run == run) else { return };
                let observation = host.kernel.observe(seen);
                self.step_agent(at, run, Input::Observed(observation));
            }
            HostHappening::PatchBites { boot, module } => self.patch_bites(at, boot, &module),
            HostHappening::PowerOn
            | HostHappening::Enrol
            | HostHappening::AgentStarts { .. }
            | HostHappening::Wake { .. }
            | HostHappening::Fetched { .. }
            | HostHappening::PowerOff { .. } => (),
        }
    }

    fn insert(&mut self, at: usize, run: u64, insertion: &Insertion, permission: Permission) {
        let now = self.now();
        let Some(host) = self.hosts.get_mut(at).filter(|host| host.run == run) else { return };
        let (clock, grant) = (host.clock(now), insertion.grant_id);
        let say = |event| Input::Driver { grant_id: grant, event };
        if !insertion.lease.holds(clock) {
            self.step_agent(at, run, say(DriverEvent::Declined(Decline::LeaseExpired)));
            return;
        }
        let bite = self.scenario.bite(&insertion.patch_set, at);
        let module = &insertion.artifact.module;
        let takes = host.luck.between(100, 1_500);
        let settles = clock + Millis(takes);
        let act = Insert {
            host: host.id,
            boot: host.boot,
            said_goodbye: host.said_goodbye,
            insertion,
            permission,
            bite,
            settles: now + takes,
        };
        if let Err(violation) = self.checks.inserts(now, &act) {
            return self.violated(violation);
        }
        let inserted = host.kernel.insert(module, bite, settles);
        self.stats.inserts += 1;
        self.trace
            .line(now, format_args!("host {at} inserts {module} for grant {grant}: {bite:?}"));
        if inserted == Inserted::Refused {
            let message = "Invalid module format".to_owned();
            self.step_agent(at, run, say(DriverEvent::InsertFailed { message }));
            return;
        }
        let after = host.luck.between(300, 9_000);
        let what = HostHappening::PatchBites { boot: host.boot, module: module.clone() };
        self.queue.after(after, Happening::Host { host: at, what });
        if !self.step_agent(at, run, say(DriverEvent::Inserted)) {
            return;
        }
        let (module, since) = (module.clone(), clock);
        let what = HostHappening::TransitionDue { run, grant, module, since };
        self.follow(at, insertion.transition_timeout, what);
    }

    /// Looks again when the transition ends, or when patience does.
    fn follow(&mut self, at: usize, timeout: Millis, what: HostHappening) {
        let now = self.now();
        let HostHappening::TransitionDue { module, since, .. } = &what else { return };
        let Some(host) = self.hosts.get(at) else { return };
        let patience = *since + timeout;
        let due = host.kernel.settles(module).map_or(patience, |settles| settles.min(patience));
        let wait = host.until(due, now) + 1;
        self.queue.after(wait, Happening::Host { host: at, what });
    }

    fn transition_due(
        &mut self,
        at: usize,
        run: u64,
        (grant, module): (u64, &ModuleName),
        since: tidegate_agent::core::BootTime,
    ) {
        let now = self.now();
        let Some(host) = self.hosts.get(at).filter(|host| host.run == run) else { return };
        let clock = host.clock(now);
        let enabled = host.kernel.is_enabled(module);
        let settled = host.kernel.settles(module).filter(|settles| *settles <= clock);
        let event = match (enabled, settled) {
            (Some(true), Some(settles)) => {
                DriverEvent::TransitionDone { transition: settles.since(since) }
            }
            (Some(true), None) => DriverEvent::TransitionStalled { waited: clock.since(since) },
            (Some(false) | None, _) => DriverEvent::NotEnabled,
        };
        self.step_agent(at, run, Input::Driver { grant_id: grant, event });
    }

    /// The patch does to the host what it does.
    fn patch_bites(&mut self, at: usize, boot: u64, module: &ModuleName) {
        let Some(host) = self.hosts.get_mut(at).filter(|host| host.boot == boot) else { return };
        if host.kernel.is_enabled(module).is_none() {
            return;
        }
        match self.scenario.bite_of_module(module.as_str(), at) {
            Bite::None | Bite::Refused | Bite::NotEnabled | Bite::Stalls => (),
            Bite::Panics => {
                let signature = format!("panic: fatal exception RIP: {module}");
                let evidence = KernelEvidence { signature, names_module: true };
                self.power_fails(at, Some(evidence), "its kernel panics");
            }
            Bite::Reboots => self.power_fails(at, None, "it reboots without a word"),
            Bite::Hangs => self.hangs(at),
            Bite::Oopses => host.kernel.oops(module),
            Bite::Vanishes => host.kernel.disable(module),
        }
    }
}
