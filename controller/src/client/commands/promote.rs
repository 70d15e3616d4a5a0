//! `tidegate rollout promote`: on to the next wave or tier, from exactly where the operator saw it.

use std::str::FromStr;

use clap::Args;
use tidegate_proto::v1;
use tidegate_proto::v1::rollout_service_client::RolloutServiceClient;

use super::people;
use super::rollout::fetch;
use crate::client::advice::{Intent, Subject};
use crate::client::complete;
use crate::client::confirm::Danger;
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::names::{self, id_of};
use crate::client::output::rollout::{standing, waiting_on};
use crate::client::output::text::hosts;
use crate::client::session::Session;

/// Flags of `rollout promote`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tidegate rollout promote 113.1 --from free/2 --dry-run")]
pub struct Promote {
    /// The rollout, e.g. `113.1` or `rollouts/113.1`.
    #[arg(value_parser = names::rollout, add = complete::rollouts())]
    name: String,
    /// Promote in spite of shut gates; never in spite of a halt.
    #[arg(long, requires = "reason")]
    force: bool,
    /// Why, for the record.
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
    /// Agree to --force: the rollout's name.
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
    /// Promote only from this tier and wave [default: where it is now].
    #[arg(long, value_name = "TIER/WAVE")]
    from: Option<Stage>,
}

/// A wave of a tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stage {
    tier: String,
    wave: u32,
}

impl FromStr for Stage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let advice = || format!("`{text}` is not a wave; write e.g. `free/2`");
        let (tier, wave) = text.rsplit_once('/').ok_or_else(advice)?;
        let wave = wave.parse().ok().filter(|wave| *wave > 0).ok_or_else(advice)?;
        Ok(Self { tier: names::tier(tier)?, wave })
    }
}

/// Asks, then promotes from the stage that the question was about.
pub(crate) async fn run(session: &mut Session, flags: Promote) -> Result<Exit, Failure> {
    let name = flags.name;
    let before = fetch(session, &name).await?;
    let attempt = format!("promote {name}");
    let danger = if flags.force {
        let given = flags.confirm.map(|given| id_of(&given).to_owned());
        Danger::Severe { name: id_of(&name).to_owned(), given }
    } else {
        Danger::Moderate
    };
    session.asking.confirm(&attempt, &stakes(&before, flags.force), danger).await?;
    let from = flags.from.unwrap_or(Stage { tier: before.tier, wave: before.wave });
    let intent = Intent::write(attempt, Subject::Rollout(name.clone()), session.request_id);
    let body = v1::PromoteRolloutRequest {
        request_id: session.request_id.to_string(),
        name: name.clone(),
        force: flags.force,
        reason: flags.reason,
        etag: session.etag(),
        validate_only: session.validate_only(),
        from_tier: from.tier.clone(),
        from_wave: from.wave,
    };
    let promoted = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            RolloutServiceClient::new(attempt.channel).promote_rollout(request).await
        })
        .await
        .map_err(|failure| repeat_from(failure, &from, session))?;
    people::done_or_proposed(session, &promoted, (intent.attempt(), "promoted"))
}

/// A repeat must name the same stage: the rollout may have moved on by then.
fn repeat_from(failure: Failure, from: &Stage, session: &Session) -> Failure {
    if !failure.perhaps_done() {
        return failure;
    }
    let stage = format!("{}/{}", id_of(&from.tier), from.wave);
    failure.with_next(format!(
        "it may have happened all the same: repeat the command with --from {stage} --request-id {}",
        session.request_id
    ))
}

/// What a promotion means: from where, to where, how many hosts.
pub(crate) fn stakes(rollout: &v1::Rollout, force: bool) -> String {
    let from = standing(rollout);
    let to = next_stage(rollout).map_or_else(
        || "There is no further wave: this completes it.".to_owned(),
        |(tier, at, added)| {
            format!("Next is {} wave {}: {} more.", tier.tier, at + 1, hosts(added))
        },
    );
    let shut = match waiting_on(rollout).as_str() {
        _ if !force => String::new(),
        "-" => " FORCED, whatever its gates say.".to_owned(),
        gate => format!(" FORCED in spite of {gate}."),
    };
    format!("{} of {} ({from}) goes on. {to}{shut}", rollout.name, rollout.patch_set)
}

/// The next tier and wave (from 0), and how many hosts it adds.
fn next_stage(rollout: &v1::Rollout) -> Option<(&v1::TierProgress, usize, u64)> {
    let place = rollout.tiers.iter().position(|tier| tier.tier == rollout.tier)?;
    let tier = &rollout.tiers[place];
    let next = usize::try_from(rollout.wave).ok()?;
    if let Some(wave) = tier.waves.get(next) {
        let before = next.checked_sub(1).and_then(|at| tier.waves.get(at)).map_or(0, |w| w.hosts);
        return Some((tier, next, wave.hosts.saturating_sub(before)));
    }
    let tier = rollout.tiers.get(place + 1)?;
    Some((tier, 0, tier.waves.first().map_or(0, |wave| wave.hosts)))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::client::output::sample;

    fn check(place: (&str, u32), force: bool, expected: &Expect) {
        let rollout =
            v1::Rollout { tier: format!("tiers/{}", place.0), wave: place.1, ..sample::rollout() };
        expected.assert_eq(&stakes(&rollout, force));
    }

    #[test]
    fn the_question_names_the_next_wave_and_its_hosts() {
        check(
            ("free", 1),
            false,
            &expect![
                "rollouts/113.1 of patchSets/113.1 (RUNNING, free wave 1/2) goes on. Next is tiers/free wave 2: 9875 hosts more."
            ],
        );
    }

    #[test]
    fn after_a_tiers_last_wave_comes_the_next_tier() {
        check(
            ("free", 2),
            false,
            &expect![
                "rollouts/113.1 of patchSets/113.1 (RUNNING, free wave 2/2) goes on. Next is tiers/paid wave 1: 50000 hosts more."
            ],
        );
    }

    #[test]
    fn after_the_last_tier_nothing_comes() {
        check(
            ("paid", 1),
            false,
            &expect![
                "rollouts/113.1 of patchSets/113.1 (RUNNING, paid wave 1/1) goes on. There is no further wave: this completes it."
            ],
        );
    }

    #[test]
    fn force_names_the_gate_that_it_overrules() {
        check(
            ("free", 1),
            true,
            &expect![
                "rollouts/113.1 of patchSets/113.1 (RUNNING, free wave 1/2) goes on. Next is tiers/free wave 2: 9875 hosts more. FORCED in spite of soak: 100 of 114 hosts."
            ],
        );
    }

    #[test]
    fn a_stage_is_a_tier_and_a_wave() {
        let stage = Stage { tier: "tiers/free".to_owned(), wave: 2 };
        assert_eq!("free/2".parse(), Ok(stage.clone()));
        assert_eq!("tiers/free/2".parse(), Ok(stage));
        for text in ["free", "free/0", "free/x", "/1", "2"] {
            assert!(text.parse::<Stage>().is_err(), "{text}");
        }
    }
}
