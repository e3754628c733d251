//! A source for tests that answers from a script.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::{
    ActivitySource, CollectFailure, CollectRequest, Collection, CommitsRead, ListedRepository, Listing,
    SourceError, SourceErrorKind,
};
use crate::activity::{Fact, FactKind, RepoId, Timestamp};
use crate::clock::Clock;

#[derive(Default)]
struct Script {
    repositories: BTreeMap<RepoId, (ListedRepository, Vec<Fact>)>,
    failing: BTreeMap<RepoId, SourceErrorKind>,
    listing_failure: Option<SourceErrorKind>,
    delay: Duration,
    in_flight: usize,
    requests: Vec<CollectRequest>,
}

/// An [`ActivitySource`] that answers with the facts it was given and records the requests; clones
/// share both.
#[derive(Clone)]
pub struct ScriptedSource {
    clock: Arc<Clock>,
    script: Arc<Mutex<Script>>,
}

impl ScriptedSource {
    /// A source without repositories whose answers are dated by `clock`.
    pub fn new(clock: Arc<Clock>) -> Self {
        ScriptedSource { clock, script: Arc::default() }
    }

    /// Adds a repository, or adds facts to it.
    pub fn add(&self, id: &str, facts: impl IntoIterator<Item = Fact>) {
        self.edit(|script| {
            let listed = ListedRepository { id: id.into(), name: id.into(), pushed_at: None };
            script.repositories.entry(id.into()).or_insert_with(|| (listed, Vec::new())).1.extend(facts);
        });
    }

    /// Makes collecting a repository fail from now on; `None` makes it succeed again.
    pub fn fail(&self, id: &str, kind: Option<SourceErrorKind>) {
        self.edit(|script| match kind {
            Some(kind) => drop(script.failing.insert(id.into(), kind)),
            None => drop(script.failing.remove(id)),
        });
    }

    /// Makes listing fail from now on; `None` makes it succeed again.
    pub fn fail_listing(&self, kind: Option<SourceErrorKind>) {
        self.edit(|script| script.listing_failure = kind);
    }

    /// Makes each collection take this long from now on.
    pub fn slow_down(&self, delay: Duration) {
        self.edit(|script| script.delay = delay);
    }

    /// The number of collections that have neither ended nor been dropped.
    pub fn in_flight(&self) -> usize {
        self.edit(|script| script.in_flight)
    }

    /// The collect requests so far, in order.
    pub fn requests(&self) -> Vec<CollectRequest> {
        self.edit(|script| script.requests.clone())
    }

    fn edit<R>(&self, change: impl FnOnce(&mut Script) -> R) -> R {
        change(&mut self.script.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Counts a collection as in flight until it is dropped.
struct InFlight(ScriptedSource);

impl InFlight {
    fn begin(source: &ScriptedSource) -> Self {
        source.edit(|script| script.in_flight += 1);
        InFlight(source.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.edit(|script| script.in_flight -= 1);
    }
}

fn error(kind: SourceErrorKind) -> SourceError {
    SourceError {
        kind,
        org: "acme".into(),
        endpoint: "scripted".into(),
        detail: "scripted failure".into(),
        retry_after: None,
    }
}

#[async_trait]
impl ActivitySource for ScriptedSource {
    async fn list(&self) -> Result<Listing, SourceError> {
        self.edit(|script| match script.listing_failure {
            Some(kind) => Err(error(kind)),
            None => Ok(Listing {
                observed_at: self.clock.now(),
                repositories: script.repositories.values().map(|(listed, _)| listed.clone()).collect(),
            }),
        })
    }

    async fn collect(&self, request: &CollectRequest) -> Result<Collection, CollectFailure> {
        let _in_flight = InFlight::begin(self);
        let delay = self.edit(|script| script.delay);
        tokio::time::sleep(delay).await;
        let now: Timestamp = self.clock.now();
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.requests.push(request.clone());
        let id = &request.repository.id;
        if let Some(kind) = script.failing.get(id) {
            return Err(CollectFailure { error: error(*kind), observed_at: None, facts: Vec::new() });
        }
        let known = script.repositories.get(id).map(|(_, facts)| facts.as_slice()).unwrap_or_default();
        let facts = known.iter().filter(|fact| fact.at <= now);
        let facts =
            facts.filter(|fact| fact.id.kind() == FactKind::Commit || fact.at >= request.since).cloned();
        let commits = CommitsRead::Reread { tip: None, since: request.history_from };
        Ok(Collection { observed_at: now, facts: facts.collect(), commits })
    }
}
