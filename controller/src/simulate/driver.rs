//! What does the patch do to a host? The truth, which no controller sees.

use tidegate_agent::core::{BootTime, DriverEvent, Input, Insertion, Millis, RevertEnd, Trouble};
use tidegate_proto::v1::KernelEvidence;

use super::chance::{Chance, mean};
use super::host::{Module, Power};
use super::opening::MODULE;
use super::queue::Happening;
use super::scenario::{Fault, Lie, Reach, Shows};
use super::world::World;

/// How long a transition takes, in milliseconds; no more than half of the time that it is waited for.
const TRANSITION: (u64, u64) = (300, 20_000);
/// For how long a host is down that reboots, in milliseconds.
pub(super) const DOWN: (u64, u64) = (30_000, 180_000);
/// When a liar lies, from the end of its transition, in milliseconds.
const LIE_AFTER: (u64, u64) = (1_000, 600_000);

/// What the chance of faults, and of liars, is drawn for.
const FAULTS: u64 = 0x4641_554C_5453;
const LIARS: u64 = 0x004C_4941_5253;

impl World<'_> {
    /// The agent of a host inserts. Answers with what the driver says at once.
    pub(super) fn insert(&mut self, n: usize, insertion: Insertion) -> Option<Input> {
        let clock = self.hosts[n].clock(self.now);
        let grant_id = insertion.grant_id;
        let fault = self.fault_of(n);
        if let Some(fault) = &fault {
            self.harms(n, fault);
        }
        let shows = fault.map(|fault| fault.shows).filter(|_| self.lie_of(n) != Some(Lie::Well));
        if shows == Some(Shows::ApplyFailed) {
            self.shows_harm();
            let message = "Invalid module format".to_owned();
            return Some(Input::Driver { grant_id, event: DriverEvent::InsertFailed { message } });
        }
        let stalls = shows == Some(Shows::Stalled);
        if stalls {
            self.shows_harm();
        }
        let most = TRANSITION.1.min(insertion.transition_timeout.0 / 2);
        let takes = Millis(self.luck.between(TRANSITION.0, most));
        let settles = (!stalls).then(|| clock + takes);
        let waits = if stalls { insertion.transition_timeout } else { takes };
        let name = insertion.artifact.module;
        self.hosts[n].module = Some(Module { name, since: clock, settles });
        self.queue.put(self.now + waits.0, Happening::TransitionOver(n, grant_id));
        Some(Input::Driver { grant_id, event: DriverEvent::Inserted })
    }

    /// The agent was restarted, and follows what is in the kernel: nothing is after a reboot, and an
    /// agent here goes with its host.
    pub(super) fn follow(&mut self, n: usize, grant: u64) -> Option<Input> {
        self.queue.put(self.now, Happening::TransitionOver(n, grant));
        None
    }

    /// A host's transition has ended, or was waited for long enough.
    pub(super) fn transition_over(&mut self, n: usize, grant_id: u64) {
        let host = &self.hosts[n];
        let marker = host.files.as_ref().and_then(|files| files.marker.as_ref());
        if marker.is_none_or(|marker| marker.grant_id != grant_id) || host.agent.is_none() {
            return;
        }
        let Some(Module { since, settles, .. }) = host.module.clone() else { return };
        let now = host.clock(self.now);
        let event = match settles {
            Some(settles) => {
                self.may_bite(n, settles);
                DriverEvent::TransitionDone { transition: settles.since(since) }
            }
            None => DriverEvent::TransitionStalled { waited: now.since(since) },
        };
        self.step(n, Input::Driver { grant_id, event });
    }

    /// The livepatch of a host is disabled.
    pub(super) fn revert(&mut self, n: usize, grant_id: u64) -> Input {
        self.hosts[n].module = None;
        Input::Driver { grant_id, event: DriverEvent::Reverted(RevertEnd::Done) }
    }

    /// The patch is in: what it does to the host, and what a liar says, is planned.
    fn may_bite(&mut self, n: usize, settled: BootTime) {
        let (at, boot) = (self.hosts[n].when(settled).max(self.now), self.hosts[n].boot);
        let lie = self.lie_of(n);
        if lie == Some(Lie::Crashed) {
            let after = self.luck.between(LIE_AFTER.0, LIE_AFTER.1);
            self.queue.put(at + after, Happening::Lies(n, boot));
        }
        if let Some(fault) = self.fault_of(n).filter(|_| lie != Some(Lie::Well)) {
            let after = self.luck.wait(mean(fault.after));
            self.foretell(n, at + after);
            self.queue.put(at + after, Happening::Bites(n, boot));
        }
    }

    /// What the patch does to a host shows.
    pub(super) fn bites(&mut self, n: usize, boot: u32) {
        let host = &self.hosts[n];
        if host.boot != boot || host.module.is_none() {
            return;
        }
        let Some(fault) = self.fault_of(n) else { return };
        self.shows_harm();
        let hosts = match fault.takes {
            Reach::Host => vec![n],
            Reach::Rack => self.rack_of(n),
        };
        for host in hosts {
            self.shows_on(host, fault.shows);
        }
    }

    fn shows_on(&mut self, n: usize, shows: Shows) {
        match shows {
            Shows::Crash => {
                let named = self.hosts[n].module.is_some();
                self.crashes(n, Some(evidence(named)));
            }
            Shows::Reboot => self.crashes(n, None),
            Shows::Silent => self.hosts[n].goes_down(Power::Gone, None),
            Shows::Degraded => {
                let (probe, message) = ("systemd".to_owned(), "2 units failed".to_owned());
                self.is_troubled(n, Trouble::Degraded { probe, message });
            }
            Shows::ApplyFailed | Shows::Stalled => (),
        }
    }

    /// A liar says that its kernel crashed.
    pub(super) fn lies(&mut self, n: usize, boot: u32) {
        if self.hosts[n].boot == boot {
            self.is_troubled(n, Trouble::Crashed(evidence(true)));
        }
    }

    fn is_troubled(&mut self, n: usize, trouble: Trouble) {
        let files = self.hosts[n].files.as_ref();
        let Some(grant_id) = files.and_then(|files| Some(files.marker.as_ref()?.grant_id)) else {
            return;
        };
        self.step(n, Input::Driver { grant_id, event: DriverEvent::Troubled(trouble) });
    }

    /// A host goes down, and comes back after a while.
    pub(super) fn crashes(&mut self, n: usize, evidence: Option<KernelEvidence>) {
        if self.hosts[n].power != Power::On {
            return;
        }
        self.hosts[n].goes_down(Power::Off, evidence);
        let down = self.luck.between(DOWN.0, DOWN.1);
        self.queue.put(self.now + down, Happening::PowerOn(n));
    }

    /// What is wrong with the patch on a host: the same each time it is looked at.
    fn fault_of(&self, n: usize) -> Option<Fault> {
        let faults = &self.scene.scenario.faults;
        let number = u64::try_from(n).unwrap_or(u64::MAX);
        let mut chance = Chance::new(self.seed ^ FAULTS, number);
        let strikes = |fault: &&Fault| {
            let drawn = chance.happens(u64::from(fault.share.ppm()));
            drawn && self.scene.fleet.is_hit(n, &fault.hits)
        };
        faults.iter().find(strikes).cloned()
    }

    /// What a host says instead of the truth, if it lies.
    fn lie_of(&self, n: usize) -> Option<Lie> {
        let liars = self.scene.scenario.liars?;
        let number = u64::try_from(n).unwrap_or(u64::MAX);
        let mut chance = Chance::new(self.seed ^ LIARS, number);
        chance.happens(u64::from(liars.share.ppm())).then_some(liars.say)
    }

    /// The hosts of the rack of a host.
    fn rack_of(&self, n: usize) -> Vec<usize> {
        let members = &self.scene.fleet.members;
        let rack = members[n].rack;
        (0..members.len()).filter(|&other| members[other].rack == rack).collect()
    }

    /// A host has the patch that harms it: it, and what it takes down with it, is counted.
    fn harms(&mut self, n: usize, fault: &Fault) {
        let hosts = match fault.takes {
            Reach::Host => vec![n],
            Reach::Rack => self.rack_of(n),
        };
        for host in hosts {
            let harmed = &mut self.hosts[host].harmed;
            self.outcome.harmed += u64::from(!*harmed);
            *harmed = true;
        }
    }

    fn shows_harm(&mut self) {
        let since = self.now - self.start;
        self.outcome.first_harm.get_or_insert(since);
    }
}

/// The kernel's words after a crash.
pub(super) fn evidence(names_module: bool) -> KernelEvidence {
    let signature = if names_module {
        format!("BUG: unable to handle page fault RIP: {MODULE}")
    } else {
        "Kernel panic - not syncing: Fatal machine check".to_owned()
    };
    KernelEvidence { signature, names_module }
}
