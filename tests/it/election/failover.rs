//! Three replicas as processes on one Redis, whose leader is killed, stopped, told to go and cut off.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use github_sim::Simulator;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::judge::Judge;
use crate::acceptance::{config, lively, simulator};
use crate::support::redis::{Server, installed};
use crate::support::{Network, Replica, counters, settle, soak};

const LEASE: Duration = Duration::from_secs(3);
const RETRY: Duration = Duration::from_millis(500);
/// How long a released leadership may be nobody's.
const HANDOVER: Duration = Duration::from_secs(1);
/// How long anything may take that is not measured.
const PATIENCE: Duration = Duration::from_secs(60);
const NAMES: [&str; 3] = ["one", "two", "three"];

/// What happens to a leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Blow {
    Terminated,
    Killed,
    Stopped,
    CutOff,
}

const BLOWS: [Blow; 6] =
    [Blow::Terminated, Blow::Killed, Blow::Terminated, Blow::Stopped, Blow::Terminated, Blow::CutOff];

impl Blow {
    /// How long it may take until another leads.
    fn limit(self) -> Duration {
        match self {
            Blow::Terminated => HANDOVER,
            Blow::Killed | Blow::Stopped | Blow::CutOff => LEASE + RETRY,
        }
    }
}

/// A place for a replica: what it keeps when it is started anew.
struct Seat {
    name: &'static str,
    folder: TempDir,
    network: Network,
    config: String,
    replica: Mutex<Option<Arc<Replica>>>,
}

impl Seat {
    async fn new(name: &'static str, simulator: &Simulator, redis: SocketAddr) -> Seat {
        let network = Network::to(redis).await;
        let config = format!(
            "{}store: {{backend: redis, redis_addr: \"{}\"}}\n\
             leader_election: {{lease_duration: 3s, renew_deadline: 2s, retry_period: 500ms}}\n",
            config(simulator, "acme").replace("server: {", &format!("server: {{replica_id: {name}, ")),
            network.address(),
        );
        let folder = TempDir::new().expect("a folder");
        let seat = Seat { name, folder, network, config, replica: Mutex::default() };
        seat.start().await;
        seat
    }

    async fn start(&self) {
        let replica = Replica::serve(self.folder.path(), &self.config).await;
        *self.replica.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(replica));
    }

    fn replica(&self) -> Option<Arc<Replica>> {
        self.replica.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until nobody asks the replica any more; then it is the caller's.
    async fn vacate(&self) -> Replica {
        let taken = self.replica.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut replica = taken.expect("it runs");
        loop {
            match Arc::try_unwrap(replica) {
                Ok(replica) => return replica,
                Err(shared) => replica = shared,
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

struct Stage {
    seats: [Seat; 3],
    judge: Judge,
    /// Who leads under which epoch, as last seen.
    last: Mutex<Option<(&'static str, u64, Instant)>>,
    stop: AtomicBool,
}

impl Stage {
    /// Asks a replica for its role again and again.
    async fn watch_role(&self, seat: &Seat) {
        while !self.stop.load(Ordering::Relaxed) {
            let asked = Instant::now();
            if let Some(replica) = seat.replica()
                && let Some((_, text)) = replica.try_get("/healthz", &[]).await
            {
                let answered = Instant::now();
                let health: Value = serde_json::from_str(&text).expect("JSON");
                if let ("leader", Some(epoch)) =
                    (health["role"].as_str().unwrap_or(""), health["epoch"].as_u64())
                {
                    self.judge.saw(seat.name, epoch, asked, answered);
                    let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
                    if last.is_none_or(|(_, known, _)| known < epoch) {
                        *last = Some((seat.name, epoch, answered));
                    }
                }
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Scrapes a replica; as long as one process serves, no counter falls.
    async fn watch_counters(&self, seat: &Seat) {
        let mut last: (usize, BTreeMap<String, f64>) = (0, BTreeMap::new());
        while !self.stop.load(Ordering::Relaxed) {
            if let Some(replica) = seat.replica() {
                let process = Arc::as_ptr(&replica) as usize;
                if last.0 != process {
                    // What it counted itself and had not yet told the others died with its predecessor.
                    last.1.retain(|name, _| name.starts_with("gh_activity_"));
                    last.0 = process;
                }
                if let Some((200, text)) = replica.try_get("/metrics", &[]).await {
                    for (name, value) in counters(&text) {
                        let before = last.1.insert(name.clone(), value).unwrap_or(0.0);
                        assert!(value >= before, "{name} fell from {before} to {value} on {}", seat.name);
                    }
                }
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    fn leader(&self) -> Option<(&'static str, u64, Instant)> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seat(&self, name: &str) -> &Seat {
        self.seats.iter().find(|seat| seat.name == name).expect("a seat")
    }

    /// Waits for a leadership above `epoch`; who has it, and since when that is known.
    async fn leader_above(&self, epoch: u64) -> (&'static str, u64, Instant) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(leader) = self.leader().filter(|(_, known, _)| *known > epoch) {
                return leader;
            }
            assert!(Instant::now() < deadline, "nobody leads after epoch {epoch}\n{}", self.logs());
            sleep(Duration::from_millis(5)).await;
        }
    }

    fn logs(&self) -> String {
        self.seats.iter().map(|seat| format!("--- {}\n{}", seat.name, seat.log())).collect()
    }

    async fn until_all_serve(&self) {
        let deadline = Instant::now() + PATIENCE;
        for seat in &self.seats {
            loop {
                let replica = seat.replica().expect("it runs");
                let health = replica.try_get("/healthz", &[]).await;
                let health: Value =
                    health.and_then(|(_, text)| serde_json::from_str(&text).ok()).unwrap_or_default();
                if health["ready"] == true && health["components"]["store"]["status"] == "healthy" {
                    break;
                }
                assert!(
                    Instant::now() < deadline,
                    "{} does not recover: {health}\n{}",
                    seat.name,
                    seat.log()
                );
                sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// Strikes the leader; how long it took until another was seen to lead.
    async fn strike(&self, blow: Blow) -> Duration {
        let (name, epoch, _) = self.leader_above(0).await;
        let seat = self.seat(name);
        let replica = seat.replica().expect("it runs");
        let struck = Instant::now();
        match blow {
            Blow::Terminated => replica.signal("TERM"),
            Blow::Killed => replica.signal("KILL"),
            Blow::Stopped => replica.signal("STOP"),
            Blow::CutOff => seat.network.cut(true),
        }
        drop(replica);
        let (next, _, seen) = self.leader_above(epoch).await;
        let took = seen.saturating_duration_since(struck);
        if took > blow.limit() {
            eprintln!("{blow:?}: it took {took:?} from {name} to {next}\n{}", self.logs());
        }
        match blow {
            Blow::Terminated => {
                let mut replica = seat.vacate().await;
                let status = replica.wait(Duration::from_secs(10)).await;
                assert!(status.success(), "{name} ended with {status}\n{}", seat.log());
                seat.start().await;
            }
            Blow::Killed => {
                drop(seat.vacate().await);
                seat.start().await;
            }
            Blow::Stopped => seat.replica().expect("it runs").signal("CONT"),
            Blow::CutOff => seat.network.cut(false),
        }
        took
    }
}

/// No more than one in twenty took too long; a busy machine is granted one.
fn judge_times(times: &BTreeMap<Blow, Vec<Duration>>) {
    let all: usize = times.values().map(Vec::len).sum();
    let late =
        |(blow, times): (&Blow, &Vec<Duration>)| times.iter().filter(|took| **took > blow.limit()).count();
    let late: usize = times.iter().map(late).sum();
    assert!(late <= (all / 20).max(1), "{late} of {all} took too long: {times:?}");
}

/// Prints how long it took, by what happened.
fn print_histogram(times: &BTreeMap<Blow, Vec<Duration>>) {
    for (blow, times) in times {
        let mut times = times.clone();
        times.sort();
        let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize].as_millis();
        eprintln!(
            "{blow:?}: {} times, {} ms at least, {} median, {} at the 95th percentile, {} at most",
            times.len(),
            at(0.0),
            at(0.5),
            at(0.95),
            at(1.0)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_to_the_leader_one_leads_and_nothing_is_lost() {
    if !installed() {
        return;
    }
    let redis = Server::start(&["save \"\""]).await;
    let redis_address = redis.address().parse().expect("an address");
    let simulator = simulator(lively("acme"));
    let first_seen = simulator.now();
    let seats = [
        Seat::new(NAMES[0], &simulator, redis_address).await,
        Seat::new(NAMES[1], &simulator, redis_address).await,
        Seat::new(NAMES[2], &simulator, redis_address).await,
    ];
    let stage = Arc::new(Stage {
        seats,
        judge: Judge::default(),
        last: Mutex::default(),
        stop: AtomicBool::new(false),
    });
    let watches: Vec<_> = (0..stage.seats.len())
        .flat_map(|index| {
            let (one, other) = (stage.clone(), stage.clone());
            [
                tokio::spawn(async move { one.watch_role(&one.seats[index]).await }),
                tokio::spawn(async move { other.watch_counters(&other.seats[index]).await }),
            ]
        })
        .collect();
    let mut rng = StdRng::seed_from_u64(5);
    let mut times: BTreeMap<Blow, Vec<Duration>> = BTreeMap::new();
    for round in 0..if soak() { 80 } else { BLOWS.len() } {
        // Every blow at least once, then at random.
        let blow = BLOWS.get(round).copied().unwrap_or_else(|| BLOWS[rng.random_range(0..BLOWS.len())]);
        stage.until_all_serve().await;
        simulator.advance(Duration::from_secs(600));
        sleep(Duration::from_millis(rng.random_range(0..1_000))).await;
        times.entry(blow).or_default().push(stage.strike(blow).await);
        assert!(watches.iter().all(|watch| !watch.is_finished()), "a watch failed\n{}", stage.logs());
    }
    stage.until_all_serve().await;
    for seat in &stage.seats {
        settle(&seat.replica().expect("it runs"), &simulator, first_seen).await;
    }
    stage.stop.store(true, Ordering::Relaxed);
    for watch in watches {
        watch.await.expect("no counter fell, and no epoch was led by two");
    }
    stage.judge.give_verdict();
    print_histogram(&times);
    judge_times(&times);
}
