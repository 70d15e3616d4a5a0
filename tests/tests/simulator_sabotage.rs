//! Would the checks notice? Each defect is planted, and must show as what it is.

use tidegate_tests::sim::{Report, Sabotage, Show, play};

/// In how many seeds a planted defect must have shown itself.
const SEEDS_TO_CATCH: u64 = 40;

/// Plays seeds until the planted defect shows, and checks that it shows as one of `names`.
#[track_caller]
#[expect(
    clippy::panic,
    clippy::print_stdout,
    reason = "a test's helper fails and shows as tests do"
)]
fn is_caught(sabotage: Sabotage, names: &[&str]) {
    let caught: Option<Report> = (1..=SEEDS_TO_CATCH)
        .map(|seed| play(seed, sabotage, Show::Nothing))
        .find(|report| report.violation.is_some());
    let report = caught.unwrap_or_else(|| panic!("{sabotage} shows in no seed"));
    println!("{report}");
    let invariant = report.violation.as_ref().map_or("none", |violation| violation.invariant);
    assert!(names.contains(&invariant), "{sabotage} shows as {invariant}");
}

#[test]
fn a_disk_that_skips_syncs_is_caught() {
    is_caught(Sabotage::SkippedSync, &["I4", "I5", "ELECTION", "DIVERGENCE", "PANIC"]);
}

#[test]
fn an_agent_without_its_lease_check_is_caught() {
    is_caught(Sabotage::NoLeaseCheck, &["I2"]);
}

#[test]
fn an_agent_without_its_epoch_check_is_caught() {
    is_caught(Sabotage::NoEpochCheck, &["FENCE"]);
}

#[test]
fn a_budget_that_is_off_by_one_is_caught() {
    is_caught(Sabotage::BudgetOffByOne, &["I1"]);
}

#[test]
fn a_credit_that_is_off_by_one_is_caught() {
    is_caught(Sabotage::CreditOffByOne, &["I1"]);
}

#[test]
fn a_token_that_lets_in_one_host_too_many_is_caught() {
    is_caught(Sabotage::TokenOffByOne, &["I6"]);
}

#[test]
fn a_freeze_that_ends_too_soon_is_caught() {
    is_caught(Sabotage::FreezeEndsEarly, &["I3", "I7"]);
}

#[test]
fn a_delay_that_is_too_short_is_caught() {
    is_caught(Sabotage::DelayTooShort, &["I3"]);
}

#[test]
fn a_window_that_stays_open_for_too_long_is_caught() {
    is_caught(Sabotage::WindowTooLong, &["I3"]);
}

#[test]
fn one_person_who_widens_where_it_takes_two_is_caught() {
    is_caught(Sabotage::OnePersonWidens, &["I12"]);
}

#[test]
fn an_author_who_agrees_to_their_own_proposal_is_caught() {
    is_caught(Sabotage::AuthorAgrees, &["I12"]);
}

#[test]
fn a_tier_that_passes_with_one_approval_too_few_is_caught() {
    is_caught(Sabotage::ApprovalsOffByOne, &["I12"]);
}

#[test]
fn a_wave_that_passes_with_too_few_verified_hosts_is_caught() {
    is_caught(Sabotage::VerifiedTooLow, &["I7"]);
}

#[test]
fn a_tier_that_passes_with_less_to_show_than_was_asked_for_is_caught() {
    is_caught(Sabotage::SampleTooSmall, &["I10"]);
}

#[test]
fn a_wave_that_takes_in_more_hosts_than_its_share_is_caught() {
    is_caught(Sabotage::WaveTooLarge, &["I11"]);
}

#[test]
fn a_disk_that_forgets_for_whom_the_node_voted_is_caught() {
    is_caught(Sabotage::ForgottenVote, &["VOTE"]);
}

#[test]
fn a_disk_that_gives_damaged_pieces_back_unchecked_is_caught() {
    is_caught(Sabotage::UncheckedPieces, &["STOP", "I5"]);
}

#[test]
fn a_log_that_is_cut_behind_its_checkpoint_is_caught() {
    is_caught(Sabotage::CompactedTooFar, &["I4"]);
}

#[test]
fn a_restart_that_forgets_who_the_members_are_is_caught() {
    is_caught(Sabotage::ForgottenMembers, &["MEMBERS", "STOP"]);
}

#[test]
fn a_read_that_asks_no_majority_is_seen_in_the_histories() {
    is_caught(Sabotage::StaleReads, &["LINEAR"]);
}

#[test]
fn a_command_that_is_acknowledged_before_it_is_committed_is_caught() {
    is_caught(Sabotage::EarlyAck, &["I4"]);
}

#[test]
fn a_replica_of_another_state_whose_word_nobody_hears_is_caught() {
    is_caught(Sabotage::UnheardVouches, &["DIVERGENCE"]);
}

#[test]
fn a_wall_clock_that_is_the_leaders_alone_is_caught() {
    is_caught(Sabotage::LeaderClock, &["WALL"]);
}

#[test]
fn a_restore_that_lets_rollouts_run_on_is_caught() {
    is_caught(Sabotage::RestoredRunning, &["RESTORE"]);
}

#[test]
fn a_write_that_is_torn_and_taken_for_whole_is_caught() {
    is_caught(Sabotage::TornWrites, &["STOP", "I4", "I5"]);
}

#[test]
fn a_leader_that_keeps_the_lead_with_a_wrong_clock_is_caught() {
    is_caught(Sabotage::StubbornLeader, &["HANDOVER"]);
}

#[test]
fn an_agent_that_forgets_what_it_heard_before_a_restore_is_caught() {
    is_caught(Sabotage::ForgottenHistory, &["HISTORY"]);
}

#[test]
fn every_planted_defect_has_a_name_to_play_it_again_by() {
    for planted in Sabotage::ALL {
        assert_eq!(planted.name().parse(), Ok(planted));
    }
    let error = "nonsense".parse::<Sabotage>().unwrap_err().to_string();
    assert!(
        error.contains("`nonsense` is no planted defect; they are none, skipped-sync"),
        "{error}"
    );
}
