//! The actor between everybody and the store: facts in, the live series view out.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use serde::Serialize;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::{
    ChangePosition, FactStore, LogChanges, PublishedView, RecordPage, ScanCursor, StoreChange, StoreError,
    WriteSummary,
};
use crate::activity::{
    ActivitySettings, Batch, FactId, OrgName, Record, RepoKey, RepoState, SeriesView, Timestamp,
};
use crate::clock::Clock;
use crate::event::{Event, Observer};
use crate::role::{Epoch, RoleWatch};
use crate::spans;
use actix_supervisor::Observable;

/// How often the view ages and changes are published.
const TICK: Duration = Duration::from_millis(200);
/// How often it is asked what others changed.
const FOLLOW_PERIOD: Duration = Duration::from_millis(250);
/// How long after a failed load the store is asked again.
const RELOAD_DELAY: Duration = Duration::from_secs(1);
/// Records read at a time while loading; bounds both memory and the time other messages wait.
const PAGE: usize = 5_000;

/// Who wrote a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteSource {
    /// The leader's scheduled scrape.
    LeaderScrape,
    /// A backfill worker.
    WorkerBackfill,
}

impl WriteSource {
    /// The value of the `source` label.
    pub fn as_str(self) -> &'static str {
        match self {
            WriteSource::LeaderScrape => "leader_scrape",
            WriteSource::WorkerBackfill => "worker_backfill",
        }
    }
}

/// What the store actor is made of; cheap to clone, so that every incarnation starts from the same.
#[derive(Clone)]
pub struct StoreSettings {
    /// Where facts are kept.
    pub store: Arc<dyn FactStore>,
    /// How long series are shown.
    pub activity: ActivitySettings,
    /// How many series are shown at most.
    pub series_budget: usize,
    /// Whether this replica leads: of all replicas the leader counts what all of them refuse.
    pub role: RoleWatch,
    /// GitHub's time.
    pub clock: Arc<Clock>,
    /// Where snapshots go.
    pub published: PublishedView,
    /// Where the actor's state goes.
    pub state: Observable<StoreState>,
    /// Who counts.
    pub observer: Arc<dyn Observer>,
}

/// What the store actor shows of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StoreState {
    /// Whether everything stored is in the view.
    pub loaded: bool,
    /// Records in the view.
    pub records: usize,
    /// Users in repositories, each with all its series.
    pub pairs: usize,
    /// Series that are not shown because of the budget.
    pub refused: usize,
    /// Why the last call to the store failed; `None` when it succeeded.
    pub last_error: Option<String>,
    /// Why this replica is cut off from what the others store; `None` when it is not.
    pub cut_off: Option<String>,
}

/// Owns the live series view. A new incarnation rebuilds it from the store; meanwhile the last snapshot stays published.
///
/// Loading again does not begin with an empty view: the view is a union too, and what garbage collection removed goes with
/// the floor of its repository.
pub struct StoreActor {
    settings: StoreSettings,
    view: SeriesView,
    loaded: bool,
    changed: bool,
    /// Where the log of changes is followed from; `None` where that is unknown and everything is to be loaded.
    position: Option<ChangePosition>,
    cut_off: Option<String>,
}

impl StoreActor {
    /// An actor that will load the view when it starts.
    pub fn new(settings: StoreSettings) -> Self {
        let view = SeriesView::new(settings.activity, settings.series_budget, settings.clock.now());
        StoreActor { settings, view, loaded: false, changed: true, position: None, cut_off: None }
    }

    /// Reads everything, from a position that was taken before: what is changed meanwhile is told afterwards.
    fn load(&mut self, position: Option<ChangePosition>, ctx: &mut Context<Self>) {
        let store = self.settings.store.clone();
        let states = async move {
            let position = match position {
                Some(position) => Ok(position),
                None => store.position().await,
            };
            let mut states = Vec::new();
            for org in store.organisations().await? {
                states.extend(store.repositories(&org).await?);
            }
            Ok((position, states))
        };
        ctx.spawn(states.into_actor(self).map(
            |states: Result<(Result<ChangePosition, StoreError>, Vec<RepoState>), StoreError>, actor, ctx| {
                match states {
                    Ok((position, states)) => {
                        actor.set_cut_off(position.as_ref().err());
                        actor.position = position.ok();
                        states.iter().for_each(|state| actor.view.describe(state));
                        actor.load_page(None, ctx);
                    }
                    Err(error) => actor.reload_later(&error, ctx),
                }
            },
        ));
    }

    fn load_page(&mut self, from: Option<ScanCursor>, ctx: &mut Context<Self>) {
        let store = self.settings.store.clone();
        let page = async move { store.scan(from, PAGE).await };
        ctx.spawn(page.into_actor(self).map(|page, actor, ctx| match page {
            Ok(page) => actor.take_page(page, ctx),
            Err(error) => actor.reload_later(&error, ctx),
        }));
    }

    fn take_page(&mut self, page: RecordPage, ctx: &mut Context<Self>) {
        for group in page.records.chunk_by(|a, b| a.key == b.key) {
            self.view.apply(&group[0].key, group.iter().map(|stored| (stored.id, &stored.record)));
        }
        match page.next {
            Some(next) => self.load_page(Some(next), ctx),
            None => {
                tracing::info!(records = self.view.records(), "the series view is loaded");
                self.loaded = true;
                self.publish();
                self.follow_later(ctx);
            }
        }
    }

    fn follow_later(&mut self, ctx: &mut Context<Self>) {
        ctx.run_later(FOLLOW_PERIOD, |actor, ctx| actor.follow(ctx));
    }

    /// Takes over what others changed, or loads everything once the store tells again where it stands.
    fn follow(&mut self, ctx: &mut Context<Self>) {
        let store = self.settings.store.clone();
        let position = self.position.clone();
        let followed = async move {
            match position {
                Some(position) => store.changes(&position).await.map(|followed| (followed, None)),
                None => store.position().await.map(|position| (LogChanges::Lost, Some(position))),
            }
        };
        ctx.spawn(followed.into_actor(self).map(|followed, actor, ctx| {
            actor.set_cut_off(followed.as_ref().err());
            match followed {
                Ok((LogChanges::Lost, position)) => actor.load(position, ctx),
                Ok((LogChanges::Changes { changes, position, .. }, _)) => {
                    changes.iter().for_each(|change| actor.take_change(change));
                    actor.position = Some(position);
                    actor.follow_later(ctx);
                }
                Err(_) => actor.follow_later(ctx),
            }
        }));
    }

    fn take_change(&mut self, change: &StoreChange) {
        self.view.describe(&change.state);
        self.view.apply(&change.state.key, change.changed.iter().map(|(id, record)| (*id, record)));
        self.changed = true;
    }

    /// Takes over why this replica is cut off: what following the store ended in, or the store itself knows. The latter may
    /// be newer than the former, which can take seconds to fail.
    fn set_cut_off(&mut self, error: Option<&StoreError>) {
        let why = error.map(ToString::to_string).or_else(|| self.settings.store.cut_off());
        if why != self.cut_off {
            // Counters come and go with it.
            self.changed |= why.is_some() != self.cut_off.is_some();
            self.settings.state.update(|state| state.cut_off = why.clone());
            self.cut_off = why;
        }
    }

    fn reload_later(&mut self, error: &StoreError, ctx: &mut Context<Self>) {
        tracing::warn!(%error, retry_in = ?RELOAD_DELAY, "the series view cannot be loaded; the last one is served");
        self.note(Some(error));
        ctx.run_later(RELOAD_DELAY, |actor, ctx| actor.load(None, ctx));
    }

    /// Takes over what a write changed.
    fn written(&mut self, written: &WriteSummary) {
        self.view.describe(&written.state);
        self.view.apply(&written.state.key, written.changed.iter().map(|(id, record)| (*id, record)));
        self.changed = true;
    }

    fn tick(&mut self) {
        self.changed |= self.view.advance(self.settings.clock.now());
        if self.loaded && self.changed {
            self.publish();
        }
    }

    fn publish(&mut self) {
        self.changed = false;
        let mut snapshot = self.view.snapshot();
        // What others count meanwhile is not in them, so they would seem to fall when this replica's turn comes.
        snapshot.counters_hidden = self.cut_off.is_some();
        self.settings.published.publish(snapshot);
        let refused = self.view.refused();
        self.count_refused(refused);
        let (loaded, records, pairs) = (self.loaded, self.view.records(), self.view.pairs());
        self.settings.state.update(|state| {
            (state.loaded, state.records, state.pairs) = (loaded, records, pairs);
            state.refused = refused;
        });
    }

    fn count_refused(&self, refused: usize) {
        let more = refused.saturating_sub(self.settings.state.get().refused);
        if more > 0 && self.settings.role.leads().is_some() {
            tracing::warn!(
                refused,
                "series are not shown, because there are more than store.max_series_budget"
            );
            self.settings.observer.on_event(Event::SeriesRefused { count: more as u64 });
        }
    }

    fn note(&self, error: Option<&StoreError>) {
        let error = error.map(ToString::to_string);
        if self.settings.state.get().last_error != error {
            self.settings.state.update(|state| state.last_error = error);
        }
    }
}

impl Actor for StoreActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.load(None, ctx);
        ctx.run_interval(TICK, |actor, _| actor.tick());
    }
}

// === Write ===

/// Writes a batch; answered when it is durable.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<WriteReceipt, StoreError>")]
pub struct Write {
    /// What to write.
    pub batch: Batch,
    /// Who writes it.
    pub source: WriteSource,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteReceipt {
    /// Records that were new or changed.
    pub changed: usize,
    /// Records refused because garbage collection had counted them before.
    pub refused: usize,
}

impl Handler<Write> for StoreActor {
    type Result = ResponseActFuture<Self, Result<WriteReceipt, StoreError>>;

    fn handle(&mut self, message: Write, _: &mut Self::Context) -> Self::Result {
        let store = self.settings.store.clone();
        let span = write_span(&message);
        let write = async move {
            let written = store.write(message.batch).await;
            match &written {
                Ok(written) => drop(Span::current().record("changed", written.changed.len())),
                Err(error) => spans::fail(&Span::current(), error),
            }
            written
        };
        Box::pin(write.instrument(span).into_actor(self).map(move |written, actor, _| {
            actor
                .settings
                .observer
                .on_event(Event::StoreWrite { source: message.source, success: written.is_ok() });
            actor.note(written.as_ref().err());
            let written = written?;
            // Before it is shown: a counter with what nobody else has would seem to fall when another replica is asked.
            actor.set_cut_off(None);
            actor.written(&written);
            Ok(WriteReceipt { changed: written.changed.len(), refused: written.refused })
        }))
    }
}

fn write_span(Write { batch, source }: &Write) -> Span {
    tracing::info_span!(
        "store.write",
        org = %batch.key.org,
        repo = %batch.meta.name,
        source = source.as_str(),
        records = batch.records.len(),
        changed = Empty,
        otel.status_code = Empty,
        otel.status_description = Empty,
    )
}

// === Reading ===

/// Asks for an organisation's repositories with their coverage.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Vec<RepoState>, StoreError>")]
pub struct RepositoriesOf(pub OrgName);

impl Handler<RepositoriesOf> for StoreActor {
    type Result = ResponseFuture<Result<Vec<RepoState>, StoreError>>;

    fn handle(&mut self, message: RepositoriesOf, _: &mut Self::Context) -> Self::Result {
        let store = self.settings.store.clone();
        Box::pin(async move { store.repositories(&message.0).await }.in_current_span())
    }
}

/// Asks for the records of a repository dated `since` or later.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Vec<(FactId, Record)>, StoreError>")]
pub struct RecordsOf {
    /// Which repository.
    pub key: RepoKey,
    /// The earliest date.
    pub since: Timestamp,
}

impl Handler<RecordsOf> for StoreActor {
    type Result = ResponseFuture<Result<Vec<(FactId, Record)>, StoreError>>;

    fn handle(&mut self, message: RecordsOf, _: &mut Self::Context) -> Self::Result {
        let store = self.settings.store.clone();
        Box::pin(async move { store.records(&message.key, message.since).await }.in_current_span())
    }
}

// === CollectGarbage ===

/// Removes what is dated before `floor` of one repository; answered with the number of records folded into its base.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<usize, StoreError>")]
pub struct CollectGarbage {
    /// Which repository.
    pub key: RepoKey,
    /// The new floor.
    pub floor: Timestamp,
    /// The caller's leadership.
    pub epoch: Epoch,
}

impl Handler<CollectGarbage> for StoreActor {
    type Result = ResponseActFuture<Self, Result<usize, StoreError>>;

    fn handle(&mut self, message: CollectGarbage, _: &mut Self::Context) -> Self::Result {
        let store = self.settings.store.clone();
        let pass = async move { store.collect_garbage(&message.key, message.floor, message.epoch).await };
        Box::pin(pass.in_current_span().into_actor(self).map(|collected, actor, _| {
            actor.note(collected.as_ref().err());
            let Some(collected) = collected? else { return Ok(0) };
            actor.view.describe(&collected.state);
            actor.changed |= collected.removed > 0;
            Ok(collected.removed)
        }))
    }
}

// === ConfirmEpoch ===

/// Asks whether a leadership is still the present one; [`StoreError::StaleEpoch`] when it is not.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<(), StoreError>")]
pub struct ConfirmEpoch(pub Epoch);

impl Handler<ConfirmEpoch> for StoreActor {
    type Result = ResponseFuture<Result<(), StoreError>>;

    fn handle(&mut self, message: ConfirmEpoch, _: &mut Self::Context) -> Self::Result {
        let store = self.settings.store.clone();
        Box::pin(async move { store.confirm_epoch(message.0).await }.in_current_span())
    }
}
