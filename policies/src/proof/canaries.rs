//! What can a plan's canaries show, and what can they not? Said before the first of them begins.

use super::bound::{Rate, hosts_to_show};
use super::chance::{Round, Scaled, at_most};
use super::{ERROR, ProofRule, shown_by};
use crate::share::Share;

/// How likely so many canaries notice a fault of one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How many hosts the patch harms.
    pub rate: Rate,
    /// The chance that any canary fails, rounded down.
    pub any: Share,
    /// The chance that two do, as many as a halt takes at least; rounded down.
    pub two: Share,
}

/// What so many canaries show and cannot show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canaries {
    /// How many.
    pub hosts: u64,
    /// What they show if all of them are verified.
    pub shown: Rate,
    /// Faults that they may notice, the rarest first.
    pub notices: Vec<Notice>,
}

/// What so many canaries show and cannot show, under what the policy assumes.
pub fn canaries(hosts: u64, rule: ProofRule) -> Canaries {
    let rates = [1_000_000, 5_000_000, 10_000_000, 50_000_000, 300_000_000].map(Rate);
    let more_than = |k, rate: Rate| above(at_most(k, hosts, rate.0, Round::Up));
    let notice = |rate| Notice { rate, any: more_than(0, rate), two: more_than(1, rate) };
    Canaries { hosts, shown: shown_by(hosts, rule), notices: rates.map(notice).to_vec() }
}

/// One less `chance`, rounded down to parts per million.
fn above(chance: Scaled) -> Share {
    let (mut low, mut high) = (0_u32, 1_000_001_u32);
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        let rest = Scaled::ratio(u64::from(1_000_000 - middle), 1_000_000, Round::Down);
        if chance <= rest { low = middle } else { high = middle }
    }
    Share::from_ppm(low).unwrap_or(Share::ALL)
}

impl Canaries {
    /// The sentences for plans and screens.
    pub fn sentences(&self) -> Vec<String> {
        let hosts = self.hosts;
        let mut said = vec![format!(
            "{hosts} canaries, all verified, show that the patch harms fewer than {} of hosts (95%). \
             They cannot show less.",
            self.shown
        )];
        said.extend(self.notices.iter().map(|notice| {
            let Notice { rate, any, two } = notice;
            format!(
                "Of faults that harm {rate} of hosts, {} show in at least one canary and {} in two.",
                percent(*any),
                percent(*two)
            )
        }));
        let next = [10_000_000, 1_000_000, 100_000].map(Rate);
        if let Some(bound) = next.into_iter().find(|bound| *bound < self.shown) {
            let needed = hosts_to_show(bound, 0, ERROR);
            said.push(format!("To show fewer than {bound} takes {needed}, all verified."));
        }
        said
    }
}

/// A chance in whole percent, rounded down.
fn percent(chance: Share) -> String {
    format!("{}%", chance.ppm() / 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_hundred_canaries_say_what_they_can_and_cannot_show() {
        assert_eq!(
            canaries(500, ProofRule::STANDARD).sentences(),
            [
                "500 canaries, all verified, show that the patch harms fewer than 0.6% of hosts (95%). They \
             cannot show less.",
                "Of faults that harm 0.1% of hosts, 39% show in at least one canary and 9% in two.",
                "Of faults that harm 0.5% of hosts, 91% show in at least one canary and 71% in two.",
                "Of faults that harm 1% of hosts, 99% show in at least one canary and 96% in two.",
                "Of faults that harm 5% of hosts, 99% show in at least one canary and 99% in two.",
                "Of faults that harm 30% of hosts, 99% show in at least one canary and 99% in two.",
                "To show fewer than 0.1% takes 2995, all verified.",
            ]
        );
    }

    #[test]
    fn nobody_shows_nothing() {
        let none = canaries(0, ProofRule::STANDARD);
        assert_eq!(none.shown, Rate::ALL);
        assert!(none.notices.iter().all(|notice| notice.any == Share::default()));
    }
}
