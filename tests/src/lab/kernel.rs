//! Which kernel do the machines boot, and where does it come from?
//!
//! The kernel is the one whose headers are installed, since the modules are compiled against them.
//! Its package is downloaded with `apt-get`, unpacked, and reduced to the image and the drivers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::LabError;
use super::tool;

/// Where Debian's packages put the headers of a kernel.
const HEADERS_FOLDER: &str = "/usr/src";
const HEADERS_PREFIX: &str = "linux-headers-";

/// What the machines need: live patching, and the network card of [`DRIVERS`]. This tells the
/// ordinary kernel from those for clouds, which leave the card out.
const NEEDED_OPTIONS: [&str; 2] = ["CONFIG_LIVEPATCH=y", "CONFIG_E1000=m"];

/// The drivers a machine loads, each with all it depends on, in this order: the network card; the
/// state disk and its file system.
const DRIVERS: [&str; 5] = ["e1000", "virtio_blk", "virtio_pci", "crc32c_generic", "ext4"];

/// The file that lists the kept drivers, in load order.
const LOAD_ORDER: &str = "load-order";

/// The headers of an installed `linux-headers` package.
#[derive(Debug, Clone)]
pub(super) struct Headers {
    release: String,
    folder: PathBuf,
}

impl Headers {
    /// The headers of the newest release that can run the lab, or `None`.
    pub(super) fn newest() -> Option<Self> {
        fs::read_dir(HEADERS_FOLDER)
            .ok()?
            .filter_map(|entry| Self::at(&entry.ok()?.path()))
            .max_by_key(|headers| version_order(&headers.release))
    }

    fn at(folder: &Path) -> Option<Self> {
        let release = folder.file_name()?.to_str()?.strip_prefix(HEADERS_PREFIX)?;
        let options = fs::read_to_string(folder.join("include/config/auto.conf")).ok()?;
        NEEDED_OPTIONS
            .iter()
            .all(|needed| options.lines().any(|line| line == *needed))
            .then(|| Self { release: String::from(release), folder: folder.to_path_buf() })
    }

    fn package_version(&self) -> Option<String> {
        let package = format!("{HEADERS_PREFIX}{}", self.release);
        let mut query = Command::new("dpkg-query");
        query.args(["--show", "--showformat=${Version}", &package]);
        tool::run(&mut query, "install the headers from their package").ok()
    }
}

/// The numbers in a release, so that 6.1.0-56 comes after 6.1.0-9.
fn version_order(release: &str) -> Vec<u64> {
    release
        .split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

/// A kernel that machines can boot, with the headers to compile modules for it.
#[derive(Debug, Clone)]
pub struct Kernel {
    headers: Headers,
    folder: PathBuf,
    drivers: Vec<PathBuf>,
}

impl Kernel {
    /// The release as `uname -r` says it in the guest, for example `6.1.0-56-amd64`.
    #[must_use]
    pub fn release(&self) -> &str {
        &self.headers.release
    }

    /// The compressed kernel image on the host.
    #[must_use]
    pub fn image(&self) -> PathBuf {
        self.folder.join("vmlinuz")
    }

    pub(super) fn headers(&self) -> &Path {
        &self.headers.folder
    }

    /// The drivers to load, in this order.
    pub(super) fn drivers(&self) -> &[PathBuf] {
        &self.drivers
    }

    /// The kernel of these headers out of the cache, fetched first when it is not there.
    ///
    /// # Errors
    /// When the package cannot be downloaded or unpacked, or lacks something.
    pub(super) fn prepare(headers: Headers, cache: &Path) -> Result<Self, LabError> {
        let folder = cache.join("kernel").join(&headers.release);
        if !folder.is_dir() {
            let partial = cache.join("kernel").join(format!("{}.partial", headers.release));
            fetch(&headers, &partial)?;
            fs::rename(&partial, &folder)
                .map_err(|error| LabError::file("finish", &folder, error))?;
        }
        let list = folder.join(LOAD_ORDER);
        let drivers = fs::read_to_string(&list)
            .map_err(|error| LabError::file("read", &list, error))?
            .lines()
            .map(|name| folder.join(name))
            .collect();
        Ok(Self { headers, folder, drivers })
    }
}

/// Downloads and unpacks the kernel's package in `folder` and keeps only what machines need.
fn fetch(headers: &Headers, folder: &Path) -> Result<(), LabError> {
    let tree = folder.join("package");
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| LabError::file("clear", folder, error))?;
    }
    fs::create_dir_all(&tree).map_err(|error| LabError::file("make", &tree, error))?;

    let package = download(headers, folder)?;
    let mut unpack = Command::new("dpkg");
    unpack.arg("-x").arg(&package).arg(&tree);
    tool::run(&mut unpack, "check the free space: the package unpacks to about 400 MB")?;

    let image = tree.join("boot").join(format!("vmlinuz-{}", headers.release));
    keep(&image, &folder.join("vmlinuz"))?;
    keep_drivers(headers, &tree, folder)?;

    fs::remove_dir_all(&tree).map_err(|error| LabError::file("remove", &tree, error))?;
    fs::remove_file(&package).map_err(|error| LabError::file("remove", &package, error))
}

/// Downloads the kernel's package into `folder`: the version of the headers where the archive
/// still has it, otherwise the version it has. Both promise the same interface to modules.
fn download(headers: &Headers, folder: &Path) -> Result<PathBuf, LabError> {
    let name = format!("linux-image-{}", headers.release);
    let exact = headers.package_version().map(|version| format!("{name}={version}"));
    let fetched = exact.is_some_and(|package| apt_download(&package, folder).is_ok());
    if !fetched {
        apt_download(&name, folder)?;
    }
    let packages = fs::read_dir(folder).map_err(|error| LabError::file("list", folder, error))?;
    packages
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .ok_or_else(|| {
            LabError::new(
                format!("find the package {name} in {}", folder.display()),
                "apt-get reported success and left no .deb file",
                "run apt-get download by hand and look at what it says",
            )
        })
}

fn apt_download(package: &str, folder: &Path) -> Result<String, LabError> {
    let mut apt = Command::new("apt-get");
    apt.args(["--quiet", "download", package]).current_dir(folder);
    tool::run(
        &mut apt,
        "run apt-get update; when the archive has dropped this release, also install the current \
         linux-headers-amd64",
    )
}

fn keep_drivers(headers: &Headers, tree: &Path, folder: &Path) -> Result<(), LabError> {
    let depmod = tool::find("depmod").unwrap_or_else(|| PathBuf::from("depmod"));
    let mut index = Command::new(depmod);
    index.arg("--basedir").arg(tree).arg(&headers.release);
    tool::run(&mut index, "check that the package is complete")?;

    let modules = tree.join("lib/modules").join(&headers.release);
    let list = modules.join("modules.dep");
    let dependencies =
        fs::read_to_string(&list).map_err(|error| LabError::file("read", &list, error))?;
    let mut names = String::new();
    for path in load_order(&dependencies)? {
        let name = path.rsplit('/').next().unwrap_or(path);
        keep(&modules.join(path), &folder.join(name))?;
        names.push_str(name);
        names.push('\n');
    }
    let order = folder.join(LOAD_ORDER);
    fs::write(&order, names).map_err(|error| LabError::file("write", &order, error))
}

/// The paths of [`DRIVERS`] and all they depend on, dependencies first, each once. In the index a
/// line is `driver: dependency …`, and the last dependency is to be loaded first.
fn load_order(dependencies: &str) -> Result<Vec<&str>, LabError> {
    let mut order: Vec<&str> = Vec::new();
    for driver in DRIVERS {
        let file = format!("/{driver}.ko");
        let (path, needs) = dependencies
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(path, _)| path.ends_with(&file))
            .ok_or_else(|| {
                LabError::new(
                    format!("find the driver {driver} in the kernel's package"),
                    "modules.dep does not list it as a plain .ko file",
                    "use the linux-headers-amd64 of Debian 12",
                )
            })?;
        for needed in needs.split_whitespace().rev().chain([path]) {
            if !order.contains(&needed) {
                order.push(needed);
            }
        }
    }
    Ok(order)
}

fn keep(from: &Path, to: &Path) -> Result<(), LabError> {
    fs::copy(from, to).map(drop).map_err(|error| LabError::file("copy", from, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "\
kernel/e1000.ko:
kernel/block/virtio_blk.ko: kernel/virtio.ko kernel/virtio_ring.ko
kernel/virtio_pci.ko: kernel/legacy.ko kernel/virtio.ko kernel/virtio_ring.ko
kernel/crc32c_generic.ko:
kernel/fs/ext4.ko: kernel/fs/jbd2.ko
";

    #[test]
    fn dependencies_are_loaded_first_and_once() {
        let order = load_order(INDEX).expect("the index lists all drivers").join(" ");
        assert_eq!(
            order,
            "kernel/e1000.ko kernel/virtio_ring.ko kernel/virtio.ko kernel/block/virtio_blk.ko \
             kernel/legacy.ko kernel/virtio_pci.ko kernel/crc32c_generic.ko kernel/fs/jbd2.ko \
             kernel/fs/ext4.ko"
        );
    }

    #[test]
    fn a_driver_that_the_package_lacks_is_named() {
        let error = load_order("kernel/e1000.ko:\n").expect_err("four drivers are missing");
        assert!(error.to_string().contains("virtio_blk"), "{error}");
    }

    #[test]
    fn a_later_release_counts_as_newer_by_its_numbers() {
        assert!(version_order("6.1.0-56-amd64") > version_order("6.1.0-9-amd64"));
        assert!(version_order("6.10.1-1-amd64") > version_order("6.1.0-56-amd64"));
    }
}
