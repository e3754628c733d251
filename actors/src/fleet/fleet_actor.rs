//! The actor that exchanges reports and counts with the other replicas.

use std::collections::BTreeMap;
use std::time::Duration;

use actix::prelude::*;
use tokio::time::Instant;

use super::FleetSettings;
use super::exchange_round::ExchangeRound;

/// How often reports and counts are exchanged.
const PERIOD: Duration = Duration::from_secs(1);

/// Exchanges reports and counts once a second. It keeps nothing: a new incarnation continues with the same
/// [`PeerExchange`](super::PeerExchange).
pub struct FleetActor {
    round: ExchangeRound,
    /// When the last round began.
    began: Instant,
    /// The totals of the last round.
    totals: BTreeMap<String, f64>,
    has_left: bool,
}

impl FleetActor {
    /// An actor whose first round is when it starts.
    pub fn new(settings: FleetSettings) -> Self {
        let round = ExchangeRound::new(settings);
        FleetActor { round, began: Instant::now(), totals: BTreeMap::new(), has_left: false }
    }

    fn exchange(&mut self, ctx: &mut Context<Self>) {
        if self.has_left {
            return;
        }
        let round = self.round.clone();
        let known = std::mem::take(&mut self.totals);
        let since = std::mem::replace(&mut self.began, Instant::now());
        let exchange = async move { (round.run(&known, since).await, known) };
        ctx.spawn(exchange.into_actor(self).map(|(totals, known), actor, ctx| {
            match totals {
                Ok(totals) => actor.totals = totals,
                Err(error) => {
                    actor.totals = known;
                    actor.round.cut_off(&error);
                }
            }
            ctx.run_later(PERIOD, |actor, ctx| actor.exchange(ctx));
        }));
    }
}

impl Actor for FleetActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.exchange(ctx);
    }
}

// === Leave ===

/// Sends the last counts and withdraws this replica's report; answered when that is done or has failed.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct LeaveFleet;

impl Handler<LeaveFleet> for FleetActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: LeaveFleet, _: &mut Self::Context) -> Self::Result {
        self.has_left = true;
        let round = self.round.clone();
        Box::pin(async move {
            if let Err(error) = round.leave().await {
                tracing::warn!(%error, "the last counts were not sent");
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use actix_rt::time::sleep;

    use actix_supervisor::Observable;

    use super::*;
    use crate::fleet::PeerExchange;
    use crate::store::{CountBatch, MemoryState, SharedState, SharedTable};

    /// Counts under one name.
    #[derive(Default)]
    struct Counter {
        counted: Mutex<(f64, f64, u64)>,
        total: Mutex<Option<f64>>,
        peers: Mutex<Vec<String>>,
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
        fn receive(&self, reports: Vec<(String, Vec<u8>)>, _: Instant) {
            *self.peers.lock().unwrap() = reports.into_iter().map(|(replica, _)| replica).collect();
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
        fn receive_totals(&self, totals: Option<BTreeMap<String, f64>>) {
            *self.total.lock().unwrap() = totals.and_then(|totals| totals.get("runs").copied());
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

    fn total(counter: &Counter) -> Option<f64> {
        *counter.total.lock().unwrap()
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
            assert_eq!((total(&one), total(&other)), (Some(5.0), Some(5.0)));
            assert_eq!(*other.peers.lock().unwrap(), ["one", "other"]);
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
            assert!(total(&one) >= Some(7.0), "a counter never falls");
            one.count(1.0);
            sleep(Duration::from_secs(2)).await;
            assert!(total(&one) >= Some(8.0));
        });
    }
}
