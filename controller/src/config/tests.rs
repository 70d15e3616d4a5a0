//! What does a good configuration say?

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::{
    Arrival, Config, ConfigError, DEFAULT_IDLE_SYNC, DEFAULT_MACHINE_TICK, DEFAULT_RAFT_TICK,
    Loopback, NotLoopback,
};
use crate::machine::ids::NodeId;
use crate::runtime::{FreeSpace, StorageConfig};
use crate::telemetry::LogFormat;

/// A configuration in which everything is said.
pub(super) const GOOD: &str = r#"cluster = "lab"
node-id = 2
data-dir = "data/2"
mode = "development"
machine-tick = "250ms"
idle-sync = "5m"

[listen]
address = "127.0.0.1:7442"

[[member]]
node-id = 1
address = "127.0.0.1:7441"

[[member]]
node-id = 2
address = "127.0.0.1:7442"

[[member]]
node-id = 3
address = "[::1]:7443"

[raft]
tick = "50ms"

[telemetry]
log = "warn,tidegate_controller::node=debug"
log-format = "json"
otlp-endpoint = "http://127.0.0.1:4317"
metrics-listen = "127.0.0.1:9464"
"#;

fn loopback(text: &str) -> Loopback {
    text.parse().unwrap()
}

#[test]
fn everything_that_is_said_is_read() {
    let config = Config::parse("c.toml", GOOD, Path::new("/etc/tidegate")).unwrap();
    assert_eq!(config.cluster, "lab");
    assert_eq!(config.node_id, NodeId(2));
    assert_eq!(config.data_dir, Path::new("/etc/tidegate/data/2"));
    assert_eq!(config.listen, loopback("127.0.0.1:7442"));
    let members = [(1, "127.0.0.1:7441"), (2, "127.0.0.1:7442"), (3, "[::1]:7443")];
    let members = members.map(|(id, address)| (NodeId(id), loopback(address)));
    assert_eq!(config.members, BTreeMap::from(members));
    assert_eq!(config.raft_tick, Duration::from_millis(50));
    assert_eq!(config.machine_tick, Duration::from_millis(250));
    assert_eq!(config.idle_sync, Duration::from_secs(300));
    let telemetry = config.telemetry;
    assert_eq!(telemetry.log_filter.as_deref(), Some("warn,tidegate_controller::node=debug"));
    assert_eq!(telemetry.log_format, LogFormat::Json);
    assert_eq!(telemetry.otlp_endpoint.as_deref(), Some("http://127.0.0.1:4317"));
    assert_eq!(telemetry.metrics_listen, Some(loopback("127.0.0.1:9464").socket_addr()));
    assert_eq!(telemetry.service_name, "tidegate-controller");
    assert_eq!(telemetry.instance, "lab-2");
}

#[test]
fn the_documented_example_is_good() {
    let lines = include_str!("mod.rs").lines().filter_map(|line| line.strip_prefix("//! "));
    let example = lines.skip_while(|line| *line != "```toml").skip(1);
    let text: Vec<_> = example.take_while(|line| *line != "```").collect();
    let config = Config::parse("example", &text.join("\n"), Path::new("")).unwrap();
    assert_eq!(config.cluster, "lab");
}

#[test]
fn the_clocks_and_the_telemetry_may_be_left_out() {
    let (required, _) = GOOD.split_once("[raft]").unwrap();
    let required = required.replace("machine-tick = \"250ms\"\nidle-sync = \"5m\"\n", "");
    let empty = format!("{required}[raft]\n[telemetry]\n");
    for text in [required, empty] {
        let config = Config::parse("c.toml", &text, Path::new("")).unwrap();
        assert_eq!(config.raft_tick, DEFAULT_RAFT_TICK);
        assert_eq!(config.machine_tick, DEFAULT_MACHINE_TICK);
        assert_eq!(config.idle_sync, DEFAULT_IDLE_SYNC);
        assert_eq!(config.telemetry.log_filter, None);
        assert_eq!(config.telemetry.log_format, LogFormat::Text);
        assert_eq!(config.telemetry.otlp_endpoint, None);
        assert_eq!(config.telemetry.metrics_listen, None);
    }
}

#[test]
fn the_data_lies_beside_the_file_unless_its_path_is_absolute() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("controller.toml");
    fs::write(&path, GOOD).unwrap();
    assert_eq!(Config::load(&path).unwrap().data_dir, dir.path().join("data/2"));
    fs::write(&path, GOOD.replace("data/2", "/var/lib/tidegate")).unwrap();
    assert_eq!(Config::load(&path).unwrap().data_dir, Path::new("/var/lib/tidegate"));
}

#[test]
fn a_file_that_is_wrong_is_called_by_its_path_and_one_that_is_not_there_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("controller.toml");
    let absent = Config::load(&path).unwrap_err();
    assert!(absent.to_string().contains(&path.display().to_string()), "{absent}");
    let not_there = |error: &ConfigError| match error {
        ConfigError::Unreadable { source, .. } => source.kind() == io::ErrorKind::NotFound,
        ConfigError::Wrong(_) => false,
    };
    assert!(not_there(&absent));
    fs::write(&path, "cluster = 5").unwrap();
    let wrong = Config::load(&path).unwrap_err().to_string();
    assert!(wrong.starts_with(&format!("{}:1:11: cluster: ", path.display())), "{wrong}");
}

#[test]
fn development_is_a_cluster_of_one() {
    let config = Config::development(Path::new("data"), loopback("127.0.0.1:0"));
    assert_eq!(config.cluster, "dev");
    assert_eq!(config.members, BTreeMap::from([(config.node_id, config.listen)]));
    assert_eq!(config.data_dir, Path::new("data"));
    assert_eq!(config.telemetry.instance, "dev-1");
}

#[test]
fn an_address_is_loopback_or_refused() {
    for good in ["127.0.0.1:7441", "127.8.8.8:1", "[::1]:7441"] {
        assert_eq!(loopback(good).to_string(), good);
    }
    for bad in ["0.0.0.0:7441", "192.0.2.1:7441", "[::]:7441", "[::ffff:127.0.0.1]:7441"] {
        let refused = bad.parse::<Loopback>();
        assert!(matches!(refused, Err(NotLoopback::Reachable { .. })), "{bad}: {refused:?}");
    }
    for bad in ["", "7441", "127.0.0.1", "localhost:7441", "127.0.0.1:99999"] {
        let refused = bad.parse::<Loopback>();
        assert!(matches!(refused, Err(NotLoopback::NotAnAddress { .. })), "{bad}: {refused:?}");
    }
}

#[test]
fn what_is_said_of_checkpoints_and_the_disk_is_read_and_the_rest_holds() {
    let text = format!(
        "{GOOD}[checkpoint]\nentries = 2000\n\n[disk]\nlow = {{ percent = 30, free = \"8GiB\" }}\n\
         scrub-interval = \"2h\"\n"
    );
    let config = Config::parse("c.toml", &text, Path::new("")).unwrap();
    let default = StorageConfig::default();
    assert_eq!(config.storage.checkpoint.entries, 2_000);
    assert_eq!(config.storage.checkpoint.bytes, default.checkpoint.bytes);
    assert_eq!(config.storage.disk.low, FreeSpace { percent: 30, bytes: 8 << 30 });
    assert_eq!(config.storage.disk.critical, default.disk.critical);
    assert_eq!(config.storage.scrub_interval, Duration::from_secs(7_200));
    assert_eq!(Config::parse("c.toml", GOOD, Path::new("")).unwrap().storage, default);
}

#[test]
fn a_controller_that_joins_need_not_be_among_the_members_that_it_asks() {
    let joins = |join: &str| {
        let text = GOOD.replace("idle-sync", &format!("{join}\nidle-sync"));
        let text =
            text.replace("node-id = 2\ndata", "node-id = 4\ndata").replacen("7442", "7444", 1);
        Config::parse("c.toml", &text, Path::new(""))
    };
    let config = joins("join = true").unwrap();
    assert_eq!((config.node_id, config.arrival), (NodeId(4), Arrival::Joins));
    assert_eq!((config.listen, config.members.len()), (loopback("127.0.0.1:7444"), 3));
    assert!(joins("join = false").is_err());
    assert!(joins("").is_err());
}

#[test]
fn nobody_may_be_called_but_who_is_named_and_the_secrets_lie_beside_the_file() {
    let config = Config::parse("c.toml", GOOD, Path::new("/etc/tidegate")).unwrap();
    assert_eq!(config.egress, crate::webhooks::Egress::default());
    let text = format!(
        "{GOOD}[webhooks]\nsecrets = \"keys\"\nallow = [\"127.0.0.1:9099\", \"[::1]:80\", \"pager:80\"]\n"
    );
    let config = Config::parse("c.toml", &text, Path::new("/etc/tidegate")).unwrap();
    assert_eq!(config.egress.secrets.as_deref(), Some(Path::new("/etc/tidegate/keys")));
    let allow: Vec<&str> = config.egress.allow.iter().map(String::as_str).collect();
    assert_eq!(allow, ["127.0.0.1:9099", "[::1]:80", "pager:80"]);
}
