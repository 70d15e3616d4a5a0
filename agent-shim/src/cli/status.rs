//! `tidegate-agent status`: what the agent of this machine is doing, under the names that Ubuntu
//! Livepatch uses.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use chrono::{DateTime, SecondsFormat};
use clap::{Args, ValueEnum};
use serde::Serialize;
use tidegate_proto::v1::HostFacts;

use super::{Ended, host, yaml};
use crate::clock;
use crate::core::{AgentStatus, BootTime, CheckState, PatchState};
use crate::driver::Driver as _;
use crate::driver::kernel::{KernelDriver, Roots};
use crate::state::{Identity, PublishedStatus, read_status};

/// In which form the status is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Humane,
    /// One JSON object.
    Json,
    /// One YAML document.
    Yaml,
}

#[derive(Debug, Args)]
pub(super) struct Status {
    /// In which form to print it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Print nothing, and exit with 0 for `applied` and `nothing-to-apply`, 1 for `applying`, 2
    /// otherwise.
    #[arg(long)]
    check: bool,
    /// Say more to people.
    #[arg(long)]
    verbose: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(rename = "Client-Version")]
    client_version: String,
    #[serde(rename = "Machine-Id")]
    machine_id: String,
    architecture: String,
    #[serde(rename = "CPU-Model")]
    cpu_model: String,
    #[serde(rename = "Last-Check")]
    last_check: String,
    #[serde(rename = "Boot-Time")]
    boot_time: String,
    uptime: String,
    #[serde(rename = "Cloud-Enabled")]
    cloud_enabled: CloudEnabled,
    status: Vec<KernelStatus>,
    #[serde(rename = "tier")]
    tier: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct CloudEnabled {
    az: String,
    cloud: String,
    cloud_enabled: bool,
    region: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct KernelStatus {
    kernel: String,
    running: bool,
    supported: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    upgrade_required_date: String,
    livepatch: Livepatch,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Livepatch {
    check_state: CheckState,
    state: PatchState,
    version: String,
}

/// What the page is made from.
type Known = (Identity, KernelDriver, PublishedStatus);

impl Status {
    pub(super) fn run(&self, state_dir: &Path) -> Ended {
        if self.check {
            // A status that cannot be read is no good news, and must not look like `applying`.
            let state = Self::read(state_dir).map(|(_, _, status)| status.status.state);
            return Ok(exit_code(state.unwrap_or(PatchState::Unknown)));
        }
        let (identity, driver, status) = Self::read(state_dir)?;
        let page = page(&identity, driver.facts()?, &status, &Clock::read());
        let text = match self.format {
            Format::Json => format!("{}\n", serde_json::to_string(&page)?),
            Format::Yaml => yaml::document(&serde_json::to_value(&page)?),
            Format::Humane => self.humane(&page, &identity, &status),
        };
        std::io::stdout().write_all(text.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }

    fn read(state_dir: &Path) -> Result<Known, Box<dyn Error>> {
        let identity = host::identity(state_dir)?;
        let driver = KernelDriver::new(Roots::default(), identity.place.clone());
        let status = present(read_status(state_dir)?, &driver.boot_id()?);
        Ok((identity, driver, status))
    }

    fn humane(&self, page: &Page, identity: &Identity, status: &PublishedStatus) -> String {
        let mut text = format!(
            "last check: {}\n",
            if page.last_check.is_empty() { "never" } else { &page.last_check }
        );
        for kernel in &page.status {
            let until = match kernel.upgrade_required_date.as_str() {
                "" => String::new(),
                date => format!("upgrade required date: {date}\n"),
            };
            text.push_str(&format!(
                "kernel: {}\nkernel coverage: {}\n{until}server check-in: {}\npatch state: {}\n",
                kernel.kernel,
                kernel.supported,
                kernel.livepatch.check_state.word(),
                kernel.livepatch.state.word(),
            ));
            if !kernel.livepatch.version.is_empty() {
                text.push_str(&format!("patch version: {}\n", kernel.livepatch.version));
            }
        }
        text.push_str(&format!("tier: {}\n", page.tier));
        if self.verbose {
            text.push_str(&format!(
                "host: {}\nclient version: {}\nmachine id: {}\narchitecture: {}\ncpu model: {}\n\
                 boot time: {}\ncontrollers: {}\nexplanation: {}\n",
                identity.host,
                page.client_version,
                page.machine_id,
                page.architecture,
                page.cpu_model,
                page.boot_time,
                identity.controllers.join(", "),
                status.status.explanation,
            ));
        }
        text
    }
}

/// The published status, where it speaks of this boot; else that nothing is known.
fn present(published: Option<PublishedStatus>, boot_id: &str) -> PublishedStatus {
    published.filter(|published| published.boot_id == boot_id).unwrap_or_else(|| PublishedStatus {
        boot_id: boot_id.to_owned(),
        status: AgentStatus {
            check: CheckState::NeedsCheck,
            checked_at: None,
            state: PatchState::Unknown,
            patch_set: String::new(),
            explanation: String::new(),
            supported: String::new(),
            upgrade_required_date: String::new(),
        },
    })
}

fn page(identity: &Identity, facts: HostFacts, status: &PublishedStatus, now: &Clock) -> Page {
    let moment = |at: BootTime| rfc3339(now.booted_at_unix + at.as_millis() / 1_000);
    let kernel = match facts.flavour.as_str() {
        "" => facts.kernel_release.clone(),
        flavour => format!("{}-{flavour}", facts.kernel_release),
    };
    let word = &status.status;
    Page {
        client_version: facts.agent_version,
        machine_id: identity.machine_id.clone(),
        architecture: facts.arch,
        cpu_model: facts.cpu_model,
        last_check: word.checked_at.map(moment).unwrap_or_default(),
        boot_time: rfc3339(now.booted_at_unix),
        uptime: now.uptime_seconds.to_string(),
        cloud_enabled: CloudEnabled {
            az: identity.place.zone.clone(),
            cloud_enabled: !identity.place.cloud.is_empty(),
            cloud: identity.place.cloud.clone(),
            region: identity.place.region.clone(),
        },
        status: vec![KernelStatus {
            kernel,
            running: true,
            supported: supported(word),
            upgrade_required_date: word.upgrade_required_date.clone(),
            livepatch: Livepatch {
                check_state: word.check,
                state: word.state,
                version: word.patch_set.trim_start_matches("patchSets/").to_owned(),
            },
        }],
        tier: identity.tier.trim_start_matches("tiers/").to_owned(),
    }
}

/// What the controllers say of the kernel; they say nothing where nobody applied a coverage table.
fn supported(status: &AgentStatus) -> String {
    let word = if status.supported.is_empty() { "unknown" } else { &status.supported };
    word.to_owned()
}

/// How long the machine is up, and since when.
struct Clock {
    uptime_seconds: u64,
    booted_at_unix: u64,
}

impl Clock {
    fn read() -> Self {
        let uptime_seconds = clock::boot_time().as_millis() / 1_000;
        let booted_at_unix = clock::unix_seconds().saturating_sub(uptime_seconds);
        Self { uptime_seconds, booted_at_unix }
    }
}

/// A moment in RFC 3339; empty where it is beyond all calendars.
fn rfc3339(unix_seconds: u64) -> String {
    i64::try_from(unix_seconds)
        .ok()
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .map(|moment| moment.to_rfc3339_opts(SecondsFormat::Secs, true))
        .unwrap_or_default()
}

fn exit_code(state: PatchState) -> ExitCode {
    ExitCode::from(match state {
        PatchState::Applied | PatchState::NothingToApply => 0,
        PatchState::Applying => 1,
        PatchState::Unapplied
        | PatchState::ApplyFailed
        | PatchState::Unknown
        | PatchState::KernelUpgradeRequired => 2,
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use tidegate_proto::v1::HostFacts;

    use super::{AgentStatus, BootTime, CheckState, Clock, PatchState, page, present};
    use crate::core::Mode;
    use crate::state::{Identity, Place, PublishedStatus};

    fn published(boot_id: &str) -> PublishedStatus {
        PublishedStatus {
            boot_id: boot_id.to_owned(),
            status: AgentStatus {
                check: CheckState::Checked,
                checked_at: Some(BootTime::from_millis(203_000)),
                state: PatchState::Applied,
                patch_set: "patchSets/113.1".to_owned(),
                explanation: String::new(),
                supported: "supported".to_owned(),
                upgrade_required_date: "2025-03-07".to_owned(),
            },
        }
    }

    #[test]
    fn the_page_has_the_names_that_scripts_look_for() {
        let identity = Identity {
            host: "hosts/h".to_owned(),
            tier: "tiers/free".to_owned(),
            controllers: Vec::new(),
            development_identity: "hosts/h".to_owned(),
            machine_id: "5a80".to_owned(),
            mode: Mode::Normal,
            plaintext_to: Vec::new(),
            place: Place { zone: "z1".to_owned(), cloud: "lxd".to_owned(), ..Place::default() },
        };
        let facts = HostFacts {
            kernel_release: "5.15.0-100.110".to_owned(),
            flavour: "generic".to_owned(),
            arch: "amd64".to_owned(),
            agent_version: "0.1.0".to_owned(),
            ..HostFacts::default()
        };
        let now = Clock { uptime_seconds: 300, booted_at_unix: 1_700_000_000 };
        let page = page(&identity, facts, &published("b"), &now);
        expect![[r#"
            {
              "Client-Version": "0.1.0",
              "Machine-Id": "5a80",
              "Architecture": "amd64",
              "CPU-Model": "",
              "Last-Check": "2023-11-14T22:16:43Z",
              "Boot-Time": "2023-11-14T22:13:20Z",
              "Uptime": "300",
              "Cloud-Enabled": {
                "az": "z1",
                "cloud": "lxd",
                "cloud-enabled": true,
                "region": ""
              },
              "Status": [
                {
                  "Kernel": "5.15.0-100.110-generic",
                  "Running": true,
                  "Supported": "supported",
                  "UpgradeRequiredDate": "2025-03-07",
                  "Livepatch": {
                    "CheckState": "checked",
                    "State": "applied",
                    "Version": "113.1"
                  }
                }
              ],
              "tier": "free"
            }"#]]
        .assert_eq(&serde_json::to_string_pretty(&page).unwrap());
    }

    #[test]
    fn a_status_of_another_boot_is_unknown() {
        assert_eq!(present(Some(published("b")), "b").status.state, PatchState::Applied);
        assert_eq!(present(Some(published("a")), "b").status.state, PatchState::Unknown);
        assert_eq!(present(None, "b").status.check, CheckState::NeedsCheck);
    }
}
