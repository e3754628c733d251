//! The binary encoding of a fact's identity: a tag for its kind, then the object id or the number
//! (big endian). The byte order is the order of [`FactId`].

use github_stats_actors::activity::{FactId, Oid};

/// Appends the encoded identity.
pub(in crate::store) fn push(bytes: &mut Vec<u8>, id: FactId) {
    match id {
        FactId::Commit(oid) => {
            bytes.push(0);
            bytes.extend_from_slice(oid.as_bytes());
        }
        FactId::PrOpened(number) => push_number(bytes, 1, number),
        FactId::PrMerged(number) => push_number(bytes, 2, number),
        FactId::Review(number) => push_number(bytes, 3, number),
        FactId::IssueComment(number) => push_number(bytes, 4, number),
    }
}

/// The encoded identity.
pub(in crate::store) fn of(id: FactId) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(21);
    push(&mut bytes, id);
    bytes
}

/// Decodes an identity, which must take up all bytes.
pub(in crate::store) fn read(bytes: &[u8]) -> Option<FactId> {
    match split_first(bytes)? {
        (id, []) => Some(id),
        _ => None,
    }
}

/// Decodes the identity at the start, and returns the bytes after it.
pub(in crate::store) fn split_first(bytes: &[u8]) -> Option<(FactId, &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    if *tag == 0 {
        let (oid, rest) = rest.split_first_chunk()?;
        return Some((FactId::Commit(Oid::from_bytes(*oid)), rest));
    }
    let (number, rest) = rest.split_first_chunk()?;
    let number = u64::from_be_bytes(*number);
    let id = match tag {
        1 => FactId::PrOpened(number),
        2 => FactId::PrMerged(number),
        3 => FactId::Review(number),
        4 => FactId::IssueComment(number),
        _ => return None,
    };
    Some((id, rest))
}

fn push_number(bytes: &mut Vec<u8>, tag: u8, number: u64) {
    bytes.push(tag);
    bytes.extend_from_slice(&number.to_be_bytes());
}
