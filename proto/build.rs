//! Compiles `tidegate/v1/*.proto` without a protoc.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use tonic_prost_build::Config;

const FILES: [&str; 13] = [
    "tidegate/v1/agent.proto",
    "tidegate/v1/audit.proto",
    "tidegate/v1/calendar.proto",
    "tidegate/v1/cluster.proto",
    "tidegate/v1/dashboard.proto",
    "tidegate/v1/fleet.proto",
    "tidegate/v1/host.proto",
    "tidegate/v1/incident.proto",
    "tidegate/v1/patch_set.proto",
    "tidegate/v1/peer.proto",
    "tidegate/v1/report.proto",
    "tidegate/v1/rollout.proto",
    "tidegate/v1/webhook.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    for file in FILES {
        println!("cargo:rerun-if-changed={file}");
    }
    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(FILES)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("tidegate.bin"), compiler.encode_file_descriptor_set())?;
    let mut config = Config::new();
    config.btree_map(["."]);
    // Seldom there, and large beside what a beat is mostly answered with.
    config.boxed(".tidegate.v1.Offer.plan").boxed(".tidegate.v1.SyncResponse.revert");
    config.boxed(".tidegate.v1.SyncResponse.kernel_coverage");
    tonic_prost_build::configure()
        .compile_fds_with_config(compiler.file_descriptor_set(), config)?;
    Ok(())
}
