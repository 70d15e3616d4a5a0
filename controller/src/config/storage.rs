//! When is a checkpoint made, and how full may the disk be? `[checkpoint]` and `[disk]`.

use std::ops::RangeInclusive;
use std::time::Duration;

use tidegate_policies::document::{DocumentError, Field, Value, plain};
use tidegate_policies::time::Millis;

use crate::runtime::{CheckpointLimits, DiskLimits, FreeSpace, StorageConfig};

const ENTRIES: Field = Field { key: "entries", example: "entries = 50000" };
const BYTES: Field = Field { key: "bytes", example: r#"bytes = "64MiB""# };

const LOW: Field = Field { key: "low", example: r#"low = { percent = 20, free = "4GiB" }"# };
const SCARCE: Field =
    Field { key: "scarce", example: r#"scarce = { percent = 10, free = "2GiB" }"# };
const CRITICAL: Field =
    Field { key: "critical", example: r#"critical = { percent = 5, free = "512MiB" }"# };
const SCRUB: Field = Field { key: "scrub-interval", example: r#"scrub-interval = "1h""# };

const PERCENT: Field = Field { key: "percent", example: "percent = 20" };
const FREE: Field = Field { key: "free", example: r#"free = "4GiB""# };

const CHECKPOINT_ENTRIES: RangeInclusive<u64> = 1_000..=10_000_000;
const CHECKPOINT_BYTES: RangeInclusive<u64> = (1 << 20)..=(4 << 30);
/// Up to an exbibyte; 0 means that the state never holds.
const FREE_BYTES: RangeInclusive<u64> = 0..=(1 << 60);
const SCRUB_INTERVAL: RangeInclusive<Millis> = Millis(60_000)..=Millis(30 * 86_400_000);

/// Reads `[checkpoint]`.
pub(super) fn read_checkpoint(
    value: Option<&Value<'_>>,
) -> Result<CheckpointLimits, DocumentError> {
    let mut limits = CheckpointLimits::default();
    let Some(value) = value else { return Ok(limits) };
    let table = value.table(&[ENTRIES, BYTES])?;
    if let Some(entries) = table.optional(&ENTRIES) {
        limits.entries = entries.number("entries", CHECKPOINT_ENTRIES)?;
    }
    if let Some(bytes) = table.optional(&BYTES) {
        limits.bytes = size(&bytes, CHECKPOINT_BYTES)?;
    }
    Ok(limits)
}

/// Reads `[disk]`, and puts it together with what `[checkpoint]` said.
pub(super) fn read_disk(
    value: Option<&Value<'_>>,
    checkpoint: CheckpointLimits,
) -> Result<StorageConfig, DocumentError> {
    let mut storage = StorageConfig { checkpoint, ..StorageConfig::default() };
    let Some(value) = value else { return Ok(storage) };
    let table = value.table(&[LOW, SCARCE, CRITICAL, SCRUB])?;
    let DiskLimits { low, scarce, critical } = &mut storage.disk;
    for (field, space) in [(&LOW, low), (&SCARCE, scarce), (&CRITICAL, critical)] {
        if let Some(value) = table.optional(field) {
            *space = read_space(&value)?;
        }
    }
    if !storage.disk.are_ordered() {
        return Err(value.error(
            "a worse state would hold before a better one".to_owned(),
            "Write shares and sizes of which `low` has the largest and `critical` the smallest"
                .to_owned(),
        ));
    }
    if let Some(scrub) = table.optional(&SCRUB) {
        storage.scrub_interval = Duration::from_millis(scrub.millis(SCRUB_INTERVAL)?.0);
    }
    Ok(storage)
}

fn read_space(value: &Value<'_>) -> Result<FreeSpace, DocumentError> {
    let table = value.table(&[PERCENT, FREE])?;
    let percent = table.required(&PERCENT)?.number("percent", 0..=99)?;
    let bytes = size(&table.required(&FREE)?, FREE_BYTES)?;
    Ok(FreeSpace { percent, bytes })
}

/// A size such as `"64MiB"`, within `range`.
fn size(value: &Value<'_>, range: RangeInclusive<u64>) -> Result<u64, DocumentError> {
    let text = value.text()?;
    let way_out = || {
        let (from, to) = (shown(*range.start()), shown(*range.end()));
        format!("Write a whole number with KiB, MiB, GiB or TiB, {from} to {to}")
    };
    let bytes = parse_size(text)
        .ok_or_else(|| value.error(format!("`{}` is not a size", plain(text)), way_out()))?;
    if range.contains(&bytes) {
        return Ok(bytes);
    }
    Err(value.error(format!("{} is out of range", plain(text)), way_out()))
}

const UNITS: [(&str, u32); 4] = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)];

fn parse_size(text: &str) -> Option<u64> {
    let (number, shift) = UNITS
        .iter()
        .find_map(|(unit, shift)| text.strip_suffix(unit).map(|number| (number, *shift)))?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

fn shown(bytes: u64) -> String {
    let fits = |&&(_, shift): &&(&str, u32)| bytes >> shift > 0;
    match UNITS.iter().rev().find(fits) {
        Some((unit, shift)) => format!("{}{unit}", bytes >> shift),
        None => format!("{bytes}KiB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_whole_number_with_a_binary_unit() {
        assert_eq!(parse_size("64MiB"), Some(64 << 20));
        assert_eq!(parse_size("1KiB"), Some(1_024));
        assert_eq!(parse_size("0GiB"), Some(0));
        for bad in ["", "64", "64MB", "MiB", "1.5GiB", "-1GiB", "+1GiB", "99999999999999TiB"] {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
        assert_eq!(shown(512 << 20), "512MiB");
    }
}
