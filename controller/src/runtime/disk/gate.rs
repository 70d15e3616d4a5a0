//! Which commands pass when the disk is how full? Stopping always does.
//!
//! A command that does not pass is refused where it is proposed, before it is in the log. What is in
//! the log is applied by every node, however full its disk is.

use super::DiskState;
use crate::machine::Command;
use crate::machine::command::Action;

/// Whether `command` may be proposed while the disk is in `state`.
pub(in crate::runtime) fn may_pass(command: &Command, state: DiskState) -> bool {
    state <= worst_state_for(command)
}

/// The worst state in which a command still passes.
fn worst_state_for(command: &Command) -> DiskState {
    match command {
        // Time goes on, so that silence is still seen and what is under way ends.
        Command::Tick(_) => DiskState::Critical,
        // What hosts do, they have done or may not begin: at Critical they hold.
        Command::BeginGrant(_) | Command::RecordReports(_) => DiskState::Scarce,
        Command::Bootstrap(_)
        | Command::StoreBlob(_)
        | Command::RegisterNode(_)
        | Command::VouchState(_)
        | Command::KnowOpenings(_)
        | Command::SettleNotifications(_)
        | Command::LeaveJoint => DiskState::Scarce,
        #[cfg(feature = "next-version")]
        Command::NextProbe(_) => DiskState::Scarce,
        Command::EnrollHost(_) => DiskState::Low,
        Command::Operate(operate) => worst_state_for_action(&operate.action),
    }
}

fn worst_state_for_action(action: &Action) -> DiskState {
    match action {
        Action::HaltRollout(_)
        | Action::HaltSlice(_)
        | Action::PauseRollout(_)
        | Action::CreateFreeze(_)
        | Action::CreateBlock(_)
        | Action::RollBack(_)
        | Action::WithdrawPatchSet(_)
        | Action::RevokeToken(_) => DiskState::Critical,
        // Whoever replaces a node whose disk is too small needs these.
        Action::AddMember(_)
        | Action::PromoteMember(_)
        | Action::RemoveMember(_)
        | Action::CheckState => DiskState::Scarce,
        Action::CreateToken(_)
        | Action::ApplyLadder(_)
        | Action::LiftFreeze(_)
        | Action::LiftBlock(_)
        | Action::HoldBack(_)
        | Action::ApproveWave(_)
        | Action::ExpediteRollout(_)
        | Action::SupersedeRollout(_)
        | Action::AgreeToProposal(_)
        | Action::RejectProposal(_)
        | Action::UpdateToken(_)
        | Action::EvictHost(_)
        | Action::MoveHost(_)
        | Action::AcknowledgeIncident(_)
        | Action::NoteIncident(_)
        | Action::ResolveIncident(_)
        | Action::ApplyWebhooks(_)
        | Action::TestWebhook(_)
        | Action::ApplyCoverage(_)
        | Action::ResendNotifications(_)
        | Action::ResumeRollout(_)
        | Action::ResumeSlice(_)
        | Action::PromoteRollout(_) => DiskState::Scarce,
        Action::IfUnchanged(guarded) => worst_state_for_action(&guarded.action),
        // What they begin grows: hosts, reports, artifacts on every disk.
        Action::PublishPatchSet(_) | Action::CreateRollout(_) | Action::StartRollout(_) => {
            DiskState::Low
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::Path;

    use expect_test::expect;

    use super::*;

    /// One of every command and action that any version has, by the name of its pinned entry.
    fn every_command() -> Vec<(String, Command)> {
        let pinned = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/machine/golden");
        let files = std::fs::read_dir(pinned).unwrap().map(|file| file.unwrap().path());
        // What stands in for the next release is unknown to this one.
        let entries = files.filter(|path| {
            path.extension().is_some_and(|end| end == "hex") && !name(path).starts_with("next")
        });
        let mut commands: Vec<_> = entries.map(|path| (name(&path), decode(&path))).collect();
        commands.sort_by(|left, right| left.0.cmp(&right.0));
        commands
    }

    fn name(path: &Path) -> String {
        path.file_stem().unwrap().to_str().unwrap().to_owned()
    }

    fn decode(path: &Path) -> Command {
        let hex = std::fs::read_to_string(path).unwrap();
        let digits: String = hex.split_whitespace().collect();
        let pairs = (0..digits.len()).step_by(2).map(|at| &digits[at..at + 2]);
        let bytes: Vec<u8> = pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
        Command::decode(&bytes).unwrap()
    }

    #[test]
    fn every_command_has_a_worst_state_in_which_it_passes_and_passes_all_better_ones() {
        let mut table = String::new();
        for (name, command) in every_command() {
            let worst = worst_state_for(&command);
            writeln!(table, "{name}: {worst}").unwrap();
            let states = [DiskState::Fine, DiskState::Low, DiskState::Scarce, DiskState::Critical];
            for state in states {
                assert_eq!(may_pass(&command, state), state <= worst, "{name} at {state}");
            }
        }
        expect![[r#"
            acknowledge-incident: scarce
            add-member: scarce
            agree-to-proposal: scarce
            apply-coverage: scarce
            apply-ladder: scarce
            apply-webhooks: scarce
            approve-wave: scarce
            begin-grant: scarce
            bootstrap: scarce
            bootstrap-2: scarce
            check-state: scarce
            create-block: critical
            create-freeze: critical
            create-rollout: low
            create-rollout-2: low
            create-token: scarce
            create-token-2: scarce
            enroll-host: low
            evict-host: scarce
            expedite-rollout: scarce
            halt-rollout: critical
            halt-slice: critical
            hold-back: scarce
            if-unchanged: low
            know-openings: scarce
            lift-block: scarce
            lift-freeze: scarce
            move-host: scarce
            note-incident: scarce
            pause-rollout: critical
            promote-member: scarce
            promote-rollout: scarce
            publish-patch-set: low
            record-reports: scarce
            record-reports-2: scarce
            register-node: scarce
            reject-proposal: scarce
            remove-member: scarce
            resend-notifications: scarce
            resolve-incident: scarce
            resume-rollout: scarce
            resume-slice: scarce
            revoke-token: critical
            roll-back: critical
            settle-notifications: scarce
            start-rollout: low
            store-blob: scarce
            supersede-rollout: scarce
            test-webhook: scarce
            tick: critical
            tick-2: critical
            update-token: scarce
            vouch-state: scarce
            withdraw-patch-set: critical
        "#]]
        .assert_eq(&table);
    }

    #[test]
    fn what_stops_and_the_clock_alone_pass_a_disk_that_is_critical() {
        let passing = every_command()
            .into_iter()
            .filter(|(_, command)| may_pass(command, DiskState::Critical))
            .map(|(name, _)| name);
        let passing: Vec<String> = passing.collect();
        let stops = [
            "create-block",
            "create-freeze",
            "halt-rollout",
            "halt-slice",
            "pause-rollout",
            "revoke-token",
            "roll-back",
            "tick",
            "tick-2",
            "withdraw-patch-set",
        ];
        assert_eq!(passing, stops);
    }
}
