//! What machine is this? Read from the kernel, in the distribution's words.

use std::fs;

use tidegate_proto::v1::HostFacts;

use super::roots::Roots;
use crate::core::limits;
use crate::driver::DriverFailed;
use crate::state::Place;

fn read_or_empty(roots: &Roots, name: &str) -> String {
    fs::read_to_string(roots.proc.join(name)).unwrap_or_default()
}

fn kernel_release(roots: &Roots) -> Result<(String, String), DriverFailed> {
    // Ubuntu names the upload that a kernel was built from in a file of its own.
    let signature = read_or_empty(roots, "version_signature");
    let release = match signature.split_whitespace().nth(1) {
        Some(release) => release.to_owned(),
        None => roots.read_proc("sys/kernel/osrelease")?,
    };
    Ok(split_release(&release))
}

/// Splits `5.15.0-107.117-generic` into release and flavour: the flavour starts at the first part
/// that does not start with a digit.
fn split_release(release: &str) -> (String, String) {
    let starts = release.match_indices('-').map(|(at, _)| at);
    let flavour = starts
        .into_iter()
        .find(|at| release[at + 1..].starts_with(|first: char| !first.is_ascii_digit()));
    match flavour {
        Some(at) => (release[..at].to_owned(), release[at + 1..].to_owned()),
        None => (release.to_owned(), String::new()),
    }
}

pub(super) fn read(roots: &Roots, place: &Place) -> Result<HostFacts, DriverFailed> {
    let (kernel_release, flavour) = kernel_release(roots)?;
    let cpu = read_or_empty(roots, "cpuinfo");
    let os = fs::read_to_string(roots.etc.join("os-release")).unwrap_or_default();
    Ok(limits::facts(&HostFacts {
        hostname: roots.read_proc("sys/kernel/hostname").unwrap_or_default(),
        kernel_release,
        flavour,
        arch: arch().to_owned(),
        cpu_vendor: value(&cpu, "vendor_id", ':'),
        cpu_family: value(&cpu, "cpu family", ':'),
        cpu_model: value(&cpu, "model name", ':'),
        distro_release: value(&os, "VERSION_ID", '='),
        zone: place.zone.clone(),
        region: place.region.clone(),
        cloud: place.cloud.clone(),
        rack: place.rack.clone(),
        labels: place.labels.clone(),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
    }))
}

/// The first value of `key` in lines of `key<separator>value`, without quotes.
fn value(text: &str, key: &str, separator: char) -> String {
    text.lines()
        .filter_map(|line| line.split_once(separator))
        .find(|(found, _)| found.trim() == key)
        .map(|(_, value)| value.trim().trim_matches('"').to_owned())
        .unwrap_or_default()
}

/// The architecture in Debian's words.
fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64el",
        "arm" => "armhf",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Roots, read, split_release};
    use crate::state::Place;

    #[test]
    fn a_release_is_split_at_its_flavour() {
        for (release, expected) in [
            ("5.15.0-107.117-generic", ("5.15.0-107.117", "generic")),
            ("6.1.0-56-amd64", ("6.1.0-56", "amd64")),
            ("6.1.0-56-cloud-amd64", ("6.1.0-56", "cloud-amd64")),
            ("6.12.3", ("6.12.3", "")),
            ("5.15.0-107.117", ("5.15.0-107.117", "")),
        ] {
            let expected = (expected.0.to_owned(), expected.1.to_owned());
            assert_eq!(split_release(release), expected, "{release}");
        }
    }

    #[test]
    fn facts_are_read_from_a_tree() {
        let tree = tempfile::tempdir().unwrap();
        let at = |name: &str| tree.path().join(name);
        fs::create_dir_all(at("sys/kernel")).unwrap();
        fs::write(at("version_signature"), "Ubuntu 5.15.0-107.117-generic 5.15.149\n").unwrap();
        fs::write(at("sys/kernel/hostname"), "web-1\n").unwrap();
        fs::write(at("cpuinfo"), "vendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel name\t: X\n")
            .unwrap();
        fs::write(at("os-release"), "NAME=\"Ubuntu\"\nVERSION_ID=\"22.04\"\n").unwrap();
        let here = tree.path().to_owned();
        let roots = Roots { proc: here.clone(), sys: here.clone(), dev: here.clone(), etc: here };
        let place = Place { zone: "z1".to_owned(), ..Place::default() };
        let facts = read(&roots, &place).unwrap();
        assert_eq!(facts.kernel_release, "5.15.0-107.117");
        assert_eq!((facts.flavour.as_str(), facts.hostname.as_str()), ("generic", "web-1"));
        assert_eq!((facts.cpu_vendor.as_str(), facts.cpu_family.as_str()), ("GenuineIntel", "6"));
        assert_eq!((facts.distro_release.as_str(), facts.zone.as_str()), ("22.04", "z1"));
    }

    #[test]
    fn a_kernel_that_does_not_name_its_release_is_an_error() {
        let tree = tempfile::tempdir().unwrap();
        let here = tree.path().to_owned();
        let roots = Roots { proc: here.clone(), sys: here.clone(), dev: here.clone(), etc: here };
        assert!(read(&roots, &Place::default()).is_err());
    }
}
