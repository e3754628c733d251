//! Worlds replayed from recorded commit histories.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::comment::Comment;
use crate::commit::Commit;
use crate::digest;
use crate::issue::Issue;
use crate::pull_request::PullRequest;
use crate::repository::Repository;
use crate::review::{Review, ReviewState};
use crate::stamp;
use crate::world::GithubWorld;

/// A line of a history: one commit.
#[derive(Debug, Clone, Deserialize)]
struct HistoryLine {
    /// The commit's object name; derived from its position where the history has none.
    #[serde(default)]
    sha: String,
    authored_at: String,
    committed_at: String,
    login: Option<String>,
    additions: u64,
    deletions: u64,
    files: u32,
    pr: Option<u64>,
}

/// A line with its times parsed and shifted.
struct DatedLine {
    line: HistoryLine,
    authored_at: Timestamp,
    committed_at: Timestamp,
    pushed_at: Timestamp,
}

/// One repository per file of JSON lines (`owner_name.jsonl` or `name.jsonl`, newest commit first;
/// gzip-compressed where it ends in `.gz`), with its times shifted so that the newest commit is
/// dated `newest_at`.
///
/// Pull requests come from the lines' `pr`. Histories have no reviews and comments: those are
/// generated from the commits' object names, and are always the same for the same file.
///
/// # Errors
/// When a file cannot be read or a line is not of that form.
pub fn from_histories<P: AsRef<Path>>(
    org: &str,
    paths: &[P],
    newest_at: Timestamp,
) -> io::Result<GithubWorld> {
    let mut world = GithubWorld::new();
    for path in paths {
        let path = path.as_ref();
        let lines = dated(read(path)?, newest_at)?;
        let first = lines.iter().map(|line| line.committed_at.min(line.authored_at)).min();
        let repo = world.org(org).repo(&repository_name(path));
        repo.created_at(first.map_or(newest_at, |first| stamp::plus(first, -86_400)));
        push_all(repo, &lines);
        ConversationGenerator::new(&lines).write(repo, &lines);
    }
    Ok(world)
}

/// `owner_name.jsonl.gz` is the history of `name`.
fn repository_name(path: &Path) -> String {
    let file = path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
    let stem = file.split_once('.').map_or(file.as_str(), |(stem, _)| stem);
    stem.split_once('_').map_or(stem, |(_, name)| name).to_owned()
}

fn read(path: &Path) -> io::Result<Vec<HistoryLine>> {
    let invalid = |nth: usize, error: &dyn std::fmt::Display| {
        io::Error::new(io::ErrorKind::InvalidData, format!("{}:{}: {error}", path.display(), nth + 1))
    };
    let text = read_text(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(nth, line)| {
            let mut line: HistoryLine = serde_json::from_str(line).map_err(|error| invalid(nth, &error))?;
            if line.sha.is_empty() {
                line.sha = digest::sha(&["history", &repository_name(path), &nth.to_string()]);
            }
            Ok(line)
        })
        .collect()
}

fn read_text(path: &Path) -> io::Result<String> {
    if path.extension().is_none_or(|extension| extension != "gz") {
        return fs::read_to_string(path);
    }
    let mut text = String::new();
    GzDecoder::new(fs::File::open(path)?).read_to_string(&mut text)?;
    Ok(text)
}

/// Oldest first, shifted by one constant. A commit is pushed when it is committed, but never before
/// an older one.
fn dated(lines: Vec<HistoryLine>, newest_at: Timestamp) -> io::Result<Vec<DatedLine>> {
    let time = |text: &str| text.parse::<Timestamp>().map_err(io::Error::other);
    let committed: Vec<Timestamp> =
        lines.iter().map(|line| time(&line.committed_at)).collect::<io::Result<_>>()?;
    let newest = committed.iter().max().copied().unwrap_or(newest_at);
    let shift = newest.duration_until(stamp::whole(newest_at));
    let mut dated = Vec::with_capacity(lines.len());
    let mut pushed_at = Timestamp::MIN;
    for (line, committed_at) in lines.into_iter().zip(committed).rev() {
        let authored_at = shifted(time(&line.authored_at)?, shift);
        let committed_at = shifted(committed_at, shift);
        pushed_at = pushed_at.max(committed_at);
        dated.push(DatedLine { line, authored_at, committed_at, pushed_at });
    }
    Ok(dated)
}

fn shifted(at: Timestamp, shift: SignedDuration) -> Timestamp {
    at.saturating_add(shift).unwrap_or(at)
}

fn push_all(repo: &mut Repository, lines: &[DatedLine]) {
    for dated in lines {
        let HistoryLine { sha, login, additions, deletions, files, .. } = &dated.line;
        let commit = match login {
            Some(login) => Commit::new(login, dated.committed_at),
            None => Commit::unlinked(dated.committed_at),
        };
        let commit = commit.authored_at(dated.authored_at).lines(*additions, *deletions);
        repo.push(dated.pushed_at, vec![commit.files(*files).sha(sha)]);
    }
}

/// Generates the pull requests, reviews, issues and comments of a history.
struct ConversationGenerator<'a> {
    /// Authors of reviews and comments: every login of the history.
    people: Vec<&'a str>,
    next_issue: u64,
}

impl<'a> ConversationGenerator<'a> {
    fn new(lines: &'a [DatedLine]) -> Self {
        let mut people: Vec<&str> = lines.iter().filter_map(|dated| dated.line.login.as_deref()).collect();
        people.sort_unstable();
        people.dedup();
        let last = lines.iter().filter_map(|dated| dated.line.pr).max().unwrap_or(0);
        Self { people, next_issue: last + 1 }
    }

    fn write(mut self, repo: &mut Repository, lines: &[DatedLine]) {
        let mut pulls: BTreeMap<u64, Vec<&DatedLine>> = BTreeMap::new();
        for dated in lines {
            match dated.line.pr {
                Some(number) => pulls.entry(number).or_default().push(dated),
                None => self.issue(repo, dated),
            }
        }
        for (number, commits) in &pulls {
            self.pull(repo, *number, commits);
        }
    }

    fn pull(&self, repo: &mut Repository, number: u64, commits: &[&DatedLine]) {
        let (Some(first), Some(last)) = (commits.first(), commits.last()) else {
            return;
        };
        let hash = |what: &str| digest::hash64(&[what, &first.line.sha]);
        let merged_at = last.committed_at;
        let life = 600 + (hash("life") % (3 * 86_400)) as i64;
        let created_at = stamp::plus(first.committed_at.min(merged_at), -life);
        let pull = match &first.line.login {
            Some(login) => PullRequest::new(login, created_at),
            None => PullRequest::by_ghost(created_at),
        };
        repo.pull_request(pull.number(number).merged_at(merged_at));
        for nth in 0..hash("reviews") % 3 {
            let hash = hash(&format!("review {nth}"));
            let at = stamp::plus(created_at, 60 + (hash % (life as u64 - 60)) as i64);
            repo.review(number, self.review_by(first, hash, at));
        }
        for nth in 0..hash("comments") % 3 {
            let hash = hash(&format!("comment {nth}"));
            let at = stamp::plus(created_at, 30 + (hash % (2 * life as u64)) as i64);
            repo.comment(number, self.comment_by(first, hash, at));
        }
    }

    /// An issue with a comment for every eighth commit that has no pull request.
    fn issue(&mut self, repo: &mut Repository, dated: &DatedLine) {
        let hash = digest::hash64(&["issue", &dated.line.sha]);
        let Some(author) = self.someone_else(dated, hash).filter(|_| hash.is_multiple_of(8)) else {
            return;
        };
        let at = stamp::plus(dated.committed_at, -3_600);
        let issue = Issue::new(author, at).number(self.next_issue).closed_at(dated.committed_at);
        repo.issue(issue);
        let answered_at = stamp::plus(at, 60 + (hash / 8 % 86_400) as i64);
        repo.comment(self.next_issue, self.comment_by(dated, hash / 8, answered_at));
        self.next_issue += 1;
    }

    fn review_by(&self, dated: &DatedLine, hash: u64, at: Timestamp) -> Review {
        let state = match hash / 7 % 20 {
            0 => ReviewState::Pending,
            1 => ReviewState::Dismissed,
            2..=4 => ReviewState::ChangesRequested,
            5..=9 => ReviewState::Commented,
            _ => ReviewState::Approved,
        };
        match self.someone_else(dated, hash) {
            Some(login) => Review::new(login, state, at),
            None => Review::by_ghost(state, at),
        }
    }

    fn comment_by(&self, dated: &DatedLine, hash: u64, at: Timestamp) -> Comment {
        match self.someone_else(dated, hash) {
            Some(login) => Comment::new(login, at),
            None => Comment::by_ghost(at),
        }
    }

    /// Another login of this history than the commit's author; for a small share none, as after an
    /// account was deleted.
    fn someone_else(&self, dated: &DatedLine, hash: u64) -> Option<&'a str> {
        let count = self.people.len() as u64;
        if count == 0 || (hash >> 32).is_multiple_of(40) {
            return None;
        }
        let chosen = self.people[(hash % count) as usize];
        let is_author = dated.line.login.as_deref() == Some(chosen);
        let next = self.people[((hash + 1) % count) as usize];
        Some(if is_author { next } else { chosen })
    }
}
