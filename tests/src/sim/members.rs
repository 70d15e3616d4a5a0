//! Who changes the members, and when? Somebody with whims, and somebody who replaces what is lost. One
//! change is carried through at a time, however long its steps are refused, at good moments and bad.

use tidegate_controller::machine::Machine;
use tidegate_controller::machine::cluster::{Cluster, MemberRole};
use tidegate_controller::machine::command::{Action, AddMember, PromoteMember, RemoveMember};
use tidegate_controller::machine::ids::NodeId;
use tidegate_controller::node::Input;

use super::controllers::{Controller, address};
use super::happening::Happening;
use super::world::World;

/// How often whoever looks after the members looks, in milliseconds.
const LOOK_EVERY: u64 = 1_100;
/// Most voters that a whim makes.
const MOST_VOTERS: usize = 5;
/// Fewest voters that a whim leaves.
const FEWEST_VOTERS: usize = 3;

/// What is under way.
#[derive(Debug, Default)]
pub struct Moves {
    plan: Option<Plan>,
    /// The job that carries the present step.
    job: Option<u64>,
    /// Controllers that came after the founders.
    came: u64,
}

/// A change of the members, from its first step to its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    /// A new node follows the log.
    Watch(u64),
    /// A new node comes to vote.
    Grow(u64),
    /// A new node takes the place of another.
    Replace {
        /// Who goes.
        old: u64,
        /// Who comes.
        new: u64,
    },
    /// A node leaves.
    Leave(u64),
}

/// The next step of a plan.
#[derive(Clone, Debug)]
enum Next {
    /// Nothing is left to do.
    Done,
    /// An action.
    Ask(Action),
    /// Somebody else has to lead first.
    Transfer {
        /// Who leads.
        from: u64,
    },
}

impl Moves {
    /// Whether a change is under way.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.plan.is_some()
    }
}

impl World {
    /// Whoever looks after the members begins to.
    pub(super) fn begin_members(&mut self) {
        self.queue.after(LOOK_EVERY, Happening::Members);
        self.call_again(self.faults.people.member_every, Happening::MemberWhim);
    }

    /// The plan's next step is asked for; what is lost is replaced.
    pub(super) fn look_after_members(&mut self) {
        self.queue.after(LOOK_EVERY, Happening::Members);
        let Some(cluster) = self.newest().and_then(Machine::cluster).cloned() else { return };
        if self.moves.plan.is_none() {
            let lost = |id: &&NodeId| self.controllers.get(&id.0).is_some_and(Controller::is_lost);
            let Some((&old, member)) = cluster.members.iter().find(|(id, _)| lost(id)) else {
                return;
            };
            let plan = match member.role {
                MemberRole::Voter => Plan::Replace { old: old.0, new: self.new_node_id() },
                MemberRole::Learner => Plan::Leave(old.0),
                // It leaves as it is.
                MemberRole::Leaving => return,
            };
            self.take_up(plan);
        }
        self.give_up_who_is_lost(&cluster);
        let Some(plan) = self.moves.plan else { return };
        if self.moves.job.is_some_and(|job| !self.is_settled(job)) {
            // Whoever leads does not take its own vote away, however often it is asked.
            if let Plan::Replace { old, .. } | Plan::Leave(old) = plan {
                self.ask_to_transfer(old);
            }
            return;
        }
        match self.next(plan, &cluster) {
            Next::Done => {
                let now = self.now();
                self.trace.line(now, format_args!("the members: {plan:?} is done"));
                self.stats.member_changes += 1;
                (self.moves.plan, self.moves.job) = (None, None);
            }
            Next::Ask(action) => self.moves.job = Some(self.order(0, action)),
            Next::Transfer { from } => self.ask_to_transfer(from),
        }
    }

    /// A node that is lost before it votes never will.
    fn give_up_who_is_lost(&mut self, cluster: &Cluster) {
        let new = match self.moves.plan {
            Some(Plan::Watch(new) | Plan::Grow(new) | Plan::Replace { new, .. }) => new,
            Some(Plan::Leave(_)) | None => return,
        };
        let is_lost = self.controllers.get(&new).is_some_and(Controller::is_lost);
        if is_lost && !cluster.is_voter(NodeId(new)) {
            self.moves.job = None;
            self.take_up(Plan::Leave(new));
        }
    }

    /// Somebody wants other members.
    pub(super) fn member_whim(&mut self) {
        if self.is_calm() {
            return;
        }
        self.call_again(self.faults.people.member_every, Happening::MemberWhim);
        let Some(cluster) = self.newest().and_then(Machine::cluster).cloned() else { return };
        let voters: Vec<u64> = cluster.voters().map(|voter| voter.0).collect();
        let learners: Vec<u64> =
            cluster.members.keys().map(|id| id.0).filter(|id| !voters.contains(id)).collect();
        let kind = self.luck.below(6);
        if kind == 0 {
            let Some(from) = self.luck.pick(&voters) else { return };
            return self.ask_to_transfer(from);
        }
        let (voter, learner) = (self.luck.pick(&voters), self.luck.pick(&learners));
        if self.moves.is_busy() {
            return;
        }
        let plan = match (kind, voter, learner) {
            (1 | 2, Some(old), _) => Plan::Replace { old, new: self.new_node_id() },
            (3, _, None) => Plan::Watch(self.new_node_id()),
            (3, _, Some(learner)) => Plan::Leave(learner),
            (4, Some(old), _) if voters.len() > FEWEST_VOTERS => Plan::Leave(old),
            _ if voters.len() < MOST_VOTERS => Plan::Grow(self.new_node_id()),
            _ => return,
        };
        self.take_up(plan);
    }

    fn take_up(&mut self, plan: Plan) {
        let now = self.now();
        self.trace.line(now, format_args!("the members: {plan:?}"));
        self.moves.plan = Some(plan);
    }

    fn new_node_id(&mut self) -> u64 {
        self.moves.came += 1;
        *super::life::FOUNDERS.end() + self.moves.came
    }

    /// What is next in `plan`, by what `cluster` is now.
    fn next(&mut self, plan: Plan, cluster: &Cluster) -> Next {
        let (new, wanted) = match plan {
            Plan::Watch(new) => (new, MemberRole::Learner),
            Plan::Grow(new) | Plan::Replace { new, .. } => (new, MemberRole::Voter),
            Plan::Leave(old) => return self.leave(old, cluster),
        };
        let replacing = match plan {
            Plan::Replace { old, .. } => Some(old),
            Plan::Watch(_) | Plan::Grow(_) | Plan::Leave(_) => None,
        };
        match cluster.members.get(&NodeId(new)).map(|member| member.role) {
            // It left again, or never will come.
            None if cluster.removed.contains(&NodeId(new)) => Next::Done,
            None => {
                self.spawn_node(new);
                let address = address(new);
                Next::Ask(Action::AddMember(AddMember { node: NodeId(new), address }))
            }
            Some(role) if role == wanted => Next::Done,
            Some(MemberRole::Voter | MemberRole::Leaving) => Next::Done,
            Some(MemberRole::Learner) => match replacing {
                Some(old) if self.leads(old) => Next::Transfer { from: old },
                Some(old) if cluster.removed.contains(&NodeId(old)) => {
                    Next::Ask(promote(new, None))
                }
                replacing => Next::Ask(promote(new, replacing)),
            },
        }
    }

    fn leave(&self, old: u64, cluster: &Cluster) -> Next {
        if !cluster.members.contains_key(&NodeId(old)) {
            return Next::Done;
        }
        if self.leads(old) {
            return Next::Transfer { from: old };
        }
        Next::Ask(Action::RemoveMember(RemoveMember { node: NodeId(old) }))
    }

    fn leads(&self, id: u64) -> bool {
        self.controllers.get(&id).is_some_and(Controller::leads)
    }

    /// Has another voter lead, where `from` does.
    fn ask_to_transfer(&mut self, from: u64) {
        let now = self.now();
        let Some(machine) = self.controllers.get(&from).and_then(Controller::machine) else {
            return;
        };
        let voters = machine.cluster().into_iter().flat_map(Cluster::voters);
        let others: Vec<NodeId> = voters.filter(|voter| voter.0 != from).collect();
        let Some(to) = self.luck.pick(&others).filter(|_| self.leads(from)) else { return };
        self.trace.line(now, format_args!("node {from} shall let node {to} lead"));
        self.step_node(from, vec![Input::TransferLeader { to }]);
    }
}

fn promote(node: u64, replacing: Option<u64>) -> Action {
    let (node, replacing) = (NodeId(node), replacing.map(NodeId));
    Action::PromoteMember(PromoteMember { node, replacing })
}
