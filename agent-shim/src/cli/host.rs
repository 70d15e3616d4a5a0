//! `tidegate-agent run`: runs the agent of this machine until it is told to stop.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::mode::{BootWord, ModeWord, boot_word, strictest};
use super::{Ended, Unable, fleet};
use crate::core::AgentConfig;
use crate::driver::kernel::{KernelDriver, Roots};
use crate::shell::{Host, run};
use crate::state::{Identity, read_identity};
use crate::storage::DiskStorage;
use crate::transport::{Endpoints, Transport};

/// Which kernel the agent drives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum DriverWord {
    /// The kernel of this machine.
    #[default]
    Kernel,
    /// Simulated kernels: nothing of this machine is touched.
    Simulated,
}

#[derive(Debug, Args)]
pub(super) struct Run {
    /// Whether the agent may touch its kernel. The strictest of this, of `enable`, and of
    /// `canonical_livepatch_mode=` on the kernel's command line wins.
    #[arg(long, value_enum, default_value_t)]
    pub(super) mode: ModeWord,
    /// Which kernel the agent drives.
    #[arg(long, value_enum, default_value_t)]
    driver: DriverWord,
    /// Simulated: how many machines.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(super) count: u64,
    /// Simulated: seed of the machines and of their faults.
    #[arg(long, default_value_t = 1, value_name = "S")]
    pub(super) seed: u64,
    /// Simulated: a controller, `host:port`; several with commas between them.
    #[arg(long, value_delimiter = ',', value_name = "HOST:PORT")]
    pub(super) controller: Vec<String>,
    /// Simulated: file with a token, and `:60%` for its share of the machines. May be given
    /// several times; shares default to equal ones.
    #[arg(long, value_name = "FILE[:SHARE%]")]
    pub(super) token_file: Vec<String>,
    /// An address beyond loopback that may be spoken to without TLS.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) allow_plaintext_to: Vec<String>,
}

impl Run {
    pub(super) async fn run(self, state_dir: &Path) -> Ended {
        match self.driver {
            DriverWord::Simulated => fleet::run(&self).await,
            DriverWord::Kernel => self.run_host(state_dir).await,
        }
    }

    async fn run_host(&self, state_dir: &Path) -> Ended {
        if self.count != 1 || !self.controller.is_empty() || !self.token_file.is_empty() {
            let what = "--count, --controller and --token-file belong to `--driver simulated`; \
                        a real machine is enrolled with `tidegate-agent enable`";
            return Err(Unable(what.to_owned()).into());
        }
        let Some(host) = prepare(state_dir, self.mode)? else {
            tracing::warn!("canonical_livepatch_mode=stop on the kernel's command line: not run");
            return Ok(ExitCode::SUCCESS);
        };
        let (commands, receiver) = mpsc::channel(1);
        tokio::select! {
            ended = run(host, receiver) => ended?,
            () = stopped() => drop(commands),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Everything that the agent of this machine runs on; `None` where the boot loader says that it
/// must not run.
pub(super) fn prepare(
    state_dir: &Path,
    mode: ModeWord,
) -> Result<Option<Host<KernelDriver, DiskStorage>>, Box<dyn std::error::Error>> {
    let identity = identity(state_dir)?;
    let roots = Roots::default();
    let boot = boot_word(&roots.read_proc("cmdline")?);
    if boot == BootWord::Stop {
        return Ok(None);
    }
    let endpoints = Endpoints::plaintext(&identity.controllers, &identity.plaintext_to, 1)?;
    let lane = usize::try_from(getrandom::u32()?).unwrap_or(0);
    let transport =
        Transport::new(endpoints, lane).with_identity(&identity.development_identity)?;
    Ok(Some(Host {
        driver: Arc::new(KernelDriver::new(roots, identity.place).following_log()),
        storage: DiskStorage::open(state_dir, getrandom::u64()?)?,
        transport,
        config: AgentConfig::default(),
        mode: strictest(mode, identity.mode, boot),
        seed: getrandom::u64()?,
    }))
}

pub(super) fn identity(state_dir: &Path) -> Result<Identity, Box<dyn std::error::Error>> {
    let directory: PathBuf = state_dir.to_owned();
    read_identity(state_dir)?.ok_or_else(|| {
        let what = format!(
            "this machine is not enrolled ({} has no identity.json): \
             use `tidegate-agent enable --controller host:port --token-file FILE`",
            directory.display()
        );
        Unable(what).into()
    })
}

/// Waits until somebody wants the process to stop. An agent that stops says no goodbye: the
/// machine goes on.
pub(super) async fn stopped() {
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signals) => drop(signals.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminate => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
