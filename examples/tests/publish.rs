//! Does a controller take the patch sets and the policy as they lie here?

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]

use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser};
use tidegate_controller::client::{self, Command, Flags};
use tidegate_controller::config::{Config, Loopback};
use tidegate_controller::server::{Running, ServerConfig};
use tidegate_examples::folder;

/// A client's command line.
#[derive(Debug, Parser)]
struct Client {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Command,
}

/// Runs one command against the controller, and checks that it succeeds.
async fn check(controller: &Running, words: &[&str]) {
    let endpoint = controller.address().to_string();
    let global = ["tidegate", "--endpoint", &endpoint, "--timeout", "30s"];
    let said = Client::parse_from(global.iter().chain(words));
    let globals = client::settle(said.flags, said.command.need()).unwrap();
    let ended = client::run(globals, said.command, Client::command()).await;
    assert_eq!(ended, ExitCode::SUCCESS, "{words:?}");
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_takes_both_patch_sets_and_a_rollout_under_the_policy() {
    let data = tempfile::tempdir().unwrap();
    let config = Config::development(data.path(), Loopback::port(0));
    let controller = Running::start(&ServerConfig::from(&config)).await.unwrap();
    for patch_set in ["113.1", "114.1-bad"] {
        let manifest = folder().join("patchsets").join(patch_set).join("manifest.toml");
        check(&controller, &["patchset", "publish", "-f", text(&manifest)]).await;
    }
    let policy = folder().join("policies/small-fleet.toml");
    let start = ["rollout", "start", "113.1", "--draft", "--policy", text(&policy)];
    check(&controller, &start).await;
    controller.stop().await;
}
