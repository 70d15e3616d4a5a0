//! What does the judge say when he knows the evidence, too? The verdict of the counts, with the gates of
//! the detector, of the proof and of the credit in their places.

use serde::{Deserialize, Serialize};

use super::{Inputs, Next, Verdict, VerdictKind, Weighed, Words, rails, rest};
use crate::credit::hold::Hold;
use crate::credit::{Credit, CreditRule};
use crate::detector::ruling::{self, Scope, Standing, recompute};
use crate::detector::signatures::SignatureRuling;
use crate::detector::slices::SliceId;
use crate::gate::{Gate, GateName, GateState, Unit};
use crate::plural::count;
use crate::policy::WhenFewer;
use crate::proof::bound::Group;
use crate::proof::{self, Answer};
use crate::time::Millis;

/// What must be open before the proof is looked at.
const BEFORE_PROOF: [GateName; 3] = [GateName::Coverage, GateName::Soak, GateName::MinVerified];

/// Silent hosts up to which their share says nothing.
const FEW_SILENT: u64 = 5;

/// All that the judge may look at. Stored with every verdict, so that it can be computed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// What was counted.
    pub books: Inputs,
    /// The evidence.
    pub evidence: ruling::Inputs,
    /// What kernel evidence says.
    pub signatures: SignatureRuling,
    /// Hosts that fell silent in their soak and would be in it still.
    pub silent_in_window: u64,
    /// The hold that goes on, unless it was released to try again.
    pub hold: Option<Hold>,
    /// Who outlived a soak, patched and not.
    pub soaked: Soaked,
    /// What must be proven before the tier is left; `None` inside of it.
    pub proof: Option<ProofSeen>,
    /// The slice with the least room.
    pub credit: CreditSeen,
}

/// Hosts of the present tier over one soak each, and those that failed in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Soaked {
    /// Patched hosts whose outcome is known. Who fails after its soak has outlived it.
    pub patched: Group,
    /// Sentinels.
    pub sentinels: Group,
}

/// What must be proven before a tier is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofSeen {
    /// What was seen; `None` where the policy asks for no number of verified hosts.
    pub seen: Option<proof::Seen>,
    /// Strata of the next tier.
    pub strata: u64,
    /// Of them, those without enough verified hosts of their kind. They do not keep the gate shut: they
    /// start at their slices' credit.
    pub strata_short: u64,
}

/// The credit of the slice with the least room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditSeen {
    /// The slice.
    pub slice: SliceId,
    /// Its name on screens.
    pub name: String,
    /// What it has earned.
    pub credit: Credit,
    /// How that is earned.
    pub rule: CreditRule,
    /// Most that may be in flight, whatever was earned.
    pub most: u64,
}

/// Decides with the evidence. Equal cases give equal verdicts, on every replica and every build.
pub fn judge(case: &Case) -> Verdict {
    judge_in(case, Words::Spoken)
}

/// What [`judge`] says, without the sentences: each gate's `detail` is empty. For the many times that
/// nothing has changed.
pub fn judge_silently(case: &Case) -> Verdict {
    judge_in(case, Words::Unspoken)
}

fn judge_in(case: &Case, words: Words) -> Verdict {
    let mut weighed = rails(&case.books, words);
    let (gate, demand) = signature(&case.signatures, words);
    weighed.push(gate, demand);
    let (gate, demand) = silent_share(case, words);
    weighed.push(gate, demand);
    let before = weighed.demand;
    let (gate, demand, scope) = evidence(case, words);
    weighed.push(gate, demand);
    weighed.extend(rest(&case.books, Some(&case.soaked), words));
    if case.books.next == Next::Tier
        && let Some(seen) = &case.proof
    {
        prove(&mut weighed, (&case.books, seen), words);
    }
    weighed.push(credit(&case.credit, words), VerdictKind::Continue);
    // A guard rail knows no slice: what crosses one halts everything.
    let scope = if before == VerdictKind::Halt { Scope::Everything } else { scope };
    Verdict { scope, ..weighed.verdict() }
}

fn signature(ruling: &SignatureRuling, words: Words) -> (Gate, VerdictKind) {
    let (hosts, needed) = (ruling.seen.treated, ruling.needed);
    let (state, demand) = demanded(ruling.standing);
    let detail = words.say(|| match ruling.signature {
        None => format!(
            "the kernels of {} name the patch; {needed} of two failure domains halt",
            count(hosts.into(), "patched host")
        ),
        Some(signature) => format!(
            "{} crashed alike ({signature:016x}) and no unpatched one did; {needed} of two failure domains \
             hold",
            count(hosts.into(), "patched host")
        ),
    });
    let gate = Gate {
        name: GateName::Signature,
        state,
        observed: u64::from(hosts),
        required: u64::from(needed),
        unit: Unit::Hosts,
        detail,
    };
    (gate, demand)
}

/// More than a tenth of what is in flight silent, and more than five: something is wrong with the hosts or
/// with hearing them.
fn silent_share(case: &Case, words: Words) -> (Gate, VerdictKind) {
    let (silent, in_flight) = (case.silent_in_window, case.books.counts.in_flight);
    let most = (in_flight.saturating_add(silent) / 10).max(FEW_SILENT);
    let standing = if silent > most { Standing::Hold } else { Standing::Go };
    let (state, demand) = demanded(standing);
    let gate = Gate {
        name: GateName::SilentShare,
        state,
        observed: silent,
        required: most,
        unit: Unit::Hosts,
        detail: words.say(|| {
            format!(
                "{} fell silent in the soak, {in_flight} are in flight; more than {most} hold",
                count(silent, "host")
            )
        }),
    };
    (gate, demand)
}

impl Case {
    /// For how long a hold goes on; empty where none does.
    fn held_words(&self) -> String {
        let held = self.hold.map(|hold| self.books.now.since(hold.since));
        let held = held.filter(|span| *span > Millis(0));
        held.map_or_else(String::new, |span| format!("; held for {span}"))
    }
}

/// The gate, what it demands, and of whom.
fn evidence(case: &Case, words: Words) -> (Gate, VerdictKind, Scope) {
    let ruling = recompute(&case.evidence);
    let standing = match (ruling.standing, case.hold) {
        (Standing::Go, Some(_)) => Standing::Hold,
        (standing, _) => standing,
    };
    let (state, demand) = demanded(standing);
    let (observed, required) = match &ruling.finding {
        Some(finding) => (finding.weighed.thousandths(), finding.threshold.thousandths()),
        None => (0, case.evidence.hold_at.thousandths()),
    };
    let gate = Gate {
        name: GateName::Evidence,
        state,
        observed,
        required,
        unit: Unit::Millibits,
        detail: words.say(|| ruling.sentence(&case.evidence) + &case.held_words()),
    };
    (gate, demand, ruling.scope)
}

fn prove(weighed: &mut Weighed, (books, proven): (&Inputs, &ProofSeen), words: Words) {
    if let Some(seen) = &proven.seen {
        let (gate, demand) = if weighed.is_open(&BEFORE_PROOF) {
            proof_gate(books, seen, words)
        } else {
            (not_yet_proven(books, seen, words), VerdictKind::Continue)
        };
        weighed.push(gate, demand);
    }
    let ProofSeen { strata, strata_short, .. } = *proven;
    let covered = strata.saturating_sub(strata_short);
    let gate = Gate {
        name: GateName::Strata,
        state: GateState::Open,
        observed: covered,
        required: strata,
        unit: Unit::Strata,
        detail: words.say(|| {
            format!(
                "{covered} of the next tier's {strata} strata have enough verified hosts of their kind; \
                 the others start at their slices' credit"
            )
        }),
    };
    weighed.push(gate, VerdictKind::Continue);
}

/// What was shown. Where so many failed, with the patch or without, that the whole tier cannot show it, the
/// policy may ask for every host of the tier instead.
fn proof_gate(books: &Inputs, seen: &proof::Seen, words: Words) -> (Gate, VerdictKind) {
    let (known, hosts) = (seen.treated.hosts, books.tier_hosts);
    // What refused for reasons of its own shows nothing, and is not waited for.
    let outcomes = known + books.tier.refused;
    let proof = proof::prove(seen);
    let more = match proof.answer {
        Answer::NotYet { more } => more,
        Answer::Shown | Answer::Refuted => 0,
    };
    // More than there are: every host must have an outcome, or a person must let it go on.
    let short = (more > 0 && known + more > hosts).then_some(books.gates.when_fewer);
    let demand = match proof.answer {
        Answer::Refuted => VerdictKind::Hold,
        Answer::Shown | Answer::NotYet { .. } => VerdictKind::Continue,
    };
    let (state, required) = match (proof.answer, short) {
        (Answer::Shown, _) => (GateState::Open, known),
        (Answer::Refuted, _) => (GateState::Shut, known),
        (Answer::NotYet { .. }, None) => (GateState::Waiting, known + more),
        (Answer::NotYet { .. }, Some(WhenFewer::EveryHost)) if outcomes >= hosts => {
            (GateState::Open, hosts)
        }
        (Answer::NotYet { .. }, Some(WhenFewer::EveryHost)) => (GateState::Waiting, hosts),
        (Answer::NotYet { .. }, Some(WhenFewer::Hold)) => (GateState::Shut, known + more),
    };
    let rest = || match short {
        None => String::new(),
        Some(WhenFewer::EveryHost) => format!(
            "; the tier has {hosts}: the policy asks for the outcome of each, and {outcomes} are known"
        ),
        Some(WhenFewer::Hold) => format!(
            "; the tier has only {hosts}, so that it waits for a person: `tidegate rollout promote --force`"
        ),
    };
    let gate = Gate {
        name: GateName::Proof,
        state,
        observed: known,
        required,
        unit: Unit::Hosts,
        detail: words.say(|| proof.sentence(seen) + &rest()),
    };
    (gate, demand)
}

/// The proof is looked at when what it is about has been seen: it costs the most.
fn not_yet_proven(books: &Inputs, seen: &proof::Seen, words: Words) -> Gate {
    let (known, wanted) = (seen.treated.hosts, books.gates.min_verified);
    Gate {
        name: GateName::Proof,
        state: GateState::Waiting,
        observed: known,
        required: wanted.max(known),
        unit: Unit::Hosts,
        detail: words.say(|| {
            format!(
                "{} an outcome; what they show ({} at most) is looked at when coverage, soak and \
                 min-verified are open",
                if known == 1 { "1 host has".to_owned() } else { format!("{known} hosts have") },
                seen.bound
            )
        }),
    }
}

fn credit(seen: &CreditSeen, words: Words) -> Gate {
    let CreditSeen { slice, name, credit, rule, most } = seen;
    let (in_flight, cap) = (credit.in_flight, rule.cap(*slice, credit, *most));
    let state = if in_flight < cap { GateState::Open } else { GateState::Waiting };
    Gate {
        name: GateName::Credit,
        state,
        observed: in_flight,
        required: cap,
        unit: Unit::Hosts,
        detail: words.say(|| {
            let arithmetic = rule.arithmetic(*slice, credit, *most);
            let more = if in_flight < cap { "" } else { "; more may begin as these are verified" };
            format!("{} of {name} in flight, of {arithmetic}{more}", count(in_flight, "host"))
        }),
    }
}

fn demanded(standing: Standing) -> (GateState, VerdictKind) {
    match standing {
        Standing::Go => (GateState::Open, VerdictKind::Continue),
        Standing::Hold => (GateState::Shut, VerdictKind::Hold),
        Standing::Halt => (GateState::Shut, VerdictKind::Halt),
    }
}
