//! Many nodes by their ids, in batches as large as GitHub can handle.

use std::collections::VecDeque;

use github_stats_actors::source::{SourceError, SourceErrorKind};
use serde::de::DeserializeOwned;

use super::batch_size::BatchSize;
use super::model::NodesData;
use super::response::GraphqlError;
use super::session::{GraphqlFailure, GraphqlRequest, GraphqlResponse, GraphqlSession};

/// How often a node with missing parts is requested.
const ATTEMPTS: u32 = 3;

/// A node, as far as it could be read.
pub struct NodeResult<T> {
    /// Its index among the requested ids.
    pub index: usize,
    /// `None` if it does not exist or could not be read.
    pub node: Option<T>,
    /// Why it is missing or incomplete.
    pub error: Option<SourceError>,
}

/// A node that is still to be requested.
struct PendingNode {
    index: usize,
    /// From 1.
    attempt: u32,
}

impl GraphqlSession {
    /// Requests the nodes with these ids; `query` gets the ids of a batch and the page size.
    /// `receive` is called exactly once for each id, in no particular order, after transient errors
    /// have been retried.
    pub async fn fetch_nodes<T: DeserializeOwned>(
        &self,
        batch_size: &BatchSize,
        ids: &[&str],
        query: impl Fn(&[&str], usize) -> GraphqlRequest,
        mut receive: impl FnMut(NodeResult<T>),
    ) {
        let mut pending: VecDeque<PendingNode> =
            (0..ids.len()).map(|index| PendingNode { index, attempt: 1 }).collect();
        while !pending.is_empty() {
            let size = batch_size.items().min(pending.len());
            let batch: Vec<PendingNode> = pending.drain(..size).collect();
            let batch_ids: Vec<&str> = batch.iter().map(|node| ids[node.index]).collect();
            let query = query(&batch_ids, batch_size.page());
            match self.execute::<NodesData<T>>(&query).await {
                Ok(response) => {
                    batch_size.record_success();
                    self.distribute(&query, response, batch, &mut pending, &mut receive);
                }
                Err(GraphqlFailure::TooHeavy(error)) => {
                    let has_shrunk = batch_size.shrink();
                    for PendingNode { index, attempt } in batch.into_iter().rev() {
                        if has_shrunk || attempt < ATTEMPTS {
                            let attempt = attempt + u32::from(!has_shrunk);
                            pending.push_front(PendingNode { index, attempt });
                        } else {
                            receive(NodeResult { index, node: None, error: Some(error.clone()) });
                        }
                    }
                    tokio::time::sleep(self.client.retry().first_pause()).await;
                }
                Err(GraphqlFailure::Failed(error)) => {
                    // Errors other than unavailability, such as those of credentials and rate
                    // limits, would meet all other nodes as well.
                    let rest = if error.kind == SourceErrorKind::Unavailable { 0 } else { pending.len() };
                    for PendingNode { index, .. } in batch.into_iter().chain(pending.drain(..rest)) {
                        receive(NodeResult { index, node: None, error: Some(error.clone()) });
                    }
                }
            }
        }
    }

    /// Passes on the nodes of a response; those with transient errors are requested again.
    fn distribute<T>(
        &self,
        query: &GraphqlRequest,
        response: GraphqlResponse<NodesData<T>>,
        batch: Vec<PendingNode>,
        pending: &mut VecDeque<PendingNode>,
        receive: &mut impl FnMut(NodeResult<T>),
    ) {
        let GraphqlResponse { data: NodesData { mut nodes }, errors } = response;
        nodes.resize_with(batch.len(), || None);
        for (place, (PendingNode { index, attempt }, node)) in batch.into_iter().zip(nodes).enumerate() {
            let concerns_node =
                |error: &&GraphqlError| error.is_about("nodes", place) || error.path.len() < 2;
            let error = errors.iter().find(concerns_node).map(|error| self.partial_error(query, error));
            let error = error.or_else(|| node.is_none().then(|| self.missing_node_error()));
            if error.as_ref().is_some_and(|error| error.kind.is_transient()) && attempt < ATTEMPTS {
                pending.push_back(PendingNode { index, attempt: attempt + 1 });
            } else {
                receive(NodeResult { index, node, error });
            }
        }
    }

    fn missing_node_error(&self) -> SourceError {
        let detail = "it no longer exists, or the credentials may not read it";
        self.error(SourceErrorKind::NotFound, detail.into())
    }
}
