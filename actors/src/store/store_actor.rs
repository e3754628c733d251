//! The actor that writes facts to the store and keeps the live series view.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use actix_supervisor::Observable;
use serde::Serialize;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::{
    ChangePosition, FactStore, LogChanges, PublishedView, RecordPage, ScanCursor, StoreChange, StoreError,
    StoreEvent, WriteSource, WriteSummary,
};
use crate::activity::{
    ActivitySettings, Batch, FactId, OrgName, Record, RepoKey, RepoState, SeriesView, Timestamp,
};
use crate::clock::Clock;
use crate::observer::Observer;
use crate::role::{Epoch, RoleWatch, SharedStoreStatus};
use crate::spans;

/// How often the view ages and changes are published.
const TICK: Duration = Duration::from_millis(200);
/// How often the store is asked for the changes of other replicas.
const FOLLOW_PERIOD: Duration = Duration::from_millis(250);
/// How long after a failed load the next one begins.
const RELOAD_DELAY: Duration = Duration::from_secs(1);
/// Records read at a time while loading: a bound for memory and for the time that other messages
/// wait.
const PAGE: usize = 5_000;

/// The parts a store actor is built from; cheap to clone, so that every incarnation has the same.
#[derive(Clone)]
pub struct StoreParts {
    /// Where facts are stored.
    pub store: Arc<dyn FactStore>,
    /// How long series are exposed.
    pub activity: ActivitySettings,
    /// The maximum number of series exposed.
    pub series_budget: usize,
    /// Whether this replica leads: only the leader counts refused series, which all replicas refuse
    /// alike.
    pub role: RoleWatch,
    pub clock: Arc<Clock>,
    /// Where snapshots are published.
    pub published: PublishedView,
    pub state: Observable<StoreState>,
    pub observer: Arc<dyn Observer<StoreEvent>>,
}

/// The observable state of the store actor.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StoreState {
    /// Whether the view contains everything stored.
    pub loaded: bool,
    /// Records in the view.
    pub records: usize,
    /// Pairs of repository and user, each with all its series.
    pub pairs: usize,
    /// Series that are not exposed, because of the budget.
    pub refused: usize,
    /// Why the last call to the store failed; `None` when it succeeded.
    pub last_error: Option<String>,
    /// Why this replica is cut off from what the others store; `None` when it is not.
    pub cut_off: Option<String>,
}

/// Owns the live series view. A new incarnation rebuilds it from the store; meanwhile the last
/// snapshot stays published.
///
/// A reload does not start from an empty view: the view is a union, too, and records that garbage
/// collection removed go when the floor of their repository rises.
pub struct StoreActor {
    parts: StoreParts,
    view: SeriesView,
    loaded: bool,
    changed: bool,
    /// The position in the log of changes; `None` when it is unknown and everything must be loaded.
    position: Option<ChangePosition>,
    cut_off: Option<String>,
}

impl StoreActor {
    /// An actor that loads the view when it starts.
    pub fn new(parts: StoreParts) -> Self {
        let view = SeriesView::new(parts.activity, parts.series_budget, parts.clock.now());
        StoreActor { parts, view, loaded: false, changed: true, position: None, cut_off: None }
    }

    /// Reads everything, after taking the position in the log: what changes meanwhile follows from
    /// there.
    fn load(&mut self, position: Option<ChangePosition>, ctx: &mut Context<Self>) {
        let store = self.parts.store.clone();
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
                        states.iter().for_each(|state| actor.view.update_repository(state));
                        actor.load_page(None, ctx);
                    }
                    Err(error) => actor.reload_later(&error, ctx),
                }
            },
        ));
    }

    fn load_page(&mut self, from: Option<ScanCursor>, ctx: &mut Context<Self>) {
        let store = self.parts.store.clone();
        let page = async move { store.scan(from, PAGE).await };
        ctx.spawn(page.into_actor(self).map(|page, actor, ctx| match page {
            Ok(page) => actor.apply_page(page, ctx),
            Err(error) => actor.reload_later(&error, ctx),
        }));
    }

    fn apply_page(&mut self, page: RecordPage, ctx: &mut Context<Self>) {
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

    /// Applies the changes of other replicas, or loads everything when the log does not reach back
    /// far enough.
    fn follow(&mut self, ctx: &mut Context<Self>) {
        let store = self.parts.store.clone();
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
                    changes.iter().for_each(|change| actor.apply_change(change));
                    actor.position = Some(position);
                    actor.follow_later(ctx);
                }
                Err(_) => actor.follow_later(ctx),
            }
        }));
    }

    fn apply_change(&mut self, change: &StoreChange) {
        self.view.update_repository(&change.state);
        self.view.apply(&change.state.key, change.changed.iter().map(|(id, record)| (*id, record)));
        self.changed = true;
    }

    /// Records why this replica is cut off from the shared store: the error of the last attempt to
    /// follow its changes, or what the store itself reports, which may be newer, because an attempt
    /// can take seconds to fail.
    fn set_cut_off(&mut self, error: Option<&StoreError>) {
        let why = error.map(ToString::to_string).or_else(|| self.parts.store.cut_off());
        if why != self.cut_off {
            // Counters are hidden while it is cut off.
            self.changed |= why.is_some() != self.cut_off.is_some();
            self.parts.state.update(|state| state.cut_off = why.clone());
            self.cut_off = why;
        }
    }

    fn reload_later(&mut self, error: &StoreError, ctx: &mut Context<Self>) {
        tracing::warn!(%error, retry_in = ?RELOAD_DELAY, "the series view cannot be loaded; the previous one is served");
        self.record_error(Some(error));
        ctx.run_later(RELOAD_DELAY, |actor, ctx| actor.load(None, ctx));
    }

    fn apply_write(&mut self, written: &WriteSummary) {
        self.view.update_repository(&written.state);
        self.view.apply(&written.state.key, written.changed.iter().map(|(id, record)| (*id, record)));
        self.changed = true;
    }

    fn tick(&mut self) {
        self.changed |= self.view.advance(self.parts.clock.now());
        if self.loaded && self.changed {
            self.publish();
        }
    }

    fn publish(&mut self) {
        self.changed = false;
        let mut snapshot = self.view.snapshot();
        // They lack what other replicas count meanwhile, so they would seem to fall when a scrape
        // switches here.
        snapshot.counters_hidden = self.cut_off.is_some();
        self.parts.published.publish(snapshot);
        let refused = self.view.refused();
        self.count_refused(refused);
        let (loaded, records, pairs) = (self.loaded, self.view.records(), self.view.pairs());
        self.parts.state.update(|state| {
            (state.loaded, state.records, state.pairs) = (loaded, records, pairs);
            state.refused = refused;
        });
    }

    fn count_refused(&self, refused: usize) {
        let more = refused.saturating_sub(self.parts.state.get().refused);
        if more > 0 && self.parts.role.leads().is_some() {
            tracing::warn!(
                refused,
                "series are not exposed, because there are more than store.max_series_budget"
            );
            self.parts.observer.on_event(StoreEvent::SeriesRefused { count: more as u64 });
        }
    }

    fn record_error(&self, error: Option<&StoreError>) {
        let error = error.map(ToString::to_string);
        if self.parts.state.get().last_error != error {
            self.parts.state.update(|state| state.last_error = error);
        }
    }
}

impl SharedStoreStatus for Observable<StoreState> {
    fn cut_off(&self) -> Option<String> {
        self.get().cut_off.clone()
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

/// Writes a batch; answered once it is durable.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<WriteReceipt, StoreError>")]
pub struct Write {
    pub batch: Batch,
    pub source: WriteSource,
}

/// The outcome of a write.
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
        let store = self.parts.store.clone();
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
                .parts
                .observer
                .on_event(StoreEvent::BatchWritten { source: message.source, success: written.is_ok() });
            actor.record_error(written.as_ref().err());
            let written = written?;
            // Before it is published: a counter that includes what other replicas lack would seem
            // to fall when a scrape switches to one of them.
            actor.set_cut_off(None);
            actor.apply_write(&written);
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
        let store = self.parts.store.clone();
        Box::pin(async move { store.repositories(&message.0).await }.in_current_span())
    }
}

/// Asks for the records of a repository dated `since` or later.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Vec<(FactId, Record)>, StoreError>")]
pub struct RecordsOf {
    pub key: RepoKey,
    pub since: Timestamp,
}

impl Handler<RecordsOf> for StoreActor {
    type Result = ResponseFuture<Result<Vec<(FactId, Record)>, StoreError>>;

    fn handle(&mut self, message: RecordsOf, _: &mut Self::Context) -> Self::Result {
        let store = self.parts.store.clone();
        Box::pin(async move { store.records(&message.key, message.since).await }.in_current_span())
    }
}

// === CollectGarbage ===

/// Removes the records of one repository that are dated before `floor`; answered with the number of
/// records folded into its base.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<usize, StoreError>")]
pub struct CollectGarbage {
    pub key: RepoKey,
    pub floor: Timestamp,
    /// The epoch under which the caller leads.
    pub epoch: Epoch,
}

impl Handler<CollectGarbage> for StoreActor {
    type Result = ResponseActFuture<Self, Result<usize, StoreError>>;

    fn handle(&mut self, message: CollectGarbage, _: &mut Self::Context) -> Self::Result {
        let store = self.parts.store.clone();
        let pass = async move { store.collect_garbage(&message.key, message.floor, message.epoch).await };
        Box::pin(pass.in_current_span().into_actor(self).map(|collected, actor, _| {
            actor.record_error(collected.as_ref().err());
            let Some(collected) = collected? else { return Ok(0) };
            actor.view.update_repository(&collected.state);
            actor.changed |= collected.removed > 0;
            Ok(collected.removed)
        }))
    }
}

// === ConfirmEpoch ===

/// Asks whether an epoch is the current one of its shard; [`StoreError::StaleEpoch`] when it is
/// not.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<(), StoreError>")]
pub struct ConfirmEpoch(pub Epoch);

impl Handler<ConfirmEpoch> for StoreActor {
    type Result = ResponseFuture<Result<(), StoreError>>;

    fn handle(&mut self, message: ConfirmEpoch, _: &mut Self::Context) -> Self::Result {
        let store = self.parts.store.clone();
        Box::pin(async move { store.confirm_epoch(message.0).await }.in_current_span())
    }
}
