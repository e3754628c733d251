//! Many things by their ids, as many at once as GitHub manages.

use std::collections::VecDeque;

use github_stats_actors::source::{SourceError, SourceErrorKind};
use serde::de::DeserializeOwned;

use super::batch_size::BatchSize;
use super::model::NodesData;
use super::session::{GraphqlRefusal, GraphqlRequest, GraphqlSession};

/// How often a thing is asked for of which parts are missing.
const ATTEMPTS: u32 = 3;

/// What became of one thing.
pub struct BatchResult<T> {
    /// Its place among the ids.
    pub index: usize,
    /// What there is of it; `None` where it does not exist.
    pub node: Option<T>,
    /// Why that is not all.
    pub error: Option<SourceError>,
}

impl GraphqlSession {
    /// Asks for the things with these ids; `question` is given ids and the size of a page. Every id is answered, in no
    /// particular order; only the last answer to each is told, and nothing that is transient is told before it was tried
    /// several times.
    pub async fn nodes<T: DeserializeOwned>(
        &self,
        load: &BatchSize,
        ids: &[&str],
        question: impl Fn(&[&str], usize) -> GraphqlRequest,
        mut answered: impl FnMut(BatchResult<T>),
    ) {
        let mut queue: VecDeque<(usize, u32)> = (0..ids.len()).map(|index| (index, 1)).collect();
        while !queue.is_empty() {
            let many = load.things().min(queue.len());
            let batch: Vec<(usize, u32)> = queue.drain(..many).collect();
            let asked: Vec<&str> = batch.iter().map(|(index, _)| ids[*index]).collect();
            let question = question(&asked, load.page());
            match self.ask::<NodesData<T>>(&question).await {
                Ok(mut told) => {
                    load.succeeded();
                    told.data.nodes.resize_with(batch.len(), || None);
                    let nodes = std::mem::take(&mut told.data.nodes);
                    for (place, ((index, attempt), node)) in batch.into_iter().zip(nodes).enumerate() {
                        let about = |error: &&super::response::GraphqlError| {
                            error.is_about("nodes", place) || error.path.len() < 2
                        };
                        let error = told.errors.iter().find(about).map(|error| self.error(&question, error));
                        let error = error.or_else(|| node.is_none().then(|| self.absent()));
                        let again = error.as_ref().is_some_and(|error| error.kind.is_transient());
                        if again && attempt < ATTEMPTS {
                            queue.push_back((index, attempt + 1));
                        } else {
                            answered(BatchResult { index, node, error });
                        }
                    }
                }
                Err(GraphqlRefusal::TooHeavy(error)) => {
                    let can_shrink = load.shrink();
                    for (index, attempt) in batch.into_iter().rev() {
                        if can_shrink || attempt < ATTEMPTS {
                            queue.push_front((index, attempt + u32::from(!can_shrink)));
                        } else {
                            answered(BatchResult { index, node: None, error: Some(error.clone()) });
                        }
                    }
                    tokio::time::sleep(self.client.breath()).await;
                }
                Err(GraphqlRefusal::Failed(error)) => {
                    // What is wrong with the credentials or the quota is so for everything else, too.
                    let rest = if error.kind == SourceErrorKind::Unavailable { 0 } else { queue.len() };
                    for (index, _) in batch.into_iter().chain(queue.drain(..rest)) {
                        answered(BatchResult { index, node: None, error: Some(error.clone()) });
                    }
                }
            }
        }
    }

    fn absent(&self) -> SourceError {
        self.failure(
            SourceErrorKind::NotFound,
            "it does not exist any more, or the credentials may not see it".into(),
        )
    }
}
