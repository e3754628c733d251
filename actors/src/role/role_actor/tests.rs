//! Role actors over one lease and one store, in virtual time.

use std::sync::Mutex;

use async_trait::async_trait;
use tokio::time::sleep;

use super::*;
use crate::role::{Basis, Epoch, Role};
use crate::store::{FactStore, MemoryStore};
use crate::supervision::testing::in_virtual_time;

const LEASE: Duration = Duration::from_secs(15);
const RENEW: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_secs(2);

/// An elector that does as told.
#[derive(Default)]
struct Told {
    standing: Mutex<Option<(u64, Duration)>>,
    silent: Mutex<bool>,
    attempts_after_resigning: Mutex<Option<usize>>,
}

#[async_trait]
impl Elector for Told {
    async fn attempt(&self) -> Result<Standing, ElectionError> {
        if let Some(attempts) = self.attempts_after_resigning.lock().unwrap().as_mut() {
            *attempts += 1;
        }
        // Attempts take a while, so that something can happen during one.
        sleep(Duration::from_millis(100)).await;
        if *self.silent.lock().unwrap() {
            return Err(ElectionError("told to be silent".into()));
        }
        Ok(match *self.standing.lock().unwrap() {
            Some((term, lasts)) => Standing::Leader { until: Instant::now() + lasts, term },
            None => Standing::Follower { leader: Some("other".into()) },
        })
    }

    async fn resign(&self) {
        *self.attempts_after_resigning.lock().unwrap() = Some(0);
    }

    fn basis(&self) -> Basis {
        "told".into()
    }
}

struct Stage {
    elector: Arc<Told>,
    watch: RoleWatch,
    store: Observable<StoreState>,
    address: Addr<RoleActor>,
}

impl Stage {
    fn new() -> Self {
        let elector = Arc::new(Told::default());
        let (watch, store) = (RoleWatch::new("told"), Observable::<StoreState>::default());
        let facts: Arc<dyn FactStore> = Arc::new(MemoryStore::new());
        let settings = RoleSettings {
            elector: elector.clone(),
            epochs: Arc::new(facts),
            retry_period: RETRY,
            renew_deadline: RENEW,
            store: store.clone(),
            watch: watch.clone(),
        };
        Stage { elector, watch, store, address: RoleActor::new(settings).start() }
    }

    fn lead(&self, term: Option<u64>) {
        *self.elector.standing.lock().unwrap() = term.map(|term| (term, LEASE));
    }

    fn silence(&self, silent: bool) {
        *self.elector.silent.lock().unwrap() = silent;
    }

    fn cut_off(&self, cut_off: bool) {
        self.store.update(|state| state.cut_off = cut_off.then(|| "away".to_owned()));
    }
}

async fn some_attempts() {
    sleep(RETRY * 2).await;
}

#[test]
fn each_acquisition_has_an_epoch_of_its_own() {
    in_virtual_time(|| async {
        let stage = Stage::new();
        let mut epochs = Vec::new();
        for term in [1, 1, 2, 3] {
            stage.lead(Some(term));
            some_attempts().await;
            epochs.push(stage.watch.leads().expect("it leads").0);
        }
        assert_eq!(epochs[0], epochs[1], "it was renewed");
        assert!(epochs[1..].windows(2).all(|pair| pair[0] < pair[1]), "{epochs:?}");
        stage.lead(None);
        some_attempts().await;
        let view = stage.watch.get();
        assert_eq!((view.role, view.leader.as_deref()), (Role::Follower, Some("other")));
    });
}

#[test]
fn a_refused_leader_follows_at_once_and_leads_again_under_a_greater_epoch() {
    in_virtual_time(|| async {
        let stage = Stage::new();
        stage.lead(Some(1));
        some_attempts().await;
        let first = stage.watch.leads().expect("it leads");
        let mandate = Mandate::Leader(first);
        let before = Instant::now();
        let refuse = async { stage.watch.refuse(first, "a test") };
        tokio::join!(stage.watch.ended(mandate), refuse);
        assert_eq!((before.elapsed(), stage.watch.leads()), (Duration::ZERO, None));
        some_attempts().await;
        assert!(stage.watch.leads().expect("it leads again") > first);
    });
}

#[test]
fn an_attempt_under_way_does_not_take_back_what_is_resigned() {
    in_virtual_time(|| async {
        let stage = Stage::new();
        stage.lead(Some(1));
        some_attempts().await;
        // In the middle of an attempt.
        sleep(Duration::from_millis(2_250)).await;
        stage.address.send(Resign).await.expect("it answers");
        assert_eq!(stage.watch.leads(), None);
        sleep(LEASE).await;
        assert_eq!(stage.watch.leads(), None);
        assert_eq!(*stage.elector.attempts_after_resigning.lock().unwrap(), Some(0), "it stands no more");
    });
}

#[test]
fn in_an_outage_whoever_led_last_goes_on_without_leading() {
    in_virtual_time(|| async {
        let stage = Stage::new();
        stage.lead(Some(1));
        some_attempts().await;
        let epoch = stage.watch.leads().expect("it leads");
        stage.silence(true);
        stage.cut_off(true);
        sleep(LEASE + RETRY * 2).await;
        assert_eq!((stage.watch.leads(), stage.watch.mandate()), (None, Some(Mandate::Outage)));
        sleep(LEASE * 10).await;
        assert_eq!(stage.watch.mandate(), Some(Mandate::Outage), "as long as it lasts");
        stage.silence(false);
        stage.cut_off(false);
        stage.lead(Some(2));
        some_attempts().await;
        assert!(stage.watch.leads().expect("elected again") > epoch);
    });
}

#[test]
fn a_leadership_ends_at_its_deadline_when_nobody_renews_it() {
    in_virtual_time(|| async {
        let watch = RoleWatch::new("told");
        let until = Instant::now() + RENEW;
        watch.set(RoleView::leader("told", Epoch(1), until));
        watch.ended(Mandate::Leader(Epoch(1))).await;
        assert_eq!((Instant::now(), watch.leads()), (until, None));
        watch.set(RoleView::leader("told", Epoch(1), until + RENEW));
        watch.ended(Mandate::Leader(Epoch(9))).await;
        assert_eq!(Instant::now(), until, "another epoch has ended already");
    });
}
