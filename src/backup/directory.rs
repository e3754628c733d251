//! A directory of dated backups, of which the newest are kept.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use github_stats_actors::activity::Timestamp;

const PREFIX: &str = "github-stats-";
const SUFFIX: &str = ".backup";
/// The form of the date between them, which sorts as it says.
const DATE: &str = "00000000T000000Z";

/// The directory. Only files that were named here are ever removed from it.
#[derive(Clone, Debug)]
pub struct BackupDirectory(PathBuf);

impl BackupDirectory {
    /// This directory.
    pub fn new(directory: &Path) -> Self {
        BackupDirectory(directory.to_owned())
    }

    /// The name of a backup made at `now`.
    pub fn dated(&self, now: Timestamp) -> PathBuf {
        let date = jiff::Timestamp::from_second(now.as_unix()).unwrap_or_default();
        self.0.join(format!("{PREFIX}{}{SUFFIX}", date.strftime("%Y%m%dT%H%M%SZ")))
    }

    /// The name that all backups have while they are written, so that the next one replaces what was left of one.
    pub fn next(&self) -> PathBuf {
        self.0.join(format!("github-stats{SUFFIX}"))
    }

    /// Removes all but the newest `keep` backups; which ones those were.
    ///
    /// # Errors
    /// When the directory cannot be read or one of them cannot be removed.
    pub fn prune(&self, keep: usize) -> io::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(&self.0)?.collect::<io::Result<Vec<_>>>()?;
        let names = entries.iter().filter_map(|entry| entry.file_name().into_string().ok());
        let old: Vec<PathBuf> = surplus(names, keep).into_iter().map(|name| self.0.join(name)).collect();
        old.iter().try_for_each(fs::remove_file)?;
        Ok(old)
    }
}

/// Of these names the backups that are not among the newest `keep`.
fn surplus(names: impl Iterator<Item = String>, keep: usize) -> Vec<String> {
    let mut own: Vec<String> = names.filter(|name| is_own(name)).collect();
    own.sort();
    own.truncate(own.len().saturating_sub(keep));
    own
}

fn is_own(name: &str) -> bool {
    let date = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
    date.is_some_and(|date| {
        let alike = |(c, form): (char, char)| if form == '0' { c.is_ascii_digit() } else { c == form };
        date.len() == DATE.len() && date.chars().zip(DATE.chars()).all(alike)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backups_are_named_by_their_time() {
        let name = BackupDirectory::new(Path::new("/backups")).dated(Timestamp::from_unix(1_800_000_000));
        assert_eq!(name, Path::new("/backups/github-stats-20270115T080000Z.backup"));
        assert!(is_own(name.file_name().unwrap().to_str().unwrap()));
    }

    #[test]
    fn the_oldest_are_removed_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let own = |day: u32| format!("github-stats-202701{day:02}T080000Z.backup");
        let others = [
            "by-hand.backup",
            "github-stats-20200101.backup",
            "github-stats-20200101T080000Z.backup.unfinished",
            "github-stats.backup.unfinished",
            "github-stats-2020o101T080000Z.backup",
            "notes",
        ];
        for name in (1..=5).map(own).chain(others.map(str::to_owned)) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let shelf = BackupDirectory::new(folder.path());
        assert_eq!(shelf.prune(5).unwrap(), Vec::<PathBuf>::new());
        let removed = shelf.prune(2).unwrap();
        assert_eq!(removed, [1, 2, 3].map(|day| folder.path().join(own(day))));
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 2 + others.len());
        assert_eq!(shelf.prune(1).unwrap().len(), 1);
    }
}
