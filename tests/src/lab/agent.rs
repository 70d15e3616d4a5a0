//! Where is a `tidegate-agent` that runs in a guest without a single library?

use std::env;
use std::path::PathBuf;
use std::process::Command;

use super::tool;
use super::{Lab, LabError};

/// The target is named so that build scripts and macros stay dynamic: only programs for the guest
/// are static.
const TARGET: &str = "x86_64-unknown-linux-gnu";

impl Lab {
    /// The agent as users get it (release profile), statically linked, on the host. Cargo builds
    /// it in a folder of the cache; when nothing has changed that takes a second.
    ///
    /// # Errors
    /// When the agent does not compile, the lockfile's packages are not on this machine, or the
    /// program is not static.
    pub fn agent(&self) -> Result<PathBuf, LabError> {
        let _alone = self.alone()?;
        let target = self.cache().join("agent");
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("CARGO_BUILD_TARGET_DIR")
            .env("RUSTFLAGS", "-C target-feature=+crt-static")
            // The image is held in the guest's memory: no symbols, and no debug information.
            .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
            .args(["build", "--quiet", "--locked", "--offline", "--package", "tidegate-agent"])
            .args(["--release", "--target", TARGET, "--target-dir"])
            .arg(&target);
        tool::run(&mut build, "build the workspace once with the network (cargo fetch --locked)")?;
        let program = target.join(TARGET).join("release").join("tidegate-agent");
        if tool::is_static(&program)? {
            return Ok(program);
        }
        Err(LabError::new(
            format!("build a static {}", program.display()),
            "the program asks for a dynamic loader",
            "install libc6-dev, which has the static C library",
        ))
    }
}
