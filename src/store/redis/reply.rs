//! Reading what Redis answers.

use github_stats_actors::activity::{FactId, OrgName, Record, RepoKey, RepoState};
use github_stats_actors::store::StoreError;
use redis::{FromRedisValue, Value};

use super::version::RecordVersion;
use crate::redis::RedisClientError;
use crate::store::{codec, fact_bytes, state_json};

impl From<RedisClientError> for StoreError {
    fn from(error: RedisClientError) -> Self {
        match error {
            RedisClientError::Full(why) => StoreError::Full(why),
            RedisClientError::Damaged(why) => StoreError::Damaged(why),
            other => StoreError::Unavailable(other.to_string()),
        }
    }
}

/// Takes a value for what it should be.
pub(super) fn parsed<T: FromRedisValue>(value: Value) -> Result<T, StoreError> {
    redis::from_redis_value(value)
        .map_err(|error| StoreError::Damaged(format!("redis holds something unexpected: {error}")))
}

/// The next answer of a pipeline.
pub(super) fn next(answers: &mut impl Iterator<Item = Value>) -> Result<Value, StoreError> {
    answers.next().ok_or_else(|| StoreError::Damaged("redis left a command unanswered".to_owned()))
}

/// The version and the state of a repository.
pub(super) fn repository(key: &RepoKey, bytes: &[u8]) -> Result<(RecordVersion, RepoState), StoreError> {
    let parts = bytes.split_at_checked(RecordVersion::LENGTH);
    let version = parts.and_then(|(version, state)| Some((RecordVersion::read(version)?, state)));
    let (version, state) = version
        .ok_or_else(|| StoreError::Damaged(format!("the state of {key}: it begins with no version")))?;
    Ok((version, state_json::decode(key, state)?))
}

/// A record.
pub(super) fn record(key: &RepoKey, id: FactId, bytes: &[u8]) -> Result<Record, StoreError> {
    codec::decode(bytes).map_err(|error| state_json::record_damaged(key, id, error))
}

/// A fact's identity.
pub(super) fn fact_id(key: &RepoKey, bytes: &[u8]) -> Result<FactId, StoreError> {
    fact_bytes::read(bytes).ok_or_else(|| state_json::identity_damaged(key))
}

/// Fields and their values.
pub(super) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// A step of a scan: where to go on, and fields with their values.
pub(super) fn step(value: Value) -> Result<(Vec<u8>, Pairs), StoreError> {
    let unexpected = || StoreError::Damaged("redis holds something unexpected: no step of a scan".to_owned());
    let Value::Array(parts) = value else { return Err(unexpected()) };
    let [Value::BulkString(cursor), Value::Array(flat)] =
        <[Value; 2]>::try_from(parts).map_err(|_| unexpected())?
    else {
        return Err(unexpected());
    };
    let mut flat = flat.into_iter();
    let mut pairs = Vec::with_capacity(flat.len() / 2);
    while let Some(field) = flat.next() {
        match (field, flat.next()) {
            (Value::BulkString(field), Some(Value::BulkString(value))) => pairs.push((field, value)),
            _ => return Err(unexpected()),
        }
    }
    Ok((cursor, pairs))
}

/// An organisation's name.
pub(super) fn organisation(bytes: Vec<u8>) -> Result<OrgName, StoreError> {
    String::from_utf8(bytes)
        .map(OrgName::from)
        .map_err(|_| StoreError::Damaged("the name of an organisation is not UTF-8".to_owned()))
}
