//! The binary encoding of records: a version, flags, then varints and names.
//!
//! Version 1: `01`, flags, `at`, `seen_at`, additions, deletions, `user`; then the credited
//! `seen_at` and `user`, each only if it differs from the latest observation. Times are zigzag
//! varints, counts are varints, names are a length and UTF-8 bytes. `at` comes first so that
//! garbage collection can skip the records it keeps without decoding names.

use github_stats_actors::activity::{Credit, LocChange, Login, Observation, Record, Timestamp};

const VERSION: u8 = 1;

const GONE: u8 = 1;
const CREDITED_EARLIER: u8 = 1 << 1;
const CREDITED_OTHER: u8 = 1 << 2;

/// Why bytes cannot be decoded as a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::store) enum DecodeError {
    #[error("version {0} of the record is unknown")]
    Version(u8),
    #[error("the record has the unknown flags {0:#04x}")]
    Flags(u8),
    #[error("the record ends too early")]
    Truncated,
    #[error("a number in the record is too large")]
    Number,
    #[error("a name in the record is not UTF-8")]
    Name,
    #[error("{0} bytes follow the record")]
    Trailing(usize),
}

pub(in crate::store) fn encode(record: &Record) -> Vec<u8> {
    let Record { latest, first } = record;
    let mut flags = 0;
    if latest.gone {
        flags |= GONE;
    }
    if first.seen_at != latest.seen_at {
        flags |= CREDITED_EARLIER;
    }
    if first.user != latest.user {
        flags |= CREDITED_OTHER;
    }
    let mut bytes = Vec::with_capacity(48);
    bytes.extend_from_slice(&[VERSION, flags]);
    push_time(&mut bytes, latest.at);
    push_time(&mut bytes, latest.seen_at);
    push_number(&mut bytes, latest.loc.additions);
    push_number(&mut bytes, latest.loc.deletions);
    push_name(&mut bytes, latest.user.as_str());
    if flags & CREDITED_EARLIER != 0 {
        push_time(&mut bytes, first.seen_at);
    }
    if flags & CREDITED_OTHER != 0 {
        push_name(&mut bytes, first.user.as_str());
    }
    bytes
}

/// Decodes a record, which must take up all bytes.
pub(in crate::store) fn decode(bytes: &[u8]) -> Result<Record, DecodeError> {
    let (flags, mut reader) = Reader::begin(bytes)?;
    let at = reader.time()?;
    let seen_at = reader.time()?;
    let loc = LocChange { additions: reader.number()?, deletions: reader.number()? };
    let user = reader.name()?;
    let first = Credit {
        seen_at: if flags & CREDITED_EARLIER == 0 { seen_at } else { reader.time()? },
        user: if flags & CREDITED_OTHER == 0 { user.clone() } else { reader.name()? },
    };
    reader.end()?;
    Ok(Record { latest: Observation { seen_at, gone: flags & GONE != 0, user, at, loc }, first })
}

/// Decodes only when the fact happened.
pub(in crate::store) fn decode_at(bytes: &[u8]) -> Result<Timestamp, DecodeError> {
    let (_, mut reader) = Reader::begin(bytes)?;
    reader.time()
}

fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn push_time(bytes: &mut Vec<u8>, time: Timestamp) {
    let seconds = time.as_unix();
    push_number(bytes, ((seconds << 1) ^ (seconds >> 63)) as u64);
}

fn push_name(bytes: &mut Vec<u8>, name: &str) {
    push_number(bytes, name.len() as u64);
    bytes.extend_from_slice(name.as_bytes());
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn begin(bytes: &'a [u8]) -> Result<(u8, Self), DecodeError> {
        match bytes {
            [VERSION, flags, rest @ ..] if flags & !(GONE | CREDITED_EARLIER | CREDITED_OTHER) == 0 => {
                Ok((*flags, Reader(rest)))
            }
            [VERSION, flags, ..] => Err(DecodeError::Flags(*flags)),
            [VERSION] | [] => Err(DecodeError::Truncated),
            [version, ..] => Err(DecodeError::Version(*version)),
        }
    }

    fn number(&mut self) -> Result<u64, DecodeError> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(DecodeError::Truncated)?;
            self.0 = rest;
            let part = u64::from(byte & 0x7F);
            if part << shift >> shift != part {
                return Err(DecodeError::Number);
            }
            number |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(DecodeError::Number)
    }

    fn time(&mut self) -> Result<Timestamp, DecodeError> {
        let zigzag = self.number()?;
        Ok(Timestamp::from_unix((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64)))
    }

    fn name(&mut self) -> Result<Login, DecodeError> {
        let length = usize::try_from(self.number()?).map_err(|_| DecodeError::Number)?;
        let (name, rest) = self.0.split_at_checked(length).ok_or(DecodeError::Truncated)?;
        self.0 = rest;
        std::str::from_utf8(name).map(Login::from).map_err(|_| DecodeError::Name)
    }

    fn end(self) -> Result<(), DecodeError> {
        if self.0.is_empty() { Ok(()) } else { Err(DecodeError::Trailing(self.0.len())) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record() -> impl Strategy<Value = Record> {
        let number = || prop_oneof![0u64..300, any::<u64>()];
        let time = || prop_oneof![0i64..3, any::<i64>()].prop_map(Timestamp::from_unix);
        let user = || prop_oneof![Just("ada".to_owned()), ".{0,200}"].prop_map(Login::from);
        (time(), any::<bool>(), user(), time(), number(), number(), time(), user()).prop_map(
            |(seen_at, gone, by, at, additions, deletions, first_seen, first_user)| Record {
                latest: Observation { seen_at, gone, user: by, at, loc: LocChange { additions, deletions } },
                first: Credit { seen_at: first_seen, user: first_user },
            },
        )
    }

    proptest! {
        #[test]
        fn a_record_survives_a_round_trip(record in record()) {
            let bytes = encode(&record);
            prop_assert_eq!(decode_at(&bytes), Ok(record.latest.at));
            prop_assert_eq!(decode(&bytes), Ok(record));
        }

        #[test]
        fn a_truncated_record_is_an_error(record in record(), cut in any::<prop::sample::Index>()) {
            let bytes = encode(&record);
            prop_assert!(decode(&bytes[..cut.index(bytes.len())]).is_err());
        }

        #[test]
        fn arbitrary_bytes_do_not_panic(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..60), versioned in any::<bool>(),
        ) {
            if versioned {
                bytes.splice(..bytes.len().min(2), [VERSION, 7]);
            }
            let _ = (decode(&bytes), decode_at(&bytes));
        }
    }

    #[test]
    fn a_typical_record_takes_22_bytes() {
        let seen_at = Timestamp::from_unix(1_800_000_000);
        let record = Record {
            latest: Observation {
                seen_at,
                gone: false,
                user: "octocat".into(),
                at: seen_at - 60,
                loc: LocChange { additions: 120, deletions: 7 },
            },
            first: Credit { seen_at, user: "octocat".into() },
        };
        assert_eq!(encode(&record).len(), 22);
    }

    #[test]
    fn a_newer_version_is_reported() {
        assert_eq!(decode(&[2, 0, 0]), Err(DecodeError::Version(2)));
    }
}
