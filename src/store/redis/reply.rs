//! Parsing replies from Redis.

use std::collections::BTreeMap;

use github_stats_actors::activity::{FactId, OrgName, Record, RepoKey, RepoState, Timestamp};
use github_stats_actors::store::StoreError;
use redis::{FromRedisValue, Value};

use super::version::RepoVersion;
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

/// Converts a value to the expected type.
pub(super) fn parse<T: FromRedisValue>(value: Value) -> Result<T, StoreError> {
    redis::from_redis_value(value)
        .map_err(|error| StoreError::Damaged(format!("unexpected value in redis: {error}")))
}

/// The next reply of a pipeline.
pub(super) fn next(replies: &mut impl Iterator<Item = Value>) -> Result<Value, StoreError> {
    replies.next().ok_or_else(|| StoreError::Damaged("redis sent fewer replies than commands".to_owned()))
}

/// Decodes the version and the state of a repository.
pub(super) fn repository(key: &RepoKey, bytes: &[u8]) -> Result<(RepoVersion, RepoState), StoreError> {
    let parts = bytes.split_at_checked(RepoVersion::LENGTH);
    let parts = parts.and_then(|(version, state)| Some((RepoVersion::parse(version)?, state)));
    let (version, state) = parts.ok_or_else(|| {
        StoreError::Damaged(format!("the state of {key}: it does not begin with a version"))
    })?;
    Ok((version, state_json::decode(key, state)?))
}

/// Decodes a record.
pub(super) fn record(key: &RepoKey, id: FactId, bytes: &[u8]) -> Result<Record, StoreError> {
    codec::decode(bytes).map_err(|error| state_json::record_damaged(key, id, error))
}

/// Decodes a fact's identity.
pub(super) fn fact_id(key: &RepoKey, bytes: &[u8]) -> Result<FactId, StoreError> {
    fact_bytes::read(bytes).ok_or_else(|| state_json::identity_damaged(key))
}

/// Fields of a hash and their values.
pub(super) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Parses the reply to HSCAN: the next cursor, and fields with their values.
pub(super) fn scan_step(value: Value) -> Result<(Vec<u8>, Pairs), StoreError> {
    let unexpected = || StoreError::Damaged("unexpected reply from redis to HSCAN".to_owned());
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

/// Decodes an organisation's name.
pub(super) fn organisation(bytes: Vec<u8>) -> Result<OrgName, StoreError> {
    String::from_utf8(bytes)
        .map(OrgName::from)
        .map_err(|_| StoreError::Damaged("the name of an organisation is not UTF-8".to_owned()))
}

/// Encoded records by fact.
pub(super) type StoredFacts = BTreeMap<FactId, Vec<u8>>;

/// Decodes the records dated before `floor`; of the others, only the time is decoded.
pub(super) fn older_than(
    facts: StoredFacts,
    floor: Timestamp,
    key: &RepoKey,
) -> Result<Vec<(FactId, Record)>, StoreError> {
    dated(facts, key, |at| at < floor)
}

/// Decodes the records whose time satisfies `wanted`.
pub(super) fn dated(
    facts: StoredFacts,
    key: &RepoKey,
    wanted: impl Fn(Timestamp) -> bool,
) -> Result<Vec<(FactId, Record)>, StoreError> {
    let mut records = Vec::new();
    for (id, bytes) in facts {
        let at = codec::decode_at(&bytes).map_err(|error| state_json::record_damaged(key, id, error))?;
        if wanted(at) {
            records.push((id, record(key, id, &bytes)?));
        }
    }
    Ok(records)
}
