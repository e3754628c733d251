//! How the dead letters are reached: through the broker or through a replica.

use std::sync::Arc;

use anyhow::anyhow;
use github_stats_actors::clock::Clock;
use github_stats_actors::queue::{DeadLetterAdmin, DeadLetterError};

use crate::admin_api::{
    DeadLetterList, DeadLetterQuery, DeadLetterView, ReprocessAnswer, ResolveAnswer, ResolveRequest,
};
use crate::cli::replica_client::ReplicaClient;
use crate::cli::replica_options::ReplicaOptions;
use crate::config::Config;
use crate::queue::amqp::{AmqpError, Broker, DeadLetterQueue, Topology};

/// How the dead letters are reached. What happens to them is decided by [`DeadLetterAdmin`] either
/// way.
pub(super) enum DeadLetterBackend {
    Broker { broker: Broker, topology: Topology, clock: Arc<Clock> },
    Replica(ReplicaClient),
}

impl DeadLetterBackend {
    /// The replica if one is given or no broker is configured, otherwise the broker.
    pub(super) fn of(
        config: &Config,
        options: &ReplicaOptions,
        clock: Arc<Clock>,
    ) -> Result<Self, anyhow::Error> {
        match config.amqp.url() {
            Some(url) if !options.has_url() => {
                let (broker, topology) = (Broker::new(url, "dlq"), Topology::of(config));
                Ok(DeadLetterBackend::Broker { broker, topology, clock })
            }
            _ => Ok(DeadLetterBackend::Replica(options.client(config)?)),
        }
    }

    /// The oldest dead letters; all of them without a `count`.
    pub(super) async fn list(&self, count: Option<usize>) -> Result<DeadLetterList, anyhow::Error> {
        let count = count.unwrap_or(usize::MAX);
        match self {
            DeadLetterBackend::Replica(client) => {
                Ok(client.get("dlq", &DeadLetterQuery { count: Some(count) }).await?.content)
            }
            DeadLetterBackend::Broker { broker, topology, clock } => {
                Ok(open(broker, topology, clock).await?.page(count).await?.into())
            }
        }
    }

    pub(super) async fn inspect(&self, id: &str) -> Result<DeadLetterView, anyhow::Error> {
        match self {
            DeadLetterBackend::Replica(client) => {
                Ok(client.get(&format!("dlq/{}", path_segment(id)?), &()).await?.content)
            }
            DeadLetterBackend::Broker { broker, topology, clock } => {
                Ok(DeadLetterView::of(&open(broker, topology, clock).await?.inspect(id).await?))
            }
        }
    }

    /// Reprocesses one dead letter, or without an id every one.
    pub(super) async fn reprocess(&self, id: Option<&str>) -> Result<ReprocessAnswer, anyhow::Error> {
        match self {
            DeadLetterBackend::Replica(client) => {
                let path = match id {
                    Some(id) => format!("dlq/{}/reprocess", path_segment(id)?),
                    None => "dlq/reprocess".to_owned(),
                };
                Ok(client.post(&path, &()).await?.content)
            }
            DeadLetterBackend::Broker { broker, topology, clock } => {
                let queue = open(broker, topology, clock).await?;
                match id {
                    Some(id) => Ok(queue.reprocess(id).await?.into()),
                    None => Ok(queue.reprocess_all().await?.into()),
                }
            }
        }
    }

    pub(super) async fn resolve(&self, id: &str, reason: String) -> Result<ResolveAnswer, anyhow::Error> {
        match self {
            DeadLetterBackend::Replica(client) => {
                let path = format!("dlq/{}/resolve", path_segment(id)?);
                Ok(client.post(&path, &ResolveRequest { reason }).await?.content)
            }
            DeadLetterBackend::Broker { broker, topology, clock } => {
                let dead_letter = open(broker, topology, clock).await?.resolve(id, &reason).await?;
                Ok(ResolveAnswer { resolved: dead_letter.id, reason })
            }
        }
    }
}

async fn open(
    broker: &Broker,
    topology: &Topology,
    clock: &Arc<Clock>,
) -> Result<DeadLetterQueue, AmqpError> {
    DeadLetterQueue::open(broker, topology, clock.clone()).await
}

/// An id as a segment of a path. Ids that need escaping are never assigned.
fn path_segment(id: &str) -> Result<&str, anyhow::Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '~' | '-');
    let unknown = || anyhow!(DeadLetterError::Unknown(id.to_owned()));
    if !id.is_empty() && id.chars().all(fits) { Ok(id) } else { Err(unknown()) }
}
