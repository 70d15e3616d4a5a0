//! How are numbers and foreign words written for people? Shares always with n/N, and nothing from
//! the wire may steer the terminal.

use std::fmt::Display;

/// Foreign text on one line, without control characters.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// `5/50 (10.0 %)`, rounded down; `5/0` has no share.
pub(crate) fn share_of(part: u64, whole: u64) -> String {
    if whole == 0 {
        return format!("{part}/{whole}");
    }
    let tenths = u128::from(part) * 1_000 / u128::from(whole);
    format!("{part}/{whole} ({}.{} %)", tenths / 10, tenths % 10)
}

/// Parts per million as percent, without trailing zeros: 10,000 is `1 %`.
pub(crate) fn ppm(share_ppm: u32) -> String {
    let whole = share_ppm / 10_000;
    let rest = format!("{:04}", share_ppm % 10_000);
    let rest = rest.trim_end_matches('0');
    if rest.is_empty() { format!("{whole} %") } else { format!("{whole}.{rest} %") }
}

/// A size in the largest fitting binary unit, rounded down to a tenth.
pub(crate) fn bytes(size: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let fits = units.into_iter().find(|(_, unit)| size >= *unit);
    fits.map_or_else(
        || format!("{size} B"),
        |(name, unit)| format!("{}.{} {name}", size / unit, size % unit * 10 / unit),
    )
}

/// `1 host`, `2 hosts`.
pub(crate) fn hosts(count: u64) -> String {
    counted(count, "host")
}

/// `1 artifact`, `3 artifacts`: of a noun that takes an s.
pub(crate) fn counted<N: Copy + Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    if count == N::from(1) { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// The text, or a dash where there is none.
pub(crate) fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_written_with_their_numbers() {
        assert_eq!(share_of(5, 50), "5/50 (10.0 %)");
        assert_eq!(share_of(1, 3), "1/3 (33.3 %)");
        assert_eq!(share_of(2, 1), "2/1 (200.0 %)");
        assert_eq!(share_of(0, 0), "0/0");
        assert_eq!(share_of(u64::MAX, u64::MAX), format!("{0}/{0} (100.0 %)", u64::MAX));
    }

    #[test]
    fn parts_per_million_lose_no_digit() {
        let cases = [
            (10_000, "1 %"),
            (1_000_000, "100 %"),
            (1, "0.0001 %"),
            (12_500, "1.25 %"),
            (0, "0 %"),
        ];
        for (share_ppm, text) in cases {
            assert_eq!(ppm(share_ppm), text);
        }
    }

    #[test]
    fn sizes_change_unit_at_their_edges() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1024), "1.0 KiB");
        assert_eq!(bytes(1 << 20), "1.0 MiB");
        assert_eq!(bytes(64 * 1024 * 1024), "64.0 MiB");
    }

    #[test]
    fn foreign_text_cannot_steer_the_terminal() {
        assert_eq!(plain("a\x1b[2Jb\nc\t"), "a [2Jb c ");
    }
}
