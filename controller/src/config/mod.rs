//! How is a controller configured? By a TOML file, read and checked here once, at the start.
//!
//! ```toml
//! cluster = "lab"                # 1 to 63 of a-z, 0-9, `-` and `.`
//! node-id = 1                    # which of the members this controller is; never reused
//! data-dir = "data/1"            # relative to the folder of this file
//! mode = "development"           # the only one so far: no encryption, so loopback only
//! machine-tick = "1s"            # optional, 50ms to 10s: how often the leader moves the clocks
//! idle-sync = "15m"              # optional, 1s to 1d: how often hosts sync that no rollout concerns
//! join = false                   # optional; true: wait to be added to the cluster of the members
//!
//! [listen]
//! address = "127.0.0.1:7441"     # the own address among the members
//!
//! [[member]]                     # each controller of the cluster: 1, 3, 5 or 7
//! node-id = 1
//! address = "127.0.0.1:7441"
//!
//! [raft]                         # optional
//! tick = "20ms"                  # 5ms to 1s; an election begins after 10 to 20 ticks of silence
//!
//! [checkpoint]                   # optional; what a restart replays is at most about this much log
//! entries = 50000                # 1000 to 10000000
//! bytes = "64MiB"                # 1MiB to 4GiB
//!
//! [disk]                         # optional; a state holds below both, the share and the size
//! low = { percent = 20, free = "4GiB" }        # it is logged
//! scarce = { percent = 10, free = "2GiB" }     # no new rollouts, starts, patch sets, hosts
//! critical = { percent = 5, free = "512MiB" }  # nothing but halts, pauses and the clock
//! scrub-interval = "1h"          # 1m to 30d: how often everything that is stored is read and checked
//!
//! [telemetry]                    # optional; the environment goes before it
//! log = "info"                   # TIDEGATE_LOG
//! log-format = "text"            # or "json"
//! otlp-endpoint = "http://127.0.0.1:4317"   # OTEL_EXPORTER_OTLP_ENDPOINT; none: no traces, no pushed metrics
//! metrics-listen = "127.0.0.1:9464"         # where Prometheus finds /metrics; none: nowhere
//!
//! [webhooks]                     # optional; without it nobody is told of incidents
//! secrets = "webhook-secrets"    # folder with the secrets, a file each; relative to the folder of this file
//! allow = ["127.0.0.1:9099"]     # who may be called, whatever the declared webhooks say
//! ```
//!
//! A key that is not known is an error. Changes take effect at the next start.

mod egress;
mod error;
mod loopback;
mod members;
mod sections;
mod storage;

#[cfg(test)]
mod refusals;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tidegate_policies::document::{DocumentError, Field, Place, Table, Value, plain};

pub use self::error::ConfigError;
pub use self::loopback::{Loopback, NotLoopback};

use crate::machine::ids::NodeId;
use crate::runtime::StorageConfig;
use crate::telemetry::{LogFormat, TelemetryConfig};
use crate::webhooks::Egress;

/// The largest configuration file, in bytes; of a larger one no more is read.
pub const MAX_CONFIG_BYTES: usize = 65_536;

/// The default of [`Config::raft_tick`].
pub const DEFAULT_RAFT_TICK: Duration = Duration::from_millis(20);

/// The default of [`Config::machine_tick`].
pub const DEFAULT_MACHINE_TICK: Duration = Duration::from_secs(1);

/// The default of [`Config::idle_sync`].
pub const DEFAULT_IDLE_SYNC: Duration = Duration::from_secs(15 * 60);

/// [`Config::idle_sync`] in development: somebody sits and waits.
const DEVELOPMENT_IDLE_SYNC: Duration = Duration::from_secs(2);

/// `service.name` of every controller's traces.
const SERVICE_NAME: &str = "tidegate-controller";

const CLUSTER: Field = Field { key: "cluster", example: r#"cluster = "lab""# };
const NODE_ID: Field = Field { key: "node-id", example: "node-id = 1" };
const DATA_DIR: Field = Field { key: "data-dir", example: r#"data-dir = "data/1""# };
const MODE: Field = Field { key: "mode", example: r#"mode = "development""# };
const MACHINE_TICK: Field = Field { key: "machine-tick", example: r#"machine-tick = "1s""# };
const IDLE_SYNC: Field = Field { key: "idle-sync", example: r#"idle-sync = "15m""# };
const JOIN: Field = Field { key: "join", example: "join = true" };
const LISTEN: Field = Field { key: "listen", example: "[listen]" };
const MEMBER: Field = Field { key: "member", example: "[[member]]" };
const RAFT: Field = Field { key: "raft", example: "[raft]" };
const CHECKPOINT: Field = Field { key: "checkpoint", example: "[checkpoint]" };
const DISK: Field = Field { key: "disk", example: "[disk]" };
const TELEMETRY: Field = Field { key: "telemetry", example: "[telemetry]" };
const WEBHOOKS: Field = Field { key: "webhooks", example: "[webhooks]" };
const FIELDS: &[Field] = &[
    CLUSTER,
    NODE_ID,
    DATA_DIR,
    MODE,
    MACHINE_TICK,
    IDLE_SYNC,
    JOIN,
    LISTEN,
    MEMBER,
    RAFT,
    CHECKPOINT,
    DISK,
    TELEMETRY,
    WEBHOOKS,
];

/// How a controller with an empty data directory comes into its cluster. One that has a journal goes
/// on with what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It is one of the members that the cluster begins with.
    Founds,
    /// It waits until `tidegate cluster add` makes it a member.
    Joins,
}

/// How one controller is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The cluster's name: 1 to 63 of `a-z`, `0-9`, `-` and `.`, first a letter or digit.
    pub cluster: String,
    /// This controller; one of [`Config::members`] unless it joins.
    pub node_id: NodeId,
    /// How it comes into its cluster; by default it founds it.
    pub arrival: Arrival,
    /// The folder that holds all that this controller keeps.
    pub data_dir: PathBuf,
    /// Where this controller listens; its own address among the members.
    pub listen: Loopback,
    /// Every controller that the cluster begins with and where it listens: 1, 3, 5 or 7. For one
    /// that joins: 1 to 7 that it may ask.
    pub members: BTreeMap<NodeId, Loopback>,
    /// The unit of raft's patience: 5 ms to 1 s, 20 ms by default. An election begins after 10 to
    /// 20 ticks without a leader.
    pub raft_tick: Duration,
    /// How often the leader moves the replicated clocks: 50 ms to 10 s, 1 s by default.
    pub machine_tick: Duration,
    /// How often hosts sync that no rollout concerns: 1 s to 1 day, 15 minutes by default, 2 s in
    /// development.
    pub idle_sync: Duration,
    /// When checkpoints are made, how full the disk may be, and how often it is read and checked.
    pub storage: StorageConfig,
    /// What is logged, and where traces go.
    pub telemetry: TelemetryConfig,
    /// Who may be called by webhooks, and where the secrets are.
    pub egress: Egress,
}

impl Config {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    ///
    /// It cannot be read, or the first thing that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        Ok(Self::parse(&path.display().to_string(), &text, folder)?)
    }

    /// Reads and checks the configuration in `text`.
    ///
    /// `source` is what messages call it, such as the name of its file; a relative `data-dir` is
    /// below `base_dir`.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with it, where it is, and the way out.
    pub fn parse(source: &str, text: &str, base_dir: &Path) -> Result<Self, DocumentError> {
        let document = Place::document(source, text);
        if text.len() > MAX_CONFIG_BYTES {
            return Err(document.error(
                format!("the file has more than {MAX_CONFIG_BYTES} bytes"),
                "Give the configuration of one controller".to_owned(),
            ));
        }
        let root = document.parse()?;
        let root = Table::open(document, root.get_ref(), FIELDS)?;
        let cluster = read_cluster(&root.required(&CLUSTER)?)?;
        let node_id = members::read_node_id(&root.required(&NODE_ID)?)?;
        let data_dir = base_dir.join(read_data_dir(&root.required(&DATA_DIR)?)?);
        check_mode(&root.required(&MODE)?)?;
        let machine_tick = sections::read_machine_tick(root.optional(&MACHINE_TICK).as_ref())?;
        let idle_sync = sections::read_idle_sync(root.optional(&IDLE_SYNC).as_ref())?;
        let arrival = read_arrival(root.optional(&JOIN).as_ref())?;
        let listen_value = root.required(&LISTEN)?;
        let members = members::read_members(&root.required(&MEMBER)?, arrival)?;
        let id_value = root.required(&NODE_ID)?;
        let listen = members::read_listen(&listen_value, &id_value, &members, arrival)?;
        let raft_tick = sections::read_raft(root.optional(&RAFT).as_ref())?;
        let checkpoint = storage::read_checkpoint(root.optional(&CHECKPOINT).as_ref())?;
        let storage = storage::read_disk(root.optional(&DISK).as_ref(), checkpoint)?;
        let mut telemetry = telemetry_of(&cluster, node_id);
        if let Some(value) = root.optional(&TELEMETRY) {
            sections::read_telemetry(&value, &mut telemetry)?;
        }
        let egress = egress::read(root.optional(&WEBHOOKS).as_ref(), base_dir)?;
        Ok(Self {
            cluster,
            node_id,
            arrival,
            data_dir,
            listen,
            members,
            raft_tick,
            machine_tick,
            idle_sync,
            storage,
            telemetry,
            egress,
        })
    }

    /// A cluster of one, called `dev`, that keeps its data in `data_dir`. With port 0 it listens
    /// on any free one.
    pub fn development(data_dir: &Path, listen: Loopback) -> Self {
        let (cluster, node_id) = ("dev".to_owned(), NodeId(1));
        Self {
            telemetry: telemetry_of(&cluster, node_id),
            cluster,
            node_id,
            data_dir: data_dir.to_owned(),
            listen,
            arrival: Arrival::Founds,
            members: BTreeMap::from([(node_id, listen)]),
            storage: StorageConfig::default(),
            raft_tick: DEFAULT_RAFT_TICK,
            machine_tick: DEFAULT_MACHINE_TICK,
            idle_sync: DEVELOPMENT_IDLE_SYNC,
            egress: Egress::default(),
        }
    }
}

/// Reads a little more than the limit at most, so that too much is seen to be too much.
fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let limit = u64::try_from(MAX_CONFIG_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(limit).read_to_string(&mut text)?;
    Ok(text)
}

fn telemetry_of(cluster: &str, node_id: NodeId) -> TelemetryConfig {
    TelemetryConfig {
        log_filter: None,
        log_format: LogFormat::Text,
        otlp_endpoint: None,
        metrics_listen: None,
        service_name: SERVICE_NAME.to_owned(),
        instance: format!("{cluster}-{node_id}"),
    }
}

fn read_cluster(value: &Value<'_>) -> Result<String, DocumentError> {
    let text = value.text()?;
    let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    let starts_well = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if text.len() <= 63 && starts_well && text.bytes().all(known) {
        return Ok(text.to_owned());
    }
    Err(value.error(
        format!("`{}` is not a name", plain(text)),
        "Write 1 to 63 of the characters a-z, 0-9, - and ., first a letter or digit".to_owned(),
    ))
}

fn read_data_dir<'d>(value: &Value<'d>) -> Result<&'d Path, DocumentError> {
    let text = value.text()?;
    if text.is_empty() || text.contains('\0') {
        return Err(value.error(
            format!("`{}` is not a folder", plain(text)),
            format!(
                "Write for example `{}`, relative to the folder of this file",
                DATA_DIR.example
            ),
        ));
    }
    Ok(Path::new(text))
}

fn read_arrival(value: Option<&Value<'_>>) -> Result<Arrival, DocumentError> {
    let joins = value.map_or(Ok(false), Value::flag)?;
    Ok(if joins { Arrival::Joins } else { Arrival::Founds })
}

fn check_mode(value: &Value<'_>) -> Result<(), DocumentError> {
    let text = value.text()?;
    if text == "development" {
        return Ok(());
    }
    Err(value.error(
        format!(
            "there is no mode `{}` yet: encrypted listeners come in a later release",
            plain(text)
        ),
        "Write \"development\", which has no encryption and therefore keeps to loopback".to_owned(),
    ))
}
