//! Free disk space for the data directory.

use std::path::{Path, PathBuf};

use actix_supervisor::Observable;
use async_trait::async_trait;
use github_stats_actors::health::{Probe, ProbeResult, Status};

/// Less free space than this, in bytes, is worth a warning: it holds a day's records of a large
/// installation.
const SCARCE: u64 = 256 * 1024 * 1024;
const MEBIBYTE: u64 = 1024 * 1024;

/// The space of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    /// Bytes available to unprivileged processes.
    pub free: u64,
    /// Size in bytes.
    pub total: u64,
}

impl DiskSpace {
    /// The space of the file system that holds `directory`, or will hold it once it is created.
    /// Blocks on slow file systems.
    ///
    /// # Errors
    /// If `statvfs` fails.
    pub fn of(directory: &Path) -> std::io::Result<Self> {
        let absolute = std::path::absolute(directory)?;
        let existing = absolute.ancestors().find(|path| path.exists()).unwrap_or(&absolute);
        let stat = rustix::fs::statvfs(existing)?;
        Ok(DiskSpace {
            free: stat.f_bavail.saturating_mul(stat.f_frsize),
            total: stat.f_blocks.saturating_mul(stat.f_frsize),
        })
    }

    /// Whether less is free than 256 MiB and than a tenth of the file system.
    pub fn is_scarce(&self) -> bool {
        self.free < SCARCE.min(self.total / 10)
    }

    /// A clause in MiB for messages.
    pub fn describe(&self, directory: &Path) -> String {
        let (free, total) = (self.free / MEBIBYTE, self.total / MEBIBYTE);
        format!("{free} of {total} MiB are free for {}", directory.display())
    }
}

/// Checks the free space for the data directory, and publishes the latest result.
pub struct DiskProbe {
    directory: PathBuf,
    space: Observable<Option<DiskSpace>>,
}

impl DiskProbe {
    /// A probe of this directory.
    pub fn new(directory: &Path) -> Self {
        DiskProbe { directory: directory.to_owned(), space: Observable::default() }
    }

    /// The space as of the latest check; `None` if unknown.
    pub fn space(&self) -> Observable<Option<DiskSpace>> {
        self.space.clone()
    }

    fn result(&self, space: std::io::Result<DiskSpace>) -> ProbeResult {
        match space {
            Ok(space) if space.is_scarce() => ProbeResult {
                status: Status::Degraded,
                detail: format!("only {}: free some space", space.describe(&self.directory)),
            },
            Ok(_) => ProbeResult { status: Status::Healthy, detail: String::new() },
            Err(error) => ProbeResult {
                status: Status::Degraded,
                detail: format!("the free space for {} is unknown: {error}", self.directory.display()),
            },
        }
    }
}

#[async_trait]
impl Probe for DiskProbe {
    fn component(&self) -> &'static str {
        "disk"
    }

    async fn check(&self) -> ProbeResult {
        let directory = self.directory.clone();
        let space = tokio::task::spawn_blocking(move || DiskSpace::of(&directory)).await;
        let space = space.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        self.space.set(space.as_ref().ok().copied());
        self.result(space)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_directory_that_does_not_exist_yet_has_the_space_of_its_parent() {
        let folder = tempfile::tempdir().unwrap();
        let probe = DiskProbe::new(&folder.path().join("not/yet"));
        assert_eq!(*probe.space().get(), None);
        probe.check().await;
        let space = probe.space().get().expect("it was checked");
        assert_eq!(space.total, DiskSpace::of(folder.path()).unwrap().total);
        assert!(space.free > 0 && space.free <= space.total);
    }

    #[test]
    fn space_is_scarce_below_256_mib_and_a_tenth_of_the_disk() {
        let mebibytes = |free: u64, total: u64| DiskSpace { free: free * MEBIBYTE, total: total * MEBIBYTE };
        assert!(mebibytes(200, 100_000).is_scarce());
        assert!(!mebibytes(300, 100_000).is_scarce());
        assert!(!mebibytes(100, 200).is_scarce());
        assert!(mebibytes(10, 200).is_scarce());
    }
}
