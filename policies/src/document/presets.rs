//! Which policies, ladders and coverage tables come with Tidegate? A few documents to start from, each with its reasons.

/// A document that comes with Tidegate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// The name it is asked for by; a policy's is the same.
    pub name: &'static str,
    /// The document, to be read with [`super::parse`], [`super::parse_ladder`] or
    /// [`super::parse_coverage`], or copied and changed.
    pub text: &'static str,
}

/// Every preset, in the order in which they are listed.
pub const PRESETS: &[Preset] = &[
    Preset { name: "standard", text: include_str!("../../presets/standard.toml") },
    Preset { name: "critical", text: include_str!("../../presets/critical.toml") },
    Preset { name: "frozen", text: include_str!("../../presets/frozen.toml") },
    Preset { name: "small-fleet", text: include_str!("../../presets/small-fleet.toml") },
    Preset { name: "compressed", text: include_str!("../../presets/compressed.toml") },
    Preset { name: "edge", text: include_str!("../../presets/edge.toml") },
    Preset { name: "proposed", text: include_str!("../../presets/proposed.toml") },
];

/// Every ladder, in the order in which they are listed; the first is that of a new cluster.
pub const LADDERS: &[Preset] = &[
    Preset { name: "default", text: include_str!("../../ladders/default.toml") },
    Preset { name: "edge", text: include_str!("../../ladders/edge.toml") },
    Preset { name: "proposed", text: include_str!("../../ladders/proposed.toml") },
];

/// Every coverage table, in the order in which they are listed.
pub const COVERAGES: &[Preset] =
    &[Preset { name: "ubuntu", text: include_str!("../../coverage/ubuntu.toml") }];

/// The coverage table of this name, if there is one.
pub fn coverage_preset(name: &str) -> Option<&'static Preset> {
    COVERAGES.iter().find(|preset| preset.name == name)
}

/// The ladder of this name, if there is one.
pub fn ladder_preset(name: &str) -> Option<&'static Preset> {
    LADDERS.iter().find(|preset| preset.name == name)
}

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
    fn every_preset_climbs_a_ladder_that_ships_from_its_first_tier_to_its_last() {
        for preset in PRESETS {
            let of_its_name = ladder_preset(preset.name);
            let tiers =
                crate::document::parse_ladder("ladder", of_its_name.unwrap_or(&LADDERS[0]).text);
            let declared: Vec<_> =
                tiers.unwrap().into_iter().map(|tier| (tier.name, tier.sampled)).collect();
            let climbed: Vec<_> = read(preset.name)
                .ladder
                .into_iter()
                .map(|stage| (stage.tier, stage.draw.is_some()))
                .collect();
            assert_eq!(climbed, declared, "{}", preset.name);
        }
    }

    #[test]
    fn the_free_tier_of_the_hosted_ladder_ramps_by_ten_twenty_forty_sixty_percent() {
        let updates = &read("proposed").ladder[2];
        let waves: Vec<String> = updates.waves.iter().map(ToString::to_string).collect();
        assert_eq!(
            (updates.tier.as_str(), waves.join(" ")),
            ("updates", "10% 20% 40% 60% 100%".to_owned())
        );
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
            let ladder = read(preset.name).ladder;
            let manual = ladder[ladder.len() - 2].gates.promotion == Promotion::Manual;
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
