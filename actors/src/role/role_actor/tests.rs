//! Role actors over one lease and one store, in virtual time.

use std::sync::Mutex;

use async_trait::async_trait;
use tokio::time::sleep;

use super::*;
use crate::role::{ElectionBasis, Epoch, MemoryLease, Role};
use crate::store::{FactStore, MemoryStore};
use actix_supervisor::testing::in_virtual_time;

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
    async fn attempt(&self) -> Result<ElectionStatus, ElectionError> {
        if let Some(attempts) = self.attempts_after_resigning.lock().unwrap().as_mut() {
            *attempts += 1;
        }
        // Attempts take a while, so that something can happen during one.
        sleep(Duration::from_millis(100)).await;
        if *self.silent.lock().unwrap() {
            return Err(ElectionError("told to be silent".into()));
        }
        Ok(match *self.standing.lock().unwrap() {
            Some((term, lasts)) => ElectionStatus::Leader { until: Instant::now() + lasts, term },
            None => ElectionStatus::Follower { leader: Some("other".into()) },
        })
    }

    async fn resign(&self) {
        *self.attempts_after_resigning.lock().unwrap() = Some(0);
    }

    fn basis(&self) -> ElectionBasis {
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
        let (roles, store) = (Roles::new("told", 1), Observable::<StoreState>::default());
        let facts: Arc<dyn FactStore> = Arc::new(MemoryStore::new());
        let settings = RoleSettings {
            shard: Shard::WHOLE,
            elector: elector.clone(),
            epochs: Arc::new(facts),
            retry_period: RETRY,
            renew_deadline: RENEW,
            store: store.clone(),
            roles: roles.clone(),
        };
        Stage { elector, watch: roles.first().clone(), store, address: RoleActor::new(settings).start() }
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
        let mandate = SchedulingAuthority::Leader(first);
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
        assert_eq!((stage.watch.leads(), stage.watch.mandate()), (None, Some(SchedulingAuthority::Outage)));
        sleep(LEASE * 10).await;
        assert_eq!(stage.watch.mandate(), Some(SchedulingAuthority::Outage), "as long as it lasts");
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
        watch.ended(SchedulingAuthority::Leader(Epoch(1))).await;
        assert_eq!((Instant::now(), watch.leads()), (until, None));
        watch.set(RoleView::leader("told", Epoch(1), until + RENEW));
        watch.ended(SchedulingAuthority::Leader(Epoch(9))).await;
        assert_eq!(Instant::now(), until, "another epoch has ended already");
    });
}

// === Shards ===

const SHARDS: u32 = 4;

/// A replica that competes for every shard.
struct Contender {
    roles: Roles,
    addresses: Vec<Addr<RoleActor>>,
}

impl Contender {
    fn join(name: &str, leases: &[Arc<MemoryLease>], facts: &Arc<dyn FactStore>) -> Self {
        let roles = Roles::new("memory", SHARDS);
        let actor = |(shard, lease): (Shard, &Arc<MemoryLease>)| {
            let settings = RoleSettings {
                shard,
                elector: Arc::new(lease.elector(name, RENEW)),
                epochs: Arc::new(facts.clone()),
                retry_period: RETRY,
                renew_deadline: RENEW,
                store: Observable::default(),
                roles: roles.clone(),
            };
            RoleActor::new(settings).start()
        };
        let addresses = Shard::all(SHARDS).zip(leases).map(actor).collect();
        Contender { roles, addresses }
    }
}

/// Lets time pass in which they tell each other once a second; no shard may have two leaders meanwhile.
async fn compete(contenders: &[&Contender], seconds: u64) {
    for _ in 0..seconds {
        for (own, contender) in contenders.iter().enumerate() {
            let others = contenders.iter().enumerate().filter(|(other, _)| *other != own);
            contender.roles.hear(others.map(|(_, other)| other.roles.load()).collect());
        }
        for shard in Shard::all(SHARDS) {
            let leaders = contenders.iter().filter(|c| c.roles.watch(shard).leads().is_some()).count();
            assert!(leaders <= 1, "{leaders} lead shard {shard}");
        }
        sleep(Duration::from_secs(1)).await;
    }
}

fn held(contenders: &[&Contender]) -> Vec<usize> {
    let mut held: Vec<usize> = contenders.iter().map(|contender| contender.roles.held()).collect();
    held.sort_unstable();
    held
}

#[test]
fn shards_spread_over_those_who_join_and_come_back_from_those_who_leave() {
    in_virtual_time(|| async {
        let leases: Vec<Arc<MemoryLease>> =
            (0..SHARDS).map(|_| MemoryLease::new(LEASE, 1.0, Duration::from_millis(20))).collect();
        let facts: Arc<dyn FactStore> = Arc::new(MemoryStore::new());
        let one = Contender::join("one", &leases, &facts);
        compete(&[&one], 5).await;
        assert_eq!(held(&[&one]), [4], "whoever is alone leads everything");
        let two = Contender::join("two", &leases, &facts);
        compete(&[&one, &two], 60).await;
        assert_eq!(held(&[&one, &two]), [2, 2]);
        let epochs = [&one, &two].map(|contender| contender.roles.leads());
        let three = Contender::join("three", &leases, &facts);
        compete(&[&one, &two, &three], 60).await;
        assert_eq!(held(&[&one, &two, &three]), [1, 1, 2], "four among three");
        assert!(three.roles.leads() > epochs[0].max(epochs[1]), "what changed hands has a greater epoch");
        let before: Vec<Option<Epoch>> = one.roles.iter().map(|(_, watch)| watch.leads()).collect();
        compete(&[&one, &two, &three], 120).await;
        let after: Vec<Option<Epoch>> = one.roles.iter().map(|(_, watch)| watch.leads()).collect();
        assert_eq!(before, after, "nothing moves while loads differ by one at most");
        for address in one.addresses.iter() {
            address.send(Resign).await.expect("it answers");
        }
        compete(&[&one, &two, &three], 30).await;
        assert_eq!(held(&[&one, &two, &three]), [0, 2, 2], "who resigned gets nothing back");
        leases.iter().for_each(|lease| lease.cut("three", true));
        compete(&[&two], 60).await;
        assert_eq!(held(&[&two]), [4]);
    });
}
