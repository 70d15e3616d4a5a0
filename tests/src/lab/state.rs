//! What of a machine outlives it? A disk, and the firmware's memory for the words of a panic.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

use super::tool;
use super::{LabError, MachinePlan};

/// The size of the state disk.
const DISK_SIZE: &str = "64M";

/// The size of the firmware's memory in bytes; the kernel stores two records of a panic in it.
const FIRMWARE_BYTES: u64 = 64 * 1024;

/// The arguments that give QEMU the plan's state, made empty first when there is none: nothing for
/// a machine that keeps no state.
///
/// # Errors
/// When a file cannot be made.
pub(super) fn arguments(plan: &MachinePlan) -> Result<Vec<String>, LabError> {
    if !plan.wants_state() {
        return Ok(Vec::new());
    }
    let disk = disk(plan)?;
    let firmware = firmware(plan)?;
    Ok(vec![
        String::from("-drive"),
        format!("file={},format=raw,if=virtio", disk.display()),
        String::from("-object"),
        format!(
            "memory-backend-file,id=firmware,mem-path={},size={FIRMWARE_BYTES},share=on",
            firmware.display()
        ),
        String::from("-device"),
        String::from("acpi-erst,memdev=firmware"),
    ])
}

fn disk(plan: &MachinePlan) -> Result<PathBuf, LabError> {
    let disk = plan.host_file("state.img");
    if !disk.is_file() {
        let program = tool::find("mke2fs").unwrap_or_else(|| PathBuf::from("mke2fs"));
        let mut format = Command::new(program);
        format.args(["-q", "-F", "-t", "ext4"]).arg(&disk).arg(DISK_SIZE);
        tool::run(&mut format, "check the free space")?;
    }
    Ok(disk)
}

fn firmware(plan: &MachinePlan) -> Result<PathBuf, LabError> {
    let firmware = plan.host_file("firmware.img");
    let unusable = |error| LabError::file("make", &firmware, error);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&firmware)
        .map_err(unusable)?;
    file.set_len(FIRMWARE_BYTES).map_err(unusable)?;
    Ok(firmware)
}
