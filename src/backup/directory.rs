//! A directory of dated backups, and the removal of old ones.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use github_stats_actors::activity::Timestamp;

const PREFIX: &str = "github-stats-";
const SUFFIX: &str = ".backup";
/// The form of the date between prefix and suffix: `0` stands for a digit. Dates of this form sort
/// chronologically.
const DATE: &str = "00000000T000000Z";

/// A directory of backups. Only files named by [`BackupDirectory::dated`] are ever removed from it.
#[derive(Clone, Debug)]
pub struct BackupDirectory(PathBuf);

impl BackupDirectory {
    pub fn new(directory: &Path) -> Self {
        BackupDirectory(directory.to_owned())
    }

    /// The path of a backup created at `now`.
    pub fn dated(&self, now: Timestamp) -> PathBuf {
        let date = jiff::Timestamp::from_second(now.as_unix()).unwrap_or_default();
        self.0.join(format!("{PREFIX}{}{SUFFIX}", date.strftime("%Y%m%dT%H%M%SZ")))
    }

    /// The path from which the name of an unfinished backup is derived. It is the same for all
    /// backups, so that the next one replaces the remains of one that was interrupted.
    pub fn next(&self) -> PathBuf {
        self.0.join(format!("github-stats{SUFFIX}"))
    }

    /// Removes all but the newest `keep` backups and returns the removed paths.
    ///
    /// # Errors
    /// If the directory cannot be read or a backup cannot be removed.
    pub fn prune(&self, keep: usize) -> io::Result<Vec<PathBuf>> {
        let files = fs::read_dir(&self.0)?.collect::<io::Result<Vec<_>>>()?;
        let names = files.iter().filter_map(|file| file.file_name().into_string().ok());
        let old: Vec<PathBuf> = surplus(names, keep).into_iter().map(|name| self.0.join(name)).collect();
        old.iter().try_for_each(fs::remove_file)?;
        Ok(old)
    }
}

/// The names of backups that are not among the newest `keep`.
fn surplus(names: impl Iterator<Item = String>, keep: usize) -> Vec<String> {
    let mut backups: Vec<String> = names.filter(|name| is_backup(name)).collect();
    backups.sort();
    backups.truncate(backups.len().saturating_sub(keep));
    backups
}

fn is_backup(name: &str) -> bool {
    let date = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
    date.is_some_and(|date| {
        let matches = |(c, form): (char, char)| if form == '0' { c.is_ascii_digit() } else { c == form };
        date.len() == DATE.len() && date.chars().zip(DATE.chars()).all(matches)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backups_are_named_after_their_time() {
        let name = BackupDirectory::new(Path::new("/backups")).dated(Timestamp::from_unix(1_800_000_000));
        assert_eq!(name, Path::new("/backups/github-stats-20270115T080000Z.backup"));
        assert!(is_backup(name.file_name().unwrap().to_str().unwrap()));
    }

    #[test]
    fn pruning_removes_only_the_oldest_backups() {
        let folder = tempfile::tempdir().unwrap();
        let backup = |day: u32| format!("github-stats-202701{day:02}T080000Z.backup");
        let others = [
            "by-hand.backup",
            "github-stats-20200101.backup",
            "github-stats-20200101T080000Z.backup.unfinished",
            "github-stats.backup.unfinished",
            "github-stats-2020o101T080000Z.backup",
            "notes",
        ];
        for name in (1..=5).map(backup).chain(others.map(str::to_owned)) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let backups = BackupDirectory::new(folder.path());
        assert_eq!(backups.prune(5).unwrap(), Vec::<PathBuf>::new());
        let removed = backups.prune(2).unwrap();
        assert_eq!(removed, [1, 2, 3].map(|day| folder.path().join(backup(day))));
        let remaining = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(remaining, 2 + others.len());
        assert_eq!(backups.prune(1).unwrap().len(), 1);
    }
}
