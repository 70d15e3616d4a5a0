//! `tidegate-agent enable`: makes this machine a member of the fleet.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use tidegate_proto::v1::{AgentMode, EnrollRequest};

use super::mode::ModeWord;
use super::{Ended, Unable, secret};
use crate::core::{Chance, Mode};
use crate::driver::Driver as _;
use crate::driver::kernel::{KernelDriver, Roots};
use crate::state::{Identity, Place, write_identity};
use crate::transport::{Endpoints, Transport};

/// How often each controller is asked before the command gives up.
const ROUNDS: usize = 3;

#[derive(Debug, Args)]
pub(super) struct Enable {
    /// A controller, `host:port`; several with commas between them.
    #[arg(long, required = true, value_delimiter = ',', value_name = "HOST:PORT")]
    controller: Vec<String>,
    /// File with the token; `-` reads stdin.
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// Whether the agent may touch this machine's kernel.
    #[arg(long, value_enum, default_value_t)]
    mode: ModeWord,
    /// File with the machine's stable id.
    #[arg(long, default_value = "/etc/machine-id", value_name = "FILE")]
    machine_id_file: PathBuf,
    /// An address beyond loopback that may be spoken to without TLS.
    #[arg(long, value_name = "ADDRESS")]
    allow_plaintext_to: Vec<String>,
    /// Availability zone of this machine.
    #[arg(long, default_value = "", value_name = "NAME")]
    zone: String,
    /// Region of this machine.
    #[arg(long, default_value = "", value_name = "NAME")]
    region: String,
    /// Cloud or site of this machine.
    #[arg(long, default_value = "", value_name = "NAME")]
    cloud: String,
    /// Rack or hypervisor of this machine.
    #[arg(long, default_value = "", value_name = "NAME")]
    rack: String,
    /// A label of this machine; may be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    label: Vec<String>,
}

impl Enable {
    pub(super) async fn run(self, state_dir: &Path) -> Ended {
        let place = self.place()?;
        let mode = Mode::from(self.mode);
        let machine_id = std::fs::read_to_string(&self.machine_id_file)
            .map(|id| id.trim().to_owned())
            .map_err(|error| {
                let file = self.machine_id_file.display();
                Unable(format!("could not read the machine's id in {file}: {error}"))
            })?;
        let driver = KernelDriver::new(Roots::default(), place.clone());
        let request = EnrollRequest {
            request_id: Chance::new(getrandom::u64()?).uuid(),
            token_secret: secret::read(&self.token_file)?,
            machine_id: machine_id.clone(),
            facts: Some(driver.facts()?),
            boot_id: driver.boot_id()?,
            mode: match mode {
                Mode::Normal => AgentMode::Normal,
                Mode::NoApply => AgentMode::NoApply,
            }
            .into(),
        };
        let endpoints = Endpoints::plaintext(&self.controller, &self.allow_plaintext_to, 1)?;
        let attempts = ROUNDS * endpoints.len();
        let mut transport = Transport::new(endpoints, 0);
        let mut refusals = Vec::new();
        for _ in 0..attempts {
            match transport.enroll(request.clone()).await {
                Ok(enrolled) => {
                    let identity = Identity {
                        host: enrolled.host,
                        tier: enrolled.tier,
                        controllers: self.controller,
                        development_identity: enrolled.development_identity,
                        machine_id,
                        mode,
                        plaintext_to: self.allow_plaintext_to,
                        place,
                    };
                    std::fs::create_dir_all(state_dir)?;
                    write_identity(state_dir, &identity)?;
                    let line = format!("{} {}\n", identity.host, identity.tier);
                    std::io::stdout().write_all(line.as_bytes())?;
                    return Ok(ExitCode::SUCCESS);
                }
                Err(failed) => refusals.push(failed.message),
            }
            transport.next_controller();
        }
        refusals.dedup();
        Err(Unable(format!("no controller enrolled this machine: {}", refusals.join("; "))).into())
    }

    fn place(&self) -> Result<Place, Unable> {
        let labels = self.label.iter().map(|label| match label.split_once('=') {
            Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
            None => Err(Unable(format!("the label `{label}` is not of the form key=value"))),
        });
        Ok(Place {
            zone: self.zone.clone(),
            region: self.region.clone(),
            cloud: self.cloud.clone(),
            rack: self.rack.clone(),
            labels: labels.collect::<Result<_, _>>()?,
        })
    }
}
