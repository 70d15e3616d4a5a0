//! Who looks how full the disk is? One task, each second; it also gives up the reserve and takes it
//! again.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::reserve::{RESERVE_BYTES, Reserve};
use super::{DiskGauge, DiskLimits, DiskState};

/// How often the disk is looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// Measures one data directory's disk.
#[derive(Debug)]
pub struct DiskWatch {
    dir: PathBuf,
    limits: DiskLimits,
    reserve: Reserve,
    gauge: DiskGauge,
}

/// What a look found, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Measured {
    free: u64,
    total: u64,
}

impl DiskWatch {
    /// A watch over the disk that `dir` is on; the latest state is in `gauge`.
    pub fn new(dir: &Path, limits: DiskLimits, gauge: DiskGauge) -> Self {
        Self { dir: dir.to_owned(), limits, reserve: Reserve::of(dir), gauge }
    }

    /// Looks once. Blocks for the moment that the file system takes.
    ///
    /// A disk that cannot be looked at changes nothing: the state before stands, and it is logged.
    pub fn look(&self) {
        match measure(&self.dir) {
            Ok(measured) => self.judge(measured),
            Err(error) => {
                tracing::warn!(dir = %self.dir.display(), %error, "disk.not_measured");
            }
        }
    }

    /// Looks each second, until the task is aborted.
    pub async fn run(self) {
        let mut watch = self;
        let mut interval = tokio::time::interval(INTERVAL);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            let looked = tokio::task::spawn_blocking(move || {
                watch.look();
                watch
            });
            // A look that broke has told its panic; the state before stands.
            let Ok(back) = looked.await else { return };
            watch = back;
        }
    }

    /// The room that the reserve took, or would take again, counts as taken: giving it up must not
    /// look like room that came back.
    fn judge(&self, measured: Measured) {
        let Measured { free, total } = measured;
        let owed = RESERVE_BYTES.saturating_sub(self.reserve.held()).min(total / 2);
        let state = self.limits.state(free.saturating_sub(owed), total);
        if self.gauge.set(state) {
            let (was_given_up, word) = (owed > 0, state.word());
            match state {
                DiskState::Fine => tracing::info!(state = word, free, total, "disk.state"),
                DiskState::Low => tracing::warn!(state = word, free, total, "disk.state"),
                DiskState::Scarce | DiskState::Critical => {
                    tracing::error!(state = word, free, total, was_given_up, "disk.state");
                }
            }
        }
        let kept = match state {
            DiskState::Fine => self.reserve.take(),
            DiskState::Low | DiskState::Scarce => Ok(()),
            DiskState::Critical => self.reserve.give_up(),
        };
        if let Err(error) = kept {
            tracing::warn!(state = state.word(), %error, "disk.reserve_not_kept");
        }
    }
}

fn measure(dir: &Path) -> io::Result<Measured> {
    let stat = rustix::fs::statvfs(dir)?;
    // What only root may use is not ours.
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    Ok(Measured { free: bytes(stat.f_bavail), total: bytes(stat.f_blocks) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;

    fn watch(dir: &Path) -> DiskWatch {
        DiskWatch::new(dir, DiskLimits::default(), DiskGauge::default())
    }

    #[test]
    fn the_reserve_is_given_up_at_critical_and_taken_again_when_all_is_fine() {
        let dir = tempfile::tempdir().unwrap();
        let watch = watch(dir.path());
        let look = |free: u64, state: DiskState, held: u64| {
            watch.judge(Measured { free, total: 20 * GIB });
            assert_eq!((watch.gauge.state(), watch.reserve.held()), (state, held), "{free}");
        };
        look(19 * GIB, DiskState::Fine, RESERVE_BYTES);
        look(3 * GIB, DiskState::Low, RESERVE_BYTES);
        look(500 * MIB, DiskState::Critical, 0);
        // What came free is the reserve itself: that is no reason for hope.
        look(500 * MIB + RESERVE_BYTES, DiskState::Critical, 0);
        look(520 * MIB + RESERVE_BYTES, DiskState::Scarce, 0);
        look(0, DiskState::Critical, 0);
        look(19 * GIB, DiskState::Fine, RESERVE_BYTES);
    }

    #[test]
    fn a_real_disk_is_measured_and_one_that_is_gone_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let Measured { free, total } = measure(dir.path()).unwrap();
        assert!(free <= total && total > 0);
        let gone = watch(&dir.path().join("gone"));
        gone.gauge.set(DiskState::Scarce);
        gone.look();
        assert_eq!(gone.gauge.state(), DiskState::Scarce);
    }
}
