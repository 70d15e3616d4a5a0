//! Which policies come with Tidegate? A few documents to start from, each with its reasons.

/// A policy that comes with Tidegate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// The name it is asked for by, which is also the policy's.
    pub name: &'static str,
    /// The document, to be read with [`super::parse`] or copied and changed.
    pub text: &'static str,
}

/// Every preset, in the order in which they are listed.
pub const PRESETS: &[Preset] = &[
    Preset { name: "standard", text: include_str!("../../presets/standard.toml") },
    Preset { name: "critical", text: include_str!("../../presets/critical.toml") },
    Preset { name: "frozen", text: include_str!("../../presets/frozen.toml") },
    Preset { name: "small-fleet", text: include_str!("../../presets/small-fleet.toml") },
    Preset { name: "compressed", text: include_str!("../../presets/compressed.toml") },
];

/// The preset of this name, if there is one.
pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::parse;
    use crate::policy::{Policy, Promotion};
    use crate::time::Millis;

    fn read(name: &str) -> Policy {
        parse(name, preset(name).unwrap().text).unwrap()
    }

    #[test]
    fn every_preset_is_a_good_policy_under_its_own_name() {
        for preset in PRESETS {
            assert_eq!(read(preset.name).name, preset.name);
        }
        assert_eq!(preset("nonsense"), None);
    }

    #[test]
    fn every_preset_climbs_from_drawn_canaries_over_free_to_paid() {
        for preset in PRESETS {
            let ladder = read(preset.name).ladder;
            let tiers: Vec<_> = ladder.iter().map(|stage| stage.tier.as_str()).collect();
            assert_eq!(tiers, ["canary", "free", "paid"], "{}", preset.name);
            let drawn: Vec<_> = ladder.iter().map(|stage| stage.draw.is_some()).collect();
            assert_eq!(drawn, [true, false, false], "{}", preset.name);
        }
    }

    #[test]
    fn every_preset_begins_by_saying_what_it_is_for() {
        for preset in PRESETS {
            assert!(preset.text.starts_with("# "), "{}", preset.name);
        }
    }

    #[test]
    fn only_compressed_soaks_for_seconds_and_it_says_so() {
        for preset in PRESETS {
            let policy = read(preset.name);
            let soaks_for_seconds =
                policy.ladder.iter().any(|stage| stage.gates.soak < Millis::from_secs(3_600));
            let says_so = policy
                .description
                .contains("oaks of seconds; for demonstrations and the kernel lab only");
            assert_eq!((soaks_for_seconds, says_so), {
                let compressed = preset.name == "compressed";
                (compressed, compressed)
            });
        }
    }

    #[test]
    fn in_small_fleets_and_freezes_a_person_promotes_to_the_paid_tier() {
        for preset in PRESETS {
            let manual = read(preset.name).ladder[1].gates.promotion == Promotion::Manual;
            assert_eq!(manual, ["frozen", "small-fleet"].contains(&preset.name), "{}", preset.name);
        }
    }

    #[test]
    fn credit_grows_as_fast_as_each_preset_says() {
        let credit = |name: &str| {
            let rule = read(name).judgement.and_then(|judgement| judgement.credit);
            rule.map(|rule| (rule.start, rule.gain))
        };
        assert_eq!(credit("standard"), None, "by the size of the fleet");
        assert_eq!(credit("critical"), Some((50, 9)));
        assert_eq!(credit("frozen"), Some((50, 1)));
        assert_eq!(credit("small-fleet"), Some((1, 1)));
        assert_eq!(credit("compressed"), Some((100, 9)));
        assert_eq!(read("standard").judgement, Some(crate::policy::Judgement::STANDARD));
    }
}
