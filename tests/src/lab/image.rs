//! What is in a machine's initramfs?

use std::fs;
use std::path::Path;

use super::archive::Archive;
use super::{Kernel, LabError, LabModule, MachinePlan, Modules};

/// The folder in the guest that holds the kernel's own drivers.
const DRIVERS_FOLDER: &str = "/lab/drivers";

/// What every machine of a lab is made of.
#[derive(Debug)]
pub(super) struct Parts<'lab> {
    pub(super) kernel: &'lab Kernel,
    pub(super) modules: &'lab Modules,
    pub(super) busybox: &'lab Path,
    /// `tests/lab/`.
    pub(super) sources: &'lab Path,
}

/// The bytes of the initramfs for this plan.
///
/// # Errors
/// When a file cannot be read or is too large, or the plan's names are not good.
pub(super) fn initramfs(plan: &MachinePlan, parts: &Parts<'_>) -> Result<Vec<u8>, LabError> {
    let mut archive = Archive::default();
    archive.file("/bin/busybox", read(parts.busybox)?);
    archive.link("/bin/sh", "busybox");
    archive.file("/init", read(&parts.sources.join("init"))?);
    archive.file("/lab/livepatch.sh", read(&parts.sources.join("livepatch.sh"))?);
    archive.file("/lab/env", plan.environment()?.into_bytes());
    archive.file("/lab/run.sh", plan.script().as_bytes().to_vec());

    let mut load = String::new();
    for driver in parts.kernel.drivers() {
        let name = driver.file_name().unwrap_or_default().to_string_lossy();
        let guest = format!("{DRIVERS_FOLDER}/{name}");
        archive.file(&guest, read(driver)?);
        load.push_str(&guest);
        load.push('\n');
    }
    archive.file("/lab/load", load.into_bytes());

    for module in LabModule::ALL {
        archive.file(&module.guest_path(), read(&parts.modules.path(module))?);
    }
    for (guest, host) in plan.files() {
        archive.file(guest, read(host)?);
    }
    archive.bytes().ok_or_else(|| {
        LabError::new(
            format!("build the initramfs of {}", plan.name()),
            "a file has 4 GiB or more",
            "give the machine smaller files",
        )
    })
}

fn read(file: &Path) -> Result<Vec<u8>, LabError> {
    fs::read(file).map_err(|error| LabError::file("read", file, error))
}
