//! An election within one process, with adjustable latency, clock rate and partitions; for tests.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::{ElectionBasis, ElectionError, ElectionStatus, Elector};

/// A lease that several electors compete for. It plays the server: it decides by its own clock who
/// holds it.
pub struct MemoryLease {
    duration: Duration,
    latency: Duration,
    state: Mutex<State>,
    released: watch::Sender<u64>,
}

struct State {
    rng: StdRng,
    held: Option<(String, Instant)>,
    cut: BTreeSet<String>,
}

impl MemoryLease {
    /// A free lease that lasts `duration` on its own clock, which runs `rate` times as fast as that
    /// of the electors. A message to it takes up to `latency` in each direction.
    pub fn new(duration: Duration, rate: f64, latency: Duration) -> Arc<Self> {
        let state = State { rng: StdRng::seed_from_u64(7), held: None, cut: BTreeSet::new() };
        Arc::new(MemoryLease {
            duration: duration.div_f64(rate),
            latency,
            state: Mutex::new(state),
            released: watch::Sender::new(0),
        })
    }

    /// An elector, which must renew within this time.
    pub fn elector(self: &Arc<Self>, identity: &str, renew_deadline: Duration) -> MemoryElector {
        let held = Mutex::new(Held { until: None, term: 0, seen: 0 });
        MemoryElector { lease: self.clone(), identity: identity.to_owned(), renew_deadline, held }
    }

    /// Disconnects an elector, or connects it again.
    pub fn cut(&self, identity: &str, cut: bool) {
        let mut state = self.lock();
        match cut {
            true => state.cut.insert(identity.to_owned()),
            false => state.cut.remove(identity),
        };
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn travel(&self, identity: &str) -> Result<(), ElectionError> {
        let way = self.lock().rng.random_range(0.0..=1.0);
        sleep(self.latency.mul_f64(way)).await;
        match self.lock().cut.contains(identity) {
            true => Err(ElectionError("cut off".into())),
            false => Ok(()),
        }
    }

    /// The holder after this attempt.
    fn try_take(&self, identity: &str) -> String {
        let now = Instant::now();
        let mut state = self.lock();
        if let Some((holder, expires)) = &state.held
            && holder != identity
            && now < *expires
        {
            return holder.clone();
        }
        state.held = Some((identity.to_owned(), now + self.duration));
        identity.to_owned()
    }

    fn release(&self, identity: &str) {
        self.lock().held.take_if(|(holder, _)| holder == identity);
        self.released.send_modify(|count| *count += 1);
    }
}

/// One elector of a [`MemoryLease`].
pub struct MemoryElector {
    lease: Arc<MemoryLease>,
    identity: String,
    renew_deadline: Duration,
    held: Mutex<Held>,
}

struct Held {
    until: Option<Instant>,
    term: u64,
    /// The number of releases seen before the last attempt.
    seen: u64,
}

impl MemoryElector {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn won(&self, until: Instant) -> ElectionStatus {
        let mut held = self.held();
        if held.until.is_none_or(|until| Instant::now() >= until) {
            held.term += 1;
        }
        held.until = Some(until);
        ElectionStatus::Leader { until, term: held.term }
    }
}

#[async_trait]
impl Elector for MemoryElector {
    async fn attempt(&self) -> Result<ElectionStatus, ElectionError> {
        // Counted from before the attempt; the lease counts from a later instant, and so ends
        // later.
        let until = Instant::now() + self.renew_deadline;
        self.held().seen = *self.lease.released.borrow();
        self.lease.travel(&self.identity).await?;
        let holder = self.lease.try_take(&self.identity);
        self.lease.travel(&self.identity).await?;
        if holder == self.identity {
            return Ok(self.won(until));
        }
        self.held().until = None;
        Ok(ElectionStatus::Follower { leader: Some(holder) })
    }

    async fn resign(&self) {
        self.held().until = None;
        if self.lease.travel(&self.identity).await.is_ok() {
            self.lease.release(&self.identity);
        }
    }

    async fn changed(&self) {
        let seen = self.held().seen;
        // The lease outlives its electors, so the channel stays open.
        let _ = self.lease.released.subscribe().wait_for(|count| *count > seen).await;
    }

    fn basis(&self) -> ElectionBasis {
        "memory".into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::contract::{Competitors, Timing};
    use super::*;

    struct MemoryCompetitors(Arc<MemoryLease>);

    const TIMING: Timing = Timing {
        lease_duration: Duration::from_secs(15),
        renew_deadline: Duration::from_secs(10),
        retry_period: Duration::from_secs(2),
        stress_duration: Duration::from_secs(4 * 3600),
    };

    #[async_trait]
    impl Competitors for MemoryCompetitors {
        fn timing(&self) -> Timing {
            TIMING
        }

        async fn join(&self, name: &str) -> Arc<dyn Elector> {
            Arc::new(self.0.elector(name, TIMING.renew_deadline))
        }

        async fn cut(&self, name: &str, cut: bool) {
            self.0.cut(name, cut);
        }
    }

    async fn competitors(rate: f64, latency: Duration) -> Arc<dyn Competitors> {
        tokio::time::pause();
        Arc::new(MemoryCompetitors(MemoryLease::new(TIMING.lease_duration, rate, latency)))
    }

    async fn same_clock() -> Arc<dyn Competitors> {
        competitors(1.0, Duration::from_millis(20)).await
    }

    /// As fast as the clock may run before the lease is shorter than the time for renewing it.
    async fn fast_clock() -> Arc<dyn Competitors> {
        competitors(1.45, Duration::from_millis(20)).await
    }

    async fn high_latency() -> Arc<dyn Competitors> {
        competitors(1.2, Duration::from_millis(200)).await
    }

    crate::elector_contract!(contract, super::same_clock);
    crate::elector_contract!(contract_with_a_fast_clock, super::fast_clock);
    crate::elector_contract!(contract_with_high_latency, super::high_latency);

    /// A lease that ends before its holder's deadline allows two leaders; the contract detects
    /// that.
    #[tokio::test]
    #[should_panic(expected = "two leaders at one time")]
    async fn the_contract_detects_a_lease_that_is_too_short() {
        let rivals = competitors(1.8, Duration::from_millis(20)).await;
        super::super::contract::there_are_never_two_leaders(rivals).await;
    }
}
