//! Who are the other people? Colleagues who agree to what is proposed or turn it down, promote what waits for people,
//! and look after incidents.

use std::collections::BTreeMap;

use tidegate_controller::machine::Machine;
use tidegate_controller::machine::command::{Action, ApproveWave, OfIncident, OfProposal};
use tidegate_controller::machine::ids::RolloutId;
use tidegate_controller::machine::rollouts::State;
use tidegate_policies::gate::GateName;

use super::chance::Chance;
use super::happening::Happening;
use super::operators::Hand;
use super::sabotage::{Part, Sabotage};
use super::scenario::Patch;
use super::world::World;

/// What the whims are drawn for.
const PEOPLE: u64 = 0x5045_4f50_4c45;
/// Time from one look to the next at most, in milliseconds.
const LOOK_EVERY: u64 = 4_000;
/// How often the desk tries, once the faults are over, to agree to a proposal before it turns it down.
const TRIES: u64 = 2;
/// Ada proposes nearly everything, and has written every policy.
const EVERYBODY: [Hand; 3] = [Hand::ADA, HEDY, IRIS];
const HEDY: Hand = Hand::of("hedy");
const IRIS: Hand = Hand::of("iris");
/// Ada under a name that is not hers.
const ADA_AS_IRIS: Hand = Hand { person: "ada", name: "iris" };

/// The colleagues' desks.
#[derive(Debug)]
pub(super) struct People {
    luck: Chance,
    /// How often each proposal was agreed to once the faults were over.
    tries: BTreeMap<u64, u64>,
}

/// What a colleague sees that waits for people.
#[derive(Debug, Default)]
struct Waiting {
    /// Proposals, and whether each is to start a rollout.
    proposals: Vec<(u64, bool)>,
    rollouts: Vec<RolloutId>,
    incidents: Vec<u64>,
}

impl People {
    /// Desks of their own chance, so that all else of a seed is drawn as ever.
    #[must_use]
    pub(super) fn new(seed: u64) -> Self {
        Self { luck: Chance::new(seed ^ PEOPLE), tries: BTreeMap::new() }
    }
}

impl World {
    /// The colleagues are there from the start.
    pub(super) fn begin_colleagues(&mut self) {
        if self.scenario.sabotage.has(Part::People) {
            self.queue.after(10_000, Happening::Colleague);
        }
    }

    /// A colleague looks at what waits for people.
    pub(super) fn colleague(&mut self) {
        if self.is_calm() {
            return;
        }
        let waiting = self.newest().map(waiting).unwrap_or_default();
        let luck = &mut self.people.luck;
        let next = luck.between(300, LOOK_EVERY);
        let (proposal, dice) = (luck.pick(&waiting.proposals), luck.below(8));
        let (incident, about) = (luck.pick(&waiting.incidents), luck.below(12));
        let who = luck.pick(&EVERYBODY).unwrap_or(Hand::ADA);
        if let Some((number, starts)) = proposal {
            self.answer_to(number, starts, dice);
        }
        for rollout in waiting.rollouts {
            self.has_done(0, who, approve(rollout));
        }
        self.start_again();
        if let Some(action) = incident.and_then(|number| word_on(number, about)) {
            self.has_done(0, who, action);
        }
        self.queue.after(next, Happening::Colleague);
    }

    /// What becomes of a proposal: now and then its own author agrees to it, in vain.
    fn answer_to(&mut self, number: u64, starts: bool, dice: u64) {
        let passes = self.scenario.sabotage == Sabotage::AuthorAgrees;
        match dice {
            // A start that is turned down is not asked for again.
            0 | 1 if !starts => self.has_done(0, IRIS, Action::RejectProposal(said_of(number))),
            2 if passes => self.has_done(0, ADA_AS_IRIS, agree(number)),
            2 => self.has_done(0, Hand::ADA, agree(number)),
            0 | 1 | 3..=5 => self.has_done(0, HEDY, agree(number)),
            _ => self.has_done(0, IRIS, agree(number)),
        }
    }

    /// A start that a halt has overtaken is asked for again.
    fn start_again(&mut self) {
        let Some(machine) = self.newest().filter(|_| self.has_ended_script()) else { return };
        let is_asked = |rollout: &RolloutId| {
            let mut open = machine.proposals().open.values();
            open.any(|proposal| proposal.rollout == *rollout)
        };
        let drafts = machine.rollouts().values().filter(|of| of.state == State::Draft);
        let drafts = drafts.map(|rollout| rollout.id.clone()).filter(|id| !is_asked(id));
        let drafts: Vec<RolloutId> = drafts.collect();
        for rollout in drafts {
            self.has_done(0, Hand::ADA, Action::StartRollout(rollout));
        }
    }

    /// Once the faults are over, the colleagues agree to what can be done, turn down the rest, and promote what waits
    /// for them.
    pub(super) fn look_after_proposals(&mut self) {
        let waiting = self.newest().map(waiting).unwrap_or_default();
        for (number, starts) in waiting.proposals {
            let tries = self.people.tries.entry(number).or_default();
            *tries += 1;
            if *tries <= TRIES || starts {
                self.has_done(0, HEDY, agree(number));
            } else {
                self.has_done(0, HEDY, Action::RejectProposal(said_of(number)));
            }
        }
        self.start_again();
        let good = Patch::Good.rollout();
        for rollout in waiting.rollouts.into_iter().filter(|rollout| *rollout == good) {
            self.has_done(0, HEDY, approve(rollout.clone()));
            self.has_done(0, IRIS, approve(rollout));
        }
    }
}

/// Whether nothing in a state waits for a second person but a start that another rollout is in the way of.
pub(super) fn nobody_is_waited_for(machine: &Machine) -> bool {
    waiting(machine).proposals.iter().all(|(_, starts)| *starts)
}

fn waiting(machine: &Machine) -> Waiting {
    let starts = |action: &Action| matches!(action, Action::StartRollout(_));
    let open = machine.proposals().open.values();
    let running = machine.rollouts().values().filter(|rollout| rollout.state == State::Running);
    let waits = running.filter(|rollout| {
        let verdict = machine.verdict(rollout);
        let gate = verdict.as_ref().and_then(|verdict| verdict.waiting_on());
        gate.is_some_and(|gate| gate.name == GateName::Approval)
    });
    Waiting {
        proposals: open.map(|proposal| (proposal.number, starts(&proposal.action))).collect(),
        rollouts: waits.map(|rollout| rollout.id.clone()).collect(),
        incidents: machine.incidents().newest_first().map(|incident| incident.number).collect(),
    }
}

fn said_of(number: u64) -> OfProposal {
    OfProposal { number, remark: "seen".to_owned() }
}

fn agree(number: u64) -> Action {
    Action::AgreeToProposal(said_of(number))
}

fn approve(rollout: RolloutId) -> Action {
    let remark = "it looks well".to_owned();
    Action::ApproveWave(ApproveWave { rollout, remark, from_tier: None, from_wave: None })
}

/// A word on an incident; mostly none.
fn word_on(number: u64, about: u64) -> Option<Action> {
    let of = OfIncident { number, remark: "a host of another vendor".to_owned() };
    match about {
        0 => Some(Action::AcknowledgeIncident(of)),
        1 => Some(Action::NoteIncident(of)),
        2 => Some(Action::ResolveIncident(of)),
        _ => None,
    }
}
