//! Worlds from recorded commit histories.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

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
use crate::world::World;

/// A line of a history.
#[derive(Debug, Clone, Deserialize)]
struct Line {
    sha: String,
    authored_at: String,
    committed_at: String,
    login: Option<String>,
    additions: u64,
    deletions: u64,
    files: u32,
    pr: Option<u64>,
}

/// A line with its times read and shifted.
struct Dated {
    line: Line,
    authored_at: Timestamp,
    committed_at: Timestamp,
    pushed_at: Timestamp,
}

/// One repository per JSONL file (`owner_name.jsonl`, newest commit first), with its times shifted so
/// that the newest commit is dated `newest_at`.
///
/// Pull requests come from the lines' `pr`; reviews and comments, which histories lack, are made up
/// from the commits' names, always the same for the same file.
///
/// # Errors
/// When a file cannot be read or a line is not of that form.
pub fn from_histories<P: AsRef<Path>>(org: &str, paths: &[P], newest_at: Timestamp) -> io::Result<World> {
    let mut world = World::new();
    for path in paths {
        let path = path.as_ref();
        let lines = dated(read(path)?, newest_at)?;
        let first = lines.iter().map(|line| line.committed_at.min(line.authored_at)).min();
        let repo = world.org(org).repo(&repository_name(path));
        repo.created_at(first.map_or(newest_at, |first| stamp::plus(first, -86_400)));
        push_all(repo, &lines);
        Conversations::new(&lines).write(repo, &lines);
    }
    Ok(world)
}

/// `vectordotdev_vector.jsonl` is `vector`.
fn repository_name(path: &Path) -> String {
    let stem = path.file_stem().map_or(String::new(), |stem| stem.to_string_lossy().into_owned());
    stem.split_once('_').map_or(stem.clone(), |(_, name)| name.to_owned())
}

fn read(path: &Path) -> io::Result<Vec<Line>> {
    let wrong = |nth: usize, error: &dyn std::fmt::Display| {
        io::Error::new(io::ErrorKind::InvalidData, format!("{}:{}: {error}", path.display(), nth + 1))
    };
    let text = fs::read_to_string(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(nth, line)| serde_json::from_str(line).map_err(|error| wrong(nth, &error))).collect()
}

/// Oldest first, shifted by one constant, and pushed when committed but never before an older line.
fn dated(lines: Vec<Line>, newest_at: Timestamp) -> io::Result<Vec<Dated>> {
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
        dated.push(Dated { line, authored_at, committed_at, pushed_at });
    }
    Ok(dated)
}

fn shifted(at: Timestamp, shift: SignedDuration) -> Timestamp {
    at.saturating_add(shift).unwrap_or(at)
}

fn push_all(repo: &mut Repository, lines: &[Dated]) {
    for dated in lines {
        let Line { sha, login, additions, deletions, files, .. } = &dated.line;
        let commit = match login {
            Some(login) => Commit::new(login, dated.committed_at),
            None => Commit::unlinked(dated.committed_at),
        };
        let commit = commit.authored_at(dated.authored_at).lines(*additions, *deletions);
        repo.push(dated.pushed_at, vec![commit.files(*files).sha(sha)]);
    }
}

/// Makes up what was said about the commits.
struct Conversations<'a> {
    /// People who say something: every login of the history.
    people: Vec<&'a str>,
    next_issue: u64,
}

impl<'a> Conversations<'a> {
    fn new(lines: &'a [Dated]) -> Self {
        let mut people: Vec<&str> = lines.iter().filter_map(|dated| dated.line.login.as_deref()).collect();
        people.sort_unstable();
        people.dedup();
        let last = lines.iter().filter_map(|dated| dated.line.pr).max().unwrap_or(0);
        Self { people, next_issue: last + 1 }
    }

    fn write(mut self, repo: &mut Repository, lines: &[Dated]) {
        let mut pulls: BTreeMap<u64, Vec<&Dated>> = BTreeMap::new();
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

    fn pull(&self, repo: &mut Repository, number: u64, commits: &[&Dated]) {
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

    /// An issue, with an answer, for every eighth commit that came without a pull request.
    fn issue(&mut self, repo: &mut Repository, dated: &Dated) {
        let hash = digest::hash64(&["issue", &dated.line.sha]);
        let Some(author) = self.other(dated, hash).filter(|_| hash.is_multiple_of(8)) else {
            return;
        };
        let at = stamp::plus(dated.committed_at, -3_600);
        let issue = Issue::new(author, at).number(self.next_issue).closed_at(dated.committed_at);
        repo.issue(issue);
        let answered_at = stamp::plus(at, 60 + (hash / 8 % 86_400) as i64);
        repo.comment(self.next_issue, self.comment_by(dated, hash / 8, answered_at));
        self.next_issue += 1;
    }

    fn review_by(&self, dated: &Dated, hash: u64, at: Timestamp) -> Review {
        let state = match hash / 7 % 20 {
            0 => ReviewState::Pending,
            1 => ReviewState::Dismissed,
            2..=4 => ReviewState::ChangesRequested,
            5..=9 => ReviewState::Commented,
            _ => ReviewState::Approved,
        };
        match self.other(dated, hash) {
            Some(login) => Review::new(login, state, at),
            None => Review::by_ghost(state, at),
        }
    }

    fn comment_by(&self, dated: &Dated, hash: u64, at: Timestamp) -> Comment {
        match self.other(dated, hash) {
            Some(login) => Comment::new(login, at),
            None => Comment::by_ghost(at),
        }
    }

    /// Someone else of this history; for a small share nobody, as after an account was deleted.
    fn other(&self, dated: &Dated, hash: u64) -> Option<&'a str> {
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
