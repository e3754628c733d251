//! The JSON encoding of a repository's state, validated when it is decoded.

use std::fmt::Display;

use github_stats_actors::activity::{Coverage, FactId, RepoKey, RepoState};
use github_stats_actors::store::StoreError;

use super::codec::DecodeError;

pub(in crate::store) fn encode(state: &RepoState) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(state).map_err(|error| damaged(&state.key, error))
}

/// Decodes the state stored for `repository`.
pub(in crate::store) fn decode(repository: &RepoKey, bytes: &[u8]) -> Result<RepoState, StoreError> {
    let state: RepoState = serde_json::from_slice(bytes).map_err(|error| damaged(repository, error))?;
    if state.key != *repository {
        return Err(damaged(repository, format_args!("it is the state of {}", state.key)));
    }
    if !is_canonical(&state.coverage) {
        return Err(damaged(repository, "the windows of its coverage are not sorted and disjoint"));
    }
    Ok(state)
}

/// Whether the windows are non-empty, sorted and disjoint, which the coverage algebra relies on.
fn is_canonical(coverage: &Coverage) -> bool {
    let windows = coverage.windows();
    windows.iter().all(|window| window.from() < window.to())
        && windows.windows(2).all(|pair| pair[0].to() < pair[1].from())
}

/// The error of a record that cannot be decoded.
pub(in crate::store) fn record_damaged(repository: &RepoKey, id: FactId, error: DecodeError) -> StoreError {
    StoreError::Damaged(format!("record {id} of {repository}: {error}"))
}

/// The error of a record whose identity cannot be decoded.
pub(in crate::store) fn identity_damaged(repository: &RepoKey) -> StoreError {
    StoreError::Damaged(format!("a record of {repository}: its key is not the identity of a fact"))
}

fn damaged(repository: &RepoKey, why: impl Display) -> StoreError {
    StoreError::Damaged(format!("the state of {repository}: {why}"))
}
