//! Asks for the lines of an organisation's commits, after a cycle and as far as an hour's budget goes.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;

use super::{
    CommitLoc, ContributorShares, HourBudget, LocSettings, LocSourceMode, StatisticsOutcome, are_zeroed,
    sample, share_out,
};
use crate::activity::{
    Batch, FactId, LocChange, Observation, Oid, Record, RepoId, RepoMeta, RepoName, RepoState, Timestamp,
    last_complete_week,
};
use crate::event::{Event, Observer};
use crate::scheduler::{CollectError, Collector, ListedRepository, SourceError, SourceErrorKind, Statistics};
use crate::store::{RecordsOf, Write, WriteSource};

/// How long one round may take, so that it never holds up the next cycle for long; what is left comes with the next.
const ROUND: Duration = Duration::from_secs(60);
/// Single commits that are asked for before their lines are written.
const CHUNK: usize = 50;
/// How long the store may take to come back.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the lines of a repository come from, for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocSource {
    /// Its name.
    pub repo: RepoName,
    /// The mode.
    pub mode: &'static str,
    /// Whether some of its commits have no lines although they were not read.
    pub incomplete: bool,
}

/// Finds out the lines of commits. What it knows is in memory only: a new one looks at every repository once, and asks
/// again for the commits that have no lines.
pub struct LocCollector {
    settings: LocSettings,
    entries: Mutex<HashMap<RepoId, Entry>>,
    budget: Mutex<HourBudget>,
}

/// What is known of one repository.
#[derive(Clone, Debug)]
struct Entry {
    name: RepoName,
    mode: LocSourceMode,
    /// The tip and the week when it was last looked at: new commits, and a new week, are reasons to look again.
    seen: Option<(Option<Oid>, Timestamp)>,
    looked_at: Timestamp,
    /// Whether there are commits whose lines could be shown.
    has_commits: bool,
    /// Commits that were read and have no lines.
    read: HashSet<Oid>,
    /// Commits of which the latest statistics say nothing.
    untold: HashSet<Oid>,
    /// Commits without lines that wait for the budget, or for an answer.
    waiting: usize,
    /// Commits without lines that are not going to be read.
    left_out: usize,
}

/// One look at one repository.
struct Look<'a> {
    desk: &'a LocCollector,
    collector: &'a Collector,
    observer: &'a dyn Observer,
    repository: &'a ListedRepository,
    state: &'a RepoState,
    /// GitHub does not want to be asked any more: this round is over.
    stop: &'a AtomicBool,
    now: Timestamp,
}

impl LocCollector {
    /// A desk that knows nothing yet.
    pub fn new(settings: LocSettings) -> Self {
        let budget = Mutex::new(HourBudget::new(settings.commits_per_hour));
        LocCollector { settings, entries: Mutex::default(), budget }
    }

    /// Looks at the repositories where there is something to do, the longest neglected first. Dropping it, or running
    /// out of time, costs only what was under way.
    pub async fn round(
        &self,
        collector: &Collector,
        repositories: &[(ListedRepository, &RepoState)],
        concurrency: usize,
        observer: &dyn Observer,
    ) {
        if collector.settings().source.tells_lines() {
            return;
        }
        let now = collector.settings().clock.now();
        let due = self.due(repositories, now);
        let stop = AtomicBool::new(false);
        let stopped = &stop;
        let looks = futures::stream::iter(due)
            .map(|(repository, state)| async move {
                let look = Look { desk: self, collector, observer, repository, state, stop: stopped, now };
                look.run().await;
            })
            .buffer_unordered(concurrency.max(1))
            .collect::<Vec<()>>();
        if tokio::time::timeout(ROUND, looks).await.is_err() {
            tracing::debug!(org = %collector.settings().org, "lines are not complete yet; the next round goes on");
        }
        self.forget(repositories);
        let views = self.views();
        let org = &collector.settings().org;
        observer.on_event(Event::LinesRead { org, repositories: &views });
    }

    /// Where the lines of the repositories with commits come from.
    pub fn views(&self) -> Vec<LocSource> {
        let entries = self.entries();
        let shown = entries.values().filter(|entry| entry.has_commits);
        let view = |entry: &Entry| LocSource {
            repo: entry.name.clone(),
            mode: entry.mode.as_str(),
            incomplete: entry.waiting + entry.left_out > 0,
        };
        shown.map(view).collect()
    }

    fn due<'a>(
        &self,
        repositories: &'a [(ListedRepository, &'a RepoState)],
        now: Timestamp,
    ) -> Vec<(&'a ListedRepository, &'a RepoState)> {
        let entries = self.entries();
        let mut due: Vec<_> = repositories
            .iter()
            .filter_map(|(repository, state)| {
                let entry = entries.get(&repository.id);
                let wanted = match entry {
                    Some(entry) => entry.wants_look(state, now, &self.settings),
                    // What was not pushed to since has no commit that could be shown.
                    None => repository.pushed_at.is_none_or(|at| at >= shown_since(now)),
                };
                wanted.then(|| (entry.map(|entry| entry.looked_at), repository, *state))
            })
            .collect();
        due.sort_by_key(|(looked_at, repository, _)| (*looked_at, &repository.id));
        due.into_iter().map(|(_, repository, state)| (repository, state)).collect()
    }

    fn forget(&self, repositories: &[(ListedRepository, &RepoState)]) {
        let present: HashSet<&RepoId> = repositories.iter().map(|(repository, _)| &repository.id).collect();
        self.entries().retain(|id, _| present.contains(id));
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<RepoId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As many of the wanted as the hour has left; tells when it has none left.
    fn granted(&self, wanted: usize, now: Timestamp) -> (usize, bool) {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let granted = budget.take(wanted, now);
        (granted, granted < wanted && budget.first_exhausted())
    }
}

impl Entry {
    fn new(repository: &ListedRepository, now: Timestamp) -> Self {
        Entry {
            name: repository.name.clone(),
            mode: LocSourceMode::start(now),
            seen: None,
            looked_at: now,
            has_commits: false,
            read: HashSet::new(),
            untold: HashSet::new(),
            waiting: 0,
            left_out: 0,
        }
    }

    fn wants_look(&self, state: &RepoState, now: Timestamp, settings: &LocSettings) -> bool {
        let is_old = now.seconds_since(self.looked_at) >= settings.refresh_interval;
        let asks = self.mode.at(now, settings).asks(now);
        self.seen != Some((tip(state), shown_since(now)))
            || (self.has_commits && (asks || self.waiting > 0 || is_old))
    }
}

fn tip(state: &RepoState) -> Option<Oid> {
    state.head.as_ref().and_then(|head| head.oid)
}

/// Lines of earlier commits are never shown again.
fn shown_since(now: Timestamp) -> Timestamp {
    last_complete_week(now).from()
}

impl Look<'_> {
    async fn run(&self) {
        if self.stop.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = self.look().await {
            let limited =
                matches!(&error, CollectError::Source(error) if error.kind == SourceErrorKind::RateLimited);
            if limited {
                self.stop.store(true, Ordering::Relaxed);
            }
            tracing::debug!(%error, repo = %self.repository.name, "lines were not read; the next round tries again");
        }
    }

    async fn look(&self) -> Result<(), CollectError> {
        let settings = &self.desk.settings;
        let mut entry = self.entry();
        entry.name = self.repository.name.clone();
        entry.mode = entry.mode.at(self.now, settings);
        let stored = self.stored().await?;
        let mut commits = commits(&stored);
        entry.has_commits = !commits.is_empty();
        let present: HashSet<Oid> = commits.iter().map(|commit| commit.oid).collect();
        entry.read.retain(|oid| present.contains(oid));
        if entry.has_commits && entry.mode.asks(self.now) {
            let (heard, shares) = self.ask(&commits).await?;
            entry.mode = entry.mode.heard(heard, self.now, settings);
            self.write(&stored, &shares.changed).await?;
            commits = with_lines(commits, &shares.changed);
            entry.untold = shares.untold.into_iter().collect();
        }
        entry.looked_at = self.now;
        if !entry.mode.reads_commits() {
            commits.retain(|commit| entry.untold.contains(&commit.oid));
        }
        self.read_commits(&mut entry, &stored, &commits).await?;
        entry.seen = Some((tip(self.state), shown_since(self.now)));
        self.remember(entry);
        Ok(())
    }

    fn entry(&self) -> Entry {
        let known = self.desk.entries().get(&self.repository.id).cloned();
        known.unwrap_or_else(|| Entry::new(self.repository, self.now))
    }

    fn remember(&self, entry: Entry) {
        self.desk.entries().insert(self.repository.id.clone(), entry);
    }

    /// Asks for the statistics, and shares them out.
    async fn ask(
        &self,
        commits: &[CommitLoc],
    ) -> Result<(StatisticsOutcome, ContributorShares), CollectError> {
        match self.collector.settings().source.statistics(self.repository).await {
            Ok(Statistics::Computing) => Ok((StatisticsOutcome::Computing, ContributorShares::default())),
            Ok(Statistics::Told(weeks)) if are_zeroed(&weeks, self.desk.settings.zero_weeks) => {
                Ok((StatisticsOutcome::Zeroed, ContributorShares::default()))
            }
            Ok(Statistics::Told(weeks)) => Ok((StatisticsOutcome::Lines, share_out(&weeks, commits))),
            Err(error) if error.kind == SourceErrorKind::RateLimited => Err(error.into()),
            Err(error) => {
                tracing::debug!(%error, repo = %self.repository.name, "the statistics were not told");
                Ok((StatisticsOutcome::Failure, ContributorShares::default()))
            }
        }
    }

    /// Reads single commits, as many as are allowed, and writes their lines as they come.
    async fn read_commits(
        &self,
        entry: &mut Entry,
        stored: &[(FactId, Record)],
        commits: &[CommitLoc],
    ) -> Result<(), CollectError> {
        let settings = &self.desk.settings;
        let chosen = sample(commits, &entry.read, settings.commits_per_week);
        entry.waiting = 0;
        entry.left_out = chosen.left_out;
        if !settings.fallback_enabled {
            entry.left_out += chosen.commits.len();
            return Ok(());
        }
        entry.waiting = chosen.commits.len();
        for chunk in chosen.commits.chunks(CHUNK) {
            let (granted, is_exhausted) = self.desk.granted(chunk.len(), self.now);
            if is_exhausted {
                self.observer.on_event(Event::LinesBudgetExhausted { org: &self.collector.settings().org });
            }
            let (found, error) = self.read_chunk(&chunk[..granted]).await;
            self.write(stored, &found).await?;
            entry.waiting -= found.len();
            let without = found.iter().filter(|(_, lines)| *lines == LocChange::default());
            entry.read.extend(without.map(|(oid, _)| *oid));
            self.remember(entry.clone());
            if let Some(error) = error {
                return Err(error.into());
            }
            if granted < chunk.len() {
                break;
            }
        }
        Ok(())
    }

    /// What was found, and the limit that cut it short. What merely failed is left for the next round.
    async fn read_chunk(&self, commits: &[Oid]) -> (Vec<(Oid, LocChange)>, Option<SourceError>) {
        let source = &self.collector.settings().source;
        let mut found = Vec::with_capacity(commits.len());
        let mut answers = futures::stream::iter(commits)
            .map(|oid| async move { (*oid, source.commit_lines(self.repository, *oid).await) })
            .buffer_unordered(CHUNK);
        while let Some((oid, answer)) = answers.next().await {
            match answer {
                Ok(lines) => found.push((oid, lines)),
                // It was rewritten away a moment ago, and will be found gone.
                Err(error) if error.kind == SourceErrorKind::NotFound => {
                    found.push((oid, LocChange::default()))
                }
                Err(error) if error.kind == SourceErrorKind::RateLimited => return (found, Some(error)),
                Err(error) => tracing::debug!(%error, %oid, "the lines of a commit were not told"),
            }
        }
        (found, None)
    }

    async fn stored(&self) -> Result<Vec<(FactId, Record)>, CollectError> {
        let message = RecordsOf { key: self.state.key.clone(), since: shown_since(self.now) };
        Ok(self.collector.settings().store.call_persistently(message, PATIENCE).await??)
    }

    /// Writes changed lines as the least later observation there can be, so that any real one that comes meanwhile,
    /// above all that the commit is gone, wins over it.
    async fn write(
        &self,
        stored: &[(FactId, Record)],
        changed: &[(Oid, LocChange)],
    ) -> Result<(), CollectError> {
        let changed: HashMap<Oid, LocChange> = changed.iter().copied().collect();
        let records = stored.iter().filter_map(|(id, record)| {
            let FactId::Commit(oid) = id else { return None };
            let lines = *changed.get(oid)?;
            let latest = Observation { seen_at: record.latest.seen_at + 1, lines, ..record.latest.clone() };
            (record.latest.lines != lines).then(|| (*id, Record { latest, first: record.first.clone() }))
        });
        let records: Vec<(FactId, Record)> = records.collect();
        if records.is_empty() {
            return Ok(());
        }
        let meta = RepoMeta { seen_at: self.now, first_seen: self.now, name: self.repository.name.clone() };
        let mut batch = Batch::new(self.state.key.clone(), meta);
        batch.records = records;
        let message = Write { batch, source: WriteSource::LeaderScrape };
        self.collector.settings().store.call_persistently(message, PATIENCE).await??;
        Ok(())
    }
}

fn commits(stored: &[(FactId, Record)]) -> Vec<CommitLoc> {
    let present = stored.iter().filter(|(_, record)| !record.latest.gone);
    let commit = |(id, record): &(FactId, Record)| match id {
        FactId::Commit(oid) => {
            let Observation { user, at, lines, .. } = record.latest.clone();
            Some(CommitLoc { oid: *oid, user, at, lines })
        }
        _ => None,
    };
    present.filter_map(commit).collect()
}

fn with_lines(mut commits: Vec<CommitLoc>, changed: &[(Oid, LocChange)]) -> Vec<CommitLoc> {
    let changed: HashMap<Oid, LocChange> = changed.iter().copied().collect();
    for commit in &mut commits {
        if let Some(lines) = changed.get(&commit.oid) {
            commit.lines = *lines;
        }
    }
    commits
}
