//! `tidegate-agent goodbye`: tells the cluster that this machine goes down on purpose.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tidegate_proto::v1::GoodbyeKind;
use tokio::sync::mpsc;

use super::host::prepare;
use super::mode::ModeWord;
use super::{Ended, Unable};
use crate::shell::{Command, run};

/// How long the cluster may take; the spool keeps the word for the next start.
const PATIENCE: Duration = Duration::from_secs(15);

/// How a machine goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum KindWord {
    /// It is switched off.
    Shutdown,
    /// It will come back.
    Reboot,
    /// It ceases to exist.
    Terminate,
}

#[derive(Debug, Args)]
pub(super) struct Goodbye {
    /// How this machine goes down.
    #[arg(value_enum)]
    kind: KindWord,
}

impl Goodbye {
    /// Runs the agent until the goodbye is delivered; it takes up no offer meanwhile. The agent of `run` must
    /// have stopped before: two may not hold the same state.
    pub(super) async fn run(self, state_dir: &Path) -> Ended {
        let Some(host) = prepare(state_dir, ModeWord::Normal)? else {
            return Ok(ExitCode::SUCCESS);
        };
        let kind = match self.kind {
            KindWord::Shutdown => GoodbyeKind::Shutdown,
            KindWord::Reboot => GoodbyeKind::Reboot,
            KindWord::Terminate => GoodbyeKind::Termination,
        };
        let (commands, receiver) = mpsc::channel(1);
        commands.send(Command::SayGoodbye(kind)).await?;
        match tokio::time::timeout(PATIENCE, run(host, receiver)).await {
            Ok(ended) => ended?,
            Err(_) => {
                let seconds = PATIENCE.as_secs();
                let what = format!(
                    "no controller took the goodbye within {seconds} s; it is kept, and sent when \
                     the agent runs again"
                );
                return Err(Unable(what).into());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
