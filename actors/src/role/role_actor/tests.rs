//! Role actors over one lease and one store, in virtual time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_supervisor::testing::in_virtual_time;
use async_trait::async_trait;
use tokio::time::sleep;

use super::*;
use crate::role::{
    ElectionBasis, ElectionError, ElectionStatus, Elector, Epoch, EpochError, EpochIssuer, MemoryLease, Role,
    RoleWatch, Roles, SharedStoreStatus,
};

const LEASE: Duration = Duration::from_secs(15);
const RENEW: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_secs(2);

/// An elector that answers from a script.
#[derive(Default)]
struct ScriptedElector {
    leads: Mutex<Option<(u64, Duration)>>,
    fails: Mutex<bool>,
    attempts_after_resigning: Mutex<Option<usize>>,
}

#[async_trait]
impl Elector for ScriptedElector {
    async fn attempt(&self) -> Result<ElectionStatus, ElectionError> {
        if let Some(attempts) = self.attempts_after_resigning.lock().unwrap().as_mut() {
            *attempts += 1;
        }
        // Attempts take a while, so that something can happen during one.
        sleep(Duration::from_millis(100)).await;
        if *self.fails.lock().unwrap() {
            return Err(ElectionError("scripted failure".into()));
        }
        Ok(match *self.leads.lock().unwrap() {
            Some((term, lasts)) => ElectionStatus::Leader { until: Instant::now() + lasts, term },
            None => ElectionStatus::Follower { leader: Some("other".into()) },
        })
    }

    async fn resign(&self) {
        *self.attempts_after_resigning.lock().unwrap() = Some(0);
    }

    fn basis(&self) -> ElectionBasis {
        "scripted".into()
    }
}

/// Issues epochs as a shared store does.
#[derive(Default)]
struct EpochCounter(AtomicU64);

#[async_trait]
impl EpochIssuer for EpochCounter {
    async fn begin_epoch(&self, _: Shard, after: Epoch) -> Result<Epoch, EpochError> {
        let next = self.0.fetch_max(after.0, Ordering::AcqRel).max(after.0) + 1;
        self.0.store(next, Ordering::Release);
        Ok(Epoch(next))
    }
}

#[derive(Default)]
struct Reachability(Mutex<Option<String>>);

impl SharedStoreStatus for Reachability {
    fn cut_off(&self) -> Option<String> {
        self.0.lock().unwrap().clone()
    }
}

struct RoleFixture {
    elector: Arc<ScriptedElector>,
    watch: RoleWatch,
    shared_store: Arc<Reachability>,
    address: Addr<RoleActor>,
}

impl RoleFixture {
    fn new() -> Self {
        let elector = Arc::new(ScriptedElector::default());
        let (roles, shared_store) = (Roles::new("scripted", 1), Arc::new(Reachability::default()));
        let campaign = Campaign {
            shard: Shard::WHOLE,
            elector: elector.clone(),
            epochs: Arc::new(EpochCounter::default()),
            retry_period: RETRY,
            renew_deadline: RENEW,
            shared_store: shared_store.clone(),
            roles: roles.clone(),
        };
        let watch = roles.first().clone();
        RoleFixture { elector, watch, shared_store, address: RoleActor::new(campaign).start() }
    }

    fn lead(&self, term: Option<u64>) {
        *self.elector.leads.lock().unwrap() = term.map(|term| (term, LEASE));
    }

    fn fail_election(&self, fails: bool) {
        *self.elector.fails.lock().unwrap() = fails;
    }

    fn cut_off(&self, cut_off: bool) {
        *self.shared_store.0.lock().unwrap() = cut_off.then(|| "away".to_owned());
    }
}

async fn some_attempts() {
    sleep(RETRY * 2).await;
}

#[test]
fn each_acquisition_has_an_epoch_of_its_own() {
    in_virtual_time(|| async {
        let fixture = RoleFixture::new();
        let mut epochs = Vec::new();
        for term in [1, 1, 2, 3] {
            fixture.lead(Some(term));
            some_attempts().await;
            epochs.push(fixture.watch.leads().expect("it leads").0);
        }
        assert_eq!(epochs[0], epochs[1], "it was renewed");
        assert!(epochs[1..].windows(2).all(|pair| pair[0] < pair[1]), "{epochs:?}");
        fixture.lead(None);
        some_attempts().await;
        let view = fixture.watch.get();
        assert_eq!((view.role, view.leader.as_deref()), (Role::Follower, Some("other")));
    });
}

#[test]
fn a_leader_whose_epoch_is_revoked_follows_at_once_and_leads_again_under_a_greater_epoch() {
    in_virtual_time(|| async {
        let fixture = RoleFixture::new();
        fixture.lead(Some(1));
        some_attempts().await;
        let first = fixture.watch.leads().expect("it leads");
        let authority = SchedulingAuthority::Leader(first);
        let before = Instant::now();
        let revoke = async { fixture.watch.revoke(first, "a test") };
        tokio::join!(fixture.watch.ended(authority), revoke);
        assert_eq!((before.elapsed(), fixture.watch.leads()), (Duration::ZERO, None));
        some_attempts().await;
        assert!(fixture.watch.leads().expect("it leads again") > first);
    });
}

#[test]
fn an_attempt_in_progress_does_not_reacquire_a_resigned_leadership() {
    in_virtual_time(|| async {
        let fixture = RoleFixture::new();
        fixture.lead(Some(1));
        some_attempts().await;
        // In the middle of an attempt.
        sleep(Duration::from_millis(2_250)).await;
        fixture.address.send(Resign).await.expect("it answers");
        assert_eq!(fixture.watch.leads(), None);
        sleep(LEASE).await;
        assert_eq!(fixture.watch.leads(), None);
        assert_eq!(
            *fixture.elector.attempts_after_resigning.lock().unwrap(),
            Some(0),
            "it makes no more attempts"
        );
    });
}

#[test]
fn during_an_outage_the_last_leader_goes_on_scheduling_without_leading() {
    in_virtual_time(|| async {
        let fixture = RoleFixture::new();
        fixture.lead(Some(1));
        some_attempts().await;
        let epoch = fixture.watch.leads().expect("it leads");
        fixture.fail_election(true);
        fixture.cut_off(true);
        sleep(LEASE + RETRY * 2).await;
        assert_eq!(
            (fixture.watch.leads(), fixture.watch.authority()),
            (None, Some(SchedulingAuthority::Outage))
        );
        sleep(LEASE * 10).await;
        assert_eq!(fixture.watch.authority(), Some(SchedulingAuthority::Outage), "as long as it lasts");
        fixture.fail_election(false);
        fixture.cut_off(false);
        fixture.lead(Some(2));
        some_attempts().await;
        assert!(fixture.watch.leads().expect("elected again") > epoch);
    });
}

#[test]
fn a_leadership_that_is_not_renewed_ends_at_its_deadline() {
    in_virtual_time(|| async {
        let watch = RoleWatch::new("scripted");
        let until = Instant::now() + RENEW;
        watch.set(RoleView::leader("scripted", Epoch(1), until));
        watch.ended(SchedulingAuthority::Leader(Epoch(1))).await;
        assert_eq!((Instant::now(), watch.leads()), (until, None));
        watch.set(RoleView::leader("scripted", Epoch(1), until + RENEW));
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
    fn join(name: &str, leases: &[Arc<MemoryLease>], epochs: &Arc<EpochCounter>) -> Self {
        let roles = Roles::new("memory", SHARDS);
        let actor = |(shard, lease): (Shard, &Arc<MemoryLease>)| {
            let campaign = Campaign {
                shard,
                elector: Arc::new(lease.elector(name, RENEW)),
                epochs: epochs.clone(),
                retry_period: RETRY,
                renew_deadline: RENEW,
                shared_store: Arc::new(Reachability::default()),
                roles: roles.clone(),
            };
            RoleActor::new(campaign).start()
        };
        let addresses = Shard::all(SHARDS).zip(leases).map(actor).collect();
        Contender { roles, addresses }
    }
}

/// Lets time pass in which contenders exchange their loads once a second; no shard may have two
/// leaders meanwhile.
async fn compete(contenders: &[&Contender], seconds: u64) {
    for _ in 0..seconds {
        for (own, contender) in contenders.iter().enumerate() {
            let others = contenders.iter().enumerate().filter(|(other, _)| *other != own);
            contender.roles.set_peers(others.map(|(_, other)| other.roles.load()).collect());
        }
        for shard in Shard::all(SHARDS) {
            let leaders = contenders.iter().filter(|c| c.roles.watch(shard).leads().is_some()).count();
            assert!(leaders <= 1, "{leaders} lead shard {shard}");
        }
        sleep(Duration::from_secs(1)).await;
    }
}

fn shards_led(contenders: &[&Contender]) -> Vec<usize> {
    let mut led: Vec<usize> = contenders.iter().map(|contender| contender.roles.shards_led()).collect();
    led.sort_unstable();
    led
}

#[test]
fn shards_spread_over_replicas_that_join_and_return_from_those_that_leave() {
    in_virtual_time(|| async {
        let leases: Vec<Arc<MemoryLease>> =
            (0..SHARDS).map(|_| MemoryLease::new(LEASE, 1.0, Duration::from_millis(20))).collect();
        let epochs = Arc::new(EpochCounter::default());
        let one = Contender::join("one", &leases, &epochs);
        compete(&[&one], 5).await;
        assert_eq!(shards_led(&[&one]), [4], "a single replica leads every shard");
        let two = Contender::join("two", &leases, &epochs);
        compete(&[&one, &two], 60).await;
        assert_eq!(shards_led(&[&one, &two]), [2, 2]);
        let earlier = [&one, &two].map(|contender| contender.roles.leads());
        let three = Contender::join("three", &leases, &epochs);
        compete(&[&one, &two, &three], 60).await;
        assert_eq!(shards_led(&[&one, &two, &three]), [1, 1, 2], "four among three");
        assert!(three.roles.leads() > earlier[0].max(earlier[1]), "what changed hands has a greater epoch");
        let before: Vec<Option<Epoch>> = one.roles.iter().map(|(_, watch)| watch.leads()).collect();
        compete(&[&one, &two, &three], 120).await;
        let after: Vec<Option<Epoch>> = one.roles.iter().map(|(_, watch)| watch.leads()).collect();
        assert_eq!(before, after, "nothing moves while loads differ by one at most");
        for address in one.addresses.iter() {
            address.send(Resign).await.expect("it answers");
        }
        compete(&[&one, &two, &three], 30).await;
        assert_eq!(
            shards_led(&[&one, &two, &three]),
            [0, 2, 2],
            "a replica that resigned leads nothing again"
        );
        leases.iter().for_each(|lease| lease.cut("three", true));
        compete(&[&two], 60).await;
        assert_eq!(shards_led(&[&two]), [4]);
    });
}
