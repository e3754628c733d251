//! The actor that keeps a replica in touch with the others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use serde::Serialize;
use tokio::time::Instant;

use super::PeerExchange;
use crate::store::{SharedState, SharedTable, StoreError};
use actix_supervisor::Observable;

/// How often replicas tell of themselves and ask for the others.
const PERIOD: Duration = Duration::from_secs(1);
/// How long a replica counts as alive after it last told of itself.
const ALIVE: Duration = Duration::from_secs(5);

/// What the fleet actor is made of.
#[derive(Clone)]
pub struct FleetSettings {
    /// Where replicas meet.
    pub shared: Arc<dyn SharedState>,
    /// This replica's name.
    pub replica: String,
    /// Whether there can be others.
    pub has_others: bool,
    /// What is told and heard.
    pub exchange: Arc<dyn PeerExchange>,
    /// Where the actor's state goes.
    pub state: Observable<FleetState>,
}

/// What the fleet actor shows of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FleetState {
    /// The live replicas, as last heard; this one among them.
    pub replicas: Vec<String>,
    /// Why the others cannot be reached; `None` when they can.
    pub cut_off: Option<String>,
}

/// Tells, asks and counts once a second. It keeps nothing: a new incarnation goes on with the same exchange.
pub struct FleetActor {
    settings: FleetSettings,
    asked: Instant,
    totals: BTreeMap<String, f64>,
    left: bool,
}

impl FleetActor {
    /// An actor that begins to tell when it starts.
    pub fn new(settings: FleetSettings) -> Self {
        FleetActor { settings, asked: Instant::now(), totals: BTreeMap::new(), left: false }
    }

    fn meet(&mut self, ctx: &mut Context<Self>) {
        if self.left {
            return;
        }
        let settings = self.settings.clone();
        let known = std::mem::take(&mut self.totals);
        let since = std::mem::replace(&mut self.asked, Instant::now());
        let meeting = async move {
            let met = settings.meet(&known, since).await;
            (met, known)
        };
        ctx.spawn(meeting.into_actor(self).map(|(met, known), actor, ctx| {
            match met {
                Ok(totals) => actor.totals = totals,
                Err(error) => {
                    actor.totals = known;
                    actor.settings.cut_off(&error);
                }
            }
            ctx.run_later(PERIOD, |actor, ctx| actor.meet(ctx));
        }));
    }
}

impl FleetSettings {
    async fn meet(
        &self,
        known: &BTreeMap<String, f64>,
        since: Instant,
    ) -> Result<BTreeMap<String, f64>, StoreError> {
        if self.has_others {
            let report = self.exchange.report();
            self.shared.put(SharedTable::Replicas, &self.replica, &report, ALIVE).await?;
        }
        self.flush().await?;
        let totals = self.totals(known).await?;
        let reports = match self.has_others {
            true => self.shared.entries(SharedTable::Replicas).await?,
            false => Vec::new(),
        };
        let replicas = reports.iter().map(|(replica, _)| replica.clone()).collect();
        self.exchange.heard(reports, since);
        self.exchange.totals(Some(totals.clone()));
        self.show(FleetState { replicas, cut_off: None });
        Ok(totals)
    }

    async fn flush(&self) -> Result<(), StoreError> {
        while let Some(batch) = self.exchange.next_counts() {
            self.shared.count(&batch).await?;
            self.exchange.applied(batch.sequence);
        }
        Ok(())
    }

    /// A count that fell tells that the store lost it; whoever knows it better raises it again.
    async fn totals(&self, known: &BTreeMap<String, f64>) -> Result<BTreeMap<String, f64>, StoreError> {
        let totals = self.shared.counts().await?;
        let fell = |(name, known): &(&String, &f64)| totals.get(*name).is_none_or(|total| total < known);
        let lost: BTreeMap<String, f64> =
            known.iter().filter(fell).map(|(name, count)| (name.clone(), *count)).collect();
        if lost.is_empty() {
            return Ok(totals);
        }
        tracing::warn!(counts = lost.len(), "the shared store lost counts; they are raised to what is known");
        self.shared.raise_counts(&lost).await?;
        self.shared.counts().await
    }

    fn cut_off(&self, error: &StoreError) {
        self.exchange.totals(None);
        let replicas = self.state.get().replicas.clone();
        self.show(FleetState { replicas, cut_off: Some(error.to_string()) });
    }

    fn show(&self, state: FleetState) {
        if *self.state.get() != state {
            self.state.set(state);
        }
    }
}

impl Actor for FleetActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.meet(ctx);
    }
}

// === Leave ===

/// Hands over the last counts and says good-bye; answered when that is done, or cannot be.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct LeaveFleet;

impl Handler<LeaveFleet> for FleetActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: LeaveFleet, _: &mut Self::Context) -> Self::Result {
        self.left = true;
        let settings = self.settings.clone();
        Box::pin(async move {
            let left = async {
                settings.flush().await?;
                settings.shared.remove(SharedTable::Replicas, &settings.replica).await
            };
            if let Err(error) = left.await {
                tracing::warn!(%error, "the last counts were not handed over");
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use actix_rt::time::sleep;

    use super::*;
    use crate::store::{CountBatch, MemoryState};

    /// Counts what it is told to, under one name.
    #[derive(Default)]
    struct Counter {
        counted: Mutex<(f64, f64, u64)>,
        shown: Mutex<Option<f64>>,
        heard: Mutex<Vec<String>>,
        name: String,
    }

    impl Counter {
        fn count(&self, by: f64) {
            self.counted.lock().unwrap().0 += by;
        }
    }

    impl PeerExchange for Counter {
        fn report(&self) -> Vec<u8> {
            self.name.clone().into_bytes()
        }
        fn heard(&self, reports: Vec<(String, Vec<u8>)>, _: Instant) {
            *self.heard.lock().unwrap() = reports.into_iter().map(|(replica, _)| replica).collect();
        }
        fn next_counts(&self) -> Option<CountBatch> {
            let (now, sent, sequence) = *self.counted.lock().unwrap();
            let increments = BTreeMap::from([("runs".to_owned(), now - sent)]);
            (now > sent).then(|| CountBatch { writer: self.name.clone(), sequence: sequence + 1, increments })
        }
        fn applied(&self, _: u64) {
            let mut counted = self.counted.lock().unwrap();
            *counted = (counted.0, counted.0, counted.2 + 1);
        }
        fn totals(&self, totals: Option<BTreeMap<String, f64>>) {
            *self.shown.lock().unwrap() = totals.and_then(|totals| totals.get("runs").copied());
        }
    }

    fn join(shared: &Arc<MemoryState>, name: &str) -> (Arc<Counter>, Addr<FleetActor>) {
        let exchange = Arc::new(Counter { name: name.into(), ..Counter::default() });
        let settings = FleetSettings {
            shared: shared.clone(),
            replica: name.into(),
            has_others: true,
            exchange: exchange.clone(),
            state: Observable::default(),
        };
        (exchange, FleetActor::new(settings).start())
    }

    fn shown(counter: &Counter) -> Option<f64> {
        *counter.shown.lock().unwrap()
    }

    #[test]
    fn replicas_count_together_and_know_of_each_other() {
        actix_supervisor::testing::in_virtual_time(|| async {
            let shared = Arc::new(MemoryState::new());
            let (one, one_address) = join(&shared, "one");
            let (other, _address) = join(&shared, "other");
            one.count(2.0);
            other.count(3.0);
            sleep(Duration::from_secs(3)).await;
            assert_eq!((shown(&one), shown(&other)), (Some(5.0), Some(5.0)));
            assert_eq!(*other.heard.lock().unwrap(), ["one", "other"]);
            one.count(1.0);
            one_address.send(LeaveFleet).await.expect("it answers");
            drop(one_address);
            assert_eq!(shared.counts().await.expect("counts")["runs"], 6.0);
            assert_eq!(shared.entries(SharedTable::Replicas).await.expect("entries").len(), 1);
        });
    }

    #[test]
    fn counts_that_the_store_lost_are_raised_again() {
        actix_supervisor::testing::in_virtual_time(|| async {
            let shared = Arc::new(MemoryState::new());
            let (one, _address) = join(&shared, "one");
            one.count(7.0);
            sleep(Duration::from_secs(3)).await;
            shared.clear();
            one.count(1.0);
            sleep(Duration::from_secs(3)).await;
            assert!(shown(&one) >= Some(7.0), "a counter never falls");
            one.count(1.0);
            sleep(Duration::from_secs(2)).await;
            assert!(shown(&one) >= Some(8.0));
        });
    }
}
