//! The tests every [`Elector`] passes that lets replicas compete.
//!
//! Instantiate them with [`elector_contract!`](crate::elector_contract), giving an async function that makes a
//! [`Competitors`] nobody has joined yet.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, sleep, timeout};

use super::{ElectionStatus, Elector};

/// How long a released leadership may be nobody's.
const HANDOVER: Duration = Duration::from_secs(1);
/// How much later than promised something may be seen on a busy machine.
const SLACK: Duration = Duration::from_millis(750);

/// How an election is configured, and how long it is put to the test.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How long a leadership lasts without renewal.
    pub lease_duration: Duration,
    /// How long a leader tries to renew.
    pub renew_deadline: Duration,
    /// Time between attempts.
    pub retry_period: Duration,
    /// How long the random part lasts.
    pub ordeal: Duration,
}

/// Replicas that compete for one leadership.
#[async_trait]
pub trait Competitors: Send + Sync + 'static {
    /// How they are configured.
    fn timing(&self) -> Timing;

    /// One more replica.
    async fn join(&self, name: &str) -> Arc<dyn Elector>;

    /// Cuts a replica off from the backend, or connects it again.
    async fn cut(&self, name: &str, cut: bool);
}

/// Makes a `#[tokio::test]` of every test of the contract in a module `$module`; `$open` is an async function that
/// answers `Arc<dyn Competitors>`. With `ignore = "reason"` a plain `cargo test`
/// ignores the tests and shows the reason.
#[macro_export]
macro_rules! elector_contract {
    ($module:ident, $open:path $(, ignore = $reason:literal)?) => {
        mod $module {
            $crate::elector_contract!(@tests [$(#[ignore = $reason])?] $open;
                one_of_several_leads_and_renews
                a_follower_knows_who_leads_and_resigns_nothing
                a_release_lets_another_lead_within_a_second
                a_leader_that_cannot_renew_stops_before_another_can_lead
                a_paused_leader_comes_back_only_by_a_new_acquisition
                a_cut_is_survived
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

fn leads(standing: &ElectionStatus) -> Option<Term> {
    match standing {
        ElectionStatus::Leader { until, term } => Some((*until, *term)),
        ElectionStatus::Follower { .. } => None,
    }
}

/// Stands as a role actor does, until it leads.
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
    won.await.unwrap_or_else(|_| panic!("nobody leads after {limit:?}"))
}

async fn lead(elector: &dyn Elector, timing: Timing) -> Term {
    until_leader(elector, timing, timing.lease_duration + timing.retry_period + SLACK).await
}

/// Of several that try at once one leads, and goes on leading under the same term as long as it renews.
pub async fn one_of_several_leads_and_renews(rivals: Arc<dyn Competitors>) {
    let timing = rivals.timing();
    let electors = join_all(["a", "b", "c", "d"].map(|name| rivals.join(name))).await;
    let standings = join_all(electors.iter().map(|elector| elector.attempt())).await;
    let won: Vec<Option<Term>> = standings.iter().map(|s| s.as_ref().ok().and_then(leads)).collect();
    assert_eq!(won.iter().flatten().count(), 1, "{standings:?}");
    let leader = won.iter().position(Option::is_some).expect("one");
    let (mut last, term) = won[leader].expect("it leads");
    let end = Instant::now() + timing.lease_duration * 2;
    while Instant::now() < end {
        sleep(timing.retry_period).await;
        for (index, elector) in electors.iter().enumerate() {
            let standing = elector.attempt().await.expect("an answer");
            assert_eq!(leads(&standing).is_some(), index == leader, "{standing:?}");
            if let Some((until, again)) = leads(&standing) {
                assert!(until > last && again == term, "{standing:?} after {last:?}, {term}");
                last = until;
            }
        }
    }
}

/// A follower's resignation takes leadership from nobody.
pub async fn a_follower_knows_who_leads_and_resigns_nothing(rivals: Arc<dyn Competitors>) {
    let (a, b) = (rivals.join("a").await, rivals.join("b").await);
    let (_, term) = lead(a.as_ref(), rivals.timing()).await;
    let standing = b.attempt().await.expect("an answer");
    assert!(
        matches!(&standing, ElectionStatus::Follower { leader: Some(leader) } if leader.starts_with('a')),
        "{standing:?}"
    );
    b.resign().await;
    let standing = a.attempt().await.expect("an answer");
    assert_eq!(leads(&standing).expect("it still leads").1, term);
}

/// Whoever waits hears of a release at once.
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
            let standing = a.attempt().await;
            assert!(standing.is_err(), "{standing:?}");
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

/// A leader that was away longer than its lease begins anew, whether or not another led meanwhile.
pub async fn a_paused_leader_comes_back_only_by_a_new_acquisition(rivals: Arc<dyn Competitors>) {
    let timing = rivals.timing();
    let (a, b) = (rivals.join("a").await, rivals.join("b").await);
    let (until, first) = lead(a.as_ref(), timing).await;
    sleep(timing.lease_duration + timing.retry_period).await;
    let (_, second) = lead(a.as_ref(), timing).await;
    assert_ne!(first, second, "nobody else led, but somebody might have");
    sleep(timing.lease_duration + timing.retry_period).await;
    lead(b.as_ref(), timing).await;
    assert!(until < Instant::now());
    let standing = a.attempt().await.expect("an answer");
    assert_eq!(leads(&standing), None, "another leads: {standing:?}");
    b.resign().await;
    let (_, third) = lead(a.as_ref(), timing).await;
    assert!(third != first && third != second, "{first}, {second}, {third}");
}

/// While cut off an attempt fails; afterwards all is well.
pub async fn a_cut_is_survived(rivals: Arc<dyn Competitors>) {
    let timing = rivals.timing();
    let a = rivals.join("a").await;
    let (_, term) = lead(a.as_ref(), timing).await;
    rivals.cut("a", true).await;
    let before = Instant::now();
    let standing = a.attempt().await;
    assert!(standing.is_err(), "{standing:?}");
    assert!(before.elapsed() <= timing.renew_deadline + SLACK, "it took {:?}", before.elapsed());
    rivals.cut("a", false).await;
    let (_, again) = lead(a.as_ref(), timing).await;
    assert!(again >= term);
}

/// However replicas pause, are cut off, resign and come back.
pub async fn there_are_never_two_leaders(rivals: Arc<dyn Competitors>) {
    let timing = rivals.timing();
    let judge = Arc::new(Judge::default());
    let end = Instant::now() + timing.ordeal;
    let ordeals = ["a", "b", "c"].into_iter().enumerate().map(|(seed, name)| {
        let (rivals, judge) = (rivals.clone(), judge.clone());
        async move { ordeal(&*rivals, name, seed as u64, &judge, end).await }
    });
    let electors = join_all(ordeals).await;
    judge.give_verdict(timing);
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

async fn ordeal(
    rivals: &dyn Competitors,
    name: &'static str,
    seed: u64,
    judge: &Judge,
    end: Instant,
) -> Arc<dyn Elector> {
    let timing = rivals.timing();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut elector = rivals.join(name).await;
    // Where one holds on to leadership, go on until another has had it, too: else nothing was tried.
    let last = end + timing.ordeal * 2;
    while Instant::now() < end || (judge.leaders() < 2 && Instant::now() < last) {
        if let Some((until, _)) = elector.attempt().await.ok().as_ref().and_then(leads) {
            judge.led(name, until);
        }
        let period = timing.retry_period.mul_f64(rng.random_range(0.1..1.5));
        match rng.random_range(0..40) {
            0 => sleep(timing.lease_duration.mul_f64(rng.random_range(0.5..2.0))).await,
            1 => rivals.cut(name, true).await,
            2..=6 => rivals.cut(name, false).await,
            7 => {
                judge.ended(name);
                elector.resign().await;
            }
            8 => {
                // Killed and started again; what it held is nobody's until it has ended.
                judge.ended(name);
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

/// What everybody believed, and for how long.
#[derive(Default)]
struct Judge(Mutex<Vec<Reign>>);

#[derive(Clone, Debug)]
struct Reign {
    who: &'static str,
    from: Instant,
    until: Instant,
}

impl Judge {
    fn led(&self, who: &'static str, until: Instant) {
        let from = Instant::now();
        if from < until {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Reign { who, from, until });
        }
    }

    fn ended(&self, who: &'static str) {
        let now = Instant::now();
        let mut reigns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reigns
            .iter_mut()
            .filter(|reign| reign.who == who)
            .for_each(|reign| reign.until = reign.until.min(now));
    }

    /// How many have led so far.
    fn leaders(&self) -> usize {
        let reigns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reigns.iter().map(|reign| reign.who).collect::<BTreeSet<_>>().len()
    }

    fn give_verdict(&self, timing: Timing) {
        let mut reigns = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        reigns.sort_by_key(|reign| reign.from);
        assert!(self.leaders() > 1, "only one of them ever led");
        for (index, earlier) in reigns.iter().enumerate() {
            let mut later = reigns[index + 1..].iter().take_while(|later| later.from < earlier.until);
            let rival = later.find(|later| later.who != earlier.who);
            assert!(rival.is_none(), "two leaders at one time: {earlier:?} and {rival:?} ({timing:?})");
        }
    }
}
