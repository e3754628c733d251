//! One repository's part in a round.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt;

use super::loc_state::LocState;
use super::repository_loc::{RepositoryLoc, exposed_since, tip};
use super::{
    Attribution, CommitLoc, LocEvent, LocPorts, LocSettings, StatisticsOutcome, are_zeroed,
    attribute_statistics, sample,
};
use crate::activity::{Batch, FactId, LocChange, Observation, Oid, Record, RepoMeta, RepoState, Timestamp};
use crate::source::{CollectError, ListedRepository, SourceError, SourceErrorKind, Statistics};
use crate::store::{RecordsOf, Write, WriteSource};

/// Single commits that are read before their lines are written.
const CHUNK: usize = 50;
/// How long to wait for a store actor that restarts.
const PATIENCE: Duration = Duration::from_secs(30);

/// Updates the lines of code of one repository.
pub(super) struct RepositoryRound<'a> {
    pub(super) settings: &'a LocSettings,
    pub(super) ports: &'a LocPorts,
    pub(super) state: &'a LocState,
    /// Set when the source reports a rate limit: it ends the round for all repositories.
    pub(super) rate_limited: &'a AtomicBool,
    pub(super) repository: &'a ListedRepository,
    pub(super) stored: &'a RepoState,
    pub(super) now: Timestamp,
}

impl RepositoryRound<'_> {
    /// Updates the repository unless the round has ended. Failures are logged; the next round tries
    /// again.
    pub(super) async fn run(&self) {
        if self.rate_limited.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = self.update().await {
            let is_limit =
                matches!(&error, CollectError::Source(error) if error.kind == SourceErrorKind::RateLimited);
            if is_limit {
                self.rate_limited.store(true, Ordering::Relaxed);
            }
            tracing::debug!(%error, repo = %self.repository.name, "lines of code were not collected; the next round tries again");
        }
    }

    async fn update(&self) -> Result<(), CollectError> {
        let mut loc = self.state.get(self.repository, self.now);
        loc.name = self.repository.name.clone();
        loc.mode = loc.mode.at(self.now, self.settings);
        let records = self.records().await?;
        let mut commits = commits(&records);
        loc.has_commits = !commits.is_empty();
        let present: HashSet<Oid> = commits.iter().map(|commit| commit.oid).collect();
        loc.without_loc.retain(|oid| present.contains(oid));
        if loc.has_commits && loc.mode.is_request_due(self.now) {
            let (outcome, attribution) = self.request_statistics(&commits).await?;
            loc.mode = loc.mode.after_response(outcome, self.now, self.settings);
            self.write(&records, &attribution.changed).await?;
            apply(&mut commits, &attribution.changed);
            loc.unattributed = attribution.unattributed.into_iter().collect();
        }
        loc.updated_at = self.now;
        if !loc.mode.reads_commits() {
            commits.retain(|commit| loc.unattributed.contains(&commit.oid));
        }
        self.read_commits(&mut loc, &records, &commits).await?;
        loc.updated_for = Some((tip(self.stored), exposed_since(self.now)));
        self.state.set(&self.repository.id, loc);
        Ok(())
    }

    /// Requests the statistics, and attributes them to commits.
    async fn request_statistics(
        &self,
        commits: &[CommitLoc],
    ) -> Result<(StatisticsOutcome, Attribution), CollectError> {
        match self.ports.source.statistics(self.repository).await {
            Ok(Statistics::Computing) => Ok((StatisticsOutcome::Computing, Attribution::default())),
            Ok(Statistics::Ready(weeks)) if are_zeroed(&weeks, self.settings.zero_weeks) => {
                Ok((StatisticsOutcome::Zeroed, Attribution::default()))
            }
            Ok(Statistics::Ready(weeks)) => {
                Ok((StatisticsOutcome::Available, attribute_statistics(&weeks, commits)))
            }
            Err(error) if error.kind == SourceErrorKind::RateLimited => Err(error.into()),
            Err(error) => {
                tracing::debug!(%error, repo = %self.repository.name, "the statistics were not received");
                Ok((StatisticsOutcome::Failure, Attribution::default()))
            }
        }
    }

    /// Reads single commits, as many as are allowed, and writes their lines chunk by chunk.
    async fn read_commits(
        &self,
        loc: &mut RepositoryLoc,
        records: &[(FactId, Record)],
        commits: &[CommitLoc],
    ) -> Result<(), CollectError> {
        let chosen = sample(commits, &loc.without_loc, self.settings.commits_per_week);
        loc.waiting = 0;
        loc.left_out = chosen.left_out;
        if !self.settings.fallback_enabled {
            loc.left_out += chosen.commits.len();
            return Ok(());
        }
        loc.waiting = chosen.commits.len();
        for chunk in chosen.commits.chunks(CHUNK) {
            let grant = self.state.grant(chunk.len(), self.now);
            if grant.exhausted {
                self.ports.observer.on_event(LocEvent::BudgetExhausted { org: self.ports.org.clone() });
            }
            let (found, error) = self.read_chunk(&chunk[..grant.commits]).await;
            self.write(records, &found).await?;
            loc.waiting -= found.len();
            let without_loc = found.iter().filter(|(_, change)| *change == LocChange::default());
            loc.without_loc.extend(without_loc.map(|(oid, _)| *oid));
            self.state.set(&self.repository.id, loc.clone());
            if let Some(error) = error {
                return Err(error.into());
            }
            if grant.commits < chunk.len() {
                break;
            }
        }
        Ok(())
    }

    /// The lines that were read, and the rate limit that cut the reading short. Other failures are
    /// left to the next round.
    async fn read_chunk(&self, commits: &[Oid]) -> (Vec<(Oid, LocChange)>, Option<SourceError>) {
        let source = &self.ports.source;
        let mut found = Vec::with_capacity(commits.len());
        let mut answers = futures::stream::iter(commits)
            .map(|oid| async move { (*oid, source.commit_loc(self.repository, *oid).await) })
            .buffer_unordered(CHUNK);
        while let Some((oid, answer)) = answers.next().await {
            match answer {
                Ok(change) => found.push((oid, change)),
                // History was just rewritten; the next collection will find the commit gone.
                Err(error) if error.kind == SourceErrorKind::NotFound => {
                    found.push((oid, LocChange::default()))
                }
                Err(error) if error.kind == SourceErrorKind::RateLimited => return (found, Some(error)),
                Err(error) => tracing::debug!(%error, %oid, "the lines of a commit were not received"),
            }
        }
        (found, None)
    }

    async fn records(&self) -> Result<Vec<(FactId, Record)>, CollectError> {
        let message = RecordsOf { key: self.stored.key.clone(), since: exposed_since(self.now) };
        Ok(self.ports.store.call_persistently(message, PATIENCE).await??)
    }

    /// Writes changed lines as the earliest possible later observation, so that any real one that
    /// comes meanwhile wins over it, in particular that the commit is gone.
    async fn write(
        &self,
        records: &[(FactId, Record)],
        changed: &[(Oid, LocChange)],
    ) -> Result<(), CollectError> {
        let changed: HashMap<Oid, LocChange> = changed.iter().copied().collect();
        let records = records.iter().filter_map(|(id, record)| {
            let FactId::Commit(oid) = id else { return None };
            let loc = *changed.get(oid)?;
            let latest = Observation { seen_at: record.latest.seen_at + 1, loc, ..record.latest.clone() };
            (record.latest.loc != loc).then(|| (*id, Record { latest, first: record.first.clone() }))
        });
        let records: Vec<(FactId, Record)> = records.collect();
        if records.is_empty() {
            return Ok(());
        }
        let meta = RepoMeta { seen_at: self.now, first_seen: self.now, name: self.repository.name.clone() };
        let mut batch = Batch::new(self.stored.key.clone(), meta);
        batch.records = records;
        let message = Write { batch, source: WriteSource::LeaderScrape };
        self.ports.store.call_persistently(message, PATIENCE).await??;
        Ok(())
    }
}

/// The commits that are still reachable.
fn commits(records: &[(FactId, Record)]) -> Vec<CommitLoc> {
    let present = records.iter().filter(|(_, record)| !record.latest.gone);
    let commit = |(id, record): &(FactId, Record)| match id {
        FactId::Commit(oid) => {
            let Observation { user, at, loc, .. } = record.latest.clone();
            Some(CommitLoc { oid: *oid, user, at, loc })
        }
        _ => None,
    };
    present.filter_map(commit).collect()
}

fn apply(commits: &mut [CommitLoc], changed: &[(Oid, LocChange)]) {
    let changed: HashMap<Oid, LocChange> = changed.iter().copied().collect();
    for commit in commits {
        if let Some(loc) = changed.get(&commit.oid) {
            commit.loc = *loc;
        }
    }
}
