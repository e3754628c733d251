//! The space left for the data directory.

use std::path::{Path, PathBuf};

use actix_supervisor::Observable;
use async_trait::async_trait;
use github_stats_actors::health::{Probe, ProbeResult, Status};

/// Less than this is worth a warning: a day's records of a large installation fit into it.
const LITTLE: u64 = 256 * 1024 * 1024;
const MEBIBYTE: u64 = 1024 * 1024;

/// How much space a file system has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    /// Bytes that can be written without privileges.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
}

impl DiskSpace {
    /// Asks the file system that holds `directory`, or will hold it once it is made.
    ///
    /// # Errors
    /// When the file system does not tell.
    pub fn of(directory: &Path) -> std::io::Result<Self> {
        let absolute = std::path::absolute(directory)?;
        let exists = absolute.ancestors().find(|path| path.exists()).unwrap_or(&absolute);
        let told = rustix::fs::statvfs(exists)?;
        Ok(DiskSpace {
            free: told.f_bavail.saturating_mul(told.f_frsize),
            total: told.f_blocks.saturating_mul(told.f_frsize),
        })
    }

    /// Whether what is left is no more than a tenth, and little.
    pub fn is_scarce(&self) -> bool {
        self.free < LITTLE.min(self.total / 10)
    }

    /// In mebibytes, for people.
    pub fn describe(&self, directory: &Path) -> String {
        let (free, total) = (self.free / MEBIBYTE, self.total / MEBIBYTE);
        format!("{free} of {total} MiB are free for {}", directory.display())
    }
}

/// Looks at the data directory's file system, and shows what it saw last.
pub struct DiskProbe {
    directory: PathBuf,
    space: Observable<Option<DiskSpace>>,
}

impl DiskProbe {
    /// A probe of this directory.
    pub fn new(directory: &Path) -> Self {
        DiskProbe { directory: directory.to_owned(), space: Observable::default() }
    }

    /// What there was when it last looked; `None` where that is not known.
    pub fn space(&self) -> Observable<Option<DiskSpace>> {
        self.space.clone()
    }

    fn look(&self) -> ProbeResult {
        let looked = DiskSpace::of(&self.directory);
        self.space.set(looked.as_ref().ok().copied());
        match looked {
            Ok(space) if space.is_scarce() => ProbeResult {
                status: Status::Degraded,
                detail: format!("only {}: make room", space.describe(&self.directory)),
            },
            Ok(_) => ProbeResult { status: Status::Healthy, detail: String::new() },
            Err(error) => ProbeResult {
                status: Status::Degraded,
                detail: format!("the space left for {} is unknown: {error}", self.directory.display()),
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
        self.look()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_directory_that_is_not_there_yet_has_the_space_of_its_parent() {
        let folder = tempfile::tempdir().unwrap();
        let probe = DiskProbe::new(&folder.path().join("not/yet"));
        assert_eq!(*probe.space().get(), None);
        probe.check().await;
        let space = probe.space().get().expect("it was looked at");
        assert_eq!(space.total, DiskSpace::of(folder.path()).unwrap().total);
        assert!(space.free > 0 && space.free <= space.total);
    }

    #[test]
    fn little_space_on_a_large_disk_is_scarce_and_half_of_a_small_one_is_not() {
        let mebibytes = |free: u64, total: u64| DiskSpace { free: free * MEBIBYTE, total: total * MEBIBYTE };
        assert!(mebibytes(200, 100_000).is_scarce());
        assert!(!mebibytes(300, 100_000).is_scarce());
        assert!(!mebibytes(100, 200).is_scarce());
        assert!(mebibytes(10, 200).is_scarce());
    }
}
