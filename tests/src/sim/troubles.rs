//! What goes wrong, and whom does it meet? Crashes, cuts, reboots, hangs; each calls for the next.

use tidegate_agent::core::Input;
use tidegate_controller::machine::command::Action;
use tidegate_controller::machine::rollouts::State;
use tidegate_proto::v1::{GoodbyeKind, KernelEvidence};

use super::happening::{Drill, Happening, HostHappening};
use super::hosts::Power;
use super::network::End;
use super::operators::because;
use super::scenario::Patch;
use super::world::World;

/// Time between two drills, in milliseconds.
const DRILL_EVERY: u64 = 9_000;

impl World {
    /// Calls for the first of each trouble.
    pub(super) fn begin_troubles(&mut self) {
        self.call_again(self.faults.nodes.crash_every, Happening::NodeCrash);
        self.call_again(self.faults.links.partition_every, Happening::Partition);
        self.call_again(self.faults.hosts.trouble_every, Happening::HostTrouble);
        self.call_again(self.faults.people.whim_every, Happening::Whim);
    }

    /// Puts a trouble off by `every` milliseconds on average; a mean of 0 is never.
    pub(super) fn call_again(&mut self, every: u64, trouble: Happening) {
        if every > 0 && !self.is_calm() {
            let wait = self.luck.between(1, 2 * every);
            self.queue.after(wait, trouble);
        }
    }

    /// A controller crashes, or all of them.
    pub(super) fn node_crash(&mut self) {
        if self.is_calm() {
            return;
        }
        let nodes: Vec<u64> = self.controllers.keys().copied().collect();
        if self.luck.below(10) == 0 {
            for id in nodes {
                self.crash_node(id, "the whole site loses power");
            }
        } else if let Some(id) = self.luck.pick(&nodes) {
            self.crash_node(id, "it loses power");
        }
        self.call_again(self.faults.nodes.crash_every, Happening::NodeCrash);
    }

    /// Links break: around one controller, one way, between two, or towards the hosts.
    pub(super) fn partition(&mut self) {
        if self.is_calm() {
            return;
        }
        let now = self.now();
        let until = now + self.luck.between(200, self.faults.links.partition_most.max(201));
        let nodes: Vec<u64> = self.controllers.keys().copied().collect();
        let Some(one) = self.luck.pick(&nodes) else { return };
        let others: Vec<u64> = nodes.into_iter().filter(|&node| node != one).collect();
        let Some(other) = self.luck.pick(&others) else { return };
        let (this, that) = (End::Node(one), End::Node(other));
        let what = match self.luck.below(6) {
            0 | 1 => {
                for &other in &others {
                    self.network.cut(this, End::Node(other), until);
                    self.network.cut(End::Node(other), this, until);
                }
                "is isolated"
            }
            2 => {
                others.iter().for_each(|&other| self.network.cut(this, End::Node(other), until));
                "is not heard"
            }
            3 => {
                others.iter().for_each(|&other| self.network.cut(End::Node(other), this, until));
                "hears nobody"
            }
            4 => {
                self.network.cut(this, that, until);
                self.network.cut(that, this, until);
                "loses one neighbour"
            }
            _ => {
                for host in 0..self.hosts.len() {
                    self.network.cut(End::Host(host), this, until);
                    self.network.cut(this, End::Host(host), until);
                }
                "is out of the hosts' reach"
            }
        };
        let span = until - now;
        self.trace.line(now, format_args!("node {one} {what} for {span} ms"));
        self.call_again(self.faults.links.partition_every, Happening::Partition);
    }

    /// Some host has trouble that no patch causes.
    pub(super) fn host_trouble(&mut self) {
        if self.is_calm() {
            return;
        }
        let now = self.now();
        let up: Vec<usize> = (0..self.hosts.len())
            .filter(|&at| self.hosts.get(at).is_some_and(|host| host.agent.is_some()))
            .collect();
        if let Some(at) = self.luck.pick(&up) {
            match self.luck.below(10) {
                0..=3 => self.kill_agent(at),
                4 | 5 => self.planned_reboot(at),
                6 => self.power_fails(at, None, "somebody pulled the plug"),
                7 => {
                    let signature = "panic: out of memory".to_owned();
                    let evidence = KernelEvidence { signature, names_module: false };
                    self.power_fails(at, Some(evidence), "a panic of its own");
                }
                _ => {
                    let until = now + self.luck.between(2_000, 30_000);
                    let nodes: Vec<u64> = self.controllers.keys().copied().collect();
                    for node in nodes {
                        self.network.cut(End::Host(at), End::Node(node), until);
                        self.network.cut(End::Node(node), End::Host(at), until);
                    }
                    let span = until - now;
                    self.trace.line(now, format_args!("host {at} is cut off for {span} ms"));
                }
            }
        }
        self.call_again(self.faults.hosts.trouble_every, Happening::HostTrouble);
    }

    fn planned_reboot(&mut self, at: usize) {
        let now = self.now();
        let Some(host) = self.hosts.get_mut(at).filter(|host| host.power == Power::On) else {
            return;
        };
        host.said_goodbye = true;
        let (run, boot) = (host.run, host.boot);
        let after = host.luck.between(300, 4_000);
        self.trace.line(now, format_args!("host {at} is asked to reboot"));
        self.step_agent(at, run, Input::ShutdownRequested(GoodbyeKind::Reboot));
        let what = HostHappening::PowerOff { boot };
        self.queue.after(after, Happening::Host { host: at, what });
    }

    /// One step of the drill that shows a dropped epoch check: hosts hear of a resume, forget what
    /// they were doing, and ask a controller that has heard of neither halt nor resume.
    pub(super) fn drill(&mut self, step: Drill) {
        if self.is_calm() {
            return;
        }
        let now = self.now();
        match step {
            Drill::CutAndHalt => {
                self.queue.after(DRILL_EVERY, Happening::Drill(Drill::CutAndHalt));
                let runs = self.newest().and_then(|machine| {
                    Some(machine.rollouts().get(&Patch::Good.rollout())?.state == State::Running)
                });
                let behind = self.controllers.iter().find(|(_, one)| !one.leads());
                let Some(behind) = behind.map(|(&id, _)| id).filter(|_| runs == Some(true)) else {
                    return;
                };
                self.network.stall_raft(behind, now + 7_000);
                self.trace.line(now, format_args!("node {behind} falls behind"));
                self.operate(0, Action::HaltRollout(because(Patch::Good, "a drill")));
                self.queue.after(400, Happening::Drill(Drill::Resume));
            }
            Drill::Resume => {
                self.operate(0, Action::ResumeRollout(because(Patch::Good, "a drill")));
                self.queue.after(2_200, Happening::Drill(Drill::RestartAgents));
            }
            Drill::RestartAgents => {
                for at in 0..self.hosts.len() {
                    self.kill_agent(at);
                }
            }
        }
    }
}
