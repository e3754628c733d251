//! Order-preserving keys: their byte order is the order of the repositories and facts they
//! identify.
//!
//! A name is encoded as its UTF-8 bytes and a terminator `00`; a `00` inside a name becomes
//! `00 FF`. No name, tag or terminator begins with `FF`, so a prefix followed by `FF` sorts after
//! all keys with that prefix and before the next name: all keys of `acme` precede those of
//! `acme-labs`, as in a `BTreeMap`.

use github_stats_actors::activity::{FactId, OrgName, RepoId, RepoKey};

use crate::store::fact_bytes;

const END: u8 = 0x00;
const AFTER: u8 = 0xFF;

/// The prefix of all keys of an organisation.
pub(super) fn of_organisation(org: &OrgName) -> Vec<u8> {
    let mut key = Vec::with_capacity(64);
    push_name(&mut key, org.as_str());
    key
}

/// The key of a repository, which is also the prefix of its records.
pub(super) fn of_repository(repository: &RepoKey) -> Vec<u8> {
    let mut key = of_organisation(&repository.org);
    push_name(&mut key, repository.id.as_str());
    key
}

/// The key of a record; `repository` is the encoded key of its repository.
pub(super) fn of_record(repository: &[u8], id: FactId) -> Vec<u8> {
    let mut key = Vec::with_capacity(repository.len() + 21);
    key.extend_from_slice(repository);
    fact_bytes::push(&mut key, id);
    key
}

/// The exclusive upper bound of all keys with this prefix.
pub(super) fn after(prefix: &[u8]) -> Vec<u8> {
    let mut key = prefix.to_vec();
    key.push(AFTER);
    key
}

/// Decodes the repository at the start of a key, and returns the bytes after it.
pub(super) fn split_repository(key: &[u8]) -> Option<(RepoKey, &[u8])> {
    let (org, rest) = split_name(key)?;
    let (id, rest) = split_name(rest)?;
    Some((RepoKey { org: OrgName::from(org), id: RepoId::from(id) }, rest))
}

fn push_name(key: &mut Vec<u8>, name: &str) {
    for byte in name.bytes() {
        key.push(byte);
        if byte == END {
            key.push(AFTER);
        }
    }
    key.push(END);
}

fn split_name(key: &[u8]) -> Option<(String, &[u8])> {
    let mut name = Vec::new();
    let mut rest = key;
    loop {
        let (byte, after) = rest.split_first()?;
        match (*byte, after.split_first()) {
            (END, Some((&AFTER, after))) => {
                name.push(END);
                rest = after;
            }
            (END, _) => return Some((String::from_utf8(name).ok()?, after)),
            (byte, _) => {
                name.push(byte);
                rest = after;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use github_stats_actors::activity::Oid;
    use proptest::prelude::*;

    use super::*;

    fn repository() -> impl Strategy<Value = RepoKey> {
        let name = || proptest::string::string_regex("[a\\x00\\x01é-]{0,4}").expect("a pattern");
        (name(), name()).prop_map(|(org, id)| RepoKey { org: org.into(), id: id.into() })
    }

    fn id() -> impl Strategy<Value = FactId> {
        prop_oneof![
            any::<[u8; 20]>().prop_map(|bytes| FactId::Commit(Oid::from_bytes(bytes))),
            any::<u64>().prop_map(FactId::PrOpened),
            any::<u64>().prop_map(FactId::PrMerged),
            any::<u64>().prop_map(FactId::Review),
            any::<u64>().prop_map(FactId::IssueComment),
        ]
    }

    proptest! {
        #[test]
        fn keys_sort_like_what_they_identify(a in (repository(), id()), b in (repository(), id())) {
            let key = |(repository, id): &(RepoKey, FactId)| of_record(&of_repository(repository), *id);
            prop_assert_eq!(key(&a).cmp(&key(&b)), a.cmp(&b));
            prop_assert_eq!(of_repository(&a.0).cmp(&of_repository(&b.0)), a.0.cmp(&b.0));
        }

        #[test]
        fn a_key_survives_a_round_trip(repository in repository(), id in id()) {
            let key = of_record(&of_repository(&repository), id);
            let (read, rest) = split_repository(&key).expect("a repository");
            prop_assert_eq!((read, fact_bytes::read(rest)), (repository, Some(id)));
        }

        #[test]
        fn a_prefix_and_its_upper_bound_enclose_exactly_its_keys(a in repository(), b in repository(), id in id()) {
            let key = of_record(&of_repository(&b), id);
            let within = |prefix: Vec<u8>| prefix <= key && key < after(&prefix);
            prop_assert_eq!(within(of_repository(&a)), a == b);
            prop_assert_eq!(within(of_organisation(&a.org)), a.org == b.org);
        }

        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Some((repository, rest)) = split_repository(&bytes) && let Some(id) = fact_bytes::read(rest) {
                prop_assert_eq!(of_record(&of_repository(&repository), id), bytes);
            }
        }
    }
}
