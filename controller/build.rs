//! Which compiler builds this? Told to the binary, which tells it to those who ask what runs.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=RUSTC");
    println!("cargo::rerun-if-changed=build.rs");
    let said = std::env::var("RUSTC").ok().and_then(|rustc| {
        let said = Command::new(rustc).arg("--version").output().ok()?.stdout;
        String::from_utf8(said).ok()
    });
    // `rustc 1.95.0 (…)`
    let version = said.as_deref().and_then(|said| said.split_whitespace().nth(1));
    println!("cargo::rustc-env=TIDEGATE_RUSTC={}", version.unwrap_or("unknown"));
}
