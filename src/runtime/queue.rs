//! From the configuration to the queue of backfill jobs.

use std::sync::Arc;

use actix_supervisor::{ActorRef, ChildSpec, Strategy, SupervisorSpec};
use futures::future::BoxFuture;
use github_stats_actors::event::Observer;
use github_stats_actors::queue::{JobQueue, JobStores, MemoryQueue};

use super::settings::dispatch;
use super::stores::Stores;
use crate::config::{Config, SecretSource, StoreBackend};
use crate::queue::amqp::{AmqpQueue, Broker, Topology};
use crate::queue::{BackgroundTask, FallbackQueue, Outbox, TaskFactory, TracedQueue};

/// Where backfill jobs wait, and what keeps the way there open.
pub struct BackfillQueue {
    /// The queue.
    pub queue: Arc<dyn JobQueue>,
    errands: Vec<(&'static str, TaskFactory)>,
}

impl BackfillQueue {
    /// A queue that ends with the process.
    pub fn in_memory() -> Self {
        BackfillQueue { queue: traced(MemoryQueue::new()), errands: Vec::new() }
    }

    /// The configured queue. Nothing is waited for: a broker that does not answer is connected to later.
    pub async fn open(config: &Config, replica: &str, stores: &Stores, observer: &Arc<dyn Observer>) -> Self {
        match config.amqp.url() {
            Some(url) => Self::on_broker(config, url, replica, observer),
            None => {
                if config.store.backend != StoreBackend::Redis {
                    forget_jobs(config, stores).await;
                }
                Self::in_memory()
            }
        }
    }

    fn on_broker(config: &Config, url: SecretSource, replica: &str, observer: &Arc<dyn Observer>) -> Self {
        let (broker, topology) = (Broker::new(url, replica), Topology::of(config));
        let prefetch = config.backfill.consumer_count;
        let amqp = Arc::new(AmqpQueue::new(broker, topology, prefetch, observer.clone()));
        let queue = FallbackQueue::new(amqp.clone(), outbox(config));
        let (publisher, consumer, relay) = (amqp.clone(), amqp, queue.clone());
        let mut errands: Vec<(&'static str, TaskFactory)> = vec![
            ("amqp-publisher", Arc::new(move || keep(publisher.clone(), Way::Out))),
            ("outbox", Arc::new(move || relayed(relay.clone()))),
        ];
        if config.backfill.enabled {
            errands.push(("amqp-consumer", Arc::new(move || keep(consumer.clone(), Way::In))));
        }
        BackfillQueue { queue: traced(queue), errands }
    }

    /// The actors that keep the way to the queue open; `None` where there is no way to keep.
    pub(super) fn supervisor(&self) -> Option<ChildSpec> {
        if self.errands.is_empty() {
            return None;
        }
        let children = self.errands.iter().map(|(name, errand)| {
            let errand = errand.clone();
            ChildSpec::actor(&ActorRef::<BackgroundTask>::new(*name), move || {
                BackgroundTask::new(errand.clone())
            })
        });
        Some(ChildSpec::supervisor(SupervisorSpec::new("broker", Strategy::OneForOne).children(children)))
    }
}

/// Traces go on through whatever queue there is.
fn traced(queue: impl JobQueue) -> Arc<dyn JobQueue> {
    Arc::new(TracedQueue::new(Arc::new(queue)))
}

/// Which of the two connections.
enum Way {
    Out,
    In,
}

fn keep(queue: Arc<AmqpQueue>, way: Way) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        match way {
            Way::Out => queue.publishing().await,
            Way::In => queue.consuming().await,
        }
    })
}

fn relayed(queue: FallbackQueue) -> BoxFuture<'static, ()> {
    Box::pin(async move { queue.relaying().await })
}

/// The outbox in the data directory; without one, what could not be sent is found again by the sweeps.
fn outbox(config: &Config) -> Option<Outbox> {
    if config.store.backend == StoreBackend::Memory {
        return None;
    }
    match Outbox::open(&config.store.path) {
        Ok(outbox) => Some(outbox),
        Err(error) => {
            tracing::warn!(%error, "jobs that cannot be sent will wait in memory only");
            None
        }
    }
}

/// What waited in the memory of the process that had this store before is gone with it; its records would only keep
/// the same windows from being enqueued again.
async fn forget_jobs(config: &Config, stores: &Stores) {
    if let Err(error) = JobStores::new(&stores.shared, &dispatch(config)).jobs.forget_all().await {
        tracing::debug!(%error, "the records of earlier jobs are left; they run out by themselves");
    }
}
