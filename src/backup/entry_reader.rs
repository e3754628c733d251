//! Reads the entries of a backup and checks their order, counts and digest.

use std::io::{BufRead, BufReader, Read};

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use super::entry::hexadecimal;
use super::{BackupEntry, BackupReadError, BackupSummary, FORMAT};

/// Maximum length of a line in bytes, enough for a repository with 100,000 users.
const LONGEST_LINE: u64 = 64 * 1024 * 1024;

/// Decompresses entries and checks each against those before it.
pub(super) struct EntryReader<R: Read> {
    source: BufReader<GzDecoder<R>>,
    digest: Sha256,
    line: u64,
    summary: BackupSummary,
    ended: bool,
}

impl<R: Read> EntryReader<R> {
    pub(super) fn new(source: R) -> Self {
        let source = BufReader::new(GzDecoder::new(source));
        EntryReader {
            source,
            digest: Sha256::new(),
            line: 0,
            summary: BackupSummary::default(),
            ended: false,
        }
    }

    /// Number of repositories and records read so far.
    pub(super) fn summary(&self) -> BackupSummary {
        self.summary
    }

    /// The next entry; `None` after a valid last one.
    pub(super) fn next(&mut self) -> Result<Option<BackupEntry>, BackupReadError> {
        let mut line = Vec::new();
        let read = (&mut self.source).take(LONGEST_LINE).read_until(b'\n', &mut line);
        let read = read.map_err(BackupReadError::Io)?;
        self.line += 1;
        match (read, self.ended) {
            (0, true) => return Ok(None),
            (0, false) => return Err(self.invalid("the backup ends before its last entry")),
            (_, true) => return Err(self.invalid("it follows the last entry")),
            _ => {}
        }
        let entry: BackupEntry = serde_json::from_slice(&line).map_err(|error| self.invalid(error))?;
        self.check(&entry)?;
        self.digest.update(&line);
        Ok(Some(entry))
    }

    fn check(&mut self, entry: &BackupEntry) -> Result<(), BackupReadError> {
        match entry {
            BackupEntry::Header { format, .. } if *format > FORMAT => {
                return Err(BackupReadError::Newer { found: *format });
            }
            BackupEntry::Header { .. } if self.line == 1 => return Ok(()),
            _ if self.line == 1 => return Err(self.invalid("it is not the header of a backup")),
            BackupEntry::Header { .. } => return Err(self.invalid("it is a second header")),
            BackupEntry::Repository(_) => self.summary.repositories += 1,
            BackupEntry::Record { .. } if self.summary.repositories == 0 => {
                return Err(self.invalid("it is a record without a repository"));
            }
            BackupEntry::Record { .. } => self.summary.records += 1,
            BackupEntry::End { repositories, records, sha256 } => {
                let expected = BackupSummary { repositories: *repositories, records: *records };
                let digest = hexadecimal(&self.digest.clone().finalize());
                if expected != self.summary || *sha256 != digest {
                    return Err(self.invalid("its counts or its SHA-256 do not match the entries before it"));
                }
                self.ended = true;
            }
        }
        Ok(())
    }

    fn invalid(&self, reason: impl std::fmt::Display) -> BackupReadError {
        BackupReadError::Invalid { line: self.line, reason: reason.to_string() }
    }
}
