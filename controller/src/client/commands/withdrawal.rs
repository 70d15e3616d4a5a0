//! `tidegate rollout rollback`, `tidegate patchset withdraw` and `tidegate patchset ledger`: going back, and
//! who still has to.

use clap::Args;
use tidegate_proto::v1;
use tidegate_proto::v1::patch_set_service_client::PatchSetServiceClient;
use tidegate_proto::v1::rollout_service_client::RolloutServiceClient;

use super::pages::{Listing, Page, Question};
use super::rollout::{announce, fetch};
use crate::client::advice::{Intent, Subject};
use crate::client::complete;
use crate::client::confirm::Danger;
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::names::{self, id_of};
use crate::client::output::rollout::{ledger_in_words, standing};
use crate::client::output::text::hosts;
use crate::client::session::Session;

/// Flags of `rollout rollback`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  tidegate rollout rollback 113.1 --reason 'hangs nfsd' --confirm 113.1"
)]
pub struct Rollback {
    /// The rollout, e.g. `113.1` or `rollouts/113.1`.
    #[arg(value_parser = names::rollout, add = complete::rollouts())]
    name: String,
    /// Why, for the record.
    #[arg(long)]
    reason: String,
    /// Agree: the rollout's name.
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

/// Flags of `patchset withdraw`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  tidegate patchset withdraw 113.1 --reason 'built wrong' --confirm 113.1"
)]
pub struct Withdraw {
    /// The version, e.g. `113.1`.
    #[arg(value_parser = names::patch_set, add = complete::patch_sets())]
    version: String,
    /// Why, for the record.
    #[arg(long)]
    reason: String,
    /// Agree: the version.
    #[arg(long, value_name = "VERSION")]
    confirm: Option<String>,
}

/// Flags of `patchset ledger`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tidegate patchset ledger 113.1")]
pub struct LedgerOf {
    /// The version, e.g. `113.1`.
    #[arg(value_parser = names::patch_set, add = complete::patch_sets())]
    version: String,
    #[command(flatten)]
    listing: Listing,
}

/// The name must be typed, or given.
fn severe(name: &str, given: Option<String>) -> Danger {
    let given = given.map(|given| id_of(&given).to_owned());
    Danger::Severe { name: id_of(name).to_owned(), given }
}

/// Asks for the name, then withdraws the patch set and has it taken back.
pub(crate) async fn rollback(session: &mut Session, flags: Rollback) -> Result<Exit, Failure> {
    let Rollback { name, reason, confirm } = flags;
    let before = fetch(session, &name).await?;
    let attempt = format!("roll back {name}");
    session.asking.confirm(&attempt, &stakes(&before), severe(&name, confirm)).await?;
    let intent = Intent::write(attempt, Subject::Rollout(name.clone()), session.request_id);
    let request_id = session.request_id.to_string();
    let validate_only = session.validate_only();
    let body = v1::RollbackRolloutRequest { request_id, name, reason, validate_only };
    let rollout = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            RolloutServiceClient::new(attempt.channel).rollback_rollout(request).await
        })
        .await?;
    let owing = rollout.withdrawal.as_ref().map(ledger_in_words).unwrap_or_default();
    let did = session.did("withdrawn for good");
    session.out.talk(&format!("{} {did}; {owing}", rollout.patch_set));
    let next = format!("tidegate patchset ledger {}", id_of(&rollout.patch_set));
    announce(session, &rollout, (intent.attempt(), "rolled back"), &next)?;
    Ok(Exit::Done)
}

fn stakes(rollout: &v1::Rollout) -> String {
    let begun = rollout.counts.map_or(0, |counts| counts.begun);
    format!(
        "{} ({}) is rolled back: {} is withdrawn for good and never comes back, {} that began it take it out \
         again or owe a reboot, and going back to an older version means publishing it under a higher number.",
        rollout.name,
        standing(rollout),
        rollout.patch_set,
        hosts(begun),
    )
}

/// Asks for the version, then withdraws it.
pub(crate) async fn withdraw(session: &mut Session, flags: Withdraw) -> Result<Exit, Failure> {
    let Withdraw { version: name, reason, confirm } = flags;
    let attempt = format!("withdraw {name}");
    let stakes = format!("{name} is withdrawn for good: no rollout of it can ever start.");
    session.asking.confirm(&attempt, &stakes, severe(&name, confirm)).await?;
    let intent = Intent::write(attempt, Subject::PatchSet(name.clone()), session.request_id);
    let request_id = session.request_id.to_string();
    let validate_only = session.validate_only();
    let body =
        v1::WithdrawPatchSetRequest { request_id, name: name.clone(), reason, validate_only };
    let patch_set = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            PatchSetServiceClient::new(attempt.channel).withdraw_patch_set(request).await
        })
        .await?;
    let did = session.did("withdrawn");
    session.out.one(&patch_set, |_, _| format!("{name} {did} (epoch {})", patch_set.epoch))?;
    session.end(intent.attempt(), "tidegate patchset list");
    Ok(Exit::Done)
}

/// Lists who still runs a withdrawn patch set.
pub(crate) async fn ledger(session: &mut Session, flags: LedgerOf) -> Result<Exit, Failure> {
    let LedgerOf { version, listing } = flags;
    let subject = Subject::PatchSet(version.clone());
    let intent = Intent::read(format!("list the ledger of {version}"), subject);
    let listed = listing.list(async |question: Question| {
        let Question { page_size, page_token, filter } = question;
        let patch_set = version.clone();
        let body = v1::ListLedgerRequest { patch_set, page_size, page_token, filter };
        let page = session
            .client
            .unary(&intent, body, async |attempt, body| {
                let request = attempt.request(body);
                PatchSetServiceClient::new(attempt.channel).list_ledger(request).await
            })
            .await?;
        Ok(Page { rows: page.entries, next: page.next_page_token })
    });
    listed.await?.show(session, ("entries", "hosts on the ledger"), None)?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::output::sample;

    #[test]
    fn the_stakes_of_a_rollback_say_that_nothing_brings_it_back_and_how_many_hosts_it_takes() {
        let said = stakes(&sample::rollout());
        for words in ["withdrawn for good", "220 hosts", "under a higher number"] {
            assert!(said.contains(words), "{words}: {said}");
        }
    }
}
