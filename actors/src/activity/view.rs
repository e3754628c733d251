//! The live view: all series, kept current as records arrive and time passes.

use std::collections::{BTreeMap, BTreeSet};

use super::series::next_change;
use super::series_budget::SeriesBudget;
use super::snapshot::SeriesBlocks;
use super::{
    ActivityGauges, ActivitySettings, FactCounts, FactId, Login, OrgName, Record, RepoId, RepoKey, RepoName,
    RepoState, RowKey, SeriesRow, SeriesSnapshot, Timestamp, derive_gauges,
};

/// Every record within retention, and the series derived from them.
///
/// A value changes only when a record arrives or crosses the edge of a window. Those instants are
/// scheduled, so that the passing of time costs in proportion to what changes, not to what exists.
/// A snapshot likewise costs in proportion to what changed since the last one.
#[derive(Debug)]
pub struct SeriesView {
    settings: ActivitySettings,
    now: Timestamp,
    repositories: BTreeMap<RepoKey, Repository>,
    /// The repositories of each name: more than one if one was deleted and another created.
    named: BTreeMap<(OrgName, RepoName), BTreeSet<RepoId>>,
    /// When the series of which user change without a write.
    scheduled: BTreeSet<(Timestamp, RepoKey, Login)>,
    records: usize,
    /// Rows that may differ from the last snapshot.
    stale: BTreeSet<RowKey>,
    budget: SeriesBudget,
    blocks: SeriesBlocks,
}

#[derive(Debug)]
struct Repository {
    name: Option<RepoName>,
    base: BTreeMap<Login, FactCounts>,
    floor: Timestamp,
    records: BTreeMap<FactId, Record>,
    users: BTreeMap<Login, User>,
}

/// A user's facts in a repository. The row is derived when a snapshot is made, and kept in that
/// snapshot only.
#[derive(Debug, Default)]
struct User {
    /// Each fact once, in no order. Most users have few in a repository, and a set would take ten
    /// times the memory.
    facts: Vec<FactId>,
    /// The instant for which the user is scheduled.
    next_change: Option<Timestamp>,
}

/// The values of one user in one repository id. Repositories of one name are summed into one row.
struct PartialRow {
    since: Timestamp,
    gauges: ActivityGauges,
    totals: Option<FactCounts>,
}

impl SeriesView {
    /// An empty view at `now` that exposes at most `series_budget` series.
    pub fn new(settings: ActivitySettings, series_budget: usize, now: Timestamp) -> Self {
        SeriesView {
            settings,
            now,
            repositories: BTreeMap::new(),
            named: BTreeMap::new(),
            scheduled: BTreeSet::new(),
            records: 0,
            stale: BTreeSet::new(),
            budget: SeriesBudget::new(series_budget),
            blocks: SeriesBlocks::default(),
        }
    }

    /// The number of records.
    pub fn records(&self) -> usize {
        self.records
    }

    /// The number of (repository, user) pairs with series.
    pub fn pairs(&self) -> usize {
        self.repositories.values().map(|r| r.users.len()).sum()
    }

    /// Takes over a repository's name and base, and drops the records before its floor, which the
    /// base counts.
    pub fn update_repository(&mut self, state: &RepoState) {
        self.rename(&state.key, &state.meta.name);
        let repository = self.repositories.entry(state.key.clone()).or_default();
        let mut touched = BTreeSet::new();
        if state.floor > repository.floor {
            repository.floor = state.floor;
            self.records -= repository.drop_before(state.floor, &mut touched);
        }
        if repository.base != state.base {
            repository.base = state.base.clone();
            touched.extend(repository.users.keys().cloned());
        }
        self.refresh(&state.key, touched);
    }

    /// Joins records into the view; the order of calls does not matter. Records older than the
    /// floor are ignored: the base counts them already.
    pub fn apply<'a>(&mut self, key: &RepoKey, records: impl IntoIterator<Item = (FactId, &'a Record)>) {
        let repository = self.repositories.entry(key.clone()).or_default();
        let mut touched = BTreeSet::new();
        let floor = repository.floor;
        for (id, incoming) in records.into_iter().filter(|(_, record)| record.latest.at >= floor) {
            match repository.records.get_mut(&id) {
                Some(record) => {
                    let before = record.clone();
                    if record.merge(incoming) {
                        let after = record.clone();
                        repository.unlink(id, &before, &mut touched);
                        repository.link(id, &after, &mut touched);
                    }
                }
                None => {
                    repository.records.insert(id, incoming.clone());
                    self.records += 1;
                    repository.link(id, incoming, &mut touched);
                }
            }
        }
        self.refresh(key, touched);
    }

    /// Advances the time; returns whether any series changed. After a step back everything is
    /// derived anew.
    pub fn advance(&mut self, now: Timestamp) -> bool {
        if now < self.now {
            self.now = now;
            self.refresh_all();
            return true;
        }
        self.now = now;
        let mut due: BTreeMap<RepoKey, BTreeSet<Login>> = BTreeMap::new();
        while let Some((at, key, user)) = self.scheduled.pop_first() {
            if at > now {
                self.scheduled.insert((at, key, user));
                break;
            }
            due.entry(key).or_default().insert(user);
        }
        let changed = !due.is_empty();
        for (key, users) in due {
            self.refresh(&key, users);
        }
        changed
    }

    /// The number of series that the budget excludes.
    pub fn refused(&self) -> usize {
        self.budget.refused()
    }

    /// The series now. Repositories that share a name (one deleted, one created anew) are summed.
    /// Blocks of rows without a change are shared with the last snapshot.
    pub fn snapshot(&mut self) -> SeriesSnapshot {
        let mut stale = std::mem::take(&mut self.stale);
        for key in &stale {
            self.budget.set_row(key, self.row(key).as_ref());
        }
        stale.extend(self.budget.rebalance());
        let mut blocks = std::mem::take(&mut self.blocks);
        let exposed = |key: RowKey| {
            let row = self.row(&key).filter(|row| self.budget.exposes(row));
            (key, row)
        };
        blocks.update(stale.into_iter().map(exposed));
        self.blocks = blocks;
        SeriesSnapshot { at: self.now, blocks: self.blocks.shared(), counters_hidden: false }
    }

    fn row(&self, key: &RowKey) -> Option<SeriesRow> {
        let ids = self.named.get(&(key.org.clone(), key.repo.clone()))?;
        let parts = ids.iter().filter_map(|id| {
            let repository = self.repositories.get(&RepoKey { org: key.org.clone(), id: id.clone() })?;
            repository.partial_row(&key.user, self.now, self.settings).filter(PartialRow::is_exposed)
        });
        let PartialRow { since, gauges, totals } = parts.reduce(PartialRow::combined)?;
        let RowKey { org, repo, user } = key.clone();
        Some(SeriesRow { org, repo, user, since, gauges, totals })
    }

    fn rename(&mut self, key: &RepoKey, name: &RepoName) {
        let repository = self.repositories.entry(key.clone()).or_default();
        if repository.name.as_ref() == Some(name) {
            return;
        }
        let old = repository.name.replace(name.clone());
        for name in old.iter().chain([name]) {
            self.stale.extend(repository.users.keys().map(|user| row_key(key, name, user)));
        }
        if let Some(old) = old {
            let place = (key.org.clone(), old);
            if let Some(ids) = self.named.get_mut(&place) {
                ids.remove(&key.id);
                if ids.is_empty() {
                    self.named.remove(&place);
                }
            }
        }
        self.named.entry((key.org.clone(), name.clone())).or_default().insert(key.id.clone());
    }

    fn refresh_all(&mut self) {
        let all: Vec<(RepoKey, BTreeSet<Login>)> = self
            .repositories
            .iter()
            .map(|(key, r)| (key.clone(), r.users.keys().cloned().collect()))
            .collect();
        for (key, users) in all {
            self.refresh(&key, users);
        }
    }

    /// Marks the rows of these users as stale, and schedules their next change.
    fn refresh(&mut self, key: &RepoKey, users: BTreeSet<Login>) {
        let Some(repository) = self.repositories.get_mut(key) else { return };
        for login in users {
            let Some(user) = repository.users.get_mut(&login) else { continue };
            if let Some(name) = &repository.name {
                self.stale.insert(row_key(key, name, &login));
            }
            if let Some(at) = user.next_change.take() {
                self.scheduled.remove(&(at, key.clone(), login.clone()));
            }
            if user.facts.is_empty() {
                repository.users.remove(&login);
                continue;
            }
            user.next_change = user.next_change(&repository.records, self.now, self.settings);
            if let Some(at) = user.next_change {
                self.scheduled.insert((at, key.clone(), login));
            }
        }
    }
}

impl Default for Repository {
    fn default() -> Self {
        Repository {
            name: None,
            base: BTreeMap::new(),
            floor: Timestamp::MIN,
            records: BTreeMap::new(),
            users: BTreeMap::new(),
        }
    }
}

impl Repository {
    fn link(&mut self, id: FactId, record: &Record, touched: &mut BTreeSet<Login>) {
        for user in users_of(record) {
            self.users.entry(user.clone()).or_default().facts.push(id);
            touched.insert(user.clone());
        }
    }

    fn partial_row(&self, login: &Login, now: Timestamp, settings: ActivitySettings) -> Option<PartialRow> {
        let own = self.users.get(login)?.records(&self.records);
        let latest = own.clone().map(|(id, record)| (id.kind(), &record.latest));
        let gauges = derive_gauges(latest.filter(|(_, seen)| seen.user == *login), now, settings);
        let base = self.base.get(login).copied().unwrap_or_default();
        let since = match base.is_zero() {
            true => own.clone().map(|(_, record)| record.first.seen_at).min().unwrap_or(now),
            false => Timestamp::MIN,
        };
        let (mut totals, mut within_retention) = (base, false);
        for (id, record) in own.filter(|(_, record)| record.first.user == *login) {
            totals.increment(id.kind());
            within_retention |= record.latest.at > now - settings.retention;
        }
        Some(PartialRow { since, gauges, totals: within_retention.then_some(totals) })
    }

    /// Drops the records before `floor`; returns how many.
    fn drop_before(&mut self, floor: Timestamp, touched: &mut BTreeSet<Login>) -> usize {
        let old: Vec<FactId> =
            self.records.iter().filter(|(_, r)| r.latest.at < floor).map(|(id, _)| *id).collect();
        for id in &old {
            if let Some(record) = self.records.remove(id) {
                self.unlink(*id, &record, touched);
            }
        }
        old.len()
    }

    fn unlink(&mut self, id: FactId, record: &Record, touched: &mut BTreeSet<Login>) {
        for user in users_of(record) {
            if let Some(series) = self.users.get_mut(user) {
                if let Some(at) = series.facts.iter().position(|fact| *fact == id) {
                    series.facts.swap_remove(at);
                }
                touched.insert(user.clone());
            }
        }
    }
}

impl User {
    fn records<'a>(
        &self,
        records: &'a BTreeMap<FactId, Record>,
    ) -> impl Iterator<Item = (FactId, &'a Record)> + Clone {
        self.facts.iter().filter_map(|id| records.get(id).map(|record| (*id, record)))
    }

    /// The next instant at which a value changes without a write.
    fn next_change(
        &self,
        records: &BTreeMap<FactId, Record>,
        now: Timestamp,
        settings: ActivitySettings,
    ) -> Option<Timestamp> {
        let has_loc = |record: &Record| record.latest.loc != Default::default();
        let change = |record: &Record| next_change(record.latest.at, has_loc(record), now, settings);
        self.records(records).filter_map(|(_, record)| change(record)).min()
    }
}

impl PartialRow {
    fn is_exposed(&self) -> bool {
        self.totals.is_some() || self.gauges.last_event.is_some()
    }

    fn combined(self, other: PartialRow) -> PartialRow {
        PartialRow {
            since: self.since.min(other.since),
            gauges: self.gauges.combined(other.gauges),
            totals: combined_totals(self.totals, other.totals),
        }
    }
}

/// The users whose series a record contributes to.
fn users_of(record: &Record) -> impl Iterator<Item = &Login> {
    let (latest, first) = (&record.latest.user, &record.first.user);
    std::iter::once(latest).chain((first != latest).then_some(first))
}

fn row_key(key: &RepoKey, name: &RepoName, user: &Login) -> RowKey {
    RowKey { org: key.org.clone(), repo: name.clone(), user: user.clone() }
}

fn combined_totals(a: Option<FactCounts>, b: Option<FactCounts>) -> Option<FactCounts> {
    match (a, b) {
        (Some(mut a), Some(b)) => {
            a.add(b);
            Some(a)
        }
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::activity::{Credit, DAY, HOUR, LocChange, Observation, RepoId, RepoMeta, WEEK};

    const SETTINGS: ActivitySettings = ActivitySettings { active_window: 7 * DAY, retention: 30 * DAY };
    const START: i64 = 1_800_000_000;

    fn key(number: u8) -> RepoKey {
        RepoKey { org: "acme".into(), id: RepoId::from(format!("R_{number}")) }
    }

    fn state(number: u8, name: &str) -> RepoState {
        let at = Timestamp::from_unix(START);
        RepoState::new(key(number), RepoMeta { seen_at: at, name: name.into(), first_seen: at })
    }

    fn write() -> impl Strategy<Value = (u8, FactId, Record)> {
        (0u8..2, 0u8..5, 0u64..6, 0u8..3, 0u8..3, -(35 * DAY)..2 * DAY, 0i64..3, any::<bool>()).prop_map(
            |(repo, kind, number, user, first, at, seen, gone)| {
                let id = match kind {
                    0 => FactId::Commit(crate::activity::Oid::from_bytes([number as u8; 20])),
                    1 => FactId::PrOpened(number),
                    2 => FactId::PrMerged(number),
                    3 => FactId::Review(number),
                    _ => FactId::IssueComment(number),
                };
                let loc = if kind == 0 {
                    LocChange { additions: number, deletions: 1 }
                } else {
                    LocChange::default()
                };
                let seen_at = Timestamp::from_unix(START + seen);
                let login = |n: u8| Login::from(format!("user-{n}"));
                let at = Timestamp::from_unix(START + at);
                let record = Record {
                    latest: Observation { seen_at, gone, user: login(user), at, loc },
                    first: Credit { seen_at, user: login(first) },
                };
                (repo, id, record)
            },
        )
    }

    /// The naive model: a map of joined records, from which everything is derived.
    fn naive(writes: &[(u8, FactId, Record)], names: [&str; 2], now: Timestamp) -> Vec<SeriesRow> {
        let mut records: BTreeMap<(u8, FactId), Record> = BTreeMap::new();
        for (repo, id, record) in writes {
            records
                .entry((*repo, *id))
                .and_modify(|r| {
                    r.merge(record);
                })
                .or_insert_with(|| record.clone());
        }
        let mut users: BTreeSet<(&str, Login)> = BTreeSet::new();
        for ((repo, _), record) in &records {
            users.insert((names[*repo as usize], record.latest.user.clone()));
            users.insert((names[*repo as usize], record.first.user.clone()));
        }
        let rows = users.into_iter().map(|(name, user)| {
            let here = || records.iter().filter(|((repo, _), _)| names[*repo as usize] == name);
            let gauges = derive_gauges(
                here().filter(|(_, r)| r.latest.user == user).map(|((_, id), r)| (id.kind(), &r.latest)),
                now,
                SETTINGS,
            );
            // A counter shows a repository's share only while that share has a record within
            // retention.
            let mut totals = None;
            for number in 0..2u8 {
                let credited = || here().filter(|((repo, _), r)| *repo == number && r.first.user == user);
                if credited().any(|(_, r)| r.latest.at > now - SETTINGS.retention) {
                    let mut share = FactCounts::default();
                    credited().for_each(|((_, id), _)| share.increment(id.kind()));
                    totals = combined_totals(totals, Some(share));
                }
            }
            // `since` only matters to the budget, which has tests of its own.
            SeriesRow { org: "acme".into(), repo: name.into(), user, since: now, gauges, totals }
        });
        rows.filter(|row| row.totals.is_some() || row.gauges.last_event.is_some()).collect()
    }

    proptest! {
        #[test]
        fn any_order_of_writes_and_instants_gives_the_series_of_the_union(
            writes in proptest::collection::vec(write(), 0..40),
            cuts in proptest::collection::vec((0usize..40, 0i64..3 * DAY), 0..6),
            same_name in any::<bool>(),
            rename in any::<bool>(),
            hours in 0i64..60 * 24,
        ) {
            let names = if same_name { ["api", "api"] } else { ["api", "web"] };
            let mut view = SeriesView::new(SETTINGS, usize::MAX, Timestamp::from_unix(START));
            view.update_repository(&state(0, names[0]));
            view.update_repository(&state(1, names[1]));
            for (index, (repo, id, record)) in writes.iter().enumerate() {
                for (_, after) in cuts.iter().filter(|(at, _)| *at == index) {
                    view.advance(Timestamp::from_unix(START + after));
                    view.snapshot();
                    if rename {
                        view.update_repository(&state(0, "web"));
                        view.snapshot();
                        view.update_repository(&state(0, names[0]));
                    }
                }
                view.apply(&key(*repo), [(*id, record)]);
                view.apply(&key(*repo), [(*id, record)]);
            }
            let now = Timestamp::from_unix(START + hours * HOUR);
            view.advance(now);
            let rows = view.snapshot().rows().map(|row| SeriesRow { since: now, ..row.clone() }).collect::<Vec<_>>();
            prop_assert_eq!(rows, naive(&writes, names, now));
            let mut shuffled = SeriesView::new(SETTINGS, usize::MAX, now);
            shuffled.update_repository(&state(0, names[0]));
            shuffled.update_repository(&state(1, names[1]));
            for (repo, id, record) in writes.iter().rev() {
                shuffled.apply(&key(*repo), [(*id, record)]);
            }
            let rows = |view: &mut SeriesView| view.snapshot().rows().cloned().collect::<Vec<_>>();
            prop_assert_eq!(rows(&mut view), rows(&mut shuffled));
        }
    }

    #[test]
    fn gauges_fall_as_time_passes_without_any_write() {
        let at = Timestamp::from_unix(START);
        let mut view = SeriesView::new(SETTINGS, usize::MAX, at);
        view.update_repository(&state(0, "api"));
        let fact = crate::activity::Fact {
            id: FactId::Review(1),
            user: "ada".into(),
            at,
            loc: LocChange::default(),
        };
        view.apply(&key(0), [(fact.id, &Record::observed(&fact, at))]);
        let only = |view: &mut SeriesView| view.snapshot().rows().next().cloned().expect("a row");
        let reviews = |view: &mut SeriesView| only(view).gauges.day.get(crate::activity::FactKind::Review);
        assert_eq!(reviews(&mut view), 1);
        assert!(!view.advance(at + DAY - 1), "nothing changes before the fact leaves the window");
        assert!(view.advance(at + DAY));
        assert_eq!(reviews(&mut view), 0);
        assert!(view.advance(at + 5 * WEEK));
        assert_eq!(only(&mut view).totals, None, "beyond retention the counter is not exposed");
    }

    #[test]
    fn the_budget_prefers_users_who_were_seen_earlier() {
        let at = Timestamp::from_unix(START);
        let fact = |user: &str, number, after| {
            let id = FactId::Review(number);
            let fact = crate::activity::Fact { id, user: user.into(), at, loc: LocChange::default() };
            (id, Record::observed(&fact, at + after))
        };
        let (ada, bob) = (fact("ada", 1, 9), fact("bob", 2, 5));
        let mut view = SeriesView::new(SETTINGS, 13, at);
        view.update_repository(&state(0, "api"));
        let exposed = |view: &mut SeriesView| -> Vec<String> {
            view.snapshot().rows().map(|row| row.user.to_string()).collect()
        };
        view.apply(&key(0), [(ada.0, &ada.1)]);
        assert_eq!((exposed(&mut view), view.refused()), (vec!["ada".to_owned()], 0));
        view.apply(&key(0), [(bob.0, &bob.1)]);
        assert_eq!((exposed(&mut view), view.refused()), (vec!["bob".to_owned()], 13));
        let mut later = state(0, "api");
        later.floor = at + 1;
        view.update_repository(&later);
        assert_eq!(
            (exposed(&mut view), view.refused()),
            (vec![], 0),
            "a row that is removed frees its budget"
        );
    }

    #[test]
    fn garbage_collection_leaves_the_counters_as_they_were() {
        let at = Timestamp::from_unix(START);
        let mut view = SeriesView::new(SETTINGS, usize::MAX, at);
        view.update_repository(&state(0, "api"));
        let facts = [(FactId::Review(1), at - DAY), (FactId::Review(2), at)].map(|(id, at)| {
            let fact = crate::activity::Fact { id, user: "ada".into(), at, loc: LocChange::default() };
            (id, Record::observed(&fact, at))
        });
        view.apply(&key(0), facts.iter().map(|(id, r)| (*id, r)));
        let totals = |view: &mut SeriesView| view.snapshot().rows().next().and_then(|row| row.totals);
        let before = totals(&mut view);
        let mut state = state(0, "api");
        let mut base = FactCounts::default();
        base.increment(crate::activity::FactKind::Review);
        state.base.insert("ada".into(), base);
        state.floor = at;
        view.update_repository(&state);
        assert_eq!(totals(&mut view), before);
        assert_eq!(view.records(), 1);
    }
}
