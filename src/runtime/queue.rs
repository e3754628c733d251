//! Creates the configured queue of backfill jobs.

use std::sync::Arc;

use actix_supervisor::{ActorRef, ChildSpec, Strategy, SupervisorSpec};
use futures::future::BoxFuture;
use github_stats_actors::events::EventObserver;
use github_stats_actors::queue::{JobQueue, JobStores, MemoryQueue};

use super::settings::dispatch;
use super::stores::Stores;
use crate::config::{Config, SecretSource, StoreBackend};
use crate::queue::amqp::{AmqpQueue, Broker, Topology};
use crate::queue::{BackgroundTask, FallbackQueue, Outbox, TaskFactory, TracedQueue};

/// The queue of backfill jobs, and the background tasks that keep it connected to the broker.
pub struct BackfillQueue {
    pub queue: Arc<dyn JobQueue>,
    /// Named factories of the background tasks; empty without a broker.
    tasks: Vec<(&'static str, TaskFactory)>,
}

impl BackfillQueue {
    /// A queue in memory, whose jobs end with the process.
    pub fn in_memory() -> Self {
        BackfillQueue { queue: traced(MemoryQueue::new()), tasks: Vec::new() }
    }

    /// The configured queue. Returns without waiting for the broker, which is connected to in the
    /// background.
    pub async fn open(
        config: &Config,
        replica: &str,
        stores: &Stores,
        observer: &Arc<dyn EventObserver>,
    ) -> Self {
        match config.amqp.url() {
            Some(url) => Self::on_broker(config, url, replica, observer),
            None => {
                if config.store.backend != StoreBackend::Redis {
                    remove_job_records(config, stores).await;
                }
                Self::in_memory()
            }
        }
    }

    fn on_broker(
        config: &Config,
        url: SecretSource,
        replica: &str,
        observer: &Arc<dyn EventObserver>,
    ) -> Self {
        let (broker, topology) = (Broker::new(url, replica), Topology::of(config));
        let prefetch = config.backfill.consumer_count;
        let amqp = Arc::new(AmqpQueue::new(broker, topology, prefetch, observer.clone()));
        let queue = FallbackQueue::new(amqp.clone(), outbox(config));
        let (publisher, consumer, relay) = (amqp.clone(), amqp, queue.clone());
        let mut tasks: Vec<(&'static str, TaskFactory)> = vec![
            ("amqp-publisher", Arc::new(move || run_publisher(publisher.clone()))),
            ("outbox", Arc::new(move || run_relay(relay.clone()))),
        ];
        if config.backfill.enabled {
            tasks.push(("amqp-consumer", Arc::new(move || run_consumer(consumer.clone()))));
        }
        BackfillQueue { queue: traced(queue), tasks }
    }

    /// The supervisor of the background tasks; `None` without a broker.
    pub(super) fn supervisor(&self) -> Option<ChildSpec> {
        if self.tasks.is_empty() {
            return None;
        }
        let children = self.tasks.iter().map(|(name, factory)| {
            let factory = factory.clone();
            ChildSpec::actor(&ActorRef::<BackgroundTask>::new(*name), move || {
                BackgroundTask::new(factory.clone())
            })
        });
        Some(ChildSpec::supervisor(SupervisorSpec::new("broker", Strategy::OneForOne).children(children)))
    }
}

/// Adds the propagation of traces to a queue.
fn traced(queue: impl JobQueue) -> Arc<dyn JobQueue> {
    Arc::new(TracedQueue::new(Arc::new(queue)))
}

fn run_publisher(queue: Arc<AmqpQueue>) -> BoxFuture<'static, ()> {
    Box::pin(async move { queue.run_publisher().await })
}

fn run_consumer(queue: Arc<AmqpQueue>) -> BoxFuture<'static, ()> {
    Box::pin(async move { queue.run_consumer().await })
}

fn run_relay(queue: FallbackQueue) -> BoxFuture<'static, ()> {
    Box::pin(async move { queue.run_relay().await })
}

/// The outbox in the data directory. Without one, jobs that could not be sent are lost with the
/// process, and sweeps find their windows again.
fn outbox(config: &Config) -> Option<Outbox> {
    if config.store.backend == StoreBackend::Memory {
        return None;
    }
    match Outbox::open(&config.store.path) {
        Ok(outbox) => Some(outbox),
        Err(error) => {
            tracing::warn!(%error, "jobs that cannot be sent to the broker are kept in memory only");
            None
        }
    }
}

/// Removes the records of jobs that were in the memory of the previous process. They would only
/// keep the same windows from being enqueued again.
async fn remove_job_records(config: &Config, stores: &Stores) {
    if let Err(error) = JobStores::new(&stores.shared, &dispatch(config)).jobs.forget_all().await {
        tracing::debug!(%error, "the records of earlier jobs could not be removed; they will expire");
    }
}
