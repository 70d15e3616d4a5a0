//! When does a hold end by itself, and when is a person called?
//!
//! A hold keeps hosts from beginning; those in flight are watched to their end. When the last of them is
//! verified and none failed since the hold began, what was suspicious has not come true: the rollout tries
//! again with a quarter of its credit, and a bit more evidence is needed to hold it again.

use serde::{Deserialize, Serialize};

use crate::detector::bits::Bits;
use crate::detector::ruling::{Rule, Ruling, Standing};
use crate::plural::count;
use crate::time::{Elapsed, Millis};

/// After how long a person is called.
pub const LONGEST: Millis = Millis::from_secs(4 * 3_600);

/// A hold by evidence that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Since when.
    pub since: Elapsed,
    /// Failed hosts when it began.
    pub failed: u64,
}

/// What a hold is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen<'a> {
    /// What the evidence says.
    pub ruling: &'a Ruling,
    /// Hosts that failed, ever.
    pub failed: u64,
    /// Hosts in flight: begun, neither verified nor failed.
    pub survivors: u64,
    /// Running time.
    pub now: Elapsed,
}

/// What becomes of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// There is none: none began, or the evidence fell below what holds.
    Free,
    /// It begins, or goes on.
    Held(Hold),
    /// It goes on, and a person should look.
    CallPerson(Hold),
    /// It is released to try again: see [`crate::detector::Detector::probe`] and
    /// [`super::CreditBook::quarter`].
    Released,
}

impl Hold {
    /// How it ends, in words for people.
    pub fn outlook(&self, seen: Seen<'_>, hold_at: Bits, soaks_end: Option<Elapsed>) -> String {
        let since = seen.failed.saturating_sub(self.failed);
        let person = "a person halts it: a resume, with a reason, begins with new evidence";
        let falls = format!("when the score falls below {hold_at}");
        let soaked = soaks_end.filter(|end| *end > seen.now).map_or_else(String::new, |end| {
            format!("in {} at the earliest, ", end.since(seen.now))
        });
        match (seen.by_domains(), since) {
            (true, _) => format!(
                "whole racks or zones do not come back by themselves; it ends when {person}"
            ),
            (false, 0) => format!(
                "it ends {soaked}when the {} in flight are verified and none of them has failed, or before that \
                 {falls}; if one fails, it takes a falling score or a person",
                seen.survivors
            ),
            (false, _) => format!(
                "{} failed since it began, so that it ends {falls}, or when {person}",
                count(since, "host")
            ),
        }
    }
}

impl Seen<'_> {
    fn by_domains(&self) -> bool {
        match self.ruling.finding.as_ref().map(|finding| finding.rule) {
            Some(Rule::Domains { .. }) => true,
            Some(Rule::Hosts { .. } | Rule::Applies { .. }) | None => false,
        }
    }
}

/// What becomes of a hold now.
pub fn step(hold: Option<Hold>, seen: Seen<'_>) -> Step {
    if seen.ruling.standing != Standing::Hold {
        return Step::Free;
    }
    let held = hold.unwrap_or(Hold { since: seen.now, failed: seen.failed });
    let clean = seen.failed == held.failed && seen.survivors == 0;
    match (seen.by_domains(), clean, seen.now.since(held.since) >= LONGEST) {
        (false, true, _) if hold.is_some() => Step::Released,
        (true, _, _) | (false, _, true) => Step::CallPerson(held),
        (false, _, false) => Step::Held(held),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::ruling::{AtRisk, Finding, Scope};

    fn ruling(standing: Standing, rule: Rule) -> Ruling {
        let finding = Finding {
            rule,
            name: "the whole cohort".to_owned(),
            sum: Bits::ZERO,
            penalty: Bits::ZERO,
            weighed: Bits::ZERO,
            threshold: Bits::ZERO,
            treated: 2,
            control: 0,
            at_risk: AtRisk::default(),
        };
        Ruling { standing, scope: Scope::Everything, finding: Some(finding) }
    }

    const APPLIES: Rule = Rule::Applies {
        slice: crate::detector::slices::SliceId(0),
        fault: crate::detector::applies::ApplyFault::Failed,
        share: 0,
    };
    const BEGAN: Hold = Hold { since: Elapsed(1_000), failed: 2 };

    #[track_caller]
    fn check(hold: Option<Hold>, rule: Rule, seen: (u64, u64, u64), expected: Step) {
        let (failed, survivors, now) = seen;
        let ruling = ruling(Standing::Hold, rule);
        let seen = Seen { ruling: &ruling, failed, survivors, now: Elapsed(now) };
        assert_eq!(step(hold, seen), expected);
    }

    #[test]
    fn a_hold_is_released_when_the_last_survivor_is_verified() {
        check(None, APPLIES, (2, 0, 1_000), Step::Held(BEGAN));
        check(Some(BEGAN), APPLIES, (2, 1, 2_000), Step::Held(BEGAN));
        check(Some(BEGAN), APPLIES, (2, 0, 2_000), Step::Released);
    }

    #[test]
    fn a_failure_since_keeps_the_hold_until_a_person_looks() {
        check(Some(BEGAN), APPLIES, (3, 0, 2_000), Step::Held(BEGAN));
        check(Some(BEGAN), APPLIES, (3, 0, 14_400_999), Step::Held(BEGAN));
        check(Some(BEGAN), APPLIES, (3, 0, 14_401_000), Step::CallPerson(BEGAN));
    }

    #[test]
    fn a_hold_by_domains_calls_a_person_at_once_and_never_ends_by_itself() {
        let domains = Rule::Domains { ratio: 0 };
        check(None, domains, (2, 5, 1_000), Step::CallPerson(BEGAN));
        check(Some(BEGAN), domains, (2, 0, 2_000), Step::CallPerson(BEGAN));
    }

    #[test]
    fn evidence_that_fell_ends_a_hold_and_a_halt_is_none() {
        for standing in [Standing::Go, Standing::Halt] {
            let ruling = ruling(standing, APPLIES);
            let seen = Seen { ruling: &ruling, failed: 2, survivors: 9, now: Elapsed(2_000) };
            assert_eq!(step(Some(BEGAN), seen), Step::Free);
        }
    }
}
