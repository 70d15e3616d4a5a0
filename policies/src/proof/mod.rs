//! What do the verified hosts prove? A bound on the harm that is left, or how many more it takes.
//!
//! Time proves nothing, and neither does the absence of alarms: clean hosts do. 299 that survive show, with
//! 95 % confidence, that the patch harms fewer than 1 in 100. Where some failed, their rate is held against
//! that of the control hosts, and the bound is on the excess.

pub mod bound;
pub mod canaries;

mod chance;

use serde::{Deserialize, Serialize};

use self::bound::{Group, Rate, hosts_to_show, lower, upper};
use crate::share::Share;

/// How often a statement may be wrong.
pub const ERROR: Share = Share::percent(5);

/// What a policy assumes about its hosts' words, and asks of each stratum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofRule {
    /// Hosts that may say that they are well and are not: 0. They count as failed.
    pub liars: u64,
    /// Verified hosts that each stratum of the next tier needs, or half of it: 59.
    pub per_stratum: u64,
}

/// All that a proof looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Patched hosts that are verified or went wrong.
    pub treated: Group,
    /// Control hosts, and those of them that failed in as much time.
    pub control: Group,
    /// What the policy assumes.
    pub rule: ProofRule,
    /// The bound to show.
    pub bound: Rate,
}

/// What was shown about the harm beyond what happens anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// What it comes to.
    pub answer: Answer,
    /// The excess is not above this, at 95 %.
    pub at_most: Rate,
    /// The excess is not below this, at 95 %.
    pub at_least: Rate,
    /// More than this the patched hosts do not fail.
    pub treated_upper: Rate,
    /// Less than this the control hosts do not fail; nothing where no patched host failed.
    pub control_lower: Rate,
}

/// What a proof comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The excess is below the bound.
    Shown,
    /// It is above.
    Refuted,
    /// Neither is shown.
    NotYet {
        /// Further hosts that would show it if all of them are verified.
        more: u64,
    },
}

/// Eligible and verified hosts of one stratum of the next tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StratumSeen {
    /// Eligible hosts.
    pub hosts: u64,
    /// Verified hosts of the same kind, so far.
    pub verified: u64,
}

impl ProofRule {
    /// Nobody lies; 59 hosts, which show fewer than 1 in 20.
    pub const STANDARD: Self = Self { liars: 0, per_stratum: 59 };

    /// Whether enough hosts like those of a stratum are verified. Where not, it starts at its slice's
    /// credit.
    pub const fn covers(&self, stratum: StratumSeen) -> bool {
        let half = stratum.hosts.div_ceil(2);
        let needed = if half < self.per_stratum { half } else { self.per_stratum };
        stratum.verified >= needed
    }
}

/// What was shown.
///
/// Without a failed patched host the patched hosts' own bound is one on the excess, at 95 %; that needs no
/// control. Otherwise each of the two bounds is at 97.5 %, so that both hold together at 95 %.
pub fn prove(seen: &Seen) -> Proof {
    let Seen { treated, control, rule, bound } = *seen;
    let half = Share::from_ppm(ERROR.ppm() / 2).unwrap_or(ERROR);
    let assumed = Group { failed: (treated.failed + rule.liars).min(treated.hosts), ..treated };
    let (error, control_lower) = match treated.failed {
        0 => (ERROR, Rate(0)),
        1.. => (half, lower(control, half)),
    };
    let treated_upper = upper(assumed, error);
    let known = Group { failed: treated.failed.saturating_sub(rule.liars), ..treated };
    let at_most = Rate(treated_upper.0.saturating_sub(control_lower.0));
    let at_least = Rate(lower(known, half).0.saturating_sub(upper(control, half).0));
    let answer = if at_most <= bound {
        Answer::Shown
    } else if at_least > bound {
        Answer::Refuted
    } else {
        let allowed = Rate(bound.0.saturating_add(control_lower.0).min(Rate::ALL.0));
        let needed = hosts_to_show(allowed, treated.failed + rule.liars, error);
        Answer::NotYet { more: needed.saturating_sub(treated.hosts).max(1) }
    };
    Proof { answer, at_most, at_least, treated_upper, control_lower }
}

/// The bound that so many clean hosts show at 95 %: what `min-verified` asks for, said as a rate.
pub fn shown_by(hosts: u64, rule: ProofRule) -> Rate {
    upper(Group { hosts, failed: rule.liars.min(hosts) }, ERROR)
}

impl Proof {
    /// One sentence with the numbers.
    pub fn sentence(&self, seen: &Seen) -> String {
        let Group { hosts, failed } = seen.treated;
        let Group { hosts: controls, failed: of_controls } = seen.control;
        let against = match failed {
            0 => String::new(),
            1.. => format!(", {of_controls} of {controls} control hosts"),
        };
        let liars = match seen.rule.liars {
            0 => String::new(),
            liars => format!(", {liars} more assumed to lie"),
        };
        let shown = match self.answer {
            Answer::Shown => {
                format!("shows an excess below {} (needed: {})", self.at_most, seen.bound)
            }
            Answer::Refuted => {
                format!("shows an excess above {}: harm", self.at_least.rounded_down())
            }
            Answer::NotYet { more } => format!(
                "shows an excess below {}, needed is {}: {more} more verified hosts would show it",
                self.at_most, seen.bound
            ),
        };
        format!("{failed} of {hosts} patched hosts failed{liars}{against}: {shown} (95%)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(treated: (u64, u64), control: (u64, u64), liars: u64) -> Seen {
        let group = |(hosts, failed)| Group { hosts, failed };
        let rule = ProofRule { liars, ..ProofRule::STANDARD };
        let (treated, control) = (group(treated), group(control));
        Seen { treated, control, rule, bound: Rate::of_share(Share::percent(1)) }
    }

    #[track_caller]
    fn check(treated: (u64, u64), control: (u64, u64), liars: u64, expected: Answer) {
        let seen = seen(treated, control, liars);
        assert_eq!(prove(&seen).answer, expected, "{}", prove(&seen).sentence(&seen));
    }

    #[test]
    fn clean_hosts_prove_at_their_number_and_not_one_before() {
        check((299, 0), (0, 0), 0, Answer::Shown);
        check((298, 0), (0, 0), 0, Answer::NotYet { more: 1 });
        check((0, 0), (5_000, 0), 0, Answer::NotYet { more: 299 });
    }

    #[test]
    fn assumed_liars_count_as_failed() {
        check((299, 0), (0, 0), 1, Answer::NotYet { more: 174 });
        check((473, 0), (0, 0), 1, Answer::Shown);
    }

    #[test]
    fn what_control_hosts_suffer_too_is_no_excess() {
        // Two in a hundred of everybody: not above one in a hundred because of the patch.
        check((10_000, 200), (10_000, 200), 0, Answer::Shown);
        check((10_000, 200), (10_000, 0), 0, Answer::Refuted);
    }

    #[test]
    fn harm_in_a_few_hosts_is_neither_shown_nor_refuted() {
        let Answer::NotYet { more } = prove(&seen((299, 2), (5_000, 0), 0)).answer else {
            panic!("nothing is shown yet")
        };
        check((299 + more, 2), (5_000, 0), 0, Answer::Shown);
        check((298 + more, 2), (5_000, 0), 0, Answer::NotYet { more: 1 });
    }

    #[test]
    fn many_failures_refute_and_liars_are_forgiven_both_ways() {
        check((300, 30), (5_000, 5), 0, Answer::Refuted);
        assert_ne!(prove(&seen((300, 9), (5_000, 0), 0)).at_least, Rate(0));
        assert_eq!(prove(&seen((300, 9), (5_000, 0), 9)).at_least, Rate(0));
    }

    #[test]
    fn a_stratum_needs_fifty_nine_or_half_of_it() {
        let covers = |hosts, verified| ProofRule::STANDARD.covers(StratumSeen { hosts, verified });
        assert!(covers(10_000, 59) && !covers(10_000, 58));
        assert!(covers(11, 6) && !covers(11, 5));
        assert!(covers(0, 0));
    }

    #[test]
    fn the_proof_is_said_in_one_sentence() {
        let seen = seen((500, 1), (5_000, 3), 0);
        assert_eq!(
            prove(&seen).sentence(&seen),
            "1 of 500 patched hosts failed, 3 of 5000 control hosts: shows an excess below 1.1%, \
             needed is 1%: 49 more verified hosts would show it (95%)"
        );
    }
}
