//! Where dead letters are handled: at the broker, or at a replica.

use anyhow::{Context, anyhow};
use github_stats_actors::clock::Clock;
use github_stats_actors::queue::{DeadLetter, ReprocessOutcome};
use serde::{Deserialize, Serialize};

use super::ALL;
use crate::cli::replica_client::ReplicaClient;
use crate::cli::replica_options::ReplicaOptions;
use crate::config::Config;
use crate::queue::amqp::{AmqpDeadLetters, AmqpReprocessOutcome, Broker, Topology};

/// What became of a request to reprocess.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct ReprocessSummary {
    pub(super) reprocessed: Vec<ReprocessOutcome>,
    pub(super) failed: Vec<FailedReprocess>,
}

/// A letter that was not reprocessed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FailedReprocess {
    pub(super) id: String,
    pub(super) error: String,
}

#[derive(Deserialize)]
struct Listed {
    total: usize,
    letters: Vec<DeadLetter>,
}

/// Where dead letters are handled.
pub(super) enum DeadLetterBackend {
    Broker(Broker, Topology),
    Replica(ReplicaClient),
}

impl DeadLetterBackend {
    /// A replica where one is named or no broker is configured, else the broker.
    pub(super) fn of(config: &Config, options: &ReplicaOptions) -> Result<Self, anyhow::Error> {
        match config.amqp.url() {
            Some(url) if !options.names_a_replica() => {
                Ok(DeadLetterBackend::Broker(Broker::new(url, "dlq"), Topology::of(config)))
            }
            _ => Ok(DeadLetterBackend::Replica(options.client(config)?)),
        }
    }

    pub(super) async fn list(&self, count: usize) -> Result<(usize, Vec<DeadLetter>), anyhow::Error> {
        match self {
            DeadLetterBackend::Replica(client) => {
                let listed = client.get(&format!("dlq?count={count}")).await?;
                let Listed { total, letters } = serde_json::from_value(listed)?;
                Ok((total, letters))
            }
            DeadLetterBackend::Broker(broker, topology) => {
                let letters = AmqpDeadLetters::open(broker, topology).await?;
                Ok((letters.count().await?, letters.list(count).await?))
            }
        }
    }

    pub(super) async fn inspect(&self, id: &str) -> Result<DeadLetter, anyhow::Error> {
        match self {
            DeadLetterBackend::Replica(client) => {
                Ok(serde_json::from_value(client.get(&format!("dlq/{}", plain(id)?)).await?)?)
            }
            DeadLetterBackend::Broker(broker, topology) => {
                let letters = AmqpDeadLetters::open(broker, topology).await?.list(ALL).await?;
                letters.into_iter().find(|letter| letter.id == id).ok_or_else(|| unknown(id))
            }
        }
    }

    /// One letter, or every one that holds a job.
    pub(super) async fn reprocess(&self, id: Option<&str>) -> Result<ReprocessSummary, anyhow::Error> {
        match self {
            DeadLetterBackend::Replica(client) => {
                let path = match id {
                    Some(id) => format!("dlq/{}/reprocess", plain(id)?),
                    None => "dlq/reprocess".to_owned(),
                };
                Ok(serde_json::from_value(client.post(&path, None).await?)?)
            }
            DeadLetterBackend::Broker(broker, topology) => {
                let ids = match id {
                    Some(id) => vec![id.to_owned()],
                    None => {
                        let letters = AmqpDeadLetters::open(broker, topology).await?.list(ALL).await?;
                        letters.into_iter().map(|letter| letter.id).collect()
                    }
                };
                let outcome = reprocess(broker, topology, ids).await?;
                match (id, outcome.failed.first()) {
                    (Some(_), Some(failed)) => Err(anyhow!("{}", failed.error)),
                    _ => Ok(outcome),
                }
            }
        }
    }

    pub(super) async fn resolve(&self, id: &str, reason: &str) -> Result<(), anyhow::Error> {
        match self {
            DeadLetterBackend::Replica(client) => {
                let path = format!("dlq/{}/resolve", plain(id)?);
                client.post(&path, Some(serde_json::json!({ "reason": reason }))).await.map(drop)
            }
            DeadLetterBackend::Broker(broker, topology) => {
                let letters = AmqpDeadLetters::open(broker, topology).await?;
                match letters.resolve(id, reason, Clock::system().now()).await? {
                    true => Ok(()),
                    false => Err(unknown(id)),
                }
            }
        }
    }
}

async fn reprocess(
    broker: &Broker,
    topology: &Topology,
    ids: Vec<String>,
) -> Result<ReprocessSummary, anyhow::Error> {
    let mut outcome = ReprocessSummary::default();
    for id in ids {
        // What one box has looked at goes back to its place when that is closed.
        let letters = AmqpDeadLetters::open(broker, topology).await.context("cannot reprocess")?;
        let error = match letters.reprocess(&id, Clock::system().now()).await? {
            AmqpReprocessOutcome::Enqueued { job_id } => {
                outcome.reprocessed.push(ReprocessOutcome { id, job_id: Some(job_id) });
                continue;
            }
            AmqpReprocessOutcome::NotAJob => {
                format!("the dead letter {id:?} is no job and cannot be reprocessed; resolve it")
            }
            AmqpReprocessOutcome::NotFound => unknown(&id).to_string(),
        };
        outcome.failed.push(FailedReprocess { id, error });
    }
    Ok(outcome)
}

fn unknown(id: &str) -> anyhow::Error {
    anyhow!("there is no dead letter {id:?}; it may have been reprocessed or resolved before")
}

/// An id as it stands in a path. All that are given out can.
fn plain(id: &str) -> Result<&str, anyhow::Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '~' | '-');
    if !id.is_empty() && id.chars().all(fits) { Ok(id) } else { Err(unknown(id)) }
}
