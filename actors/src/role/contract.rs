//! The contract of [`Elector`] as tests, for every implementation that lets replicas compete.
//!
//! Instantiate them with [`elector_contract!`](crate::elector_contract), giving an async function
//! that makes [`Competitors`] which no replica has joined yet.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, sleep, timeout};

use super::{ElectionStatus, Elector};

/// How long a released leadership may be vacant.
const HANDOVER: Duration = Duration::from_secs(1);
/// How much later than promised something may happen on a busy machine.
const SLACK: Duration = Duration::from_millis(750);

/// How an election is configured, and how long it is tested.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How long a leadership lasts without renewal.
    pub lease_duration: Duration,
    /// How long a leader tries to renew.
    pub renew_deadline: Duration,
    /// Time between attempts.
    pub retry_period: Duration,
    /// How long the randomised test lasts.
    pub stress_duration: Duration,
}

/// Replicas that compete for one leadership.
#[async_trait]
pub trait Competitors: Send + Sync + 'static {
    /// How their election is configured.
    fn timing(&self) -> Timing;

    /// Adds a replica.
    async fn join(&self, name: &str) -> Arc<dyn Elector>;

    /// Disconnects a replica from the backend, or connects it again.
    async fn cut(&self, name: &str, cut: bool);
}

/// Makes a `#[tokio::test]` of every test of the contract in a module `$module`; `$open` is an
/// async function that returns `Arc<dyn Competitors>`. With `ignore = "reason"`, a plain
/// `cargo test` ignores the tests and shows the reason.
#[macro_export]
macro_rules! elector_contract {
    ($module:ident, $open:path $(, ignore = $reason:literal)?) => {
        mod $module {
            $crate::elector_contract!(@tests [$(#[ignore = $reason])?] $open;
                one_of_several_leads_and_renews
                a_follower_knows_the_leader_and_its_resignation_changes_nothing
                a_release_lets_another_lead_within_a_second
                a_leader_that_cannot_renew_stops_before_another_can_lead
                a_paused_leader_comes_back_only_by_a_new_acquisition
                leadership_survives_a_disconnection
                there_are_never_two_leaders
            );
        }
    };
    (@tests $attributes:tt $open:path; $($name:ident)*) => {
        $($crate::elector_contract!(@test $attributes $open; $name);)*
    };
    (@test [$($attribute:tt)*] $open:path; $name:ident) => {
        #[tokio::test]
        $($attribute)*
        async fn $name() {
            $crate::role::contract::$name($open().await).await;
        }
    };
}

type Term = (Instant, u64);

fn leads(status: &ElectionStatus) -> Option<Term> {
    match status {
        ElectionStatus::Leader { until, term } => Some((*until, *term)),
        ElectionStatus::Follower { .. } => None,
    }
}

/// Makes attempts as a role actor does, until one leads.
async fn until_leader(elector: &dyn Elector, timing: Timing, limit: Duration) -> Term {
    let won = timeout(limit, async {
        loop {
            if let Some(term) = elector.attempt().await.ok().as_ref().and_then(leads) {
                return term;
            }
            tokio::select! {
                () = sleep(timing.retry_period) => {}
                () = elector.changed() => {}
            }
        }
    });
    won.await.unwrap_or_else(|_| panic!("no replica leads after {limit:?}"))
}

async fn lead(elector: &dyn Elector, timing: Timing) -> Term {
    until_leader(elector, timing, timing.lease_duration + timing.retry_period + SLACK).await
}

/// Of several replicas that try at once one leads, and keeps its term as long as it renews.
pub async fn one_of_several_leads_and_renews(rivals: Arc<dyn Competitors>) {
    let timing = rivals.timing();
    let electors = join_all(["a", "b", "c", "d"].map(|name| rivals.join(name))).await;
    let statuses = join_all(electors.iter().map(|elector| elector.attempt())).await;
    let won: Vec<Option<Term>> = statuses.iter().map(|s| s.as_ref().ok().and_then(leads)).collect();
    assert_eq!(won.iter().flatten().count(), 1, "{statuses:?}");
    let leader = won.iter().position(Option::is_some).expect("one");
    let (mut last, term) = won[leader].expect("it leads");
    let end = Instant::now() + timing.lease_duration * 2;
    while Instant::now() < end {
        sleep(timing.retry_period).await;
        for (index, elector) in electors.iter().enumerate() {
            let status = elector.attempt().await.expect("an answer");
            assert_eq!(leads(&status).is_some(), index == leader, "{status:?}");
            if let Some((until, again)) = leads(&status) {
                assert!(until > last && again == term, "{status:?} after {last:?}, {term}");
                last = until;
            }
        }
    }
}

/// A follower's resignation leaves the leader alone.
pub async fn a_follower_knows_the_leader_and_its_resignation_changes_nothing(rivals: Arc<dyn Competitors>) {
    let (a, b) = (rivals.join("a").await, rivals.join("b").await);
    let (_, term) = lead(a.as_ref(), rivals.timing()).await;
    let status = b.attempt().await.expect("an answer");
    assert!(
        matches!(&status, ElectionStatus::Follower { leader: Some(leader) } if leader.starts_with('a')),
        "{status:?}"
    );
    b.resign().await;
    let status = a.attempt().await.expect("an answer");
    assert_eq!(leads(&status).expect("it still leads").1, term);
}

/// A waiting replica notices a release at once.
pub async fn a_release_lets_another_lead_within_a_second(rivals: Arc<dyn Competitors>) {
    let timing = rivals.timing();
    let (a, b) = (rivals.join("a").await, rivals.join("b").await);
    for _ in 0..3 {
        for (leader, next) in [(&a, &b), (&b, &a)] {
            lead(leader.as_ref(), timing).await;
            let next = next.clone();
            let waiting = tokio::spawn(async move {
                let limit = timing.lease_duration * 3;
                until_leader(next.as_ref(), timing, limit).await;
                (Instant::now(), next)
            });
            sleep(timing.retry_period + timing.retry_period / 3).await;
            let released = Instant::now();
            leader.resign().await;
            let (won, next) = waiting.await.expect("it leads");
            let took = won.saturating_duration_since(released);
            assert!(took <= HANDOVER, "it took {took:?}");
            next.resign().await;
        }
    }
}

/// Another leads as soon as the lease has ended, and the leader's deadline is before that.
pub async fn a_leader_that_cannot_renew_stops_before_another_can_lead(rivals: Arc<dyn Competitors>) {
    let timing = rivals.timing();
    let (a, b) = (rivals.join("a").await, rivals.join("b").await);
    let mut until = lead(a.as_ref(), timing).await.0;
    // Renewed at least once, while the other one watches.
    for _ in 0..2 {
        assert_eq!(leads(&b.attempt().await.expect("an answer")), None);
        sleep(timing.retry_period).await;
        until = leads(&a.attempt().await.expect("an answer")).expect("it leads").0;
    }
    let renewed = Instant::now();
    rivals.cut("a", true).await;
    let cut = async {
        while Instant::now() < until {
            let status = a.attempt().await;
            assert!(status.is_err(), "{status:?}");
            sleep(timing.retry_period).await;
        }
    };
    let ((), _) = tokio::join!(cut, lead(b.as_ref(), timing));
    let won = Instant::now();
    assert!(until <= won, "the leader would have stopped {:?} after another led", until - won);
    let limit = timing.lease_duration + timing.retry_period + SLACK;
    assert!(won - renewed <= limit, "it took {:?}", won - renewed);
    rivals.cut("a", false).await;
}

/// A leader that was paused longer than its lease acquires a new term, whether or not another led
/// meanwhile.
pub async fn a_paused_leader_comes_back_only_by_a_new_acquisition(rivals: Arc<dyn Competitors>) {
    let timing = rivals.timing();
    let (a, b) = (rivals.join("a").await, rivals.join("b").await);
    let (until, first) = lead(a.as_ref(), timing).await;
    sleep(timing.lease_duration + timing.retry_period).await;
    let (_, second) = lead(a.as_ref(), timing).await;
    assert_ne!(first, second, "no other replica led, but one might have");
    sleep(timing.lease_duration + timing.retry_period).await;
    lead(b.as_ref(), timing).await;
    assert!(until < Instant::now());
    let status = a.attempt().await.expect("an answer");
    assert_eq!(leads(&status), None, "another leads: {status:?}");
    b.resign().await;
    let (_, third) = lead(a.as_ref(), timing).await;
    assert!(third != first && third != second, "{first}, {second}, {third}");
}

/// While disconnected an attempt fails; afterwards the replica leads again.
pub async fn leadership_survives_a_disconnection(rivals: Arc<dyn Competitors>) {
    let timing = rivals.timing();
    let a = rivals.join("a").await;
    let (_, term) = lead(a.as_ref(), timing).await;
    rivals.cut("a", true).await;
    let before = Instant::now();
    let status = a.attempt().await;
    assert!(status.is_err(), "{status:?}");
    assert!(before.elapsed() <= timing.renew_deadline + SLACK, "it took {:?}", before.elapsed());
    rivals.cut("a", false).await;
    let (_, again) = lead(a.as_ref(), timing).await;
    assert!(again >= term);
}

/// Two replicas never lead at one time, however they pause, disconnect, resign and restart.
pub async fn there_are_never_two_leaders(rivals: Arc<dyn Competitors>) {
    let timing = rivals.timing();
    let log = Arc::new(LeadershipLog::default());
    let end = Instant::now() + timing.stress_duration;
    let runs = ["a", "b", "c"].into_iter().enumerate().map(|(seed, name)| {
        let (rivals, log) = (rivals.clone(), log.clone());
        async move { stress(&*rivals, name, seed as u64, &log, end).await }
    });
    let electors = join_all(runs).await;
    log.assert_single_leader(timing);
    for name in ["a", "b", "c"] {
        rivals.cut(name, false).await;
    }
    let waiting: Vec<_> = electors
        .into_iter()
        .map(|elector| {
            Box::pin(async move { until_leader(elector.as_ref(), timing, timing.lease_duration * 3).await })
        })
        .collect();
    futures::future::select_all(waiting).await;
}

async fn stress(
    rivals: &dyn Competitors,
    name: &'static str,
    seed: u64,
    log: &LeadershipLog,
    end: Instant,
) -> Arc<dyn Elector> {
    let timing = rivals.timing();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut elector = rivals.join(name).await;
    // If one replica keeps the leadership, go on until another has led, too: otherwise nothing was
    // tested.
    let last = end + timing.stress_duration * 2;
    while Instant::now() < end || (log.leaders() < 2 && Instant::now() < last) {
        if let Some((until, _)) = elector.attempt().await.ok().as_ref().and_then(leads) {
            log.led(name, until);
        }
        let period = timing.retry_period.mul_f64(rng.random_range(0.1..1.5));
        match rng.random_range(0..40) {
            0 => sleep(timing.lease_duration.mul_f64(rng.random_range(0.5..2.0))).await,
            1 => rivals.cut(name, true).await,
            2..=6 => rivals.cut(name, false).await,
            7 => {
                log.ended(name);
                elector.resign().await;
            }
            8 => {
                // Killed and started again; the lease it held is vacant until it expires.
                log.ended(name);
                elector = rivals.join(name).await;
            }
            _ => tokio::select! {
                () = sleep(period) => {}
                () = elector.changed() => {}
            },
        }
    }
    elector
}

/// Which replica believed that it led, and when.
#[derive(Default)]
struct LeadershipLog(Mutex<Vec<Leadership>>);

#[derive(Clone, Debug)]
struct Leadership {
    replica: &'static str,
    from: Instant,
    until: Instant,
}

impl LeadershipLog {
    fn led(&self, replica: &'static str, until: Instant) {
        let from = Instant::now();
        if from < until {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Leadership { replica, from, until });
        }
    }

    fn ended(&self, replica: &'static str) {
        let now = Instant::now();
        let mut leaderships = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        leaderships
            .iter_mut()
            .filter(|leadership| leadership.replica == replica)
            .for_each(|leadership| leadership.until = leadership.until.min(now));
    }

    /// How many replicas have led so far.
    fn leaders(&self) -> usize {
        let leaderships = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        leaderships.iter().map(|leadership| leadership.replica).collect::<BTreeSet<_>>().len()
    }

    fn assert_single_leader(&self, timing: Timing) {
        let mut leaderships = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        leaderships.sort_by_key(|leadership| leadership.from);
        assert!(self.leaders() > 1, "only one of them ever led");
        for (index, earlier) in leaderships.iter().enumerate() {
            let mut later = leaderships[index + 1..].iter().take_while(|later| later.from < earlier.until);
            let rival = later.find(|later| later.replica != earlier.replica);
            assert!(rival.is_none(), "two leaders at one time: {earlier:?} and {rival:?} ({timing:?})");
        }
    }
}
