//! Claims about manifests.

use expect_test::{Expect, expect};

use super::*;

const HEAD: &str = r#"version = "113.1"
notice = "LSN-0113-1"

[[fix]]
name = "cve-2026-12345"
severity = "high"
description = "A use after free."

[[artifact]]
kernel_release = "5.15.0-107.117"
flavour = "generic"
arch = "amd64"
module = "lp_113_1"
"#;

/// Reads `text` as a manifest beside a file `lp.ko` and an empty one `empty.ko`.
fn read_text(text: &str) -> Result<Manifest, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("lp.ko"), b"livepatch").unwrap();
    fs::write(folder.path().join("empty.ko"), b"").unwrap();
    let path = folder.path().join("manifest.toml");
    fs::write(&path, text).unwrap();
    let folder_name = format!("{}/", folder.path().display());
    read(&path).map_err(|error| error.to_string().replace(&folder_name, ""))
}

fn refused(text: &str, expected: &Expect) {
    expected.assert_eq(&read_text(text).unwrap_err());
}

#[test]
fn a_manifest_names_what_to_publish() {
    let manifest = read_text(&format!("{HEAD}file = \"lp.ko\"\n")).unwrap();
    let patch_set = manifest.patch_set;
    assert_eq!(patch_set.name, "patchSets/113.1");
    assert_eq!(patch_set.notice, "LSN-0113-1");
    assert_eq!(patch_set.fixes[0].severity(), v1::Severity::High);
    assert_eq!(patch_set.artifacts[0].size_bytes, 9);
    assert_eq!(patch_set.artifacts[0].sha256, Sha256::digest(b"livepatch").to_vec());
    assert!(manifest.files[0].ends_with("lp.ko"));
}

#[test]
fn a_matching_digest_is_accepted_in_either_case() {
    let digest = to_hex(&Sha256::digest(b"livepatch"));
    for digest in [digest.to_uppercase(), digest] {
        let text = format!("{HEAD}file = \"lp.ko\"\nsha256 = \"{digest}\"\n");
        assert!(read_text(&text).is_ok());
    }
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    refused(
        &format!("{HEAD}file = \"lp.ko\"\nsha265 = \"\"\n"),
        &expect![
            "manifest.toml:15: unknown field `sha265`, expected one of `kernel_release`, `flavour`, `arch`, `module`, `file`, `sha256`"
        ],
    );
}

#[test]
fn a_missing_key_is_named() {
    refused(HEAD, &expect!["manifest.toml:9: missing field `file`"]);
}

#[test]
fn a_missing_file_is_named_with_its_line() {
    refused(
        &format!("{HEAD}file = \"gone.ko\"\n"),
        &expect![
            "manifest.toml:14: artifact[0].file: gone.ko: No such file or directory (os error 2)"
        ],
    );
}

#[test]
fn an_empty_artifact_is_refused() {
    refused(
        &format!("{HEAD}file = \"empty.ko\"\n"),
        &expect![
            "manifest.toml:14: artifact[0].file: empty.ko has 0 B; an artifact has 1 B to 64.0 MiB"
        ],
    );
}

#[test]
fn an_artifact_may_have_64_mib_and_no_byte_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("manifest.toml");
    fs::write(&path, format!("{HEAD}file = \"big.ko\"\n")).unwrap();
    let big = fs::File::create(folder.path().join("big.ko")).unwrap();
    big.set_len(MAX_ARTIFACT_BYTES + 1).unwrap();
    let error = read(&path).unwrap_err().to_string();
    assert!(error.contains("artifact[0].file") && error.contains("64.0 MiB"), "{error}");
    big.set_len(MAX_ARTIFACT_BYTES).unwrap();
    assert_eq!(read(&path).unwrap().patch_set.artifacts[0].size_bytes, MAX_ARTIFACT_BYTES);
}

#[test]
fn another_digest_is_refused_with_the_files_own() {
    let text = format!("{HEAD}file = \"lp.ko\"\nsha256 = \"{}\"\n", "0".repeat(64));
    let own = to_hex(&Sha256::digest(b"livepatch"));
    let error = read_text(&text).unwrap_err();
    assert!(error.starts_with("manifest.toml:15: artifact[0].sha256: "), "{error}");
    assert!(error.ends_with(&own), "{error}");
}

#[test]
fn a_digest_of_the_wrong_length_is_refused() {
    refused(
        &format!("{HEAD}file = \"lp.ko\"\nsha256 = \"abcd\"\n"),
        &expect!["manifest.toml:15: artifact[0].sha256: a SHA-256 is 64 hex digits"],
    );
}

#[test]
fn one_kernel_has_one_artifact() {
    let second = &HEAD[HEAD.find("[[artifact]]").unwrap()..];
    refused(
        &format!("{HEAD}file = \"lp.ko\"\n{second}file = \"lp.ko\"\n"),
        &expect!["manifest.toml:15: artifact[1]: 5.15.0-107.117 generic amd64 is named twice"],
    );
}

#[test]
fn a_patch_set_without_artifacts_is_refused() {
    refused(
        "version = \"1\"",
        &expect!["manifest.toml:1: artifact: a patch set needs at least one [[artifact]]"],
    );
}

#[test]
fn an_unknown_severity_is_refused_with_the_known_ones() {
    refused(
        &format!("{}file = \"lp.ko\"\n", HEAD.replace("high", "awful")),
        &expect![
            "manifest.toml:6: unknown variant `awful`, expected one of `low`, `medium`, `high`, `critical`"
        ],
    );
}

#[test]
fn a_bad_version_is_refused_with_its_line() {
    refused(
        &format!("{}file = \"lp.ko\"\n", HEAD.replace("\"113.1\"", "\"113/1\"")),
        &expect![
            "manifest.toml:1: version: an id is 1 to 63 lower-case letters, digits, `-` and `.`, a letter or digit first"
        ],
    );
}
