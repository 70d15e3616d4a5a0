//! How does a network between real processes fail in a test? The test's thread, and every process that
//! it starts, live in a network namespace of their own; packets between two addresses of its loopback
//! are dropped, each way apart.
//!
//! Needs root, a kernel with network namespaces, `ip` and `nft`. Where something is missing the test
//! says so and is skipped; with `TIDEGATE_REQUIRE_NETNS=1` it fails instead.

use std::fs::File;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::trouble::{Outcome, Trouble};

/// Set: where there is no network namespace, the test fails.
const REQUIRED: &str = "TIDEGATE_REQUIRE_NETNS";

/// Where `ip` keeps the handles of network namespaces.
const HANDLES: &str = "/run/netns";

/// A network of this thread's own. Dropped, it is gone once the processes in it are.
#[derive(Debug)]
pub struct Network {
    name: String,
}

impl Network {
    /// Moves this thread into a new network, with loopback alone. Everything that is to be in it must be
    /// started by this thread: use a runtime of one thread. `None`, and a word on it, where that cannot
    /// be had.
    ///
    /// # Errors
    ///
    /// It cannot be had, and is required.
    pub fn enter() -> Outcome<Option<Self>> {
        match Self::try_enter() {
            Ok(network) => Ok(Some(network)),
            Err(trouble) if std::env::var_os(REQUIRED).is_some() => {
                Err(trouble.while_trying_to("make a network of the test's own"))
            }
            Err(trouble) => {
                drop(writeln!(
                    std::io::stderr(),
                    "skipped: there is no network of the test's own: {trouble}"
                ));
                Ok(None)
            }
        }
    }

    fn try_enter() -> Outcome<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tidegate-{}-{number}", std::process::id());
        run("ip", &["netns", "add", &name])?;
        let network = Self { name };
        let handle = File::open(Path::new(HANDLES).join(&network.name))?;
        move_into_link_name_space(handle.as_fd(), Some(LinkNameSpaceType::Network))?;
        run("ip", &["link", "set", "lo", "up"])?;
        run("nft", &["add table ip cuts"])?;
        run("nft", &["add chain ip cuts arriving { type filter hook input priority 0; }"])?;
        Ok(network)
    }

    /// Where node `node` listens and speaks from.
    #[must_use]
    pub fn address(node: u64) -> Ipv4Addr {
        let last = u8::try_from(node).unwrap_or(u8::MAX);
        Ipv4Addr::new(127, 0, 7, last)
    }

    /// Drops everything that `from` sends to `to`, from now on; the other way stays as it is.
    ///
    /// # Errors
    ///
    /// The rule cannot be made.
    pub fn cut(&self, from: u64, to: u64) -> Outcome<()> {
        let (from, to) = (Self::address(from), Self::address(to));
        run("nft", &[&format!("add rule ip cuts arriving ip saddr {from} ip daddr {to} drop")])
    }

    /// Cuts both ways between every node of `one` side and every node of the `other`.
    ///
    /// # Errors
    ///
    /// A rule cannot be made.
    pub fn part(&self, one: &[u64], other: &[u64]) -> Outcome<()> {
        for &a in one {
            for &b in other {
                self.cut(a, b)?;
                self.cut(b, a)?;
            }
        }
        Ok(())
    }

    /// Everything arrives again.
    ///
    /// # Errors
    ///
    /// The rules cannot be removed.
    pub fn heal(&self) -> Outcome<()> {
        run("nft", &["flush chain ip cuts arriving"])
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // A handle that is left over costs nothing, and its name is never used again.
        let _removed = run("ip", &["netns", "del", &self.name]);
    }
}

fn run(program: &str, args: &[&str]) -> Outcome<()> {
    let said = Command::new(program).args(args).stdin(Stdio::null()).output();
    let said =
        said.map_err(|error| Trouble::from(error).while_trying_to(&format!("run `{program}`")))?;
    if said.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&said.stderr);
    Err(Trouble::new(format!("`{program} {}` failed: {}", args.join(" "), words.trim())))
}
