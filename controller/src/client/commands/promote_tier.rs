//! `tidegate patchset promote` and `promote-all`: patch sets on to the next tier, as other livepatch services name it.

use clap::Args;
use tidegate_proto::v1;
use tidegate_proto::v1::rollout_service_client::RolloutServiceClient;

use super::people;
use crate::client::advice::{Intent, Subject};
use crate::client::complete;
use crate::client::confirm::Danger;
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::ids::RequestId;
use crate::client::names::{self, id_of};
use crate::client::output::arrange::Arrange;
use crate::client::session::Session;

/// Flags of `patchset promote`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tidegate patchset promote 113.1 paid --dry-run")]
pub struct PromoteTo {
    /// The version, e.g. `113.1`.
    #[arg(value_parser = names::patch_set, add = complete::patch_sets())]
    version: String,
    /// The tier that it goes on to, the one after its present tier.
    #[arg(value_parser = names::tier, add = complete::tiers())]
    tier: String,
}

/// Flags of `patchset promote-all`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tidegate patchset promote-all free paid")]
pub struct PromoteAll {
    /// The tier that they are in.
    #[arg(value_parser = names::tier, add = complete::tiers())]
    from: String,
    /// The tier that they go on to.
    #[arg(value_parser = names::tier, add = complete::tiers())]
    to: String,
}

/// Why a rollout does not go on to a tier now.
fn stays(rollout: &v1::Rollout, to: &str) -> Option<String> {
    let at = rollout.tiers.iter().position(|tier| tier.tier == rollout.tier);
    let Some(at) = at else {
        return Some(format!(
            "{} is in no tier: it is a draft, completed, or superseded",
            rollout.name
        ));
    };
    let next = rollout.tiers.get(at + 1).map_or("", |tier| tier.tier.as_str());
    let waves = rollout.tiers[at].waves.len();
    if next != to {
        let after = if next.is_empty() { "nothing".to_owned() } else { id_of(next).to_owned() };
        return Some(format!(
            "{} is in {}, after which comes {after}, not {}",
            rollout.name,
            id_of(&rollout.tier),
            id_of(to)
        ));
    }
    let wave = usize::try_from(rollout.wave).unwrap_or(usize::MAX);
    (wave < waves).then(|| {
        format!(
            "{} is in wave {wave} of {waves} of {}: the tier is not done",
            rollout.name,
            id_of(&rollout.tier)
        )
    })
}

/// Promotes the rollout of a patch set to the tier after its present one.
pub(crate) async fn one(session: &mut Session, flags: PromoteTo) -> Result<Exit, Failure> {
    let attempt = format!("promote {} to {}", flags.version, flags.tier);
    let of =
        |rollout: &&v1::Rollout| rollout.patch_set == flags.version && !rollout.tier.is_empty();
    let all = rollouts(session, &attempt).await?;
    let Some(rollout) = all.iter().find(of) else {
        let why = format!("no rollout of {} is on its way", flags.version);
        let next = format!("tidegate rollout start {}", id_of(&flags.version));
        return Err(Failure::usage(attempt, "NO_ROLLOUT", why, next));
    };
    if let Some(why) = stays(rollout, &flags.tier) {
        let next = format!("tidegate rollout explain {}", id_of(&rollout.name));
        return Err(Failure::usage(attempt, "NOT_NEXT_TIER", why, next));
    }
    let stakes = format!("{} goes on to {}.", rollout.name, flags.tier);
    session.asking.confirm(&attempt, &stakes, Danger::Moderate).await?;
    let promoted = promote(session, rollout, session.request_id).await?;
    people::done_or_proposed(session, &promoted, (&attempt, "promoted"))
}

/// Promotes every rollout that is done with one tier to the next; says which it promoted, and which not.
pub(crate) async fn all(session: &mut Session, flags: PromoteAll) -> Result<Exit, Failure> {
    let attempt = format!("promote all from {} to {}", flags.from, flags.to);
    let all = rollouts(session, &attempt).await?;
    let there: Vec<&v1::Rollout> =
        all.iter().filter(|rollout| rollout.tier == flags.from).collect();
    let stakes = format!("{} of {} may go on to {}.", there.len(), flags.from, flags.to);
    session.asking.confirm(&attempt, &stakes, Danger::Moderate).await?;
    let (mut promoted, mut stayed) = (Vec::new(), 0_usize);
    for rollout in there {
        let id = session.request_id.derive(&rollout.name);
        let done = match stays(rollout, &flags.to) {
            Some(why) => Err(why),
            None => match promote(session, rollout, id).await {
                Ok(rollout) => Ok(rollout),
                Err(Failure::Problem(problem)) => Err(problem.why),
                Err(gone @ Failure::PipeClosed) => return Err(gone),
            },
        };
        match done {
            Ok(rollout) => promoted.push(rollout),
            Err(why) => {
                stayed += 1;
                session.out.talk(&format!("{} stays: {why}", rollout.name));
            }
        }
    }
    session.out.list(("rollouts", promoted.as_slice()), &Arrange::default(), [])?;
    Ok(if stayed == 0 { Exit::Done } else { Exit::Precondition })
}

async fn rollouts(session: &mut Session, attempt: &str) -> Result<Vec<v1::Rollout>, Failure> {
    let intent = Intent::read(attempt, Subject::Rollouts);
    let body = v1::ListRolloutsRequest { page_size: 1_000, ..v1::ListRolloutsRequest::default() };
    let answer = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            RolloutServiceClient::new(attempt.channel).list_rollouts(request).await
        })
        .await?;
    Ok(answer.rollouts)
}

async fn promote(
    session: &mut Session,
    rollout: &v1::Rollout,
    id: RequestId,
) -> Result<v1::Rollout, Failure> {
    let name = rollout.name.clone();
    let intent = Intent::write(format!("promote {name}"), Subject::Rollout(name.clone()), id);
    let body = v1::PromoteRolloutRequest {
        request_id: id.to_string(),
        name,
        from_tier: rollout.tier.clone(),
        from_wave: rollout.wave,
        validate_only: session.validate_only(),
        ..v1::PromoteRolloutRequest::default()
    };
    session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            RolloutServiceClient::new(attempt.channel).promote_rollout(request).await
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_rollout_that_is_done_with_its_tier_goes_on_to_the_next() {
        let tier = |name: &str, waves: usize| v1::TierProgress {
            tier: format!("tiers/{name}"),
            waves: vec![v1::WaveProgress::default(); waves],
            ..v1::TierProgress::default()
        };
        let at = |tier_name: &str, wave| v1::Rollout {
            name: "rollouts/113.1".to_owned(),
            tier: tier_name.to_owned(),
            wave,
            tiers: vec![tier("canary", 1), tier("free", 2), tier("paid", 1)],
            ..v1::Rollout::default()
        };
        assert_eq!(stays(&at("tiers/free", 2), "tiers/paid"), None);
        let why = |rollout: v1::Rollout, to| stays(&rollout, to).unwrap();
        assert!(why(at("tiers/free", 1), "tiers/paid").contains("wave 1 of 2 of free"));
        assert!(
            why(at("tiers/canary", 1), "tiers/paid").contains("after which comes free, not paid")
        );
        assert!(why(at("tiers/paid", 1), "tiers/free").contains("after which comes nothing"));
        assert!(why(at("", 0), "tiers/free").contains("in no tier"));
    }
}
